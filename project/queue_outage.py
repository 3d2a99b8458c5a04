"""A queue that can't be reached, in the log: a worker asks it several times a second, and says so once a minute.

The same goes for the memory of the queue's page in the admin, without which all else goes on.
"""

import logging
import sqlite3
import threading
import time

from redis.exceptions import RedisError

LOGGERS = ("huey.consumer.Worker", "huey.consumer.Scheduler", "django.db.backends.base")
SAYS_SO_EVERY_S = 60.0
# As the lines of huey begin, and of Django's on_commit(), which wakes workers.
ASKING = ("Error reading from queue", "Error reading schedule.", "Error enqueueing", "Error calling")
KEEPING = ("huey stats recorder failed", "stats event dropped", "stats flush failed", "stats prune failed")
NOT_KEPT = "the queue's page counts nothing: %s: %s; queue_stats.sqlite3 may be deleted while everything is stopped"


class SaidOnce(logging.Filter):
    """Turns the tracebacks of an outage into one line with the reason, and drops the others of the same minute."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, RedisError | sqlite3.Error | OSError) or not str(record.msg).startswith(ASKING):
            return True
        with self._lock:
            if time.monotonic() < self._silent_until:
                return False
            self._silent_until = time.monotonic() + SAYS_SO_EVERY_S
        record.msg, record.args = "queue unreachable: %s: %s", (type(error).__name__, error)
        record.exc_info = record.exc_text = None
        return True


class StatisticsSaidOnce(logging.Filter):
    """The same for statistics that can't be kept, for whatever reason: a file that is broken, or a full disk."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not str(record.msg).startswith(KEEPING):
            return True
        with self._lock:
            if time.monotonic() < self._silent_until:
                return False
            self._silent_until = time.monotonic() + SAYS_SO_EVERY_S
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = NOT_KEPT, (type(error).__name__, error)
        record.exc_info = record.exc_text = None
        return True


said_once = SaidOnce()
statistics_said_once = StatisticsSaidOnce()
