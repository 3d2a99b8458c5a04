"""What becomes of a chunk or a transcode that can't be made.

Where the cause may pass, it is tried again after a pause that grows; otherwise the transcode fails. Expected failures
become row state here and nowhere else, and only a worker that holds the claim writes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from hls import claims, events
from hls.core.errors import DISK_IS_FULL, Code, EncoderKilled, TranscodeError
from hls.events import EngineEvent
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode
from hls.store.interface import StoreFailed

log = structlog.get_logger("videoflix.hls")

MOST_ATTEMPTS = 3  # to encode a chunk, or to plan or finish a transcode, where the cause may pass
FIRST_BACKOFF_S = 5
LONGEST_BACKOFF_S = 600
PUT_OFF_FOR = timedelta(seconds=10)


@contextmanager
def report_full_disk() -> Iterator[None]:
    """Raises TranscodeError(DISK_FULL) for an OSError that means a full disk or quota; others pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_IS_FULL:
            raise
        raise TranscodeError(Code.DISK_FULL, str(error)) from error


def lose_chunk(chunk: Chunk, claim: claims.Claim, error: EncoderKilled) -> None:
    """Begin the chunk again soon. Each loss makes the pause a second longer, in case the machine is short of memory."""
    log.warning("chunk lost", transcode_id=chunk.transcode_id, chunk=chunk.index, detail=error.detail)
    pause = timedelta(seconds=min(60, chunk.losses))
    claims.owned_chunk(chunk, claim).update(
        **claims.FREE,
        state=ChunkState.WAITING,
        losses=F("losses") + 1,
        frames_done=0,
        not_before=timezone.now() + pause,
    )


def put_off_chunk(chunk: Chunk, claim: claims.Claim, error: StoreFailed) -> None:
    """Begin the chunk again soon, as often as it takes: that the store can't be reached says nothing of the chunk."""
    log.warning("chunk put off", transcode_id=chunk.transcode_id, chunk=chunk.index, reason=error.strerror)
    claims.owned_chunk(chunk, claim).update(
        **claims.FREE, state=ChunkState.WAITING, frames_done=0, not_before=timezone.now() + PUT_OFF_FOR
    )


def put_off_transcode(own: QuerySet[Transcode], transcode: Transcode, error: StoreFailed) -> None:
    """As put_off_chunk. `own` is the row while the caller's claim holds, and empty after that."""
    log.warning("transcode put off", transcode_id=transcode.pk, reason=error.strerror)
    own.update(**claims.FREE, not_before=timezone.now() + PUT_OFF_FOR)


@transaction.atomic
def fail_chunk(chunk: Chunk, claim: claims.Claim, error: TranscodeError) -> None:
    """Try the chunk again later where the cause may pass; else fail it and its transcode in one transaction."""
    attempts = chunk.attempts + 1
    may_pass = error.advice.is_temporary and error.code != Code.DISK_FULL and attempts < MOST_ATTEMPTS
    log.warning(
        "chunk failed", transcode_id=chunk.transcode_id, chunk=chunk.index, code=error.code, detail=error.detail
    )
    locked = locked_transcode(chunk.transcode)
    won = claims.owned_chunk(chunk, claim).update(
        **claims.FREE,
        state=ChunkState.WAITING if may_pass else ChunkState.FAILED,
        attempts=attempts,
        frames_done=0,
        not_before=timezone.now() + backoff(attempts) if may_pass else None,
    )
    if won and not may_pass:
        fail_transcode(locked, chunk.transcode, error, may_pass=False)


def fail_transcode(own: QuerySet[Transcode], transcode: Transcode, error: TranscodeError, *, may_pass: bool) -> None:
    """Write a failure into the transcode's row. `own` is that row while the caller's claim holds, and empty after that.

    After a full disk it is tried again by itself until there is room; for other causes that may pass, a few times.
    """
    now = timezone.now()
    with transaction.atomic():
        failed = own.filter(state__in=ACTIVE).update(
            **claims.FREE,
            state=State.FAILED,
            error_code=error.code,
            error_reason=error.reason or "",
            retry_at=retry_time(transcode, error, may_pass=may_pass),
            finished_at=now,
        )
        if failed:
            Chunk.objects.filter(transcode_id=transcode.pk, state=ChunkState.RUNNING).update(
                **claims.FREE, state=ChunkState.WAITING, frames_done=0
            )
            events.tell(EngineEvent.FAILED, transcode.pk)
    if failed:
        log.warning(
            "transcode failed",
            transcode_id=transcode.pk,
            version=transcode.version,
            code=error.code,
            detail=error.detail,
        )


def retry_time(transcode: Transcode, error: TranscodeError, *, may_pass: bool) -> datetime | None:
    """When it is queued again by itself; None where a person has to retry it, which allows MOST_ATTEMPTS more tries."""
    if error.code != Code.DISK_FULL and not (may_pass and transcode.attempts % MOST_ATTEMPTS):
        return None
    return timezone.now() + backoff(transcode.attempts + 1)


def backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 3 ** (attempts - 1)))


def locked_transcode(transcode: Transcode) -> QuerySet[Transcode]:
    """Lock the transcode's row and return it; empty where its version is another one by now.

    Every transaction that changes a transcode and its chunks locks the transcode first, so that no two deadlock.
    """
    own = Transcode.objects.filter(pk=transcode.pk, version=transcode.version)
    own.select_for_update().values_list("pk").first()
    return own
