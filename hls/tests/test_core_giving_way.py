"""What is encoded in the background gives way to what somebody waits for."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from hls.core.errors import Stopped
from hls.core.giving_way import give_way
from hls.core.process import Bounds, Watch, run

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this kernel shares processors among processes"
)


@contextmanager
def running(tmp_path: Path, nice: int) -> Iterator[int]:
    """A program of this nice level, by its pid, that runs in a thread as a worker's do."""
    note, is_over = tmp_path / f"nice-{nice}", Event()
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    watch = Watch(on_line=None, on_tick=lambda: None, should_stop=is_over.is_set)

    def work() -> None:
        with pytest.raises(Stopped):
            run([sys.executable, "-c", code], bounds=Bounds(nice=nice), watch=watch)

    thread = Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 20
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield int(note.read_text())
    finally:
        is_over.set()
        thread.join()


def nice_of_session(pid: int) -> int:
    return int(said_of_session(pid).rpartition(" ")[2])


def said_of_session(pid: int) -> str:
    """Nothing where the session is the system's own: it began before the kernel had groups."""
    return Path(f"/proc/{pid}/autogroup").read_text()


def test_a_running_encoder_gives_way_to_one_that_is_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, 10) as ordinary, running(tmp_path, 5) as waited_for, running(tmp_path, 0) as parser:
        assert [nice_of_session(pid) for pid in (ordinary, waited_for, parser)] == [0, 0, 0], "all have equal shares"
        give_way(nicer_than=5)
        assert [nice_of_session(pid) for pid in (ordinary, waited_for, parser)] == [10, 0, 0]


def test_without_a_nice_level_none_gives_way(tmp_path: Path) -> None:
    with running(tmp_path, 0) as ordinary:
        give_way(nicer_than=0)
        assert nice_of_session(ordinary) == 0


def test_the_session_of_the_worker_itself_is_left_alone() -> None:
    before = said_of_session(os.getpid())
    child = os.spawnlp(os.P_NOWAIT, "nice", "nice", "-n", "12", "sleep", "60")
    try:
        give_way(nicer_than=5)
        assert said_of_session(os.getpid()) == before
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
