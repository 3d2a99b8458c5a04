"""The first step of a transcode: probe its source, then write the plan and its chunks (hls.steps)."""

import shutil

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hls import claims, opening
from hls.core.errors import Code, Stopped, TranscodeError
from hls.core.plan import Plan, make_plan
from hls.core.sampling.places import is_worth_sampling
from hls.failing import fail_transcode, put_off_transcode
from hls.folders import hls_root
from hls.models import Chunk, State, Transcode
from hls.renewal import LeaseRenewal
from hls.sources.local import probed
from hls.store.interface import StoreFailed
from hls.tracks import embedded

log = structlog.get_logger("videoflix.hls")

MOST_LOSSES = 30  # workers that may vanish during one step before the step itself counts as the cause


def plan_transcode(transcode: Transcode, claim: claims.Claim) -> None:
    """Probe the source, then write the plan and all chunks at once; of an opening, write the first chunk."""
    own = claims.owned_transcode(transcode, claim)
    own.filter(state=State.QUEUED).update(started_at=timezone.now())
    try:
        if transcode.losses > MOST_LOSSES:
            raise TranscodeError(Code.UNREADABLE, "workers keep dying while probing")
        plan = planned(transcode, LeaseRenewal(own))
        log.info("planned", transcode_id=transcode.pk, top_encoded_because=str(plan.obstacle))
        check_room_for(plan)
        if plan.source.is_opening:
            opening.write(transcode, claim, plan)
        else:
            write_plan(transcode, claim, plan)
    except TranscodeError as error:
        fail_transcode(own, transcode, error, may_pass=error.advice.is_temporary)
    except StoreFailed as error:
        put_off_transcode(own, transcode, error)
    except Stopped:
        claims.give_back_transcode(transcode, claim)


def planned(transcode: Transcode, lease: LeaseRenewal) -> Plan:
    """The plan that the row has already, as after a retry, or else a new one. Raises TranscodeError, Stopped."""
    if transcode.plan:
        return Plan.from_json(transcode.plan)
    return make_plan(probed(transcode.source, lease, is_opening_enough=transcode.opening is None))


def check_room_for(plan: Plan) -> None:
    """Raises TranscodeError(DISK_FULL) where the first two minutes, at their highest bit rate, have no room."""
    kbps = sum(rendition.maxrate_kbps + rendition.audio_kbps for rendition in plan.renditions)
    kbps += sum(sound.audio_kbps for sound in plan.sounds)
    checked_s = min(float(plan.timeline.duration_s), 120.0)
    check_room(needed_bytes=int(kbps * 1000 / 8 * checked_s))


def check_room(*, needed_bytes: int) -> None:
    """Raises TranscodeError(DISK_FULL) where the disk has fewer free bytes above the reserve."""
    root = hls_root()
    root.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(root).free - int(settings.DISK_RESERVE_BYTES)
    if free_bytes < needed_bytes:
        raise TranscodeError(Code.DISK_FULL, f"{free_bytes} bytes free above the reserve, {needed_bytes} needed")


@transaction.atomic
def write_plan(transcode: Transcode, claim: claims.Claim, plan: Plan) -> None:
    due = {} if transcode.plan else {"is_sampling_due": is_worth_sampling(plan)}
    won = claims.owned_transcode(transcode, claim).update(
        plan=plan.to_json(), state=State.PROCESSING, error_code="", error_reason="", losses=0, **due, **claims.FREE
    )
    if won:
        opening.end(transcode, plan)
        write_chunks(transcode, plan)
        embedded.write_rows(transcode, plan)


def write_chunks(transcode: Transcode, plan: Plan) -> None:
    rows = [Chunk(transcode=transcode, index=span.index, frame_count=span.frame_count) for span in plan.timeline.chunks]
    Chunk.objects.bulk_create(rows, ignore_conflicts=True)
