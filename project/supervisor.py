"""Several programs in the foreground as if they were one: their output prefixed, stopped together, never orphaned.

Each program gets a session of its own, so that the terminal's Ctrl-C reaches only this process, which passes it on
once. The kernel kills them should this process die without a word.
"""

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hls.core import child

ASKING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_TIMEOUT_S = 35  # more than the worker and gunicorn allow themselves
TICK_S = 0.2
LAST_WORDS_S = 1


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]  # an absolute program path first
    folder: Path | None = None  # to work in; None for the supervisor's own


@dataclass(frozen=True)
class Ended:
    program: Program
    returncode: int

    @property
    def how(self) -> str:
        if self.returncode >= 0:
            return f"exit code {self.returncode}"
        return f"signal {-self.returncode}, {signal.Signals(-self.returncode).name}"


@dataclass(frozen=True)
class AskedToStop:
    pass


type Events = queue.SimpleQueue[Ended | AskedToStop]


class Supervisor:
    """Runs programs until they are asked to stop, or until one of them ends."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs
        self.events: Events = queue.SimpleQueue()
        self.running: dict[Program, subprocess.Popen[bytes]] = {}
        self.kill_at: float | None = None  # set once they have been told to stop
        self.has_failed = False

    def run(self, *, is_up: Callable[[], bool], announce: Callable[[], None]) -> int:
        """Start everything, call `announce` once `is_up`, and return an exit code when all have ended.

        0 after a wanted stop, 1 when a program ended by itself or had to be killed.
        """
        with asking_signals(self.events):
            for program in self.programs:
                self._start(program)
            waits_for_start = True
            while self.running:
                try:
                    self._heed(self.events.get(timeout=TICK_S))
                except queue.Empty:
                    if self.kill_at is not None and time.monotonic() > self.kill_at:
                        self._kill()
                    if self.kill_at is None and waits_for_start and is_up():
                        announce()
                        waits_for_start = False
        return int(self.has_failed)

    def _start(self, program: Program) -> None:
        tether = json.dumps({"parent": os.getpid(), "nice": 0, "limits": {}})
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", child.__file__, tether, *program.command],
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.running[program] = process
        threading.Thread(target=follow, args=(program, process, self.events), daemon=True).start()

    def _heed(self, event: Ended | AskedToStop) -> None:
        if isinstance(event, Ended):
            process = self.running.pop(event.program)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it may have left behind
            if self.kill_at is None:
                self._tell(f"{event.program.name} has ended by itself ({event.how}).")
                self.has_failed = True
        elif self.kill_at is not None:
            self._kill()
            return
        if self.kill_at is None:
            self._stop()

    def _stop(self) -> None:
        names = " and ".join(program.name for program in self.running)
        self._tell(f"Stopping {names} … (Ctrl-C again to kill)" if names else "Stopping …")
        self.kill_at = time.monotonic() + STOP_TIMEOUT_S
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
        with suppress(OSError):  # nobody may be reading any more; all the more reason to go on stopping
            say(line)


@contextmanager
def asking_signals(events: Events) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into events."""

    def ask(number: int, frame: FrameType | None) -> None:
        events.put(AskedToStop())

    before = {number: signal.signal(number, ask) for number in ASKING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow(program: Program, process: subprocess.Popen[bytes], events: Events) -> None:
    """Pass a program's lines on until it ends, then report its end."""

    def pass_on() -> None:
        for line in process.stdout or ():
            try:
                say(f"{program.name:<6} | {line.decode(errors='replace').rstrip()}")
            except OSError:  # nobody reads our output any more
                events.put(AskedToStop())
                break

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    returncode = process.wait()
    reader.join(LAST_WORDS_S)
    events.put(Ended(program, returncode))


def say(line: str) -> None:
    """One whole line at once: several threads speak."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def answers(host: str, port: int, path: str) -> bool:
    """Whether something speaks HTTP there, whatever it says."""
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
