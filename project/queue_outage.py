"""A queue that can't be reached, in the log: a worker asks it several times a second, and says so once a minute."""

import logging
import sqlite3
import threading
import time

from redis.exceptions import RedisError

LOGGERS = ("huey.consumer.Worker", "huey.consumer.Scheduler", "django.db.backends.base")
SAYS_SO_EVERY_S = 60.0
# As the lines of huey begin, and of Django's on_commit(), which wakes workers.
ASKING = ("Error reading from queue", "Error reading schedule.", "Error enqueueing", "Error calling")


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


said_once = SaidOnce()
