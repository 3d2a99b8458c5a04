"""manage.py while the database can't be used: one line that says why, from whichever command, and no stack trace."""

import subprocess
import sys
from pathlib import Path

import pytest

from project.env import BASE_DIR
from project.tests.serving import clean_environment, free_port
from scripts import services

COMMANDS = [
    ("transcode", "status", "1"),
    ("upkeep", "--check"),
    ("key", "list"),
    ("check_hls", "1"),
    ("second_factor", "reset", "ada@example.com"),
    ("worker", "--check"),
    ("import_video", "manage.py", "--title", "Video"),
    ("changepassword", "admin"),
]


def manage(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=BASE_DIR,
        env=clean_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_command_before_the_first_start_says_what_makes_the_tables(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = manage(*words, DATA_DIR=str(tmp_path))

    assert ended.returncode == 1
    line = ended.stderr.strip()
    assert line.startswith(
        f"The database at {tmp_path}/db.sqlite3 isn't up to date: `manage.py prepare` makes its tables"
    )
    assert "\n" not in line


def test_command_without_postgresql_says_where_it_should_be(tmp_path: Path) -> None:
    port = free_port()

    ended = manage("key", "list", DATA_DIR=str(tmp_path), DB_HOST="127.0.0.1", DB_PORT=str(port))

    assert ended.returncode == 1
    *tries, line = ended.stderr.splitlines()
    assert line.startswith(f"The database at 127.0.0.1:{port} can't be used: connection failed: ")
    assert "Connection refused" in line
    assert "Traceback" not in "".join(tries)


@pytest.mark.services
@pytest.mark.skipif(not services.postgresql_binaries(), reason="no PostgreSQL found")
def test_command_on_an_empty_postgresql_says_what_makes_the_tables(tmp_path: Path) -> None:
    with services.postgresql() as server:
        place = {name.removeprefix("TEST_"): value for name, value in server.variables.items()}
        ended = manage("key", "list", DATA_DIR=str(tmp_path), DB_NAME="postgres", **place)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"The database at 127.0.0.1:{server.port} isn't up to date: `manage.py prepare` makes its tables"
        ' (relation "accounts_apikey" does not exist).\n'
    )


def test_stack_trace_is_there_for_who_asks(tmp_path: Path) -> None:
    ended = manage("transcode", "status", "1", "--traceback", DATA_DIR=str(tmp_path))

    assert "Traceback" in ended.stderr
