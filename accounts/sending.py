"""The one thread of a worker that talks to the mail server, so that a mute one holds up neither sweeps nor transcodes.

Whoever wants something sent leaves it here and goes on. After a failed connection single mails are left to the
minutely round for a while: they are due, and the round meets the server first.
"""

import queue
import threading
import time
from collections.abc import Callable

import structlog
from django.db import Error as DatabaseUnavailable
from django.db import connections

from accounts import outbox

log = structlog.get_logger("videoflix.mails")

QUIET_S = 60.0  # after a failed connection; a round comes each minute
LAST_MAIL_S = 20.0  # for the one under way when the worker ends: longer than the mail server's timeout

type Work = Callable[[], object]


class Sender:
    """Does what it is given one after the other, in a thread that lives from the first of it on."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._quiet_until = 0.0

    def send(self, mail_id: int) -> None:
        """Soon, unless the mail server could not be reached just now."""
        self.do(lambda: self._send(mail_id))

    def _send(self, mail_id: int) -> None:
        if time.monotonic() >= self._quiet_until and not outbox.send(mail_id):
            self._quiet_until = time.monotonic() + QUIET_S

    def forget_failure(self) -> None:
        """Take the mail server for one that answers."""
        self._quiet_until = 0.0

    def do(self, work: Work) -> None:
        with self._lock:
            if not self._lives() and not self._is_over:
                self._thread = threading.Thread(target=self._work_on, name="mail", daemon=True)
                self._thread.start()
        self._orders.put(work)

    def _lives(self) -> bool:
        """What nobody expected ends the thread, and is logged; the next order starts another."""
        return self._thread is not None and self._thread.is_alive()

    def end(self) -> None:
        """Finish the mail under way; the others stay due."""
        self._is_over = True
        self._orders.put(None)
        if self._thread:
            self._thread.join(LAST_MAIL_S)

    def _work_on(self) -> None:
        while (work := self._orders.get()) is not None and not self._is_over:
            try:
                work()
            except DatabaseUnavailable as error:
                log.warning("nothing sent", reason=type(error).__name__)
            finally:
                connections.close_all()


sender = Sender()
