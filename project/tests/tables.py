"""The tables of the tests' own database, made once in a run of the tests, and then copied."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from project.management.commands.migrate import Command as Migrate
from project.tests.prepared import NAME, TABLES
from project.tests.shared import made_once


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
