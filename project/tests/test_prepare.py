"""What every start needs: tables and an administrator, made once even if several programs start together."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from project.env import BASE_DIR
from project.tests.serving import clean_environment
from scripts import services

pytestmark = pytest.mark.services

BOSS = {"DJANGO_SUPERUSER_USERNAME": "boss", "DJANGO_SUPERUSER_PASSWORD": "a quiet river at 5"}

type Count = Callable[[str], int]


@pytest.fixture(params=["postgresql", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, str], Count]]:
    """The environment of an installation whose database is empty, and how to count the rows of a table in it."""
    if request.param == "sqlite":
        yield {"DATA_DIR": str(tmp_path)}, lambda table: in_sqlite(tmp_path / "db.sqlite3", table)
        return
    if not services.postgresql_binaries():
        pytest.skip("no PostgreSQL found")
    with services.postgresql() as server:
        where = f"host=127.0.0.1 port={server.port} user=videoflix dbname=postgres"
        variables = {name.removeprefix("TEST_"): value for name, value in server.variables.items()}
        yield {"DATA_DIR": str(tmp_path), "DB_NAME": "postgres", **variables}, lambda table: in_postgresql(where, table)


def in_sqlite(path: Path, table: str) -> int:
    database = sqlite3.connect(path)
    try:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        database.close()


def in_postgresql(where: str, table: str) -> int:
    with psycopg.connect(where) as database:
        row = database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row
    return int(row[0])


def test_those_that_begin_at_once_all_succeed_and_make_everything_once(place: tuple[dict[str, str], Count]) -> None:
    """Two containers that run `migrate`, and an operator's own `manage.py migrate` beside them."""
    variables, count = place
    programs = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = [
        subprocess.Popen(
            words,
            cwd=BASE_DIR,
            env=clean_environment(**variables, **BOSS) | programs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for words in (
            ["deploy/entrypoint", "migrate"],
            ["python", "manage.py", "migrate"],
            ["deploy/entrypoint", "migrate"],
        )
    ]
    said = [program.communicate(timeout=120)[0] for program in started]

    assert [program.returncode for program in started] == [0, 0, 0], said
    assert "".join(said).count("Made the administrator boss.") == 1
    assert count("accounts_user") == 1
    assert count("library_video") == 0
    assert count("auth_group") == 1
