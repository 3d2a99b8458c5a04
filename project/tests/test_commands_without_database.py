"""manage.py while the database can't be used: one line that says why, from whichever command, and no stack trace."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project.env import BASE_DIR
from project.tests.installation import Installation
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
ONE_AFTER_ANOTHER = """
import contextlib, io, json, runpy, sys

ends = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["manage.py", *words]
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            runpy.run_path("manage.py", run_name="__main__")
        except SystemExit as end:
            ends.append([end.code, said.getvalue()])
print(json.dumps(ends))
"""


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


def test_commands_before_the_first_start_say_what_makes_the_tables(tmp_path: Path) -> None:
    """All of them in one process, which loads the program once; each goes through manage.py from its beginning."""
    ended = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(COMMANDS)],
        cwd=BASE_DIR,
        env=clean_environment(DATA_DIR=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )

    said = dict(zip((words[0] for words in COMMANDS), json.loads(ended.stdout.splitlines()[-1]), strict=True))
    for name, (end, lines) in said.items():  # Python writes the sentence that a program ends with, and ends with 1
        assert (name, lines) == (name, "")
        assert end.startswith(
            f"The database at {tmp_path}/db.sqlite3 isn't up to date: `manage.py prepare` makes its tables"
        ), name
        assert "\n" not in end, name


def test_command_without_postgresql_says_where_it_should_be(tmp_path: Path) -> None:
    port = free_port()

    ended = manage("key", "list", DATA_DIR=str(tmp_path), DB_HOST="127.0.0.1", DB_PORT=str(port))

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"The database at 127.0.0.1:{port} can't be used: connection failed: ")
    assert "Connection refused" in line


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


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    installation = Installation(tmp_path_factory.mktemp("prepared"))
    installation.prepare()
    return installation.folder / "var"


def test_queue_that_is_broken_is_named_with_the_way_out(prepared: Path, tmp_path: Path) -> None:
    """As after a power failure, or on a full disk: it is opened before any command begins."""
    data = Path(shutil.copytree(prepared, tmp_path / "data"))
    (data / "queue.sqlite3").write_bytes(b"no database " * 1000)

    ended = manage("key", "list", DATA_DIR=str(data))

    assert ended.returncode == 1
    assert ended.stderr.startswith("The queue in DATA_DIR can't be opened (file is not a database): ")
    assert ended.stderr.count("\n") == 1
    for path in data.glob("queue*.sqlite3*"):
        path.unlink()
    assert manage("key", "list", DATA_DIR=str(data)).returncode == 0


def test_memory_of_the_queues_page_that_is_broken_is_one_line_and_no_hindrance(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "var")
    (tmp_path / "var/queue_stats.sqlite3").write_bytes(b"no database" * 1000)

    ended = manage("upkeep", "--check", DATA_DIR=str(tmp_path / "var"))

    assert ended.returncode == 0
    (line,) = ended.stderr.splitlines()
    said = json.loads(line)
    assert said["event"] == (
        "the queue's page counts nothing: DatabaseError: file is not a database;"
        " queue_stats.sqlite3 may be deleted while everything is stopped"
    )
    assert (said["level"], "exception" in said) == ("warning", False)


def test_database_that_is_broken_is_named(prepared: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(prepared, tmp_path / "data"))
    for path in data.glob("db.sqlite3-*"):
        path.unlink()
    (data / "db.sqlite3").write_bytes(b"no database " * 1000)

    for words in (("key", "list"), ("prepare",)):
        ended = manage(*words, DATA_DIR=str(data))
        assert ended.returncode == 1
        assert ended.stderr.splitlines() == [f"The database at {data}/db.sqlite3 can't be used: file is not a database"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare found")
def test_data_dir_that_is_read_only_is_said_in_one_line(prepared: Path, tmp_path: Path) -> None:
    """As a disk that the system mounted anew after an error; even root can't write there."""
    data = Path(shutil.copytree(prepared, tmp_path / "data"))
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" manage.py key list'
    ended = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(data), sys.executable],
        cwd=BASE_DIR,
        env=clean_environment(DATA_DIR=str(data)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == f"DATA_DIR can't be used as it is set: {data} can't be written by this user.\n"
