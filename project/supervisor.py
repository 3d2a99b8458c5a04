"""Several programs in the foreground as if they were one: their output prefixed, stopped together, never orphaned.

Each program gets a session of its own, so that the terminal's Ctrl-C reaches only this process, which passes it on
once. The kernel kills the programs if this process is killed.

A program that ends by itself is started again while the others go on: usually the system ran out of memory and killed
it. The pause before each start doubles until the program has run steadily. All programs are stopped only if one ends
right after its start several times in a row.
"""

import http.client
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hls.core import launcher
from hls.core.errors import DISK_IS_FULL

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_TIMEOUT_S = 35  # more than the worker and gunicorn allow themselves
TICK_S = 0.2
LAST_OUTPUT_S = 1
LAST_LINES = 10


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]  # an absolute program path first
    folder: Path | None = None  # to work in; None for the supervisor's own
    ready: str = ""  # a part of the line with which it says that it has begun


@dataclass(frozen=True)
class Patience:
    """How often and how soon a program that ends by itself is started again."""

    first_pause_s: float = 1
    longest_pause_s: float = 60
    steady_s: float = 60  # after a run this long the next pause is the first one again
    at_once_s: float = 10  # a shorter run ended right after its start
    most_at_once: int = 5  # after so many of them in a row everything stops


@dataclass(frozen=True)
class Record:
    """How a program was started since it last ran steadily."""

    pause_s: float = 0  # before the last start
    ended_at_once: int = 0  # in a row

    def after(self, ran_s: float, patience: Patience) -> "Record":
        if ran_s >= patience.steady_s:
            return Record(patience.first_pause_s)
        pause_s = min(max(2 * self.pause_s, patience.first_pause_s), patience.longest_pause_s)
        return Record(pause_s, self.ended_at_once + 1 if ran_s < patience.at_once_s else 0)


@dataclass(frozen=True)
class ProgramEnded:
    program: Program
    returncode: int
    last_lines: tuple[str, ...] = ()

    @property
    def how(self) -> str:
        if self.returncode >= 0:
            return f"exit code {self.returncode}"
        return f"signal {-self.returncode}, {signal.Signals(-self.returncode).name}"


@dataclass(frozen=True)
class HasBegun:
    """A program has said so. That something answers at its address may be another one's doing."""

    program: Program


@dataclass(frozen=True)
class AskedToStop:
    pass


type Events = queue.SimpleQueue[ProgramEnded | HasBegun | AskedToStop]


class Supervisor:
    """Runs programs until they are asked to stop, or until one of them can't be kept running."""

    def __init__(self, programs: Sequence[Program], patience: Patience | None = None) -> None:
        self.programs = programs
        self.patience = patience or Patience()
        self.events: Events = queue.SimpleQueue()
        self.running: dict[Program, subprocess.Popen[bytes]] = {}
        self.started_at: dict[Program, float] = {}
        self.start_at: dict[Program, float] = {}  # of those that have ended by themselves
        self.records = dict.fromkeys(programs, Record())
        self.awaited = {program for program in programs if program.ready}
        self.kill_at: float | None = None  # set once they have been told to stop
        self.has_failed = False

    def run(self, *, is_up: Callable[[], bool], announce: Callable[[], None]) -> int:
        """Start everything, call `announce` once all have begun and `is_up`; an exit code when all have ended.

        0 after a wanted stop, 1 when a program couldn't be kept running or had to be killed.
        """
        with stop_signals(self.events):
            for program in self.programs:
                self._start(program)
            waits_for_start = True
            while self.running or self.start_at:
                try:
                    self._react_to(self.events.get(timeout=TICK_S))
                except queue.Empty:
                    self._do_what_is_due()
                    if self.kill_at is None and waits_for_start and not self.awaited and is_up():
                        announce()
                        waits_for_start = False
        return int(self.has_failed)

    def _start(self, program: Program) -> None:
        self.started_at[program] = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", launcher.__file__, launcher.spec(), *program.command],
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.running[program] = process
        threading.Thread(target=follow, args=(program, process, self.events), daemon=True).start()

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self.kill_at is not None and now > self.kill_at:
            self._kill()
        for program in [program for program, at in self.start_at.items() if now >= at]:
            del self.start_at[program]
            self._tell(f"Starting {program.name} again …")
            try:
                self._start(program)
            except OSError as error:  # no memory or no process left; what ended it may last
                self._start_again_or_give_up(program, how=str(error.strerror), last_lines=())

    def _react_to(self, event: ProgramEnded | HasBegun | AskedToStop) -> None:
        if isinstance(event, HasBegun):
            self.awaited.discard(event.program)
        elif isinstance(event, ProgramEnded):
            process = self.running.pop(event.program)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # processes that it may have left behind
            if self.kill_at is None:
                self._start_again_or_give_up(event.program, how=event.how, last_lines=event.last_lines)
        elif self.kill_at is not None:
            self._kill()
        else:
            self._stop()

    def _start_again_or_give_up(self, program: Program, *, how: str, last_lines: Sequence[str]) -> None:
        now = time.monotonic()
        record = self.records[program].after(now - self.started_at[program], self.patience)
        self.records[program] = record
        if record.ended_at_once >= self.patience.most_at_once:
            self._tell(f"{program.name} has ended by itself ({how}), {record.ended_at_once} times in a row at once.")
            for line in ("Its last lines:", *last_lines) if last_lines else ():
                self._tell(line)
            self.has_failed = True
            self._stop()
            return
        self._tell(f"{program.name} has ended by itself ({how}); it is started again in {record.pause_s:g} s.")
        self.start_at[program] = now + record.pause_s

    def _stop(self) -> None:
        names = " and ".join(program.name for program in self.running)
        self._tell(f"Stopping {names} … (Ctrl-C again to kill)" if names else "Stopping …")
        self.kill_at = time.monotonic() + STOP_TIMEOUT_S
        self.start_at.clear()
        for process in self.running.values():
            process.terminate()

    def _kill(self) -> None:
        self._tell("Killing what still runs.")
        self.has_failed = True
        self.kill_at = time.monotonic() + STOP_TIMEOUT_S
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # if nobody reads our output any more, go on stopping
            say(line)


@contextmanager
def stop_signals(events: Events) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal (SIGHUP, which `nohup` has us ignore) into events."""

    def ask(number: int, frame: FrameType | None) -> None:
        events.put(AskedToStop())

    ignores_hangup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # `nohup make run &`
    numbers = [number for number in STOP_SIGNALS if number != signal.SIGHUP or not ignores_hangup]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow(program: Program, process: subprocess.Popen[bytes], events: Events) -> None:
    """Pass a program's lines on until it ends, then report its end."""

    last_lines: deque[str] = deque(maxlen=LAST_LINES)

    def pass_on() -> None:
        for line in process.stdout or ():
            last_lines.append(f"{program.name:<6} | {line.decode(errors='replace').rstrip()}")
            if program.ready and program.ready in last_lines[-1]:
                events.put(HasBegun(program))
            try:
                say(last_lines[-1])
            except OSError:  # nobody reads our output any more
                events.put(AskedToStop())
                break

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    returncode = process.wait()
    reader.join(LAST_OUTPUT_S)
    events.put(ProgramEnded(program, returncode, tuple(last_lines)))


def say(line: str) -> None:
    """Write a whole line at once, since several threads write. A log on a full disk keeps nobody from working."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in DISK_IS_FULL:
            raise


def answers(host: str, port: int, path: str) -> bool:
    """Whether an HTTP server answers there, with whatever status."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
