"""Django's SQLite backend, which keeps connections for the next request of any thread: a new one costs 1.3 ms.

With CONN_MAX_AGE each of hundreds of threads would keep a connection of its own, idle for most of the time.
"""

import atexit
import os
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

MOST_IDLE = 8


@dataclass(frozen=True)
class File:
    """A database file that was opened. A file restored from a backup has another inode, so it is another one."""

    path: str
    inode: int

    @classmethod
    def at(cls, path: str) -> "File | None":
        try:
            return cls(path, os.stat(path).st_ino)  # noqa: PTH116 (each request does this; a Path takes longer)
        except OSError:
            return None


class Idle:
    """Open connections that no thread uses at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[tuple[File, sqlite3.Connection]] = []
        self._of_parent: list[tuple[File, sqlite3.Connection]] = []

    def take(self, file: File | None) -> sqlite3.Connection | None:
        with self._lock:
            while self._kept:
                known, connection = self._kept.pop()
                if known == file:
                    return connection
                connection.close()
        return None

    def give(self, file: File, connection: sqlite3.Connection) -> bool:
        """Keep a connection for later. Returns whether there was room for it."""
        with self._lock:
            is_wanted = len(self._kept) < MOST_IDLE
            if is_wanted:
                self._kept.append((file, connection))
        return is_wanted

    def close(self) -> None:
        self.take(None)

    def leave_to_parent(self) -> None:
        """In a forked process: neither use nor close the parent's connections (sqlite.org/howtocorrupt, 2.6)."""
        self._lock = threading.Lock()
        self._of_parent += self._kept
        self._kept = []


def make_private(path: str) -> None:
    """An empty database for this user alone: sessions are in it. SQLite's files beside it get its mode."""
    with suppress(OSError):  # what is wrong is said when it is opened
        Path(path).touch(mode=0o600)


idle = Idle()
atexit.register(idle.close)
os.register_at_fork(after_in_child=idle.leave_to_parent)


class DatabaseWrapper(base.DatabaseWrapper):
    connection: sqlite3.Connection | None
    file: File | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        path = str(conn_params["database"])
        self.file = File.at(path)
        if kept := idle.take(self.file):
            return kept
        if self.file is None and not self.is_in_memory_db():
            make_private(path)
        opened: sqlite3.Connection = super().get_new_connection(conn_params)
        self.file = File.at(path)  # which may have been made just now
        return opened

    def _close(self) -> None:
        opened = self.connection
        is_sound = opened is not None and not self.errors_occurred and not opened.in_transaction
        if opened is None or self.file is None or not is_sound or not idle.give(self.file, opened):
            super()._close()  # type: ignore[misc]  # (unknown to the stubs)
