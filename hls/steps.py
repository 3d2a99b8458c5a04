"""A worker's steps: plan a transcode, encode a chunk, finish a transcode.

A transcode goes through them in this order; each may be done by another worker, which claims it first (hls.claims):

1. Plan: probe the source, then write the plan and its chunks, waiting, in one transaction. Of a long source, only the
   opening is probed at first (hls.opening), and its first chunk goes before the rest.
2. Encode each chunk into a private folder, then put its files in and mark it done in one transaction. Where the source
   turns out unfit for copying, all chunks begin again as another version, without copying.
   The first few chunks of a long video are made with the ladder's CRF; meanwhile its own are found (hls.sampling).
3. From the third chunk on, take the texts out of the source, if it has any (hls.tracks.extracting).
4. Finish, once all chunks are done and their segments are there: write playlists and pictures into a private folder,
   then put them in and publish the version in one transaction.

Every step can be run twice without harm. Long work happens outside transactions. A TranscodeError becomes row state in
hls.failing; where the store can't be reached, a chunk that is encoded waits for it (hls.patience), and after that the
step is put off. Stopped means that the claim is lost or the worker
ends: the step gives back what it still holds.
"""

from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from hls import (
    claims,
    completeness,
    events,
    finishing,
    identity,
    numbering,
    opening,
    planning,
    renewal,
    sampling,
    upkeep,
)
from hls.binary import let_encoders_give_way
from hls.core.chunk import ChunkFacts
from hls.core.errors import CannotCopy, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.plan import Plan, without_copying
from hls.errors import NotOurs
from hls.failing import (
    fail_chunk,
    fail_transcode,
    locked_transcode,
    lose_chunk,
    put_off_chunk,
    put_off_transcode,
    report_full_disk,
)
from hls.folders import chunk_folder, finish_folder, remove
from hls.models import PLAYABLE_AS_SERVED, Chunk, ChunkState, Discarded, Root, State, Transcode, Worker
from hls.patience import patiently
from hls.planning import MOST_LOSSES
from hls.removal import erase
from hls.renewal import ChunkRenewal, LeaseRenewal, update_percent
from hls.sources.local import encoded
from hls.store.interface import StoreFailed
from hls.stores import private_place, uploads, version_place, versions
from hls.tracks import extracting

log = structlog.get_logger("videoflix.hls")


def stop_working() -> None:
    """Make all work of this process stop soon and give back what it has claimed."""
    renewal.stopping.set()


def do_next(worker: Worker | None = None) -> bool:
    """Encode a first chunk, else finish a transcode, else plan one, else take out texts, else encode another chunk.

    A first chunk goes before all else: it takes a few seconds, and then somebody can watch the video. Before chunks
    that are made with a video's own CRFs, these are found. False where nothing waits, or the worker ends.
    """
    if not can_work():
        return False
    if chunk := claims.claim_chunk(worker, claims.waiting_first_chunks()):
        do_chunk(*chunk)
    elif found := claims.claim_transcode(claims.unfinished(), worker):
        finish_transcode(*found)
    elif found := (
        claims.claim_transcode(claims.unplanned(), worker) or claims.claim_transcode(claims.opened(), worker)
    ):
        planning.plan_transcode(*found)
    elif extraction := claims.claim_extraction(worker):
        extracting.extract(*extraction)
    elif chunk := claims.claim_chunk(worker, claims.waiting_chunks_by_ladder()):
        do_chunk(*chunk)
    elif found := claims.claim_transcode(claims.unsampled(), worker):
        sampling.find_quality(*found)
    elif chunk := claims.claim_chunk(worker):
        do_chunk(*chunk)
    else:
        return False
    return True


