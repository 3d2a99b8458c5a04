"""The facts measured on an encoded chunk, as values that travel as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import Any, Self

from hls.core import names
from hls.core.wire import Json, dump, load

SPANS_APART_S = 1  # damaged spans that are closer together are reported as one


@dataclass(frozen=True)
class IFrame:
    """A keyframe's bytes within its segment; The segment's PAT and PMT are before it, at the beginning."""

    frame: int  # counted from the video's beginning
    offset: int
    size: int


@dataclass(frozen=True)
class SegmentFacts:
    number: int
    frame_count: int  # pictures; AAC frames where a rendition is sound alone
    size_bytes: int
    iframes: tuple[IFrame, ...]

    def path(self, rendition: str) -> str:
        """Where it lies below the version, if it is one of this rendition's."""
        return f"{rendition}/{names.segment_name(self.number)}"


@dataclass(frozen=True)
class BorrowedSegment(SegmentFacts):
    """The segment of a smaller rendition, which plays where one of a rendition that was left out would."""

    made_as: str

    def path(self, rendition: str) -> str:
        return super().path(self.made_as)


@dataclass(frozen=True)
class RenditionFacts:
    name: str
    codecs: str  # RFC 6381, from the real SPS: "avc1.640028,mp4a.40.2"
    segments: tuple[SegmentFacts, ...]


@dataclass(frozen=True)
class Span:
    """A part of a video, in seconds from the video's beginning."""

    begin_s: float
    end_s: float


@dataclass(frozen=True)
class ChunkFacts:
    index: int
    renditions: tuple[RenditionFacts, ...]  # smallest first, as in the plan
    tiles: tuple[str, ...]  # storyboard pictures, relative to the chunk's folder
    undecoded: tuple[Span, ...] = ()  # where the source's pictures couldn't be decoded
    sounds: tuple[RenditionFacts, ...] = ()  # of each sound that is apart, in the plan's order

    def to_json(self) -> Json:
        """A JSON object, fit for a JSONField."""
        return dump(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return load(cls, data)


def joined(chunks: Iterable[ChunkFacts]) -> tuple[RenditionFacts, ...]:
    """The renditions made of a video's chunks, from the first chunk up to the first one missing; () without chunk 0.

    A rendition that was left out of later chunks goes on with what is borrowed from the next smaller one.
    """
    return _one_after_the_other([chunk.renditions for chunk in _without_gap(chunks)])


def joined_sounds(chunks: Iterable[ChunkFacts]) -> tuple[RenditionFacts, ...]:
    """As `joined`, of the sounds that are apart."""
    return _one_after_the_other([chunk.sounds for chunk in _without_gap(chunks)])


def _without_gap(chunks: Iterable[ChunkFacts]) -> list[ChunkFacts]:
    in_order = enumerate(sorted(chunks, key=lambda chunk: chunk.index))
    return [chunk for _, chunk in takewhile(lambda found: found[0] == found[1].index, in_order)]


def _one_after_the_other(parts: Sequence[tuple[RenditionFacts, ...]]) -> tuple[RenditionFacts, ...]:
    whole = parts[0] if parts else ()
    later = [_completed(part, [made.name for made in whole]) for part in parts[1:]]
    return tuple(
        replace(first, segments=tuple(chain(first.segments, *(part[place].segments for part in later))))
        for place, first in enumerate(whole)
    )


def _completed(part: Sequence[RenditionFacts], wanted: Sequence[str]) -> list[RenditionFacts]:
    """A chunk's renditions by these names, smallest first; the smallest is never left out."""
    made = {facts.name: facts for facts in part}
    smaller = {name: [made[other] for other in wanted[:place] if other in made] for place, name in enumerate(wanted)}
    return [made[name] if name in made else _borrowing(name, smaller[name][-1]) for name in wanted]


def _borrowing(name: str, smaller: RenditionFacts) -> RenditionFacts:
    """What plays under the name of a rendition that was left out."""
    segments = (BorrowedSegment(**vars(facts), made_as=smaller.name) for facts in smaller.segments)
    return RenditionFacts(name, smaller.codecs, tuple(segments))


def merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Merge sorted spans (begin and end, in seconds) that nearly touch."""
    found: list[tuple[float, float]] = []
    for begin, end in spans:
        if found and begin - found[-1][1] < SPANS_APART_S:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found
