"""What is logged of a database that is away: once a minute the reason, and one line for each task that it ends."""

import logging
import os
import socket

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from project.database_outage import ENDED, POOL, EndedTask, OnlyTries, shorten_try
from project.once_a_minute import OnceAMinute

REFUSED = OperationalError("connection failed: Connection refused\n\tIs the server running on that host?")


def from_pool(message: str, *arguments: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord(POOL, level, __file__, 1, message, arguments, None)


def from_task(error: Exception) -> logging.LogRecord:
    about = (type(error), error, None)
    return logging.LogRecord("huey", logging.ERROR, __file__, 1, f"{ENDED} %s.", ("3ad4",), about)


def test_tries_of_the_pool_are_one_line_a_minute_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("project.once_a_minute.time.monotonic", lambda: now[0])
    logger = logging.Logger(POOL)
    logger.addFilter(OnlyTries())
    logger.addFilter(OnceAMinute(shorten_try))

    told = []
    for now[0] in (1000.0, 1000.1, 1059.0, 1060.0):
        line = from_pool("error connecting in %r: %s", "pool-1", REFUSED)
        told.append(logger.filter(line) and line.getMessage())

    sentence = "database unreachable: connection failed: Connection refused"
    assert told == [sentence, False, False, sentence]
    assert not logger.filter(from_pool("discarding closed connection: %s", "<psycopg.Connection [BAD]>"))
    assert not logger.filter(from_pool("reconnection attempt in pool %r failed after %s sec", "pool-1", 4))
    assert logger.filter(from_pool("growing pool %r to %s", "pool-1", 2, level=logging.INFO))


@pytest.mark.parametrize("error", [REFUSED, InterfaceError("connection already closed")])
def test_task_that_had_no_database_is_one_line(error: Exception) -> None:
    line = from_task(error)

    assert EndedTask().filter(line)
    assert line.exc_info is None
    first = str(error).splitlines()[0]
    assert line.getMessage() == f"task ended without the database: {type(error).__name__}: {first}"


@pytest.mark.parametrize("error", [IntegrityError("duplicate key"), KeyError("task")])
def test_other_errors_of_a_task_keep_their_tracebacks(error: Exception) -> None:
    line = from_task(error)

    assert EndedTask().filter(line)
    assert line.exc_info


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no network")
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux' own option")
def test_nobody_waits_longer_than_fifteen_seconds_for_a_server_that_has_vanished() -> None:
    """Its machine lost power, or its network: no packet says so. The system waits for 15 minutes, or 2 hours."""
    connection.ensure_connection()

    with socket.socket(fileno=os.dup(connection.connection.fileno())) as peer:

        def option(name: int) -> int:
            return peer.getsockopt(socket.IPPROTO_TCP, name)

        awaited_s = option(socket.TCP_KEEPIDLE) + option(socket.TCP_KEEPINTVL) * option(socket.TCP_KEEPCNT)
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert awaited_s <= 15, "for an answer"
        assert 0 < option(socket.TCP_USER_TIMEOUT) <= 15_000, "until what was sent has arrived"
