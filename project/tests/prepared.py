"""What SQLite's tables take a process of tests to make, made once in a run of the tests, and then copied.

The tests' own database without a row but the migrations', and one with an administrator for a program that is served.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from project.management.commands.migrate import Command as Migrate
from project.tests.shared import FOLDER, made_once

NAME = "db.sqlite3"
TABLES = "tables"  # the folder of the one without an administrator
ADMINISTRATOR = ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL", "DJANGO_SUPERUSER_PASSWORD")
BOSS = dict(zip(ADMINISTRATOR, ("boss", "boss@example.com", "a-long-boss-password"), strict=True))


def place_prepared(data: Path, environment: Mapping[str, str] = BOSS) -> None:
    """Put such a database into a data folder, with the administrator of this environment."""
    told = {name: environment[name] for name in ADMINISTRATOR}

    def make(folder: Path) -> None:
        if (FOLDER / TABLES).exists():
            shutil.copyfile(FOLDER / TABLES / NAME, folder / NAME)
        variables = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(folder), **told}
        subprocess.run([sys.executable, "manage.py", "prepare"], env=variables, cwd=settings.BASE_DIR, check=True)
        assert not list(folder.glob(f"{NAME}-*")), "all of it is in the file"

    made = made_once(f"database-{sha256(repr(told).encode()).hexdigest()[:8]}", make)
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made / NAME, data / NAME)


def make_tables_once(patch: pytest.MonkeyPatch) -> None:
    """Let an empty database of SQLite's be migrated once, and be a copy of that one from then on."""
    migrate = Migrate.handle

    def migrate_or_copy(command: Migrate, *arguments: Any, **options: Any) -> None:
        database = connections[options["database"]]

        def make(folder: Path) -> None:
            migrate(command, *arguments, **options)
            with closing(sqlite3.connect(folder / NAME)) as file:
                database.connection.backup(file)

        if database.vendor != "sqlite":
            migrate(command, *arguments, **options)
            return
        made = made_once(TABLES, make)
        database.ensure_connection()
        with closing(sqlite3.connect(made / NAME)) as file:
            file.backup(database.connection)

    patch.setattr(Migrate, "handle", migrate_or_copy)
