"""What a transcode waits for beside its own chunks: other transcodes' chunks, and how many workers there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Sum
from django.utils import timezone

from hls.core.estimate import Crew
from hls.models import Chunk, ChunkState, State, Transcode, Worker

SILENCE = timedelta(seconds=15)  # after which a worker no longer counts


@dataclass(frozen=True)
class Backlog:
    """What is left to do of one transcode that is being made."""

    transcode_id: int
    queued_at: datetime
    pixels: int  # that a frame costs, in all renditions
    first: int  # index of the first unfinished chunk
    count: int  # of unfinished chunks
    frames: int  # left in those


def crew() -> Crew:
    """The workers that are alive; one of one slot where none is."""
    alive = list(Worker.objects.filter(last_seen__gt=timezone.now() - SILENCE).values_list("host", "slots"))
    return Crew(hosts=max(1, len({host for host, _ in alive})), slots=max(1, sum(slots for _, slots in alive)))


def backlogs() -> list[Backlog]:
    """Of all transcodes that are being made, with two queries."""
    transcodes = {
        transcode_id: (queued_at, renditions)
        for transcode_id, queued_at, renditions in Transcode.objects.filter(
            state=State.PROCESSING, plan__isnull=False
        ).values_list("pk", "queued_at", "plan__renditions")
    }
    unfinished = Chunk.objects.filter(
        transcode__in=transcodes, state__in=(ChunkState.WAITING, ChunkState.RUNNING)
    ).values_list("transcode_id")
    left = Sum(F("frame_count") - F("frames_done"))
    sums = unfinished.annotate(first=Min("index"), count=Count("pk"), frames=left).order_by()
    return [
        Backlog(transcode_id, transcodes[transcode_id][0], pixels(transcodes[transcode_id][1]), *counts)
        for transcode_id, *counts in sums
    ]


def pixels(renditions: Sequence[dict[str, int]]) -> int:
    """What a frame costs to encode, by its size in all renditions."""
    return sum(entry["width"] * entry["height"] for entry in renditions)


def ahead_of(transcode: Transcode, last: int, found: Sequence[Backlog]) -> Iterator[float]:
    """Other transcodes' chunks that workers take before chunk `last` of this one, each as so many of its frames."""
    own = next((backlog for backlog in found if backlog.transcode_id == transcode.pk), None)
    for other in found:
        if own and other is not own:
            is_first = (other.queued_at, other.transcode_id) < (own.queued_at, own.transcode_id)
            before = min(max(0, last - other.first + is_first), other.count)
            yield from [other.frames / other.count * other.pixels / own.pixels] * before
