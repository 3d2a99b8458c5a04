"""Renewing a claim while its work runs: the same way for planning, encoding, finishing and sweeping.

1. The work itself calls beat(): from the loop that follows a child process, or between two pictures. So work that hangs
   loses its claim.
2. Every RENEW_EVERY_S a beat writes a new end of the lease into the claimed row.
3. Where that changes no row, another worker has the work by now: is_over() is true, and the work ends with Stopped.
4. A database that can't be reached costs a beat and not the claim, since a lease lasts for many beats.
5. Once `stopping` is set, as when the worker is told to stop, is_over() is true for all work of this process.
"""

import threading
import time

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import Case, F, Q, QuerySet, Sum, Value, When

from hls import claims
from hls.core.errors import Stopped, in_one_line
from hls.core.process import Watch
from hls.models import Chunk, Extraction, PeriodicTask, State, Transcode

log = structlog.get_logger("videoflix.hls")

RENEW_EVERY_S = 2.0

stopping = threading.Event()

type Claimed = QuerySet[Transcode] | QuerySet[Chunk] | QuerySet[PeriodicTask] | QuerySet[Extraction]


class LeaseRenewal:
    """Renews the lease of a claimed row, and notices when the claim is lost."""

    def __init__(self, claimed: Claimed) -> None:
        self.claimed = claimed
        self.is_lost = False
        self.next_beat = 0.0

    def beat(self) -> None:
        """Renew where it is time. Cheap enough to be called often."""
        if time.monotonic() < self.next_beat:
            return
        self.next_beat = time.monotonic() + RENEW_EVERY_S
        try:
            self.is_lost = not self.renew()
        except (OperationalError, InterfaceError) as error:
            log.warning("heartbeat missed", claimed=self.claimed.model.__name__, reason=in_one_line(error))
            close_old_connections()

    def renew(self) -> bool:
        """Whether the claim still holds."""
        return bool(self.claimed.update(lease_until=claims.lease_end()))

    def is_over(self) -> bool:
        return self.is_lost or stopping.is_set()

    def go_on(self) -> None:
        """Beat between two parts of the work. Raises Stopped where the claim is lost or the worker ends."""
        self.beat()
        if self.is_over():
            raise Stopped

    def watch(self) -> Watch:
        """Follows a child process whose output is read whole: it beats meanwhile, and ends the child with the claim."""
        return Watch(on_line=None, on_tick=self.beat, should_stop=self.is_over)


class ChunkRenewal(LeaseRenewal):
    """Also writes how many of the chunk's frames are done."""

    def __init__(self, chunk: Chunk, claim: claims.Claim) -> None:
        self.own = claims.owned_chunk(chunk, claim)
        super().__init__(self.own)
        self.chunk = chunk
        self.frames_done = 0

    def tell(self, frames_done: int) -> None:
        self.frames_done = frames_done
        self.beat()

    def renew(self) -> bool:
        is_held = self.own.update(frames_done=self.frames_done, lease_until=claims.lease_end())
        return bool(is_held) and update_percent(self.chunk.transcode)


def update_percent(transcode: Transcode) -> bool:
    """Raise the percent to what the chunks' frames say; it never falls. False where the transcode is not processing."""
    frames = Chunk.objects.filter(transcode_id=transcode.pk).aggregate(done=Sum("frames_done"), all=Sum("frame_count"))
    percent = min(99.0, 100 * (frames["done"] or 0) / (frames["all"] or 1))
    own = Transcode.objects.filter(pk=transcode.pk, version=transcode.version, state=State.PROCESSING)
    is_more = Q(percent__lt=percent, plan__isnull=False)  # before there is a plan, nobody knows how much is left
    return bool(own.update(percent=Case(When(is_more, then=Value(percent)), default=F("percent"))))
