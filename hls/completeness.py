"""Whether a store has all files of a version, in the sizes that the chunks' rows tell of.

Before a version is published, a segment may be gone or changed: somebody has removed it, or a rule of the bucket's; or
the database was restored from a backup that was taken while the video was being made, and that has no files to be
served. Such a chunk is made again, and viewers never see a version with a hole in it. Later `manage.py upkeep` asks for
those of versions that are served (lost_files).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from django.db import transaction

from hls import claims
from hls.core import names
from hls.core.chunk import ChunkFacts
from hls.models import Chunk, ChunkState, Transcode
from hls.published import PublishedVersion, current
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
    there = version.store.sizes(version.key)
    done = Chunk.objects.filter(transcode=transcode, state=ChunkState.DONE).order_by("index")
    return [
        index
        for index, facts in done.values_list("index", "facts")
        if not expected(ChunkFacts.from_json(facts or {})).items() <= there.items()
    ]


@dataclass(frozen=True)
class Lost:
    """What is gone of a version that is served."""

    transcode: Transcode
    names: tuple[str, ...]  # relative to the version: of files that are gone, or have another size than was measured
    is_everything: bool


def lost_files(transcode: Transcode) -> Lost | None:
    """What is gone of the served version; None where all of it is there. Raises StoreFailed."""
    version = current(transcode)
    if version is None:
        return None
    there = version.place.store.sizes(version.place.key)
    wanted: dict[str, int | None] = dict.fromkeys(published_names(version))
    if transcode.version == version.version:  # the chunks' rows are those of the version made last
        for facts in Chunk.objects.filter(transcode=transcode).values_list("facts", flat=True).iterator():
            wanted |= expected(ChunkFacts.from_json(facts)) if facts else {}
    lost = tuple(name for name, size in wanted.items() if name not in there or size not in (None, there[name]))
    return Lost(transcode, lost, is_everything=not there) if lost else None


def published_names(version: PublishedVersion) -> Iterator[str]:
    """The files that every version of this kind has. Of a sound that is apart only the chunks know how many."""
    yield from (names.MASTER, names.STORYBOARD)
    yield from map(names.sheet_name, range(version.storyboard_sheets))
    if version.has_poster:
        yield names.POSTER
    counts = {entry.name: version.segment_count for entry in version.renditions}
    for name, count in (counts | {entry.name: entry.segment_count for entry in version.left_out}).items():
        yield from (f"{name}/{names.INDEX}", f"{name}/{names.IFRAMES}")
        yield from (f"{name}/{names.segment_name(number)}" for number in range(count))
    yield from (f"{names.sound_name(number)}/{names.INDEX}" for number in range(version.sounds))


@transaction.atomic
def begin_again(transcode: Transcode, claim: claims.Claim, indexes: Sequence[int]) -> None:
    """Give the claim on the transcode back, and let these chunks be made once more."""
    log.warning("segments lost", transcode_id=transcode.pk, version=transcode.version, chunks=list(indexes))
    if claims.owned_transcode(transcode, claim).update(**claims.FREE):
        Chunk.objects.filter(transcode=transcode, index__in=indexes, state=ChunkState.DONE).update(
            state=ChunkState.WAITING, facts=None, frames_done=0, finished_at=None
        )
