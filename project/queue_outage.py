"""A queue that can't be reached, in the log: a worker asks it several times a second, and says so once a minute.

The same goes for the memory of the queue's page in the admin, without which all else goes on.
"""

import logging
import sqlite3

from redis.exceptions import RedisError

LOGGERS = ("huey.consumer.Worker", "huey.consumer.Scheduler", "django.db.backends.base")
# As the lines of huey begin, and of Django's on_commit(), which wakes workers.
ASKING = ("Error reading from queue", "Error reading schedule.", "Error enqueueing", "Error calling")
KEEPING = ("huey stats recorder failed", "stats event dropped", "stats flush failed", "stats prune failed")
NOT_KEPT = "the queue's page counts nothing: %s: %s; queue_stats.sqlite3 may be deleted while everything is stopped"


def shorten(record: logging.LogRecord) -> bool:
    """Turn a traceback of an outage into one line with the reason. Returns whether it was one."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, RedisError | sqlite3.Error | OSError) or not str(record.msg).startswith(ASKING):
        return False
    record.msg, record.args = "queue unreachable: %s: %s", (type(error).__name__, error)
    record.exc_info = record.exc_text = None
    return True


def shorten_statistics(record: logging.LogRecord) -> bool:
    """The same for statistics that can't be kept, for whatever reason: a file that is broken, or a full disk."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None or not str(record.msg).startswith(KEEPING):
        return False
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    record.msg, record.args = NOT_KEPT, (type(error).__name__, error)
    record.exc_info = record.exc_text = None
    return True
