"""Whether a store has all segments that the chunks' rows tell of, before their version is published.

On a disk a rename loses nothing. In a bucket an object may be gone or changed by then: somebody has removed it, or a
rule of the bucket's. Such a chunk is made again, and viewers never see a version with a hole in it.
"""

from collections.abc import Sequence

import structlog
from django.db import transaction

from hls import claims
from hls.core import names
from hls.core.chunk import ChunkFacts
from hls.models import Chunk, ChunkState, Transcode
from hls.stores import version_place

log = structlog.get_logger("videoflix.hls")


def expected(facts: ChunkFacts) -> dict[str, int]:
    """The size of each of a chunk's segments, by its key below the version's."""
    return {
        f"{made.name}/{names.segment_name(segment.number)}": segment.size_bytes
        for made in (*facts.renditions, *facts.sounds)
        for segment in made.segments
    }


def incomplete_chunks(transcode: Transcode) -> list[int]:
    """The indexes of done chunks of which a segment is gone or has another size. Raises StoreFailed."""
    version = version_place(transcode.pk, transcode.version)
    if version.store.is_on_disk:
        return []
    there = version.store.sizes(version.key)
    done = Chunk.objects.filter(transcode=transcode, state=ChunkState.DONE).order_by("index")
    return [
        index
        for index, facts in done.values_list("index", "facts")
        if not expected(ChunkFacts.from_json(facts or {})).items() <= there.items()
    ]


@transaction.atomic
def begin_again(transcode: Transcode, claim: claims.Claim, indexes: Sequence[int]) -> None:
    """Give the claim on the transcode back, and let these chunks be made once more."""
    log.warning("segments lost", transcode_id=transcode.pk, version=transcode.version, chunks=list(indexes))
    if claims.owned_transcode(transcode, claim).update(**claims.FREE):
        Chunk.objects.filter(transcode=transcode, index__in=indexes, state=ChunkState.DONE).update(
            state=ChunkState.WAITING, facts=None, frames_done=0, finished_at=None
        )