def do_urgent(worker: Worker | None = None) -> bool:
    """For a worker whose slots are taken for long: what brings the first seconds of a video that nobody works on.

    Encode a first chunk, else plan a transcode, else encode one of the first few chunks. False where nothing of this
    waits, a slot is free in a few seconds or between two steps, or the worker ends.
    """
    if not can_work() or claims.has_slot_soon(worker):
        return False
    if chunk := claim_urgent(worker, claims.waiting_first_chunks()):
        hurry_chunk(*chunk)
    elif found := (
        claims.claim_transcode(claims.unplanned(), worker) or claims.claim_transcode(claims.opened_and_left(), worker)
    ):
        planning.plan_transcode(*found)
    elif chunk := claim_urgent(worker, claims.early_chunks_left()):
        hurry_chunk(*chunk)
    else:
        return False
    return True


def claim_urgent(worker: Worker | None, chunks: QuerySet[Chunk]) -> tuple[Chunk, claims.Claim] | None:
    """As claims.claim_chunk(), but not where a slot has come between: a killed worker would lose two chunks at once."""
    found = claims.claim_chunk(worker, chunks)
    if found and claims.has_slot_soon(worker, besides=found[0]):
        claims.give_back_chunk(*found)
        return None
    return found


def hurry_chunk(chunk: Chunk, claim: claims.Claim) -> None:
    """do_chunk(), before the other chunks of this worker."""
    let_encoders_give_way()
    do_chunk(chunk, claim)


def can_work() -> bool:
    return not renewal.stopping.is_set() and is_own_folder()


def is_own_folder() -> bool:
    """Whether the stores belong to this database: another installation's transcodes have the same ids.

    That of another is left to the sweeps' log, which meet the same refusal once a minute.
    """
    try:
        if identity.is_missing(uploads()):
            return False
        identity.take_up(versions(), upkeep.share)
    except NotOurs:
        return False
    except StoreFailed as error:
        log.warning("store failed", reason=error.strerror)
        return False
    return True


def do_chunk(chunk: Chunk, claim: claims.Claim) -> None:
    """Encode one chunk into a private folder, then put its files in and mark it done; finish after the last chunk."""
    transcode = chunk.transcode
    folder = chunk_folder(transcode.pk, transcode.version, chunk.index, claim.token)
    try:
        with report_full_disk():
            facts = make_chunk(chunk, claim, folder)
            accept_patiently(chunk, claim, folder, facts)
    except CannotCopy as error:
        if not opening.give_up(chunk, claim, error.detail):
            encode_instead(chunk, claim, error)
    except EncoderKilled as error:
        lose_chunk(chunk, claim, error)
    except TranscodeError as error:
        if not opening.give_up(chunk, claim, str(error)):
            fail_chunk(chunk, claim, error)
    except StoreFailed as error:
        put_off_chunk(chunk, claim, error)
    except Stopped:
        claims.give_back_chunk(chunk, claim)
    finally:
        clear_away(transcode, folder)
    worker = Worker.objects.filter(pk=claim.worker_id).first() if claim.worker_id else None
    if found := claims.claim_transcode(claims.unfinished().filter(pk=transcode.pk), worker):
        finish_transcode(*found)


def make_chunk(chunk: Chunk, claim: claims.Claim, folder: Path) -> ChunkFacts:
    """Encode the chunk into the private folder. Raises CannotCopy, EncoderKilled, TranscodeError, Stopped."""
    transcode = chunk.transcode
    made_by = transcode.plan or transcode.opening
    if transcode.state != State.PROCESSING or not made_by:
        raise Stopped
    if chunk.losses > MOST_LOSSES:
        raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying over this chunk")
    plan = Plan.from_json(made_by)
    planning.check_room(needed_bytes=0)
    lease = ChunkRenewal(chunk, claim)
    folder.mkdir(parents=True)
    log.info("chunk begins", transcode_id=transcode.pk, version=transcode.version, chunk=chunk.index)
    return encoded(transcode.source, plan, chunk.index, folder=folder, lease=lease)


def accept_patiently(chunk: Chunk, claim: claims.Claim, folder: Path, facts: ChunkFacts) -> None:
    """accept_chunk(), however long the store is away."""
    lease = LeaseRenewal(claims.owned_chunk(chunk, claim))
    patiently(lambda: accept_chunk(chunk, claim, folder, facts), go_on=lease.go_on)


