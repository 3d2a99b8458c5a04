"""What a worker does: plan a film, encode a chunk, finish a film. Every step can be run twice without harm.

Long work happens outside transactions. Expected failures become row state here and nowhere else.
"""

import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from django.db.models import Case, F, Sum, Value, When
from django.utils import timezone

from hls import claims, finishing
from hls.binary import encoder, limits
from hls.core.chunk import ChunkFacts
from hls.core.encode import encode_chunk
from hls.core.errors import CannotCopy, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.plan import Plan, make_plan
from hls.core.probe import probe
from hls.folders import chunk_folder, finish_folder, move_in, remove, source_path, version_folder
from hls.models import Chunk, ChunkState, State, Transcode, Worker

log = structlog.get_logger("videoflix.hls")

MOST_ATTEMPTS = 3  # of ffmpeg on one chunk, for causes that may pass
MOST_LOSSES = 30  # workers that vanished over one chunk or film before it is taken for their murderer
RENEW_EVERY_S = 2.0
FIRST_BACKOFF_S = 5
LONGEST_BACKOFF_S = 600

stopping = threading.Event()


def stop_working() -> None:
    """Tell every encoder of this process to end; its chunk is given back at once."""
    stopping.set()


def do_next(worker: Worker | None = None) -> bool:
    """Do the next best piece of work; False when there is none."""
    if stopping.is_set():
        return False
    if found := claims.claim_film(claims.unfinished(), worker):
        return finish_film(*found)
    if found := claims.claim_film(claims.unplanned(), worker):
        return plan_film(*found)
    if chunk := claims.claim_chunk(worker):
        return do_chunk(*chunk)
    return False


def plan_film(film: Transcode, claim: claims.Claim) -> bool:
    """Probe the source and write the whole plan at once."""
    claims.owned_film(film, claim).update(started_at=timezone.now())
    try:
        if film.losses > MOST_LOSSES:
            raise TranscodeError(Code.UNREADABLE, "workers keep dying while probing")
        plan = Plan.from_json(film.plan) if film.plan else make_plan(probe(source_path(film.source), limits=limits()))
        keep_reserve(film, plan)
        write_plan(film, claim, plan)
    except TranscodeError as error:
        fail_film(film, error)
    except Stopped:
        claims.give_back_film(film, claim)
    return True


def keep_reserve(film: Transcode, plan: Plan) -> None:
    """Refuse to begin what the disk has no room for; the ladder's caps bound a film's size."""
    kbps = sum(rendition.maxrate_kbps + rendition.audio_kbps for rendition in plan.renditions)
    first_minutes = min(float(plan.timeline.duration_s), 120.0)
    free_bytes(film, needed=int(kbps * 1000 / 8 * first_minutes))


