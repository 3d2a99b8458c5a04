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
from project.supervisor import Ended, Program
from project.tests.serving import Running, is_running, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

POLITE = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {POLITE}"
TALKATIVE = "import time; print('one\\nthree \\xe9', flush=True); time.sleep(60)"
FAILING = "import sys, time; time.sleep(0.5); print('last words'); sys.exit(3)"
FATHER = "import subprocess, sys, time; c = subprocess.Popen(['sleep', '60']); print('child', c.pid, flush=True); "

type Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Run a supervisor over small Python programs, each given as its source under a name."""
    started: list[Running] = []

    def start(**sources: str) -> Running:
        programs = ", ".join(
            f"Program({name!r}, ({sys.executable!r}, '-c', {code!r}))" for name, code in sources.items()
        )
        driver = f"""
            import sys
            from project.supervisor import Program, Supervisor, say
            sys.exit(Supervisor([{programs}]).run(is_up=lambda: True, announce=lambda: say("ANNOUNCED")))
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_and_a_polite_kill_are_like_ctrl_c(start: Start, number: signal.Signals) -> None:
    running = start(a=POLITE)
    running.wait_for("ready")
    running.send(number)

    assert running.wait() == 0


def test_one_that_ends_by_itself_ends_the_others_with_a_failure(start: Start) -> None:
    running = start(a=POLITE, b=FAILING)

    assert running.wait() == 1
    assert "b      | last words" in running.lines
    assert "b has ended by itself (exit code 3)." in running.lines
    assert "Stopping a … (Ctrl-C again to kill)" in running.lines


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
    """`make run | head`: nobody reads any more, so nothing may go on unseen."""
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

    assert Ended(program, 0).how == "exit code 0"
    assert Ended(program, -signal.SIGSEGV).how == "signal 11, SIGSEGV"
