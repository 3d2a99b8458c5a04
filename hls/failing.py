"""What becomes of a chunk or a video that can't be made: tried again with back-off where the cause may pass, or failed.

Expected failures become row state here and nowhere else, and only for who holds the claim.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from hls import claims
from hls.core.errors import Code, EncoderKilled, TranscodeError
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode

log = structlog.get_logger("videoflix.hls")

MOST_ATTEMPTS = 3  # of ffmpeg on one chunk, of planning or finishing a video, for causes that may pass
FIRST_BACKOFF_S = 5
LONGEST_BACKOFF_S = 600
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def full_disk_told() -> Iterator[None]:
    """A full disk is the video's failure, whichever step met it. Raises TranscodeError(DISK_FULL)."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_IS_FULL:
            raise
        raise TranscodeError(Code.DISK_FULL, str(error)) from error


def lose_chunk(chunk: Chunk, claim: claims.Claim, error: EncoderKilled) -> None:
    """Begin the chunk again soon; each loss makes the pause a little longer, in case the machine is short of memory."""
    log.warning("chunk lost", transcode=chunk.transcode_id, chunk=chunk.index, detail=error.detail)
    pause = timedelta(seconds=min(60, chunk.losses))
    claims.owned_chunk(chunk, claim).update(
        **claims.FREE,
        state=ChunkState.WAITING,
        losses=F("losses") + 1,
        frames_done=0,
        not_before=timezone.now() + pause,
    )


@transaction.atomic
def fail_chunk(chunk: Chunk, claim: claims.Claim, error: TranscodeError) -> None:
    """Try again later where the cause may pass, else fail the video in the same breath."""
    attempts = chunk.attempts + 1
    may_pass = error.advice.is_temporary and error.code != Code.DISK_FULL and attempts < MOST_ATTEMPTS
    log.warning("chunk failed", transcode=chunk.transcode_id, chunk=chunk.index, code=error.code, detail=error.detail)
    transcode = locked_transcode(chunk.transcode)
    won = claims.owned_chunk(chunk, claim).update(
        **claims.FREE,
        state=ChunkState.WAITING if may_pass else ChunkState.FAILED,
        attempts=attempts,
        frames_done=0,
        not_before=timezone.now() + backoff(attempts) if may_pass else None,
    )
    if won and not may_pass:
        fail_transcode(transcode, chunk.transcode, error, may_pass=False)


def fail_transcode(own: QuerySet[Transcode], transcode: Transcode, error: TranscodeError, *, may_pass: bool) -> None:
    """The one place where a failure becomes the video's state: where `own`, the row of whoever holds the claim, has it.

    A full disk is tried again by itself until there is room, other causes that may pass a few times.
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
    if failed:
        log.warning(
            "video failed", transcode=transcode.pk, version=transcode.version, code=error.code, detail=error.detail
        )


def retry_time(transcode: Transcode, error: TranscodeError, *, may_pass: bool) -> datetime | None:
    """When the video is queued again by itself; None where a person has to do it, who gives it as many tries again."""
    if error.code != Code.DISK_FULL and not (may_pass and transcode.attempts % MOST_ATTEMPTS):
        return None
    return timezone.now() + backoff(transcode.attempts + 1)


def backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 3 ** (attempts - 1)))


def locked_transcode(transcode: Transcode) -> QuerySet[Transcode]:
    """The version at hand. Whoever changes a video and its chunks locks the video first, so that nobody deadlocks."""
    version = Transcode.objects.filter(pk=transcode.pk, version=transcode.version)
    version.select_for_update().values_list("pk").first()
    return version
