"""Runs programs with limits, watches and stops them, and never lets them outlive this process.

The transcoder starts no program elsewhere. A child gets a process group of its own and a nearly empty environment (no
secrets). The kernel kills it when the thread that started it ends; `run` blocks that thread, so a child never outlives
the work it is for.
"""

import logging
import os
import selectors
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hls.core import launcher
from hls.core.errors import Code, Stopped, TranscodeError

log = logging.getLogger(__name__)

TICK_S = 0.5
TAIL_BYTES = 16_000
STDOUT_BYTES = 16_000_000
NO_SPACE = ("No space left on device", "Disk quota exceeded")
ROOT = Path(__file__).resolve().parents[2]  # where `python -m hls…` finds its modules
ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": str(ROOT),
    "MALLOC_ARENA_MAX": "4",  # each thread's arena reserves 64 MB of the limited address space
}


@dataclass(frozen=True)
class Bounds:
    """The resources that a child may use; None: no limit."""

    timeout_s: float | None = None  # wall clock
    stall_s: float | None = None  # wall clock without a sign of progress
    cpu_s: int | None = None
    memory_bytes: int | None = None  # address space
    file_bytes: int | None = None  # each file it writes
    nice: int = 0


@dataclass(frozen=True)
class Watch:
    """How the caller follows a running child."""

    on_line: Callable[[str], bool] | None  # gets each line of stdout; true if it shows progress; None: stdout is kept
    on_tick: Callable[[], None]  # called at least every second
    should_stop: Callable[[], bool]  # called as often


@dataclass(frozen=True)
class ProcessResult:
    returncode: int  # negative: the number of the signal that ended the program
    stdout: str  # empty if a Watch got the lines
    stderr: str  # the last 16 kB

    @property
    def killer(self) -> str | None:
        """The signal by which somebody else ended the program: an operator, or a machine that ran out of memory."""
        killed = -self.returncode in (signal.SIGKILL, signal.SIGTERM)
        return signal.Signals(-self.returncode).name if killed else None

    @property
    def has_no_space(self) -> bool:
        """Whether the program failed because the disk or a quota is full."""
        return self.returncode != 0 and any(words in self.stderr for words in NO_SPACE)


UNWATCHED = Watch(on_line=None, on_tick=lambda: None, should_stop=lambda: False)


def run(
    command: Sequence[str], *, bounds: Bounds, watch: Watch | None = None, folder: Path | None = None
) -> ProcessResult:
    """Run `command` (an absolute program path first) in `folder` until it ends.

    Raises TranscodeError(TIMEOUT) if it takes too long or stalls, TranscodeError(ENCODER_FAILED) if it can't be
    started, Stopped if the watch says so. By then the child is dead.
    """
    log.info("start %s", shlex.join(command))
    started = time.monotonic()
    with _start(command, bounds, folder) as running:
        try:
            ended = _Follower(running, bounds, watch).until_end()
        finally:
            _kill(running)
    log.info("ended %s with %d after %.1f s", Path(command[0]).name, ended.returncode, time.monotonic() - started)
    return ended


def _start(command: Sequence[str], bounds: Bounds, folder: Path | None) -> subprocess.Popen[bytes]:
    spec = launcher.spec(nice=bounds.nice, CPU=bounds.cpu_s, AS=bounds.memory_bytes, FSIZE=bounds.file_bytes)
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", launcher.__file__, spec, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise TranscodeError(Code.ENCODER_FAILED, f"can't start {command[0]}: {error}") from error


def _kill(running: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group at once: it writes into a private folder and needs no time to clean up."""
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


class _Follower:
    """Reads a child's stdout and stderr until both close, and enforces the time limits."""

    def __init__(self, running: subprocess.Popen[bytes], bounds: Bounds, watch: Watch | None) -> None:
        self.running = running
        self.bounds = bounds
        self.watch = watch or UNWATCHED
        self.started = self.progressed = self.ticked = time.monotonic()
        self.stdout = bytearray()
        self.stderr = bytearray()

    def until_end(self) -> ProcessResult:
        with selectors.DefaultSelector() as selector:
            for pipe in filter(None, (self.running.stdout, self.running.stderr)):
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(TICK_S):
                    self._read(selector, key.fileobj)  # type: ignore[arg-type]  # only pipes are registered
                self._look_at_the_clock()
        while self.running.poll() is None:  # the child closed its pipes but goes on
            time.sleep(TICK_S / 10)
            self._look_at_the_clock()
        return ProcessResult(self.running.returncode, _text(self.stdout), _text(self.stderr))

    def _read(self, selector: selectors.BaseSelector, pipe: IO[bytes]) -> None:
        data = os.read(pipe.fileno(), 65_536)
        if not data:
            selector.unregister(pipe)
        elif pipe is self.running.stderr:
            self.stderr += data
            del self.stderr[:-TAIL_BYTES]
        else:
            self.stdout += data
            if len(self.stdout) > STDOUT_BYTES:
                raise TranscodeError(Code.ENCODER_FAILED, "it wrote without end")
            if self.watch.on_line:
                self._pass_lines_on(self.watch.on_line)

    def _pass_lines_on(self, on_line: Callable[[str], bool]) -> None:
        *lines, rest = self.stdout.split(b"\n")
        self.stdout = rest
        for line in lines:
            if on_line(_text(line)):
                self.progressed = time.monotonic()

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        bounds = self.bounds
        if bounds.timeout_s is not None and now - self.started > bounds.timeout_s:
            raise TranscodeError(Code.TIMEOUT, f"not ready after {bounds.timeout_s:.0f} s; {self._last_words()}")
        if bounds.stall_s is not None and now - self.progressed > bounds.stall_s:
            raise TranscodeError(Code.TIMEOUT, f"no progress for {bounds.stall_s:.0f} s; {self._last_words()}")
        if now - self.ticked >= TICK_S:
            self.ticked = now
            self.watch.on_tick()
            if self.watch.should_stop():
                raise Stopped

    def _last_words(self) -> str:
        return _text(self.stderr)[-500:]


def _text(data: bytes | bytearray) -> str:
    return data.decode(errors="replace")