def accept_chunk(chunk: Chunk, claim: claims.Claim, folder: Path, facts: ChunkFacts) -> None:
    """Give the files their final keys and mark the chunk done. Raises Stopped where the claim is lost, StoreFailed.

    The UPDATE keeps the row locked while the files are put in, so no other worker can put in the same chunk. Where this
    worker dies in between, the row still says running, and the next worker writes the same keys again. With the first
    chunk the transcode changes too, so its row is locked before.
    """
    transcode = chunk.transcode
    version = version_place(transcode.pk, transcode.version)
    lease = ChunkRenewal(chunk, claim)
    lease.frames_done = chunk.frame_count
    staged = private_place(version, folder).stage(folder, go_on=lease.go_on)
    with claims.putting_in():
        if chunk.index == 0:
            locked_transcode(transcode)
        won = claims.owned_chunk(chunk, claim).update(
            **claims.FREE,
            state=ChunkState.DONE,
            facts=facts.to_json(),
            frames_done=F("frame_count"),
            finished_at=timezone.now(),
        )
        if not won:
            raise Stopped
        version.put_in(staged, still_ours=claims.still_ours(Chunk.objects.filter(pk=chunk.pk, state=ChunkState.DONE)))
        if chunk.index == 0:
            events.tell_playable(transcode)
    update_percent(transcode)
    log.info("chunk done", transcode_id=transcode.pk, version=transcode.version, chunk=chunk.index)


@transaction.atomic
def encode_instead(chunk: Chunk, claim: claims.Claim, error: CannotCopy) -> None:
    """Plan again without copying, as another version, because published segments never change."""
    transcode = chunk.transcode
    locked = locked_transcode(transcode)
    if not claims.owned_chunk(chunk, claim).select_for_update().exists():
        return
    log.warning("source can't be copied", transcode_id=transcode.pk, chunk=chunk.index, detail=error.detail)
    transcode.refresh_from_db(fields=["plan"])  # it may have been written after the chunk was claimed
    plan = without_copying(Plan.from_json(transcode.plan or {}))
    Chunk.objects.filter(transcode=transcode).delete()
    Discarded.add(Root.HLS, [f"{transcode.pk}/{transcode.version}"])
    locked.update(
        plan=plan.to_json(),
        version=numbering.next_version(),
        playable_at=PLAYABLE_AS_SERVED,
        **claims.FREE,  # whoever encodes samples begins anew, too
    )
    planning.write_chunks(transcode, plan)


def finish_transcode(transcode: Transcode, claim: claims.Claim) -> None:
    """Write playlists and pictures into a private folder, then put them in and publish the version."""
    folder = finish_folder(transcode.pk, transcode.version, claim.token)
    own = claims.owned_transcode(transcode, claim)
    is_given_up = transcode.losses > MOST_LOSSES
    try:
        if is_given_up:
            raise TranscodeError(Code.ENCODER_FAILED, "workers keep dying while finishing")
        if incomplete := completeness.incomplete_chunks(transcode):
            completeness.begin_again(transcode, claim, incomplete)
            return
        with report_full_disk():
            served = finishing.write_files(transcode, folder, LeaseRenewal(own))
            if finishing.publish(transcode, claim, served, folder):
                log.info(
                    "transcode ready",
                    transcode_id=transcode.pk,
                    version=transcode.version,
                    size_bytes=served.size_bytes,
                )
    except TranscodeError as error:
        fail_transcode(own, transcode, error, may_pass=error.advice.is_temporary and not is_given_up)
    except StoreFailed as error:
        put_off_transcode(own, transcode, error)
    except Stopped:
        claims.give_back_transcode(transcode, claim)
    finally:
        clear_away(transcode, folder)


def clear_away(transcode: Transcode, folder: Path) -> None:
    """Remove a private folder, and what of it is staged."""
    remove(folder)
    erase(private_place(version_place(transcode.pk, transcode.version), folder))
