"""What is encoded in the background gives way to what somebody waits for."""

import subprocess
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
from project.env import BASE_DIR

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
    return int(Path(f"/proc/{pid}/autogroup").read_text().rpartition(" ")[2])


def test_a_running_encoder_gives_way_to_one_that_is_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, 10) as ordinary, running(tmp_path, 5) as waited_for, running(tmp_path, 0) as parser:
        assert [nice_of_session(pid) for pid in (ordinary, waited_for, parser)] == [0, 0, 0], "all have equal shares"
        give_way(nicer_than=5)
        assert [nice_of_session(pid) for pid in (ordinary, waited_for, parser)] == [10, 0, 0]


def test_without_a_nice_level_none_gives_way(tmp_path: Path) -> None:
    with running(tmp_path, 0) as ordinary:
        give_way(nicer_than=0)
        assert nice_of_session(ordinary) == 0


WORKER = """
import os, signal
from hls.core.giving_way import give_way
from hls.tests.test_core_giving_way import nice_of_session
child = os.spawnlp(os.P_NOWAIT, "nice", "nice", "-n", "12", "sleep", "60")
while os.getpriority(os.PRIO_PROCESS, child) != 12:
    pass
give_way(nicer_than=5)
os.kill(child, signal.SIGKILL)
print(nice_of_session(os.getpid()))
"""


def test_the_session_of_the_worker_itself_is_left_alone() -> None:
    """In a session of its own: of the system's first one the kernel says nothing."""
    command = [sys.executable, "-c", WORKER]
    said = subprocess.run(
        command, cwd=BASE_DIR, start_new_session=True, capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout == "0\n"
