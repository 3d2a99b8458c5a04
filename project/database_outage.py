"""PostgreSQL that can't be reached, in the log.

Its pool tells of each try of each connection, several times a second: here it is one line a minute, which says why.
A task that the outage ends is one line. Nothing is lost with it, as the next one finds its work in the database.
"""

import logging

from django.db import InterfaceError, OperationalError

from hls.core.errors import first_line, in_one_line

POOL = "psycopg.pool"
TRYING = "error connecting"  # as the pool's line begins that has the reason
ENDED = "Unhandled exception in task"


class OnlyTries(logging.Filter):
    """Lets only those warnings of a pool pass that have a reason. Whoever got no connection is told so by an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING or reason(record) is not None


def reason(record: logging.LogRecord) -> BaseException | None:
    """Why a pool has had no success, if that is what the record is about."""
    last = record.args[-1] if isinstance(record.args, tuple) and record.args else None
    return last if isinstance(last, BaseException) and str(record.msg).startswith(TRYING) else None


def shorten_try(record: logging.LogRecord) -> bool:
    """Turn a pool's try into a line with the reason alone. Returns whether it was one."""
    error = reason(record)
    if error is None:
        return False
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
