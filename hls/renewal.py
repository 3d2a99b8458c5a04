"""Renewing a claim while its work runs: one way for planning, encoding, finishing and sweeping.

The work itself beats, from the loop that follows a child or between two pictures, so that work that hangs loses its
claim. A database that is away for a moment costs a beat, not the claim: a lease lasts for many beats.
"""

import threading
import time

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import Case, F, QuerySet, Sum, Value, When

from hls import claims
from hls.core.errors import Stopped
from hls.core.process import Watch
from hls.models import Chunk, PeriodicTask, State, Transcode

log = structlog.get_logger("videoflix.hls")

RENEW_EVERY_S = 2.0

stopping = threading.Event()


class LeaseRenewal:
    """Renews the lease of the row that is claimed, and notices when it is no longer ours."""

    def __init__(self, claimed: QuerySet[Transcode] | QuerySet[Chunk] | QuerySet[PeriodicTask]) -> None:
        self.claimed = claimed
        self.is_lost = False
        self.next_beat = 0.0

    def beat(self) -> None:
        """Cheap enough to be called often: it does something every RENEW_EVERY_S."""
        if time.monotonic() < self.next_beat:
            return
        self.next_beat = time.monotonic() + RENEW_EVERY_S
        try:
            self.is_lost = not self.renew()
        except (OperationalError, InterfaceError) as error:
            log.warning("heartbeat missed", claimed=self.claimed.model.__name__, reason=type(error).__name__)
            close_old_connections()

    def renew(self) -> bool:
        return bool(self.claimed.update(lease_until=claims.lease_end()))

    def is_over(self) -> bool:
        return self.is_lost or stopping.is_set()

    def go_on(self) -> None:
        """Beat between two steps of the work. Raises Stopped where it is no longer ours to do."""
        self.beat()
        if self.is_over():
            raise Stopped

    def watch(self) -> Watch:
        """For a child whose output is wanted whole."""
        return Watch(on_line=None, on_tick=self.beat, should_stop=self.is_over)


class ChunkRenewal(LeaseRenewal):
    """Also tells how far the chunk is."""

    def __init__(self, chunk: Chunk, claim: claims.Claim) -> None:
        self.own = claims.owned_chunk(chunk, claim)
        super().__init__(self.own)
        self.chunk = chunk
        self.frames_done = 0

    def tell(self, frames_done: int) -> None:
        self.frames_done = frames_done
        self.beat()

    def renew(self) -> bool:
        is_ours = self.own.update(frames_done=self.frames_done, lease_until=claims.lease_end())
        return bool(is_ours) and raise_percent(self.chunk.transcode)


def raise_percent(transcode: Transcode) -> bool:
    """Bring the video's percent up to its chunks' frames, never down. False when the video is no longer processed."""
    frames = Chunk.objects.filter(transcode_id=transcode.pk).aggregate(done=Sum("frames_done"), all=Sum("frame_count"))
    percent = min(99.0, 100 * (frames["done"] or 0) / (frames["all"] or 1))
    own = Transcode.objects.filter(pk=transcode.pk, version=transcode.version, state=State.PROCESSING)
    return bool(own.update(percent=Case(When(percent__lt=percent, then=Value(percent)), default=F("percent"))))
