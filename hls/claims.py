"""Claiming work: how a worker gets a row that no other worker gets, keeps it, and loses it.

1. Look for a few rows that nobody works on and that are due, the fairest first.
2. Claim one with a conditional UPDATE that writes a new token and the end of the lease. The worker whose UPDATE changed
   the row has it; the others try their next row.
3. Renew the lease while the work runs; see hls.renewal.
4. Write the result and free the row, under the condition that the token is still there. Where no row changes, another
   worker has the work by now, and this one leaves everything as it is.
5. A worker that is told to stop gives its row back, which then is as it was before the claim.
6. A worker that is dead or silent has its row taken back by another one, which counts a loss.

The conditions of a claiming UPDATE name columns of its own row only: PostgreSQL checks those again after waiting for
another transaction, but not a subquery on another table.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from hls.core.errors import Stopped
from hls.core.quality import CHUNKS_BY_LADDER
from hls.leased import Leased
from hls.models import Chunk, ChunkState, Extraction, State, Transcode, Worker
from hls.tracks.models import ExtractionState

EARLY_CHUNKS = 3  # the first twelve seconds: somebody may be waiting for them
LONGEST_PUTTING_IN_S = 300  # a chunk's files; of these seconds a slow bucket takes a few
CANDIDATES = 5  # rows tried at a time; where other workers got all of them, the next attempt looks again


@dataclass(frozen=True)
class Claim:
    """One worker's right to one row, until its lease lapses."""

    token: str
    worker_id: int | None


def lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.HLS_LEASE_S)


def is_due(now: datetime) -> Q:
    return Q(not_before=None) | Q(not_before__lte=now)


def unfinished() -> QuerySet[Transcode]:
    """Transcodes whose chunks are all done: only their playlists and pictures are missing."""
    left = Chunk.objects.filter(transcode=OuterRef("pk")).exclude(state=ChunkState.DONE)
    return Transcode.objects.filter(~Exists(left), state=State.PROCESSING, lease_token="").filter(plan__isnull=False)


def unplanned() -> QuerySet[Transcode]:
    """Transcodes whose source is to be probed, at least its opening."""
    return Transcode.objects.filter(state=State.QUEUED, awaits_source=False, lease_token="")


def awaiting_source() -> QuerySet[Transcode]:
    """Transcodes whose source is still to be brought; see hls.sources.awaited."""
    return Transcode.objects.filter(state=State.QUEUED, awaits_source=True, lease_token="")


def opened() -> QuerySet[Transcode]:
    """Transcodes of whose source only the opening was probed: the whole is next, once no opening waits."""
    return Transcode.objects.filter(state=State.PROCESSING, plan__isnull=True, lease_token="")


def unsampled() -> QuerySet[Transcode]:
    """Transcodes whose own CRFs are to be found."""
    return Transcode.objects.filter(state=State.PROCESSING, is_sampling_due=True, lease_token="")


def waiting_chunks() -> QuerySet[Chunk]:
    """Early chunks of all transcodes go before later chunks of any, so that a short video waits for no long one.

    Where a transcode's own CRFs are still to be found, its later chunks don't count.
    """
    waiting = Chunk.objects.filter(state=ChunkState.WAITING, transcode__state=State.PROCESSING)
    ready = waiting.exclude(index__gte=CHUNKS_BY_LADDER, transcode__is_sampling_due=True)
    return ready.order_by("index", "transcode__queued_at", "pk")


def waiting_chunks_by_ladder() -> QuerySet[Chunk]:
    """Those that are made with the ladder's CRF in any video; finding its own can wait for them."""
    return waiting_chunks().filter(index__lt=CHUNKS_BY_LADDER)


def waiting_first_chunks() -> QuerySet[Chunk]:
    """Those that make a video playable."""
    return waiting_chunks().filter(index=0)


def early_chunks_left() -> QuerySet[Chunk]:
    """Those that somebody soon needs who has begun to watch, of transcodes of which no chunk is being made."""
    return waiting_chunks().filter(~being_made("transcode"), index__lt=EARLY_CHUNKS)


def opened_and_left() -> QuerySet[Transcode]:
    """Opened transcodes whose first chunk is not being made: to read the whole source would hold it up."""
    return opened().filter(~being_made("pk"))


