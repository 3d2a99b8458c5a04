"""Programs that run together: prefixed, stopped together, and never left behind."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from project.env import BASE_DIR
from project.supervisor import Patience, Program, ProgramEnded, Record
from project.tests.serving import Running, is_running, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

POLITE = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {POLITE}"
TALKATIVE = "import time; print('one\\nthree \\xe9', flush=True); time.sleep(60)"
FAILING = "import sys; print('last words'); sys.exit(3)"
QUICK = Patience(first_pause_s=0.05, longest_pause_s=0.1, most_at_once=3)
PID = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
FATHER = "import subprocess, sys, time; c = subprocess.Popen(['sleep', '60']); print('child', c.pid, flush=True); "

type Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Run a supervisor over small Python programs, each given as its source under a name."""
    started: list[Running] = []

    def start(patience: Patience = QUICK, ready: str = "", **sources: str) -> Running:
        programs = ", ".join(
            f"Program({name!r}, ({sys.executable!r}, '-c', {code!r}), ready={ready!r})"
            for name, code in sources.items()
        )
        driver = f"""
            import sys
            from project.supervisor import Patience, Program, Supervisor, say
            supervisor = Supervisor([{programs}], {patience!r})
            sys.exit(supervisor.run(is_up=lambda: True, announce=lambda: say("ANNOUNCED")))
        """
        started.append(Running([sys.executable, "-c", textwrap.dedent(driver)], dict(os.environ)))
        return started[-1]

    yield start
    for running in started:
        running.end()


def test_lines_carry_their_program_and_all_end_on_ctrl_c(start: Start) -> None:
    running = start(a=TALKATIVE, longer=POLITE)
    running.wait_for("three")
    running.wait_for("longer . ready")
    running.wait_for("ANNOUNCED")
    running.send(signal.SIGINT)

    assert running.wait() == 0
    assert "a      | one" in running.lines
    assert "longer | ready" in running.lines
    assert running.lines.count("ANNOUNCED") == 1
    assert "Stopping a and longer … (Ctrl-C again to kill)" in running.lines


def test_program_that_has_said_so_has_begun(start: Start) -> None:
    running = start(ready="thr", a=TALKATIVE)
    running.wait_for("ANNOUNCED")
    assert running.lines.index("ANNOUNCED") > running.lines.index("a      | one")


def test_nothing_is_announced_for_what_another_program_answers(start: Start) -> None:
    """As of two starts at the same moment, of which one gets the port."""
    running = start(ready="listens", a=FAILING, b="print('listens'); import time; time.sleep(60)")
    assert running.wait() == 1
    assert "ANNOUNCED" not in running.lines


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_log_on_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    """It was taken for a terminal that is gone, and so web and worker ended with the disk's last byte."""
    code = (
        f"import time; print('line', flush=True); time.sleep(1); open({str(tmp_path / 'done')!r}, 'w'); time.sleep(60)"
    )
    driver = f"""
        import sys
        from project.supervisor import Program, Supervisor, say
        supervisor = Supervisor([Program("a", ({sys.executable!r}, "-c", {code!r}))])
        sys.exit(supervisor.run(is_up=lambda: True, announce=lambda: say("ANNOUNCED")))
    """
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", textwrap.dedent(driver)]
        process = subprocess.Popen(command, cwd=BASE_DIR, stdout=full, stderr=subprocess.PIPE)
    try:
        wait_until((tmp_path / "done").exists, what="the program went on", timeout_s=30)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert b"Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_and_a_polite_kill_are_like_ctrl_c(start: Start, number: signal.Signals) -> None:
    running = start(a=POLITE)
    running.wait_for("ready")
    running.send(number)

    assert running.wait() == 0


def test_one_that_ends_at_once_again_and_again_ends_the_others_with_its_last_lines(start: Start) -> None:
    running = start(a=POLITE, b=FAILING)

    assert running.wait() == 1
    assert running.lines.count("b has ended by itself (exit code 3); it is started again in 0.05 s.") == 1
    assert running.lines.count("b has ended by itself (exit code 3); it is started again in 0.1 s.") == 1
    at = running.lines.index("b has ended by itself (exit code 3), 3 times in a row at once.")
    assert running.lines[at + 1 : at + 3] == ["Its last lines:", "b      | last words"]
    assert "Stopping a … (Ctrl-C again to kill)" in running.lines


