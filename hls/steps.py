"""What a worker does: plan a video, encode a chunk, finish a video. Every step can be run twice without harm.

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
from hls.failing import fail_chunk, fail_transcode, full_disk_told, locked_transcode, lose_chunk
from hls.folders import chunk_folder, finish_folder, hls_root, move_in, remove, source_path, version_folder
from hls.models import Chunk, ChunkState, Discarded, Root, State, Transcode, Worker
from hls.renewal import ChunkRenewal, LeaseRenewal, raise_percent

log = structlog.get_logger("videoflix.hls")

MOST_LOSSES = 30  # workers that vanished over one chunk or video before it is taken for their murderer


def stop_working() -> None:
    """Tell every piece of work of this process to end; what it is for is given back at once."""
    renewal.stopping.set()


def do_next(worker: Worker | None = None) -> bool:
    """Do the next best piece of work; False when there is none."""
    if renewal.stopping.is_set():
        return False
    if not is_ours():
        return False
    if found := claims.claim_transcode(claims.unfinished(), worker):
        return finish_transcode(*found)
    if found := claims.claim_transcode(claims.unplanned(), worker):
        return plan_transcode(*found)
    if chunk := claims.claim_chunk(worker):
        return do_chunk(*chunk)
    return False


def is_ours() -> bool:
    """Whether the folder to work in is the database's: another's transcodes have the same ids. Sweeps tell of it."""
    try:
        identity.take_up(hls_root(), upkeep.share)
    except NotOurs:
        return False
    return True


def plan_transcode(transcode: Transcode, claim: claims.Claim) -> bool:
    """Probe the source and write the whole plan at once."""
    own = claims.owned_transcode(transcode, claim)
    own.update(started_at=timezone.now())
    try:
        if transcode.losses > MOST_LOSSES:
            raise TranscodeError(Code.UNREADABLE, "workers keep dying while probing")
        keep_reserve(transcode, plan := planned(transcode, LeaseRenewal(own)))
        write_plan(transcode, claim, plan)
    except TranscodeError as error:
        fail_transcode(own, transcode, error, may_pass=error.advice.is_temporary)
    except Stopped:
        claims.give_back_transcode(transcode, claim)
    return True


def planned(transcode: Transcode, lease: LeaseRenewal) -> Plan:
    """The plan that is there already, as after a retry, or a new one. Raises TranscodeError, Stopped."""
    if transcode.plan:
        return Plan.from_json(transcode.plan)
    return make_plan(probe(source_path(transcode.source), limits=limits(), watch=lease.watch()))


def keep_reserve(transcode: Transcode, plan: Plan) -> None:
    """Refuse to begin what the disk has no room for; the ladder's caps bound a video's size."""
    kbps = sum(rendition.maxrate_kbps + rendition.audio_kbps for rendition in plan.renditions)
    first_minutes = min(float(plan.timeline.duration_s), 120.0)
    free_bytes(transcode, needed=int(kbps * 1000 / 8 * first_minutes))


def free_bytes(transcode: Transcode, *, needed: int) -> int:
    """Free bytes above the reserve. Raises TranscodeError(DISK_FULL) where fewer than needed are left."""
    folder = Path(settings.HLS_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free - int(settings.DISK_RESERVE_BYTES)
    if free < needed:
        raise TranscodeError(Code.DISK_FULL, f"{free} bytes free above the reserve, {needed} needed")
    return free


@transaction.atomic
def write_plan(transcode: Transcode, claim: claims.Claim, plan: Plan) -> None:
    won = claims.owned_transcode(transcode, claim).update(
        plan=plan.to_json(), state=State.PROCESSING, error_code="", error_reason="", losses=0, **claims.FREE
    )
    if won:
        write_chunks(transcode, plan)


def write_chunks(transcode: Transcode, plan: Plan) -> None:
    rows = [Chunk(transcode=transcode, index=span.index, frame_count=span.frame_count) for span in plan.timeline.chunks]
    Chunk.objects.bulk_create(rows, ignore_conflicts=True)


def do_chunk(chunk: Chunk, claim: claims.Claim) -> bool:
    """Encode one chunk into a private folder, then move it in and mark it done in the same breath."""
    transcode = chunk.transcode
    folder = chunk_folder(transcode.pk, transcode.version, chunk.index, claim.token)
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
    if found := claims.claim_transcode(claims.unfinished().filter(pk=transcode.pk), None):
        finish_transcode(*found)
    return True


def make_chunk(chunk: Chunk, claim: claims.Claim, folder: Path) -> ChunkFacts:
    transcode = chunk.transcode
    if transcode.state != State.PROCESSING or transcode.plan is None:
        raise Stopped
    if chunk.losses > MOST_LOSSES:
        raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying over this chunk")
    plan = Plan.from_json(transcode.plan)
    free_bytes(transcode, needed=0)
    lease = ChunkRenewal(chunk, claim)
    folder.mkdir(parents=True)
    log.info("chunk begins", transcode=transcode.pk, version=transcode.version, chunk=chunk.index)
    return encode_chunk(
        plan,
        chunk.index,
        source=source_path(transcode.source),
        folder=folder,
        encoder=encoder(),
        on_progress=lease.tell,
        should_stop=lease.is_over,
    )


def accept_chunk(chunk: Chunk, claim: claims.Claim, folder: Path, facts: ChunkFacts) -> None:
    """Move the files to their final names and mark the chunk done: both, or neither.

    The row's lock is held meanwhile, so nobody else can move the same chunk in; if this worker dies in between, the row
    still says running, and the next one writes the same names again.
    """
    transcode = chunk.transcode
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
        move_in(folder, version_folder(transcode.pk, transcode.version))
    if chunk.index == 0:
        Transcode.objects.filter(pk=transcode.pk, playable_at=None).update(playable_at=timezone.now())
    raise_percent(transcode)
    log.info("chunk done", transcode=transcode.pk, version=transcode.version, chunk=chunk.index)


@transaction.atomic
def encode_instead(chunk: Chunk, claim: claims.Claim, error: CannotCopy) -> None:
    """Begin the video anew without copying; as another version, because published segments never change."""
    transcode = chunk.transcode
    version = locked_transcode(transcode)
    if not claims.owned_chunk(chunk, claim).select_for_update().exists():
        return
    log.warning("video can't be copied", transcode=transcode.pk, chunk=chunk.index, detail=error.detail)
    plan = make_plan(Plan.from_json(transcode.plan or {}).source, may_copy=False)
    Chunk.objects.filter(transcode=transcode).delete()
    Discarded.add(Root.HLS, [f"{transcode.pk}/{transcode.version}"])
    version.update(
        plan=plan.to_json(),
        version=F("version") + 1,
        playable_at=Case(When(served_version=None, then=Value(None)), default=F("playable_at")),
    )
    write_chunks(transcode, plan)


def finish_transcode(transcode: Transcode, claim: claims.Claim) -> bool:
    """Write playlists and pictures into a private folder, then move them in and switch the pointer."""
    folder = finish_folder(transcode.pk, transcode.version, claim.token)
    own = claims.owned_transcode(transcode, claim)
    is_deadly = transcode.losses > MOST_LOSSES
    try:
        if is_deadly:
            raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying while finishing")
        with full_disk_told():
            served = finishing.write_files(transcode, folder, LeaseRenewal(own))
            if finishing.publish(transcode, claim, served, folder):
                log.info("video ready", transcode=transcode.pk, version=transcode.version, size_bytes=served.size_bytes)
    except TranscodeError as error:
        fail_transcode(own, transcode, error, may_pass=error.advice.is_temporary and not is_deadly)
    except Stopped:
        claims.give_back_transcode(transcode, claim)
    finally:
        remove(folder)
    return True