def being_made(transcode: str) -> Exists:
    """Whether a chunk of the transcode is being made."""
    return Exists(Chunk.objects.filter(transcode=OuterRef(transcode), state=ChunkState.RUNNING))


def waiting_extractions() -> QuerySet[Extraction]:
    """Texts of sources whose first seconds are done: to take them out reads the whole source."""
    early = Chunk.objects.filter(transcode=OuterRef("transcode"), index__lt=EARLY_CHUNKS)
    is_begun = Exists(early.filter(state=ChunkState.DONE)) & ~Exists(early.exclude(state=ChunkState.DONE))
    can_be_watched = Q(transcode__state=State.READY) | is_begun
    return Extraction.objects.filter(can_be_watched, state=ExtractionState.WAITING, lease_token="")


def has_slot_soon(worker: Worker | None, *, besides: Chunk | None = None) -> bool:
    """Whether one of the worker's slots is free in a few seconds, or just between two steps.

    It then makes an early chunk, or holds nothing for a moment. The chunk of the express lane doesn't count, nor do
    sources that are brought: they take no slot.
    """
    chunks = Chunk.objects.filter(worker=worker, state=ChunkState.RUNNING)
    if besides:
        chunks = chunks.exclude(pk=besides.pk)
    if chunks.filter(index__lt=EARLY_CHUNKS).exists():
        return True
    if worker is None:
        return False
    others = (Transcode.objects.filter(awaits_source=False), Extraction.objects)
    held = chunks.count() + sum(rows.filter(worker=worker).exclude(lease_token="").count() for rows in others)
    return held < worker.slots


def is_urgent_work_waiting() -> bool:
    """Whether anything waits that hls.steps.do_urgent would do."""
    return is_any_due(waiting_first_chunks(), early_chunks_left(), unplanned(), opened_and_left())


def is_work_waiting() -> bool:
    return is_any_due(unplanned(), opened(), unsampled(), waiting_chunks(), unfinished(), waiting_extractions())


def is_any_due(*waiting: QuerySet[Transcode] | QuerySet[Chunk] | QuerySet[Extraction]) -> bool:
    """Whether there is a row in any of them whose time has come."""
    now = timezone.now()
    return any(rows.filter(is_due(now)).exists() for rows in waiting)


def claim_transcode(transcodes: QuerySet[Transcode], worker: Worker | None) -> tuple[Transcode, Claim] | None:
    """The first of these transcodes that no other worker gets; None where there is none."""
    claim = Claim(uuid4().hex, worker.pk if worker else None)
    for transcode in transcodes.filter(is_due(timezone.now())).order_by("queued_at", "pk")[:CANDIDATES]:
        free = Transcode.objects.filter(
            pk=transcode.pk, version=transcode.version, state=transcode.state, lease_token=""
        )
        won = free.update(lease_token=claim.token, lease_until=lease_end(), worker_id=claim.worker_id)
        if won and (fresh := owned_transcode(transcode, claim).first()):  # not deleted just now
            return fresh, claim
    return None


def claim_chunk(worker: Worker | None, chunks: QuerySet[Chunk] | None = None) -> tuple[Chunk, Claim] | None:
    """The first waiting chunk (of these) that no other worker gets; None where there is none."""
    claim = Claim(uuid4().hex, worker.pk if worker else None)
    for chunk in (waiting_chunks() if chunks is None else chunks).filter(is_due(timezone.now()))[:CANDIDATES]:
        won = Chunk.objects.filter(pk=chunk.pk, state=ChunkState.WAITING).update(
            state=ChunkState.RUNNING,
            lease_token=claim.token,
            lease_until=lease_end(),
            worker_id=claim.worker_id,
            started_at=timezone.now(),
            frames_done=0,
        )
        if won and (fresh := owned_chunk(chunk, claim).select_related("transcode").first()):
            return fresh, claim
    return None


