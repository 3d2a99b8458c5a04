"""What would be in the log several times a second while something is away, and is told once a minute."""

import logging
import threading
import time
from collections.abc import Callable

from project import database_outage, queue_outage

SAYS_SO_EVERY_S = 60.0


class OnceAMinute(logging.Filter):
    """Lets one record a minute pass of those that `shorten` has made one line with the reason, and all others."""

    def __init__(self, shorten: Callable[[logging.LogRecord], bool]) -> None:
        super().__init__()
        self._shorten = shorten
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._shorten(record):
            return True
        with self._lock:
            if time.monotonic() < self._silent_until:
                return False
            self._silent_until = time.monotonic() + SAYS_SO_EVERY_S
        return True


queue = OnceAMinute(queue_outage.shorten)
statistics = OnceAMinute(queue_outage.shorten_statistics)
pool = OnceAMinute(database_outage.shorten_try)
