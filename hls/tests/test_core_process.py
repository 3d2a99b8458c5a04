"""Programs are limited, watched, and never outlive the work that they are for."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from threading import Thread

import pytest

from hls.core.errors import Code, Stopped, TranscodeError
from hls.core.process import ROOT, Bounds, Watch, run

PYTHON = sys.executable
UNBOUNDED = Bounds()


def script(text: str) -> list[str]:
    return [PYTHON, "-I", "-c", textwrap.dedent(text)]


def sleeper(note: Path) -> list[str]:
    """A program that writes its process id and then does nothing for a minute."""
    write = "open(sys.argv[1], 'w').write(str(os.getpid()))"
    return [*script(f"import os, sys, time; {write}; time.sleep(60)"), str(note)]


def has_begun(note: Path) -> bool:
    return note.exists() and note.read_text() != ""


def is_alive(pid: int) -> bool:
    """A zombie that hasn't been reaped yet counts as dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_output_and_code_of_a_program_are_kept() -> None:
    ended = run(script("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), bounds=UNBOUNDED)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "out\n", "err\n")


def test_long_complaints_are_cut_to_their_end() -> None:
    ended = run(script("import sys; sys.stderr.write('x' * 300_000 + 'the end')"), bounds=UNBOUNDED)
    assert len(ended.stderr) == 16_000
    assert ended.stderr.endswith("the end")


def test_secrets_of_this_process_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    ended = run(script("import os; print(dict(os.environ))"), bounds=UNBOUNDED)
    assert "do not tell" not in ended.stdout


def test_arguments_are_no_shell_words() -> None:
    words = ["$HOME", "; true", "a b", "-n", "'", ""]
    ended = run([*script("import sys; print(sys.argv[1:])"), *words], bounds=UNBOUNDED)
    assert ended.stdout.strip() == str(words)


def test_program_that_does_not_exist_fails_as_an_encoder_error() -> None:
    ended = run(["/nowhere/ffmpeg"], bounds=UNBOUNDED)
    assert ended.returncode != 0
    assert "No such file" in ended.stderr


def test_program_that_takes_too_long_is_killed() -> None:
    started = time.monotonic()
    with pytest.raises(TranscodeError) as caught:
        run(script("import time; time.sleep(60)"), bounds=Bounds(timeout_s=0.3))
    assert caught.value.code == Code.TIMEOUT
    assert time.monotonic() - started < 5


def watching() -> tuple[Watch, list[str]]:
    lines: list[str] = []

    def on_line(line: str) -> bool:
        lines.append(line)
        return line.startswith("frame=")

    return Watch(on_line=on_line, on_tick=lambda: None, should_stop=lambda: False), lines


def test_program_that_only_chats_has_stalled() -> None:
    watch, lines = watching()
    chat = "import time\nprint('frame=1', flush=True)\nwhile True: print('still=here', flush=True); time.sleep(0.05)"
    with pytest.raises(TranscodeError) as caught:
        run(script(chat), bounds=Bounds(stall_s=0.6), watch=watch)
    assert caught.value.code == Code.TIMEOUT
    assert lines.count("frame=1") == 1


def test_program_that_goes_on_is_left_alone() -> None:
    watch, lines = watching()
    steady = "import time\nfor n in range(8): print(f'frame={n}', flush=True); time.sleep(0.15)"
    assert run(script(steady), bounds=Bounds(stall_s=0.6), watch=watch).returncode == 0
    assert lines == [f"frame={n}" for n in range(8)]


def test_program_is_stopped_when_asked(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    watch = Watch(on_line=lambda line: True, on_tick=lambda: None, should_stop=lambda: has_begun(note))
    with pytest.raises(Stopped):
        run(
            [
                *script("import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"),
                str(note),
            ],
            bounds=UNBOUNDED,
            watch=watch,
        )
    assert not is_alive(int(note.read_text()))


def test_grandchildren_die_with_their_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open(sys.argv[1], "w").write(str(child.pid))
        time.sleep(60)
    """
    with pytest.raises(TranscodeError):
        run([*script(parent), str(note)], bounds=Bounds(timeout_s=0.7))
    assert wait_until_dead(int(note.read_text()))


def test_watcher_that_fails_takes_the_program_along(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    def fail() -> None:
        if has_begun(note):
            raise RuntimeError("the database went away")

    watch = Watch(on_line=lambda line: True, on_tick=fail, should_stop=lambda: False)
    with pytest.raises(RuntimeError, match="went away"):
        run(
            [
                *script("import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"),
                str(note),
            ],
            bounds=UNBOUNDED,
            watch=watch,
        )
    assert wait_until_dead(int(note.read_text()))


@pytest.mark.parametrize(
    ("bounds", "greedy"),
    [
        (Bounds(memory_bytes=200_000_000), "x = bytearray(400_000_000)"),
        (
            Bounds(file_bytes=1000),
            "import os; os.write(os.open('file', 65), bytes(5000)) == 5000 or 1/0",
        ),
        (Bounds(cpu_s=1), "while True: pass"),
    ],
)
def test_greedy_program_is_bounded(tmp_path: Path, bounds: Bounds, greedy: str) -> None:
    assert run(script(greedy), bounds=bounds, folder=tmp_path).returncode != 0
    assert run(script("pass"), bounds=bounds, folder=tmp_path).returncode == 0


def test_nice_level_is_taken() -> None:
    assert run(script("import os; print(os.nice(0))"), bounds=Bounds(nice=7)).stdout.strip() == "7"


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's own")
def test_program_dies_with_a_killed_worker(tmp_path: Path) -> None:
    """`kill -9` of a worker whose program runs in one of its threads, as huey's do."""
    note = tmp_path / "pid"
    worker_code = f"""
        import sys, threading
        sys.path.insert(0, {str(ROOT)!r})
        from hls.core.process import Bounds, run
        program = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
        work = threading.Thread(target=run, args=([sys.executable, "-c", program, {str(note)!r}],),
                                kwargs=dict(bounds=Bounds()))
        work.start()
        work.join()
    """
    worker = subprocess.Popen(script(worker_code))
    deadline = time.monotonic() + 10
    while not has_begun(note) and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int(note.read_text())
    assert is_alive(pid)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert wait_until_dead(pid)


def test_programs_of_many_threads_do_not_disturb_each_other() -> None:
    outputs: list[str] = []
    threads = [
        Thread(target=lambda n=n: outputs.append(run(script(f"print({n})"), bounds=UNBOUNDED).stdout.strip()))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, outputs)) == list(range(12))
