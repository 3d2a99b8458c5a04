"""Finding a long video's own CRFs: a step of its own, beside the first chunks.

1. The plan says with its first writing whether samples are worth their time. Then the chunks that viewers of a growing
   video need first are made with the ladder's CRF, and later ones wait.
2. A worker that has none of those first chunks to make claims the transcode, and encodes samples
   (hls.core.sampling.samples).
3. One transaction writes what they show into the plan, and lets the later chunks go. What a plan says once, it keeps.
4. Where the samples fail in any way, the plan says so, and all chunks are made with the ladder's CRF. A worker that
   dies over them leaves them to another one, a few times.
"""

import structlog
from django.db import transaction

from hls import claims
from hls.core.errors import Stopped, TranscodeError
from hls.core.plan import Plan
from hls.core.quality import Quality, unmeasured
from hls.failing import locked_transcode, put_off_transcode
from hls.folders import finish_folder, remove
from hls.models import State, Transcode
from hls.renewal import LeaseRenewal
from hls.sources.local import sampled
from hls.store.interface import StoreFailed

log = structlog.get_logger("videoflix.hls")

MOST_LOSSES = 3  # workers that may vanish over the samples


def find_quality(transcode: Transcode, claim: claims.Claim) -> None:
    """Steps 2 to 4."""
    plan = Plan.from_json(transcode.plan or {})
    try:
        write_quality(transcode, claim, quality_of(transcode, plan, claim))
    except StoreFailed as error:
        put_off_transcode(claims.owned_transcode(transcode, claim), transcode, error)
    except Stopped:
        claims.give_back_transcode(transcode, claim)


def quality_of(transcode: Transcode, plan: Plan, claim: claims.Claim) -> Quality:
    """What the samples show, or that they failed. Raises StoreFailed, Stopped."""
    folder = finish_folder(transcode.pk, transcode.version, claim.token)
    lease = LeaseRenewal(claims.owned_transcode(transcode, claim))
    try:
        if transcode.losses > MOST_LOSSES:
            return unmeasured(plan.renditions, "workers keep dying over the samples")
        folder.mkdir(parents=True)
        return sampled(transcode.source, plan, folder=folder, lease=lease)
    except StoreFailed:
        raise
    except (TranscodeError, OSError) as error:
        log.warning("samples failed", transcode_id=transcode.pk, reason=str(error))
        return unmeasured(plan.renditions, str(error))
    finally:
        remove(folder)


@transaction.atomic
def write_quality(transcode: Transcode, claim: claims.Claim, quality: Quality) -> None:
    """Step 3. Writes nothing where the claim is lost, or the transcode is not being made any more."""
    locked_transcode(transcode)
    own = claims.owned_transcode(transcode, claim).filter(state=State.PROCESSING, is_sampling_due=True)
    plan = own.values_list("plan", flat=True).first()
    if not plan:
        raise Stopped
    own.update(plan=plan | {"quality": quality.to_json()}, is_sampling_due=False, losses=0, **claims.FREE)
    told = {entry.name: f"{entry.crf} ({entry.reason})" for entry in quality.renditions}
    log.info("quality found", transcode_id=transcode.pk, version=transcode.version, crf=told, detail=quality.detail)
