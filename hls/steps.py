"""What a worker does: plan a film, encode a chunk, finish a film. Every step can be run twice without harm.

Long work happens outside transactions. What fails is taken to hls.failing.
"""

import shutil
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from hls import claims, finishing, identity, renewal, upkeep
from hls.binary import encoder, limits
from hls.core.chunk import ChunkFacts
from hls.core.encode import encode_chunk
from hls.core.errors import CannotCopy, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.plan import Plan, make_plan
from hls.core.probe import probe
from hls.errors import NotOurs
from hls.failing import fail_chunk, fail_film, full_disk_told, locked_film, lose_chunk
from hls.folders import chunk_folder, finish_folder, hls_root, move_in, remove, source_path, version_folder
from hls.models import Chunk, ChunkState, Discarded, Root, State, Transcode, Worker
from hls.renewal import ChunkHeartbeat, Heartbeat, raise_percent

log = structlog.get_logger("videoflix.hls")

MOST_LOSSES = 30  # workers that vanished over one chunk or film before it is taken for their murderer


def stop_working() -> None:
    """Tell every piece of work of this process to end; what it is for is given back at once."""
    renewal.stopping.set()


def do_next(worker: Worker | None = None) -> bool:
    """Do the next best piece of work; False when there is none."""
    if renewal.stopping.is_set():
        return False
    if not is_ours():
        return False
    if found := claims.claim_film(claims.unfinished(), worker):
        return finish_film(*found)
    if found := claims.claim_film(claims.unplanned(), worker):
        return plan_film(*found)
    if chunk := claims.claim_chunk(worker):
        return do_chunk(*chunk)
    return False


def is_ours() -> bool:
    """Whether the folder to work in is the database's: another's films have the same numbers. The sweeps tell of it."""
    try:
        identity.take_up(hls_root(), upkeep.share)
    except NotOurs:
        return False
    return True


def plan_film(film: Transcode, claim: claims.Claim) -> bool:
    """Probe the source and write the whole plan at once."""
    own = claims.owned_film(film, claim)
    own.update(started_at=timezone.now())
    try:
        if film.losses > MOST_LOSSES:
            raise TranscodeError(Code.UNREADABLE, "workers keep dying while probing")
        keep_reserve(film, plan := planned(film, Heartbeat(own)))
        write_plan(film, claim, plan)
    except TranscodeError as error:
        fail_film(own, film, error, may_pass=error.advice.is_temporary)
    except Stopped:
        claims.give_back_film(film, claim)
    return True


def planned(film: Transcode, heart: Heartbeat) -> Plan:
    """The plan that is there already, as after a retry, or a new one. Raises TranscodeError, Stopped."""
    if film.plan:
        return Plan.from_json(film.plan)
    return make_plan(probe(source_path(film.source), limits=limits(), watch=heart.watch()))


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
        with full_disk_told():
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
    heart = ChunkHeartbeat(chunk, claim)
    folder.mkdir(parents=True)
    log.info("chunk begins", transcode=film.pk, version=film.version, chunk=chunk.index)
    return encode_chunk(
        plan,
        chunk.index,
        source=source_path(film.source),
        folder=folder,
        encoder=encoder(),
        on_progress=heart.tell,
        should_stop=heart.is_over,
    )


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


@transaction.atomic
def encode_instead(chunk: Chunk, claim: claims.Claim, error: CannotCopy) -> None:
    """Begin the film anew without copying; as another version, because published segments never change."""
    film = chunk.transcode
    version = locked_film(film)
    if not claims.owned_chunk(chunk, claim).select_for_update().exists():
        return
    log.warning("film can't be copied", transcode=film.pk, chunk=chunk.index, detail=error.detail)
    plan = make_plan(Plan.from_json(film.plan or {}).source, may_copy=False)
    Chunk.objects.filter(transcode=film).delete()
    Discarded.add(Root.HLS, [f"{film.pk}/{film.version}"])
    version.update(
        plan=plan.to_json(),
        version=F("version") + 1,
        playable_at=Case(When(served_version=None, then=Value(None)), default=F("playable_at")),
    )
    write_chunks(film, plan)


def finish_film(film: Transcode, claim: claims.Claim) -> bool:
    """Write playlists and pictures into a private folder, then move them in and switch the pointer."""
    folder = finish_folder(film.pk, film.version, claim.token)
    own = claims.owned_film(film, claim)
    is_deadly = film.losses > MOST_LOSSES
    try:
        if is_deadly:
            raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying while finishing")
        with full_disk_told():
            served = finishing.write_files(film, folder, Heartbeat(own))
            if finishing.publish(film, claim, served, folder):
                log.info("film ready", transcode=film.pk, version=film.version, size_bytes=served.size_bytes)
    except TranscodeError as error:
        fail_film(own, film, error, may_pass=error.advice.is_temporary and not is_deadly)
    except Stopped:
        claims.give_back_film(film, claim)
    finally:
        remove(folder)
    return True
