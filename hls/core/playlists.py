"""Writes media playlists by RFC 8216 and Apple's HLS authoring specification, from planned times and measured sizes.

The playlists that name these are written in hls.core.multivariant.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hls.core import names
from hls.core.bandwidth import Piece
from hls.core.chunk import BorrowedSegment, SegmentFacts
from hls.core.plan import Plan

FRACTIONAL_DURATIONS = 3  # protocol versions by RFC 8216 section 7
BYTE_RANGES = 4


def media(plan: Plan, rendition_name: str, segments: Sequence[SegmentFacts], *, is_finished: bool) -> str:
    """The segments of a rendition or of a sound: a VOD playlist when finished, else an EVENT playlist that starts at 0.

    `segments` are those published so far, from the first on. Raises KeyError for what the video doesn't have.
    """
    if rendition_name not in [sound.name for sound in plan.sounds]:
        plan.rendition(rendition_name)
    lines = _head(plan, FRACTIONAL_DURATIONS, is_finished=is_finished)
    for located, piece in zip(_located(rendition_name, segments), segment_pieces(plan, segments), strict=True):
        lines += [*located.tags, _extinf(piece), located.uri]
    return _text(lines, is_finished=is_finished)


def iframes(plan: Plan, rendition_name: str, segments: Sequence[SegmentFacts], *, is_finished: bool) -> str:
    """`<rendition>/iframes.m3u8`: each keyframe as a byte range of its segment (RFC 8216 4.3.3.6)."""
    plan.rendition(rendition_name)
    lines = [*_head(plan, BYTE_RANGES, is_finished=is_finished), "#EXT-X-I-FRAMES-ONLY"]
    for segment, located in zip(segments, _located(rendition_name, segments), strict=True):
        lines += located.tags
        for iframe, piece in zip(segment.iframes, iframe_pieces(plan, segment), strict=True):
            lines += [_extinf(piece), f"#EXT-X-BYTERANGE:{iframe.size}@{iframe.offset}", located.uri]
    return _text(lines, is_finished=is_finished)


@dataclass(frozen=True)
class _Located:
    """A segment as its rendition's playlist names it, and the tags that have to be before it."""

    uri: str
    tags: tuple[str, ...]


def _located(rendition_name: str, segments: Sequence[SegmentFacts]) -> Iterator[_Located]:
    """Those borrowed of another rendition lie in the folder beside, and their pictures have another size."""
    is_own = True
    for segment in segments:
        was_own, is_own = is_own, not isinstance(segment, BorrowedSegment)
        uri = names.segment_name(segment.number) if is_own else f"../{segment.path(rendition_name)}"
        yield _Located(uri, ("#EXT-X-DISCONTINUITY",) if was_own and not is_own else ())  # RFC 8216 4.3.2.3


def _head(plan: Plan, version: int, *, is_finished: bool) -> list[str]:
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{plan.timeline.target_duration_s}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if is_finished else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if not is_finished:  # else players begin at the playlist's end, as if it were live
        lines.append("#EXT-X-START:TIME-OFFSET=0")
    return lines


def _text(lines: list[str], *, is_finished: bool) -> str:
    return "\n".join([*lines, "#EXT-X-ENDLIST"] if is_finished else lines) + "\n"


def _extinf(piece: Piece) -> str:
    """A duration in microseconds, so that a hundred thousand rounding errors add up to less than a frame."""
    return f"#EXTINF:{float(piece.duration_s):.6f},"


def segment_pieces(plan: Plan, segments: Sequence[SegmentFacts]) -> list[Piece]:
    """The segments with the durations of their pictures, those of sounds too.

    A sound is cut between AAC frames, so each cut is less than one frame from the pictures' cut, and these differences
    don't add up. Durations of its own could round to another EXT-X-TARGETDURATION, which has to be the same in all of
    a video's playlists (RFC 8216 6.2.4), and players would take them for segments that lie elsewhere.
    """
    seconds, planned = plan.timeline.seconds, plan.timeline.segments
    return [Piece(segment.size_bytes, seconds(planned[segment.number].frame_count)) for segment in segments]


def iframe_pieces(plan: Plan, facts: SegmentFacts) -> Iterator[Piece]:
    """A segment's keyframes, each with the time until the next one."""
    frames = [iframe.frame for iframe in facts.iframes]
    ends = [*frames[1:], plan.timeline.segments[facts.number].end_frame]
    for iframe, end in zip(facts.iframes, ends, strict=True):
        yield Piece(iframe.size, plan.timeline.seconds(end - iframe.frame))
