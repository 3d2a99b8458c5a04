"""The worker's one thread that talks to the mail server: a server that doesn't answer delays no sweep or transcode.

1. `send` (for a mail just ordered) and `do` (for the minutely round) put work into a queue and return at once.
2. The thread starts with the first work and does one piece after the other (accounts/mailing/outbox.py).
3. If the mail server can't be reached, `send` skips its mails for QUIET_S: they stay due, and the minutely round is the
   first to try the server again.
4. `end` lets the thread finish the mail under way when the worker stops; the others stay due.
"""

import queue
import threading
import time
from collections.abc import Callable

import structlog
from django.db import Error as DatabaseUnavailable
from django.db import connections

from accounts.mailing import outbox

log = structlog.get_logger("videoflix.mails")

QUIET_S = 60.0  # after a failed connection; a round comes each minute
LAST_MAIL_S = 20.0  # for the one under way when the worker ends: longer than the mail server's timeout

type Work = Callable[[], object]


class Sender:
    """Does the work it is given one after the other, in a thread that starts with the first."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._quiet_until = 0.0

    def send(self, mail_id: int) -> None:
        """Send a mail soon, unless the mail server could not be reached within the last QUIET_S."""
        self.do(lambda: self._send(mail_id))

    def _send(self, mail_id: int) -> None:
        if time.monotonic() >= self._quiet_until and not outbox.send(mail_id):
            self._quiet_until = time.monotonic() + QUIET_S

    def forget_failure(self) -> None:
        """Take the mail server for one that answers."""
        self._quiet_until = 0.0

    def do(self, work: Work) -> None:
        with self._lock:
            if not self._is_running() and not self._is_over:
                thread = threading.Thread(target=self._do_all, name="mail", daemon=True)
                thread.start()
                self._thread = thread
        self._work.put(work)

    def _is_running(self) -> bool:
        """An unexpected error is logged and ends the thread; the next work starts another."""
        return self._thread is not None and self._thread.is_alive()

    def end(self) -> None:
        """Finish the mail under way; the others stay due."""
        self._is_over = True
        self._work.put(None)
        if self._thread:
            self._thread.join(LAST_MAIL_S)

    def _do_all(self) -> None:
        while (work := self._work.get()) is not None and not self._is_over:
            try:
                work()
            except DatabaseUnavailable as error:
                log.warning("nothing sent", reason=error)
            finally:
                connections.close_all()


sender = Sender()
