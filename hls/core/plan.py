"""Everything decided about a film before its first chunk is encoded, as one value that travels as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Self

from hls.core.ladder import Rendition, renditions
from hls.core.probe import Source
from hls.core.timeline import Timeline, output_rate, timeline
from hls.core.wire import Json, dump, load

TILE_INTERVAL_S = 10
MIN_TILES = 10
TILE_LONG_SIDE = 240


@dataclass(frozen=True)
class Plan:
    source: Source
    timeline: Timeline
    renditions: tuple[Rendition, ...]  # smallest first
    frames_per_tile: int  # one storyboard picture each so many frames; tile n shows frame n * frames_per_tile
    tile_width: int
    tile_height: int

    @property
    def frame_step(self) -> int:
        """One of so many pictures of the source is kept: 2 for 120 fps."""
        return max(1, round(self.source.video.picture_rate / self.timeline.rate))

    @property
    def tile_interval_s(self) -> float:
        return float(self.frames_per_tile / self.timeline.rate)

    @property
    def tile_count(self) -> int:
        return ceil(self.timeline.frame_count / self.frames_per_tile)

    @property
    def is_copying(self) -> bool:
        """Whether the top rendition is the source's own H.264."""
        return self.renditions[-1].is_copied

    def rendition(self, name: str) -> Rendition:
        """Raises KeyError for a name this film doesn't have."""
        return {rendition.name: rendition for rendition in self.renditions}[name]

    def to_json(self) -> Json:
        """A JSON object, fit for a JSONField."""
        return dump(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return load(cls, data)


def make_plan(source: Source, *, may_copy: bool = True) -> Plan:
    """Decide on a film. Pure: the same source gives the same plan."""
    video = source.video
    rate = output_rate(video.picture_rate)
    places = round(video.duration_s * video.rate) if video.is_variable_rate else video.frame_count
    ladder = renditions(source, may_copy=may_copy)
    starts = video.copyable.segment_starts if video.copyable and ladder[-1].is_copied else ()
    grid = timeline(rate, max(1, ceil(places * rate / video.rate)), starts)
    interval_s = min(Fraction(TILE_INTERVAL_S), grid.duration_s / MIN_TILES)
    shrink = min(1, TILE_LONG_SIDE / max(video.width, video.height))
    return Plan(
        source=source,
        timeline=grid,
        renditions=ladder,
        frames_per_tile=max(1, round(interval_s * rate)),
        tile_width=max(2, round(video.width * shrink / 2) * 2),
        tile_height=max(2, round(video.height * shrink / 2) * 2),
    )
