"""Connections to SQLite that wait for the next request."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connections
from pytest_django import DjangoDbBlocker

from project.sqlite.base import DatabaseWrapper, idle


@pytest.fixture
def wrapper(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[DatabaseWrapper]:
    settings = connections.configure_settings(
        {"default": {"ENGINE": "project.sqlite", "NAME": str(tmp_path / "db.sqlite3")}}
    )["default"]
    with django_db_blocker.unblock():
        yield DatabaseWrapper(settings)


def used(wrapper: DatabaseWrapper) -> sqlite3.Connection:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert wrapper.connection is not None
    return wrapper.connection


def test_database_is_closed_to_others_of_the_machine(wrapper: DatabaseWrapper, tmp_path: Path) -> None:
    """Sessions of the admin and the keys of second factors are in it, and in what SQLite writes beside it."""
    with wrapper.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("CREATE TABLE one (number)")
    names = {path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077 == 0}
    assert names == {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"}
    wrapper.close()


def test_closed_connection_is_the_next_ones(wrapper: DatabaseWrapper) -> None:
    first = used(wrapper)
    wrapper.close()
    assert used(wrapper) is first
    wrapper.close()


def test_connection_goes_from_thread_to_thread(wrapper: DatabaseWrapper) -> None:
    first = used(wrapper)
    wrapper.close()
    seen = []

    def serve() -> None:
        other = DatabaseWrapper(wrapper.settings_dict)
        seen.append(used(other))
        other.close()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert seen == [first]


def test_two_at_once_are_two(wrapper: DatabaseWrapper) -> None:
    other = DatabaseWrapper(wrapper.settings_dict)
    assert used(wrapper) is not used(other)
    wrapper.close()
    other.close()


def test_restored_file_is_opened_anew(wrapper: DatabaseWrapper, tmp_path: Path) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE video (title TEXT)")
    wrapper.close()
    with sqlite3.connect(tmp_path / "backup.sqlite3") as backup:
        backup.execute("CREATE TABLE video (title TEXT, restored INTEGER)")
    backup.close()
    (tmp_path / "backup.sqlite3").rename(tmp_path / "db.sqlite3")
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT restored FROM video")
    wrapper.close()


def test_forked_process_uses_none_of_its_parents(wrapper: DatabaseWrapper) -> None:
    first = used(wrapper)
    wrapper.close()
    idle.leave_to_parent()
    assert used(wrapper) is not first
    assert first.execute("SELECT 1").fetchone() == (1,), "it is still open"
    wrapper.close()


def test_connection_with_an_open_transaction_is_not_passed_on(wrapper: DatabaseWrapper) -> None:
    first = used(wrapper)
    first.execute("BEGIN")
    wrapper.close()
    assert used(wrapper) is not first
    wrapper.close()


def test_connection_that_failed_is_not_passed_on(wrapper: DatabaseWrapper) -> None:
    first = used(wrapper)
    with pytest.raises(DatabaseError), wrapper.cursor() as cursor:
        cursor.execute("SELECT nonsense")
    wrapper.close()
    assert used(wrapper) is not first
    wrapper.close()


def test_rows_that_were_not_committed_are_gone_for_the_next(wrapper: DatabaseWrapper) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE video (title TEXT)")
        wrapper.set_autocommit(False)
        cursor.execute("INSERT INTO video VALUES ('Harbour at Dawn')")
    wrapper.close()
    with wrapper.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM video").fetchone() == (0,)
    wrapper.close()
