"""A long source's first chunk, which is made before the whole source is read.

1. Probing reads no more than the source's beginning (hls.core.inspection.opening). One transaction writes the plan of
   this opening and the first chunk, waiting. The transcode is being made from then on, but has no plan yet.
2. Whichever worker is free makes that chunk, and publishes it as any other.
3. Before or after that, a worker reads the whole source and writes the plan. Where the chunk is what the plan would
   make of it (hls.core.encoding.agreement), it stays, done or not. Otherwise the transcode begins anew, as another
   version: published segments never change.
4. Where the chunk fails, it is given up: only the whole source tells what is the matter with it.
"""

import structlog
from django.db import transaction

from hls import claims, numbering
from hls.core.encoding.agreement import has_same_first_chunk
from hls.core.plan import Plan
from hls.failing import locked_transcode
from hls.models import PLAYABLE_AS_SERVED, Chunk, Discarded, Root, State, Transcode

log = structlog.get_logger("videoflix.hls")

NONE: dict[str, object] = {}  # no further try


@transaction.atomic
def write(transcode: Transcode, claim: claims.Claim, plan: Plan) -> None:
    """Step 1. Writes nothing where the claim is lost."""
    won = claims.owned_transcode(transcode, claim).update(
        opening=plan.to_json(), state=State.PROCESSING, error_code="", error_reason="", losses=0, **claims.FREE
    )
    if won:
        first = plan.timeline.chunks[0]
        Chunk.objects.bulk_create(
            [Chunk(transcode=transcode, index=first.index, frame_count=first.frame_count)], ignore_conflicts=True
        )


def end(transcode: Transcode, plan: Plan) -> None:
    """Step 3, within the transaction that has just written the plan into the transcode's row."""
    own = Transcode.objects.filter(pk=transcode.pk)
    is_kept = not transcode.opening or has_same_first_chunk(Plan.from_json(transcode.opening), plan)
    own.update(opening=None)
    if is_kept:
        return
    log.warning("the source goes on in another way than it begins", transcode_id=transcode.pk)
    Chunk.objects.filter(transcode=transcode).delete()
    Discarded.add(Root.HLS, [f"{transcode.pk}/{transcode.version}"])
    own.update(version=numbering.next_version(), playable_at=PLAYABLE_AS_SERVED)


@transaction.atomic
def give_up(chunk: Chunk, claim: claims.Claim, detail: str) -> bool:
    """Step 4. False where the plan of the whole source is there: then it tells what becomes of the chunk."""
    transcode = chunk.transcode
    locked = locked_transcode(transcode)
    if locked.filter(plan__isnull=False).exists():
        return False
    if claims.owned_chunk(chunk, claim).select_for_update().exists():
        log.warning("opening given up", transcode_id=transcode.pk, detail=detail)
        locked.update(opening=NONE)
        Chunk.objects.filter(pk=chunk.pk).delete()
    return True
