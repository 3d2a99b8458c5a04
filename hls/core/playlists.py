"""Writes playlists by RFC 8216 and Apple's HLS authoring specification, from planned times and measured sizes."""

from collections.abc import Iterator, Sequence

from hls.core import names
from hls.core.bandwidth import Piece, average_bps, peak_bps
from hls.core.chunk import RenditionFacts, SegmentFacts
from hls.core.plan import Plan

FRACTIONAL_DURATIONS = 3  # protocol versions by RFC 8216 section 7
BYTE_RANGES = 4


def media(plan: Plan, rendition_name: str, segments: Sequence[SegmentFacts], *, is_finished: bool) -> str:
    """`<rendition>/index.m3u8`: a complete VOD playlist when finished, else an EVENT playlist that starts at 0.

    `segments` are those published so far, from the first on. Raises KeyError for a rendition the video doesn't have.
    """
    plan.rendition(rendition_name)
    lines = _head(plan, FRACTIONAL_DURATIONS, is_finished=is_finished)
    for segment, piece in zip(segments, _segment_pieces(plan, segments), strict=True):
        lines += [_extinf(piece), names.segment_name(segment.number)]
    return _text(lines, is_finished=is_finished)


def iframes(plan: Plan, rendition_name: str, segments: Sequence[SegmentFacts]) -> str:
    """`<rendition>/iframes.m3u8`, when finished: each keyframe as a byte range of its segment (RFC 8216 4.3.3.6)."""
    plan.rendition(rendition_name)
    lines = [*_head(plan, BYTE_RANGES, is_finished=True), "#EXT-X-I-FRAMES-ONLY"]
    for segment in segments:
        for iframe, piece in zip(segment.iframes, _iframe_pieces(plan, segment), strict=True):
            lines += [_extinf(piece), f"#EXT-X-BYTERANGE:{iframe.size}@{iframe.offset}"]
            lines.append(names.segment_name(segment.number))
    return _text(lines, is_finished=True)


def multivariant(plan: Plan, renditions: Sequence[RenditionFacts]) -> str:
    """`master.m3u8` with the renditions' measured bandwidths. Each rendition has to have a segment."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{BYTE_RANGES}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for facts in renditions:
        attributes = [
            *_bandwidth(plan, _segment_pieces(plan, facts.segments)),
            f'CODECS="{facts.codecs}"',
            _resolution(plan, facts),
            f"FRAME-RATE={float(plan.timeline.rate):.3f}",
            "CLOSED-CAPTIONS=NONE",
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{facts.name}/{names.INDEX}"]
    for facts in renditions:
        pieces = [piece for segment in facts.segments for piece in _iframe_pieces(plan, segment)]
        video_codec = facts.codecs.partition(",")[0]
        attributes = [*_bandwidth(plan, pieces), f'CODECS="{video_codec}"', _resolution(plan, facts)]
        lines.append(f'#EXT-X-I-FRAME-STREAM-INF:{",".join(attributes)},URI="{facts.name}/{names.IFRAMES}"')
    return "\n".join(lines) + "\n"


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


def _segment_pieces(plan: Plan, segments: Sequence[SegmentFacts]) -> list[Piece]:
    return [Piece(segment.size_bytes, plan.timeline.seconds(segment.frame_count)) for segment in segments]


def _iframe_pieces(plan: Plan, facts: SegmentFacts) -> Iterator[Piece]:
    frames = [iframe.frame for iframe in facts.iframes]
    ends = [*frames[1:], plan.timeline.segments[facts.number].end_frame]
    for iframe, end in zip(facts.iframes, ends, strict=True):
        yield Piece(iframe.size, plan.timeline.seconds(end - iframe.frame))


def _bandwidth(plan: Plan, pieces: Sequence[Piece]) -> list[str]:
    return [
        f"BANDWIDTH={peak_bps(pieces, plan.timeline.target_duration_s)}",
        f"AVERAGE-BANDWIDTH={average_bps(pieces)}",
    ]


def _resolution(plan: Plan, facts: RenditionFacts) -> str:
    rendition = plan.rendition(facts.name)
    return f"RESOLUTION={rendition.width}x{rendition.height}"
