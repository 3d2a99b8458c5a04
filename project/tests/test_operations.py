"""The commands in docs/operations.md are executed as they stand there, and do what it says.

One installation passes through them all: backed up and restored with SQLite, moved to PostgreSQL, backed up and
restored there. `docker` is a stand-in that runs the words on this machine; everything else is the real thing.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from project.env import BASE_DIR
from project.tests.documented_installation import DOCUMENT, DocumentedInstallation, kept, new_installation
from scripts import services

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not services.postgresql_binaries(), reason="no PostgreSQL found"),
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> DocumentedInstallation:
    return new_installation(tmp_path_factory.mktemp("installation"))


@pytest.fixture(scope="module")
def empty_postgresql() -> Iterator[dict[str, str]]:
    """The variables that lead to an empty database, for us and for PostgreSQL's own programs."""
    with ExitStack() as stack:
        server = stack.enter_context(services.postgresql())
        where = f"host=127.0.0.1 port={server.port} user=videoflix dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE DATABASE videoflix_db")
        yield {
            "DB_NAME": "videoflix_db",
            **{name.removeprefix("TEST_"): value for name, value in server.variables.items()},
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "POSTGRES_USER": "videoflix",
            "POSTGRES_DB": "videoflix_db",
        }


def test_backup_of_a_running_sqlite_restores_everything(installation: DocumentedInstallation) -> None:
    before = installation.look()
    assert before["videos"] == [[3, "Two"], [1, "One"]]
    assert [label for _, label, _ in before["texts"]] == ["English", "German", "English, captions", "Chapters"]
    assert (before["refreshed"], before["signed_in"], before["segments"]) == (200, 200, [200, 200])
    installation.follow("backup with sqlite")
    installation.lose_everything()
    installation.follow("restore with sqlite")

    assert kept(installation.look()) == kept(before, has_files=False)


def test_empty_postgresql_that_is_set_by_mistake_removes_nothing(
    installation: DocumentedInstallation, empty_postgresql: dict[str, str]
) -> None:
    wrong = DocumentedInstallation(installation.folder, empty_postgresql | {"DB_NAME": "wrong"})
    wrong.run("createdb", "--username", "videoflix", "wrong")
    wrong.manage("migrate", "--verbosity", "0")
    there = {path: path.read_bytes() for path in wrong.data.rglob("*") if path.is_file() and path.parent != wrong.data}
    for words in ("upkeep --yes", "check --deploy --fail-level WARNING"):
        said = wrong.run("sh", "-c", f".venv/bin/python manage.py {words} 2>&1 || true")
        assert "belongs to another installation" in said, said
    left = {path: path.read_bytes() for path in wrong.data.rglob("*") if path.is_file() and path.parent != wrong.data}
    assert left == there


def test_move_to_postgresql_keeps_ids_sessions_and_videos(
    installation: DocumentedInstallation, empty_postgresql: dict[str, str]
) -> None:
    before = installation.seen
    installation.follow("move from sqlite")
    installation.variables |= empty_postgresql
    installation.follow("move to postgresql")

    assert kept(installation.look()) == kept(before)
    assert (before["database"], installation.seen["database"]) == ("sqlite", "postgresql")


def test_backup_of_a_running_postgresql_restores_everything(
    installation: DocumentedInstallation, empty_postgresql: dict[str, str]
) -> None:
    assert installation.variables["DB_NAME"] == empty_postgresql["DB_NAME"]  # moved by the test before
    before = installation.seen
    installation.follow("backup with compose")
    installation.lose_everything()
    installation.follow("restore with compose")

    assert kept(installation.look()) == kept(before, has_files=False)


def test_every_check_is_explained() -> None:
    ids = set(re.findall(r"videoflix\.[EW]\d+", (BASE_DIR / "project" / "health" / "checks.py").read_text()))

    assert ids == set(re.findall(r"`(videoflix\.[EW]\d+)`", DOCUMENT))


def test_every_metric_is_explained() -> None:
    told = re.findall(r'"(videoflix_\w+)"', (BASE_DIR / "project" / "health" / "metrics.py").read_text())

    assert set(told) == set(re.findall(r"`(videoflix_\w+)(?:\{[\w,]+\})?`", DOCUMENT))