def test_one_that_is_killed_is_started_again_while_the_others_go_on(start: Start) -> None:
    running = start(a=PID, b=PID)
    pids = {name: int(running.wait_for(rf"{name} +. pid (\d+)")[1]) for name in "ab"}
    os.kill(pids["b"], signal.SIGKILL)
    running.wait_for(r"b has ended by itself \(signal 9, SIGKILL\); it is started again in 0\.05 s\.")
    running.wait_for("Starting b again …")
    again = int(running.wait_for(rf"b +. pid (?!{pids['b']})(\d+)")[1])

    assert is_running(again)
    assert is_running(pids["a"])
    running.send(signal.SIGINT)
    assert running.wait() == 0
    assert not is_running(again)
    assert running.lines.count("ANNOUNCED") == 1


def test_ctrl_c_during_the_pause_starts_nothing_any_more(start: Start) -> None:
    running = start(Patience(first_pause_s=60), a=POLITE, b=FAILING)
    running.wait_for("it is started again in 60 s")
    running.send(signal.SIGINT)

    assert running.wait() == 0
    assert "Stopping a … (Ctrl-C again to kill)" in running.lines
    assert running.text.count("last words") == 1


def test_pause_grows_until_a_steady_run() -> None:
    patience = Patience()
    record, pauses = Record(), []
    for ran_s in (3, 30, 20, 3, 11, 12, 13, 59, 60, 3):
        record = record.after(ran_s, patience)
        pauses.append(record.pause_s)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2]


def test_only_short_runs_in_a_row_count_as_ended_at_once() -> None:
    record, counts = Record(), []
    for ran_s in (3, 3, 11, 3, 3, 3, 3, 3):
        record = record.after(ran_s, Patience())
        counts.append(record.ended_at_once)

    assert counts == [1, 2, 0, 1, 2, 3, 4, 5]
    assert Patience().most_at_once == 5


def test_second_ctrl_c_kills_what_does_not_listen(start: Start) -> None:
    running = start(a=STUBBORN)
    running.wait_for("a +. ready")
    running.send(signal.SIGINT)
    running.wait_for("Stopping a")
    running.send(signal.SIGINT)

    assert running.wait() == 1
    assert "Killing what still runs." in running.lines


def test_grandchildren_of_a_program_that_died_are_not_left_behind(start: Start) -> None:
    running = start(a=FATHER + "sys.exit(1)")
    grandchild = int(running.wait_for(r"child (\d+)")[1])

    assert running.wait() == 1
    wait_until(lambda: not is_running(grandchild), what="the grandchild's end", timeout_s=5)


def test_reader_that_goes_away_stops_everything(tmp_path: Path) -> None:
    """`make run | head`: nobody reads the output any more, so everything stops."""
    chatter = "import time\nwhile True: print('x' * 1000, flush=True); time.sleep(0.01)"
    driver = (
        "import sys\nfrom project.supervisor import Program, Supervisor\n"
        f"Supervisor([Program('a', ({sys.executable!r}, '-c', {chatter!r}))])"
        ".run(is_up=lambda: False, announce=lambda: None)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", driver], cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()

        process.wait(10)


def test_how_a_program_ended_is_said_in_words() -> None:
    program = Program("a", ("/bin/true",))

    assert ProgramEnded(program, 0).how == "exit code 0"
    assert ProgramEnded(program, -signal.SIGSEGV).how == "signal 11, SIGSEGV"


def test_nohup_outlives_its_terminal(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup make run &` begins
    try:
        running = start(a=POLITE)
    finally:
        signal.signal(signal.SIGHUP, before)
    running.wait_for("ready")
    running.send(signal.SIGHUP)
    running.send(signal.SIGTERM)

    assert running.wait() == 0
    assert running.lines.count("Stopping a … (Ctrl-C again to kill)") == 1
    assert "Killing what still runs." not in running.lines
