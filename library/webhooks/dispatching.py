"""The worker's threads that deliver events: none of its slots, so that no transcode makes anybody wait.

1. One thread looks for deliveries that are due: when it is woken, and otherwise every LOOKS_EVERY_S.
2. It claims each (library/webhooks/sending.py) and starts a thread for it, at most AT_ONCE, and AT_ONCE_EACH for one
   endpoint: one that doesn't answer delays nobody else.
3. `end` waits a little for what is under way. What it doesn't wait for is attempted again when its claim lapses.
"""

import threading
import time
from collections import Counter

import structlog
from django.db import Error as DatabaseUnavailable
from django.db import close_old_connections, connections

from hls.core.errors import NO_ROOM, in_one_line
from library.webhooks import sending
from library.webhooks.models import WebhookDelivery

log = structlog.get_logger("videoflix.webhooks")

LOOKS_EVERY_S = 1.0  # where waking failed
AT_ONCE, AT_ONCE_EACH = 32, 2  # threads that mostly wait: so many that a dozen endpoints may hang at once
ENDS_WITHIN_S = 5.0


class Dispatcher:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._is_over = False
        self._looking: threading.Thread | None = None
        self._sending: dict[threading.Thread, int] = {}  # and its endpoint

    def begin(self) -> None:
        """Start looking. Only the first call does: huey calls it in each of its threads."""
        with self._lock:
            if self._looking is None:
                looking = threading.Thread(target=self._look, name="webhooks", daemon=True)
                looking.start()
                self._looking = looking

    def wake(self) -> None:
        self._awake.set()

    def end(self) -> None:
        self._is_over = True
        self._awake.set()
        ends_at = time.monotonic() + ENDS_WITHIN_S
        with self._lock:
            threads = [self._looking, *self._sending]
        for thread in threads:
            if thread:
                thread.join(max(0.0, ends_at - time.monotonic()))

    def _look(self) -> None:
        while not self._is_over:
            self._awake.wait(LOOKS_EVERY_S)
            self._awake.clear()
            close_old_connections()
            try:
                self.dispatch()
            except (DatabaseUnavailable, *NO_ROOM) as error:
                log.warning("webhooks wait", reason=in_one_line(error))
                connections.close_all()
        connections.close_all()

    def dispatch(self) -> None:
        """Step 2, for everything that is due and has room."""
        with self._lock:
            busy = Counter(self._sending.values())
        full = [endpoint for endpoint, count in busy.items() if count >= AT_ONCE_EACH]
        for delivery_id, endpoint in sending.due().exclude(endpoint__in=full).values_list("pk", "endpoint")[:AT_ONCE]:
            if self._is_over or busy.total() >= AT_ONCE or busy[endpoint] >= AT_ONCE_EACH:
                continue
            if delivery := sending.claim(delivery_id):
                busy[endpoint] += 1
                self._start(delivery)

    def _start(self, delivery: WebhookDelivery) -> None:
        thread = threading.Thread(target=self._attempt, args=(delivery,), name="webhook", daemon=True)
        with self._lock:
            thread.start()
            self._sending[thread] = delivery.endpoint_id

    def _attempt(self, delivery: WebhookDelivery) -> None:
        """An unexpected error is logged by the thread; the claim lapses, and the attempt is made again."""
        try:
            sending.attempt(delivery)
        except DatabaseUnavailable as error:
            log.warning("webhook's answer not written", delivery=delivery.pk, reason=in_one_line(error))
        finally:
            connections.close_all()
            with self._lock:
                self._sending.pop(threading.current_thread(), None)
            self._awake.set()


dispatcher = Dispatcher()
