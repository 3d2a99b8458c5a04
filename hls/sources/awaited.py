"""Sources that are still to be brought, from a place that the engine knows nothing of.

1. `lifecycle.announce` or `replace` makes a transcode that awaits its source. Nobody plans it.
2. Each worker process brings AT_ONCE sources at a time, in threads of their own: this waits for others' networks, and
   takes no slot of encoding. A transcode is claimed and its claim renewed as for any step (hls.claims).
3. What is in `bringers` does the work, each for the transcodes that it knows. It gets a Delivery, and returns once the
   whole file is in the store, under the name that the transcode has for it.
4. Then the transcode awaits nothing, and is planned. A TranscodeError becomes row state in hls.failing; a claim that is
   lost, by a cancellation too, ends the work with Stopped.
"""

import threading
from collections.abc import Callable

import structlog
from django.db import Error as DatabaseUnavailable
from django.db import connections
from django.utils import timezone

from hls import claims, identity, renewal
from hls.core.errors import Code, Stopped, TranscodeError, in_one_line
from hls.failing import fail_transcode, put_off_transcode, report_full_disk
from hls.models import Transcode, Worker
from hls.renewal import LeaseRenewal
from hls.store.interface import StoreFailed
from hls.stores import uploads

log = structlog.get_logger("videoflix.hls")

AT_ONCE = 2
SHARE = 10.0  # percent of the whole that bringing the source counts as
MOST_LOSSES = 30  # workers that may vanish during one fetch before it counts as the cause


class Delivery(LeaseRenewal):
    """The claim on a transcode whose source is being brought, which also writes how much of that is done."""

    def __init__(self, transcode: Transcode, claim: claims.Claim) -> None:
        self.own = claims.owned_transcode(transcode, claim)
        super().__init__(self.own)
        self.transcode = transcode
        self.percent = transcode.percent

    def tell(self, done: int, total: int | None) -> None:
        """Bytes that are here, of how many; None where nobody knows."""
        if total:
            self.percent = max(self.percent, round(SHARE * min(done, total) / total, 1))
        self.go_on()

    def renew(self) -> bool:
        return bool(self.own.update(percent=self.percent, lease_until=claims.lease_end()))


type Bringer = Callable[[Transcode, Delivery], bool]  # False for a transcode that it doesn't know

bringers: list[Bringer] = []


def do_next(worker: Worker | None = None) -> bool:
    """Bring one source. False where none is awaited, or the worker ends."""
    if renewal.stopping.is_set() or identity.is_missing(uploads()):
        return False
    found = claims.claim_transcode(claims.awaiting_source(), worker)
    if found is None:
        return False
    bring(*found)
    return True


def bring(transcode: Transcode, claim: claims.Claim) -> None:
    delivery = Delivery(transcode, claim)
    try:
        if transcode.losses > MOST_LOSSES:
            raise TranscodeError(Code.FETCH_FAILED, "workers keep dying while fetching")
        with report_full_disk():
            if not any(bringer(transcode, delivery) for bringer in bringers):
                raise TranscodeError(Code.SOURCE_MISSING, "nobody knows where the source is to come from")
        note_arrival(transcode, claim)
    except TranscodeError as error:
        fail_transcode(delivery.own, transcode, error, may_pass=error.advice.is_temporary)
    except StoreFailed as error:
        put_off_transcode(delivery.own, transcode, error)
    except Stopped:
        claims.give_back_transcode(transcode, claim)


def note_arrival(transcode: Transcode, claim: claims.Claim) -> None:
    """Let the transcode be planned."""
    size_bytes = uploads().size_bytes(transcode.source)
    won = claims.owned_transcode(transcode, claim).update(
        **claims.FREE, awaits_source=False, source_bytes=size_bytes, losses=0, error_code="", error_reason=""
    )
    if won:
        log.info("source is here", transcode_id=transcode.pk, size_bytes=size_bytes)


class Bringers:
    """The threads of this process that bring sources."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.threads: list[threading.Thread] = []

    def look(self, worker: Worker | None) -> None:
        """Start a thread, where a source is awaited and not too many threads are at work."""
        with self._lock:
            self.threads = [thread for thread in self.threads if thread.is_alive()]
            if len(self.threads) >= AT_ONCE or not bringers or not is_any_due():
                return
            thread = threading.Thread(target=self.bring_all, args=[worker], name="fetch", daemon=True)
            thread.start()
            self.threads.append(thread)

    def bring_all(self, worker: Worker | None) -> None:
        try:
            while do_next(worker):
                connections.close_all()
        except DatabaseUnavailable as error:  # the next beat looks again
            log.warning("nothing fetched", reason=in_one_line(error))
        finally:
            connections.close_all()


def is_any_due() -> bool:
    return claims.awaiting_source().filter(claims.is_due(timezone.now())).exists()


here = Bringers()
