"""Times in rows that were written by a clock that was ahead, until somebody set it right.

They lie further ahead than anything that is written now: leases end hours later, and pauses are over then. They are
brought back to what would be written now. Whoever is alive goes on all the same, and renews its lease.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hls import claims
from hls.failing import LONGEST_BACKOFF_S
from hls.models import ACTIVE, Chunk, ChunkState, Extraction, State, Transcode, Worker

CLOCKS_DIFFER = timedelta(seconds=30)  # of two machines, at most


def seen_within(silence: timedelta) -> QuerySet[Worker]:
    """Workers that have shown themselves lately. By a clock that was ahead they may do so hours after their end."""
    now = timezone.now()
    return Worker.objects.filter(last_seen__range=(now - silence, now + silence))


def is_ahead(name: str, latest: datetime) -> Q:
    return Q(**{f"{name}__gt": latest + CLOCKS_DIFFER})


def bring_back() -> None:
    """Bring back the engine's times. A row that another transaction is changing is left to the next call."""
    now, lease_end = timezone.now(), claims.lease_end()
    pause_end = now + timedelta(seconds=LONGEST_BACKOFF_S)
    held, paused = is_ahead("lease_until", lease_end), is_ahead("not_before", pause_end)
    with transaction.atomic():
        claims.unlocked(Transcode.objects.filter(held)).update(lease_until=lease_end)
        claims.unlocked(Chunk.objects.filter(held)).update(lease_until=lease_end)
        claims.unlocked(Extraction.objects.filter(held)).update(lease_until=lease_end)
        claims.unlocked(Transcode.objects.filter(paused, state__in=ACTIVE)).update(not_before=now)
        claims.unlocked(Chunk.objects.filter(paused, state=ChunkState.WAITING)).update(not_before=now)
        claims.unlocked(Extraction.objects.filter(paused)).update(not_before=now)
        failed = Transcode.objects.filter(is_ahead("retry_at", pause_end), state=State.FAILED)
        claims.unlocked(failed).update(retry_at=now)
    Worker.objects.filter(is_ahead("last_seen", now)).update(last_seen=now)
