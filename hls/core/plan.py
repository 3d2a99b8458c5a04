"""Everything decided about a film before its first chunk is encoded, as one value that travels as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Self

from hls.core.ladder import Rendition, renditions
from hls.core.probe import Landing, Source
from hls.core.timeline import ChunkSpan, Timeline, output_rate, timeline
from hls.core.wire import Json, dump, load

RUN_UP_S = 1  # decoders of sound need it, and streams aren't interleaved exactly
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
        """One of so many frames of the source is kept: 2 for 120 fps."""
        return max(1, round(self.source.video.rate / self.timeline.rate))

    @property
    def zero_s(self) -> Fraction:
        """The film's beginning on the source's own clock."""
        return self.source.video.start_s

    def landing(self, span: ChunkSpan) -> Landing | None:
        """Where to begin reading for a chunk; None for the file's beginning."""
        begin_s = self.zero_s + self.timeline.seconds(span.first_frame)
        latest_s = begin_s - RUN_UP_S
        fit = [place for place in self.source.video.landings if place.seek_s <= latest_s and place.shown_s <= begin_s]
        return fit[-1] if fit and span.index else None

    def run_up_s(self, span: ChunkSpan) -> float:
        """How much of the source is decoded before the chunk's first frame."""
        landing = self.landing(span)
        return float(self.timeline.seconds(span.first_frame) - (landing.shown_s - self.zero_s if landing else 0))

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
    rate = output_rate(video.rate)
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
