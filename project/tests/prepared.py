"""What SQLite's tables take a process of tests to make, made once in a run of the tests, and then copied.

The tests' own database without a row but the migrations', and one with an administrator for a program that is served.
"""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from project.management.commands.migrate import Command as Migrate

NAME = "db.sqlite3"
MIGRATED = "migrated.sqlite3"
ADMINISTRATOR = ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL", "DJANGO_SUPERUSER_PASSWORD")
BOSS = dict(zip(ADMINISTRATOR, ("boss", "boss@example.com", "a-long-boss-password"), strict=True))


def place_prepared(data: Path, environment: Mapping[str, str] = BOSS) -> None:
    """Put such a database into a data folder, with the administrator of this environment."""
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made(*(environment[name] for name in ADMINISTRATOR)), data / NAME)


@cache
def made(*administrator: str) -> Path:
    """Kept until the tests end, in the data folder of the process that has started those that share them out."""
    folder = shared() / f"prepared-{'-'.join(administrator)}"
    folder.mkdir(exist_ok=True)
    with one_at_a_time(folder / "lock"):
        if not (folder / "is-made").exists():
            prepare(folder, administrator)
            (folder / "is-made").touch()
    return folder / NAME


def shared() -> Path:
    return Path(os.environ.get("TEST_SHARED_DIR", settings.DATA_DIR))


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(folder: Path, administrator: tuple[str, ...]) -> None:
    with one_at_a_time(shared() / "migrated.lock"):
        if (shared() / MIGRATED).exists():
            shutil.copyfile(shared() / MIGRATED, folder / NAME)
    told = dict(zip(ADMINISTRATOR, administrator, strict=True))
    variables = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(folder), **told}
    subprocess.run([sys.executable, "manage.py", "prepare"], env=variables, cwd=settings.BASE_DIR, check=True)
    assert not list(folder.glob(f"{NAME}-*")), "all of it is in the file"


def make_tables_once(patch: pytest.MonkeyPatch) -> None:
    """Let an empty database of SQLite's be migrated once, and be a copy of that one from then on."""
    migrate = Migrate.handle

    def migrate_or_copy(command: Migrate, *arguments: Any, **options: Any) -> None:
        database = connections[options["database"]]
        if database.vendor != "sqlite":
            migrate(command, *arguments, **options)
            return
        path = shared() / MIGRATED
        with one_at_a_time(shared() / "migrated.lock"):
            is_made = path.exists()
            if not is_made:
                migrate(command, *arguments, **options)
            with closing(sqlite3.connect(path)) as file:
                database.ensure_connection()
                source, target = (file, database.connection) if is_made else (database.connection, file)
                source.backup(target)

    patch.setattr(Migrate, "handle", migrate_or_copy)