def free_bytes(film: Transcode, *, needed: int) -> int:
    """Free bytes above the reserve. Raises TranscodeError(DISK_FULL) where fewer than needed are left."""
    folder = Path(settings.HLS_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free - int(settings.DISK_RESERVE_BYTES)
    if free < needed:
        raise TranscodeError(Code.DISK_FULL, f"{free} bytes free above the reserve, {needed} needed")
    return free


@transaction.atomic
def write_plan(film: Transcode, claim: claims.Claim, plan: Plan) -> None:
    won = claims.owned_film(film, claim).update(
        plan=plan.to_json(), state=State.PROCESSING, error_code="", error_reason="", losses=0, **claims.FREE
    )
    if won:
        write_chunks(film, plan)


def write_chunks(film: Transcode, plan: Plan) -> None:
    rows = [Chunk(transcode=film, index=span.index, frame_count=span.frame_count) for span in plan.timeline.chunks]
    Chunk.objects.bulk_create(rows, ignore_conflicts=True)


def do_chunk(chunk: Chunk, claim: claims.Claim) -> bool:
    """Encode one chunk into a private folder, then move it in and mark it done in the same breath."""
    film = chunk.transcode
    folder = chunk_folder(film.pk, film.version, chunk.index, claim.token)
    try:
        facts = make_chunk(chunk, claim, folder)
        accept_chunk(chunk, claim, folder, facts)
    except CannotCopy as error:
        encode_instead(chunk, claim, error)
    except EncoderKilled as error:
        lose_chunk(chunk, claim, error)
    except TranscodeError as error:
        fail_chunk(chunk, claim, error)
    except Stopped:
        claims.give_back_chunk(chunk, claim)
    finally:
        remove(folder)
    if found := claims.claim_film(claims.unfinished().filter(pk=film.pk), None):
        finish_film(*found)
    return True


def make_chunk(chunk: Chunk, claim: claims.Claim, folder: Path) -> ChunkFacts:
    film = chunk.transcode
    if film.state != State.PROCESSING or film.plan is None:
        raise Stopped
    if chunk.losses > MOST_LOSSES:
        raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying over this chunk")
    plan = Plan.from_json(film.plan)
    free_bytes(film, needed=0)
    heart = Heartbeat(chunk, claim)
    folder.mkdir(parents=True)
    log.info("chunk begins", transcode=film.pk, version=film.version, chunk=chunk.index)
    return encode_chunk(
        plan,
        chunk.index,
        source=source_path(film.source),
        folder=folder,
        encoder=encoder(),
        on_progress=heart.beat,
        should_stop=heart.is_over,
    )


class Heartbeat:
    """Renews a chunk's lease while ffmpeg works, and notices when the chunk is no longer ours.

    A database that is away for a moment costs a beat, not the chunk: the lease lasts for many beats.
    """

    def __init__(self, chunk: Chunk, claim: claims.Claim) -> None:
        self.chunk = chunk
        self.claim = claim
        self.is_lost = False
        self.next_beat = 0.0

    def beat(self, frames_done: int) -> None:
        if time.monotonic() < self.next_beat:
            return
        self.next_beat = time.monotonic() + RENEW_EVERY_S
        try:
            self.is_lost = not self.renew(frames_done) or not raise_percent(self.chunk.transcode)
        except OperationalError:
            log.warning("heartbeat missed", transcode=self.chunk.transcode_id, chunk=self.chunk.index)
            close_old_connections()

    def renew(self, frames_done: int) -> bool:
        own = claims.owned_chunk(self.chunk, self.claim)
        return bool(own.update(frames_done=frames_done, lease_until=claims.lease_end()))

    def is_over(self) -> bool:
        return self.is_lost or stopping.is_set()


def raise_percent(film: Transcode) -> bool:
    """Bring the film's percent up to its chunks' frames, never down. False when the film is no longer processed."""
    frames = Chunk.objects.filter(transcode_id=film.pk).aggregate(done=Sum("frames_done"), all=Sum("frame_count"))
    percent = min(99.0, 100 * (frames["done"] or 0) / (frames["all"] or 1))
    own = Transcode.objects.filter(pk=film.pk, version=film.version, state=State.PROCESSING)
    return bool(own.update(percent=Case(When(percent__lt=percent, then=Value(percent)), default=F("percent"))))


def accept_chunk(chunk: Chunk, claim: claims.Claim, folder: Path, facts: ChunkFacts) -> None:
    """Move the files to their final names and mark the chunk done: both, or neither.

    The row's lock is held meanwhile, so nobody else can move the same chunk in; if this worker dies in between, the row
    still says running, and the next one writes the same names again.
    """
    film = chunk.transcode
    with transaction.atomic():
        won = claims.owned_chunk(chunk, claim).update(
            **claims.FREE,
            state=ChunkState.DONE,
            facts=facts.to_json(),
            frames_done=F("frame_count"),
            finished_at=timezone.now(),
        )
        if not won:
            raise Stopped
        move_in(folder, version_folder(film.pk, film.version))
    if chunk.index == 0:
        Transcode.objects.filter(pk=film.pk, playable_at=None).update(playable_at=timezone.now())
    raise_percent(film)
    log.info("chunk done", transcode=film.pk, version=film.version, chunk=chunk.index)


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


def fail_chunk(chunk: Chunk, claim: claims.Claim, error: TranscodeError) -> None:
    """Try again later where the cause may pass, else fail the film."""
    attempts = chunk.attempts + 1
    may_pass = error.advice.is_temporary and error.code != Code.DISK_FULL and attempts < MOST_ATTEMPTS
    log.warning("chunk failed", transcode=chunk.transcode_id, chunk=chunk.index, code=error.code, detail=error.detail)
    won = claims.owned_chunk(chunk, claim).update(
        **claims.FREE,
        state=ChunkState.WAITING if may_pass else ChunkState.FAILED,
        attempts=attempts,
        frames_done=0,
        not_before=timezone.now() + backoff(attempts) if may_pass else None,
    )
    if won and not may_pass:
        fail_film(chunk.transcode, error)


@transaction.atomic
def encode_instead(chunk: Chunk, claim: claims.Claim, error: CannotCopy) -> None:
    """Begin the film anew without copying; as another version, because published segments never change."""
    film = chunk.transcode
    if not claims.owned_chunk(chunk, claim).select_for_update().exists():
        return
    log.warning("film can't be copied", transcode=film.pk, chunk=chunk.index, detail=error.detail)
    plan = make_plan(Plan.from_json(film.plan or {}).source, may_copy=False)
    Chunk.objects.filter(transcode=film).delete()
    Transcode.objects.filter(pk=film.pk, version=film.version).update(
        plan=plan.to_json(),
        version=F("version") + 1,
        playable_at=Case(When(served_version=None, then=Value(None)), default=F("playable_at")),
    )
    write_chunks(film, plan)


def backoff(attempts: int) -> timedelta:
    return timedelta(seconds=min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 3 ** (attempts - 1)))


def fail_film(film: Transcode, error: TranscodeError) -> None:
    """The one place where a failure becomes the film's state. A full disk is tried again by itself, with back-off."""
    log.warning("film failed", transcode=film.pk, version=film.version, code=error.code, detail=error.detail)
    now = timezone.now()
    retry_at = now + backoff(film.attempts + 1) if error.code == Code.DISK_FULL else None
    with transaction.atomic():
        failed = Transcode.objects.filter(
            pk=film.pk, version=film.version, state__in=(State.QUEUED, State.PROCESSING)
        ).update(
            **claims.FREE,
            state=State.FAILED,
            error_code=error.code,
            error_reason=error.reason or "",
            retry_at=retry_at,
            finished_at=now,
        )
        if failed:
            Chunk.objects.filter(transcode_id=film.pk, state=ChunkState.RUNNING).update(
                **claims.FREE, state=ChunkState.WAITING, frames_done=0
            )


def finish_film(film: Transcode, claim: claims.Claim) -> bool:
    """Write playlists and pictures into a private folder, then move them in and switch the pointer."""
    folder = finish_folder(film.pk, film.version, claim.token)
    try:
        if film.losses > MOST_LOSSES:
            raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying while finishing")
        served = finishing.write_files(film, folder)
        if finishing.publish(film, claim, served, folder):
            log.info("film ready", transcode=film.pk, version=film.version, size_bytes=served.size_bytes)
    except TranscodeError as error:
        fail_film(film, error)
    except Stopped:
        claims.give_back_film(film, claim)
    finally:
        remove(folder)
    return True
