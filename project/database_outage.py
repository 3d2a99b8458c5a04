"""PostgreSQL that can't be reached, in the log.

Its pool tells of each try of each connection, several times a second: here it is one line a minute, which says why.
A task that the outage ends is one line. Nothing is lost with it, as the next one finds its work in the database.
"""

import logging
import threading
import time

from django.db import InterfaceError, OperationalError

from hls.core.errors import first_line, in_one_line

POOL, TASKS = "psycopg.pool", "huey"
SAYS_SO_EVERY_S = 60.0
TRYING = "error connecting"  # as the pool's line begins that has the reason
ENDED = "Unhandled exception in task"


class PoolSaidOnce(logging.Filter):
    """Lets one line a minute pass of all that a pool says. Whoever got no connection is told so by an error."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.args[-1] if isinstance(record.args, tuple) and record.args else None
        if not str(record.msg).startswith(TRYING) or not isinstance(error, BaseException):
            return record.levelno < logging.WARNING
        with self._lock:
            if time.monotonic() < self._silent_until:
                return False
            self._silent_until = time.monotonic() + SAYS_SO_EVERY_S
        record.msg, record.args = "database unreachable: %s", (first_line(error),)
        return True


class EndedTask(logging.Filter):
    """Turns the traceback of a task that had no database into one line with the reason."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError | InterfaceError) and str(record.msg).startswith(ENDED):
            record.msg, record.args = "task ended without the database: %s", (in_one_line(error),)
            record.exc_info = record.exc_text = None
        return True


pool_said_once = PoolSaidOnce()