def claim_extraction(worker: Worker | None) -> tuple[Extraction, Claim] | None:
    """The first extraction that no other worker gets; None where none waits."""
    claim = Claim(uuid4().hex, worker.pk if worker else None)
    for extraction in waiting_extractions().filter(is_due(timezone.now())).order_by("pk")[:CANDIDATES]:
        free = Extraction.objects.filter(pk=extraction.pk, state=ExtractionState.WAITING, lease_token="")
        won = free.update(lease_token=claim.token, lease_until=lease_end(), worker_id=claim.worker_id)
        if won and (fresh := owned_extraction(extraction, claim).select_related("transcode").first()):
            return fresh, claim
    return None


def owned_extraction(extraction: Extraction, claim: Claim) -> QuerySet[Extraction]:
    """The extraction's row while the claim holds; an empty queryset after that."""
    return Extraction.objects.filter(pk=extraction.pk, lease_token=claim.token)


def owned_transcode(transcode: Transcode, claim: Claim) -> QuerySet[Transcode]:
    """The transcode's row while the claim holds; an empty queryset after that."""
    return Transcode.objects.filter(pk=transcode.pk, version=transcode.version, lease_token=claim.token)


def owned_chunk(chunk: Chunk, claim: Claim) -> QuerySet[Chunk]:
    """The chunk's row while the claim holds; an empty queryset after that."""
    return Chunk.objects.filter(pk=chunk.pk, state=ChunkState.RUNNING, lease_token=claim.token)


@contextmanager
def putting_in(*, at_most_s: int = LONGEST_PUTTING_IN_S) -> Iterator[None]:
    """A transaction that holds a row while files are put in.

    Of a worker that hangs meanwhile, or whose machine is gone, PostgreSQL would learn after hours, or never.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{at_most_s}s'")
        yield


def still_ours(changed: QuerySet[Transcode] | QuerySet[Chunk]) -> Callable[[], None]:
    """For work inside of the transaction that has changed this row: raises where the transaction is over by now.

    As long as it is not, no other worker can change the row. A connection that is gone raises the database's error.
    """

    def check() -> None:
        if not changed.exists():
            raise Stopped

    return check


FREE = {"lease_token": "", "lease_until": None, "worker": None}


def give_back_transcode(transcode: Transcode, claim: Claim) -> None:
    owned_transcode(transcode, claim).update(**FREE)


def give_back_chunk(chunk: Chunk, claim: Claim) -> None:
    owned_chunk(chunk, claim).update(**FREE, state=ChunkState.WAITING, frames_done=0)


def unlocked[Row: Leased](rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those that no other transaction is changing, for an UPDATE within one. It waits for nobody who hangs."""
    free = rows.select_for_update(skip_locked=True).order_by()
    return rows.model._default_manager.filter(pk__in=free.values("pk"))


def take_back_transcodes(transcodes: QuerySet[Transcode]) -> int:
    """Free transcodes whose worker is gone."""
    return transcodes.exclude(lease_token="").update(**FREE, losses=F("losses") + 1)


def take_back_extractions(extractions: QuerySet[Extraction]) -> int:
    """Free extractions whose worker is gone."""
    return extractions.exclude(lease_token="").update(**FREE, losses=F("losses") + 1)


def take_back_chunks(chunks: QuerySet[Chunk]) -> int:
    """Free chunks whose worker is gone."""
    return chunks.filter(state=ChunkState.RUNNING).update(
        **FREE, state=ChunkState.WAITING, frames_done=0, losses=F("losses") + 1
    )


def requeue(transcodes: QuerySet[Transcode]) -> int:
    """Queue those that are failed or cancelled, and return how many; chunks that are done stay done."""
    requeued = 0
    for transcode_id in transcodes.values_list("pk", flat=True):
        with transaction.atomic():
            won = Transcode.objects.filter(pk=transcode_id, state__in=(State.FAILED, State.CANCELLED)).update(
                state=State.QUEUED,
                attempts=F("attempts") + 1,
                losses=0,
                error_code="",
                error_reason="",
                retry_at=None,
                not_before=None,
                finished_at=None,
                queued_at=timezone.now(),
            )
            if won:
                Chunk.objects.filter(
                    transcode_id=transcode_id, state__in=(ChunkState.WAITING, ChunkState.FAILED)
                ).update(state=ChunkState.WAITING, attempts=0, losses=0, not_before=None, frames_done=0)
        requeued += won
    return requeued
