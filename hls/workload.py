"""What a video waits for beside its own chunks: other videos' chunks, and the workers there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Sum
from django.utils import timezone

from hls.core.estimate import Crew
from hls.models import Chunk, ChunkState, State, Transcode, Worker

SILENCE = timedelta(seconds=15)  # after which a worker no longer counts


@dataclass(frozen=True)
class Rival:
    """Another video that is being made: its unfinished chunks, and what a frame of it costs in pixels."""

    transcode_id: int
    queued_at: datetime
    pixels: int
    first: int
    count: int
    frames: int


def crew() -> Crew:
    """The workers that are alive; one is supposed where none is."""
    alive = list(Worker.objects.filter(last_seen__gt=timezone.now() - SILENCE).values_list("host", "slots"))
    return Crew(hosts=max(1, len({host for host, _ in alive})), slots=max(1, sum(slots for _, slots in alive)))


def rivals() -> list[Rival]:
    """All videos being made, with two queries."""
    transcodes = {
        pk: (queued_at, renditions)
        for pk, queued_at, renditions in Transcode.objects.filter(
            state=State.PROCESSING, plan__isnull=False
        ).values_list("pk", "queued_at", "plan__renditions")
    }
    unfinished = Chunk.objects.filter(
        transcode__in=transcodes, state__in=(ChunkState.WAITING, ChunkState.RUNNING)
    ).values_list("transcode_id")
    left = Sum(F("frame_count") - F("frames_done"))
    sums = unfinished.annotate(first=Min("index"), count=Count("pk"), frames=left).order_by()
    return [Rival(pk, transcodes[pk][0], pixels(transcodes[pk][1]), *counts) for pk, *counts in sums]


def pixels(renditions: Sequence[dict[str, int]]) -> int:
    """What a frame costs to encode, by its size in all renditions."""
    return sum(entry["width"] * entry["height"] for entry in renditions)


def ahead_of(transcode: Transcode, last: int, found: Sequence[Rival]) -> Iterator[float]:
    """Other videos' chunks that come before chunk `last` of this one, each in frames of this one."""
    own = next((rival for rival in found if rival.transcode_id == transcode.pk), None)
    for rival in found:
        if own and rival is not own:
            is_first = (rival.queued_at, rival.transcode_id) < (own.queued_at, own.transcode_id)
            before = min(max(0, last - rival.first + is_first), rival.count)
            yield from [rival.frames / rival.count * rival.pixels / own.pixels] * before
