"""A queue that can't be reached, in the worker's log: asked several times a second, it is told of once a minute."""

import logging
import sqlite3
import threading
import time

from redis.exceptions import RedisError

LOGGERS = ("huey.consumer.Worker", "huey.consumer.Scheduler")
SAYS_SO_EVERY_S = 60.0
ASKING = ("Error reading from queue", "Error reading schedule.", "Error enqueueing")  # as huey begins these lines


class SaidOnce(logging.Filter):
    """Turns huey's tracebacks of an outage into one line with the reason, and drops the others of the same minute."""

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
