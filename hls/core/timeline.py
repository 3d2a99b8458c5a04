"""The frame grid of a video: where its segments and chunks begin, the same in every rendition."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil, floor

GOP_S = 2
GOPS_PER_SEGMENT = 3
SEGMENT_S = GOP_S * GOPS_PER_SEGMENT
SEGMENT_SLACK_S = Fraction(1, 2)  # a segment that differs by less still rounds to the same EXT-X-TARGETDURATION
LONGEST_SEGMENT_S = 8  # where a rendition is copied, which can only be cut at its source's IDR pictures
# Two cores make 6.5 seconds of 1080p24 in less than four where the top is copied, and viewers wait for five at most.
LONGEST_FIRST_SEGMENT_S = SEGMENT_S + SEGMENT_SLACK_S
GOPS_FIRST_SEGMENT = 1  # the rest of what would be the first 6 seconds is the second segment
SEGMENTS_FIRST_CHUNK = 1  # viewers wait for it
SEGMENTS_NEXT_CHUNKS = (1, 1, 2)  # viewers of a video that is being made need these soon
SEGMENTS_PER_CHUNK = 5  # of all others: each chunk costs the start of an encoder and some decoding before it
CHUNKS_AT_END = 3  # near the end, a chunk is a third of what is left: no worker has much to do when the others are done
LEAST_SEGMENTS_AT_END = 2
SEGMENTS_PER_STILL_CHUNK = 50  # for a single picture: each chunk has to read the sound from that picture on
LEAST_FRAMES_PER_CHUNK = 3  # with fewer, x264 delays no picture: decoding times would jump at the chunk's ends
MAX_RATE = 60
MIN_RATE = 1
INEXACT = Fraction(1, 200)  # phones that claim 60 fps may record 60.06


@dataclass(frozen=True)
class Segment:
    number: int
    first_frame: int
    frame_count: int

    @property
    def end_frame(self) -> int:
        """The first frame after the segment."""
        return self.first_frame + self.frame_count


@dataclass(frozen=True)
class ChunkSpan:
    """Consecutive whole segments that one ffmpeg makes."""

    index: int
    segments: tuple[Segment, ...]

    @property
    def first_frame(self) -> int:
        return self.segments[0].first_frame

    @property
    def end_frame(self) -> int:
        return self.segments[-1].end_frame

    @property
    def frame_count(self) -> int:
        return self.end_frame - self.first_frame


@dataclass(frozen=True)
class Timeline:
    """`frame_count` frames at a constant `rate` (frames per second), cut at multiples of `gop` frames.

    If a rendition is copied, the cuts are at `starts` instead, the frames where its source can be cut: segments of up
    to 8 seconds. Fields with a default were added later: plans without them keep the grid that they were made with.
    """

    rate: Fraction
    frame_count: int
    gop: int
    frames_per_segment: int
    segments_first_chunk: int
    segments_per_chunk: int
    starts: tuple[int, ...] = ()
    least_frames_per_chunk: int = 1
    first_segment_frames: int = 0  # 0: the first segment is as long as the others
    segments_next_chunks: tuple[int, ...] = ()  # of the chunks after the first one
    chunks_at_end: int = (
        0  # 3: a later chunk has a third of the segments that are left, at most; 0: there is no such end
    )
    least_segments_at_end: int = 1  # unless no more are left

    @property
    def duration_s(self) -> Fraction:
        return self.frame_count / self.rate

    @cached_property
    def target_duration_s(self) -> int:
        """EXT-X-TARGETDURATION of every playlist: no segment's rounded duration exceeds it (RFC 8216 4.3.3.1)."""
        return max(1, *(rounded_s(segment.frame_count / self.rate) for segment in self.segments))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        starts = list(self.starts or self._even_starts())
        if not self.starts and len(starts) > 1 and self._is_last_too_short(starts):
            starts.pop()
        bounds = pairwise([*starts, self.frame_count])
        return tuple(Segment(number, first, end - first) for number, (first, end) in enumerate(bounds))

    @cached_property
    def chunks(self) -> tuple[ChunkSpan, ...]:
        count, starts = len(self.segments), [*self._chunk_starts()]
        if len(starts) > 1 and self.frame_count - self.segments[starts[-1]].first_frame < self.least_frames_per_chunk:
            starts.pop()
        bounds = pairwise([*starts, count])
        return tuple(ChunkSpan(index, self.segments[start:end]) for index, (start, end) in enumerate(bounds))

    def seconds(self, frame: int) -> Fraction:
        """When a frame is shown, from the video's beginning."""
        return frame / self.rate

    def nearest_frame(self, at_s: Fraction) -> int:
        """The frame whose time is nearest."""
        return round(at_s * self.rate)

    def keyframes(self, segment: Segment) -> tuple[int, ...]:
        """The frame numbers, over the whole video, of a segment's IDR pictures in encoded renditions."""
        return tuple(range(segment.first_frame, segment.end_frame, self.gop))

    def _chunk_starts(self) -> Iterator[int]:
        """The numbers of the chunks' first segments."""
        count, start = len(self.segments), 0
        early = iter((self.segments_first_chunk, *self.segments_next_chunks))
        while start < count:
            yield start
            start += next(early, 0) or self._later_chunk(count - start)

    def _later_chunk(self, left: int) -> int:
        """How many segments a chunk has if this many are left."""
        if not self.chunks_at_end:
            return self.segments_per_chunk
        return min(self.segments_per_chunk, max(self.least_segments_at_end, ceil(left / self.chunks_at_end)))

    def _even_starts(self) -> Iterator[int]:
        yield 0
        if 0 < self.first_segment_frames < self.frame_count:
            yield self.first_segment_frames
        yield from range(self.frames_per_segment, self.frame_count, self.frames_per_segment)

    def _is_last_too_short(self, starts: Sequence[int]) -> bool:
        """Whether the last segment joins the one before: it is under half a second, and TARGETDURATION stays."""
        whole = rounded_s(self.frames_per_segment / self.rate)
        is_short = (self.frame_count - starts[-1]) * 4 < self.gop
        return is_short and rounded_s((self.frame_count - starts[-2]) / self.rate) <= whole


def output_rate(rate: Fraction) -> Fraction:
    """A source's rate, divided or multiplied by a whole number so that it is between 1 and 60.

    A rate slightly above 60 becomes 60.
    """
    if rate > MAX_RATE:
        return min(Fraction(MAX_RATE), rate / ceil(rate / (MAX_RATE * (1 + INEXACT))))
    return rate if rate >= MIN_RATE else rate * ceil(MIN_RATE / rate)


def gop_frames(rate: Fraction) -> int:
    """Frames from one IDR picture to the next."""
    return max(1, round(rate * GOP_S))


def segment_starts(idr_frames: Sequence[int], frame_count: int, rate: Fraction) -> tuple[int, ...] | None:
    """The IDR pictures that begin segments of about 6 seconds, and of 8 at most; None if they are too far apart.

    Each is the one nearest to 6 seconds after the beginning of the segment before. What would be the first segment is
    cut once more, near 2 seconds, if an IDR picture allows it; if none does in the first 6.5 seconds, it is too long.
    """
    cuts = [*idr_frames, frame_count]
    starts = [0]
    while frame_count - starts[-1] >= (SEGMENT_S + SEGMENT_SLACK_S) * rate:
        first, last = starts[-1] + LEAST_FRAMES_PER_CHUNK, starts[-1] + LONGEST_SEGMENT_S * rate
        nearest = _nearest(cuts, starts[-1] + SEGMENT_S * rate, first, last)
        if nearest is None:
            return None
        if nearest == frame_count:
            break
        starts.append(nearest)
    last = (starts[1] if starts[1:] else frame_count) - SEGMENT_SLACK_S * rate
    second = _nearest(idr_frames, GOPS_FIRST_SEGMENT * GOP_S * rate, LEAST_FRAMES_PER_CHUNK, last)
    if second is not None:
        starts.insert(1, second)
    is_soon_there = [*starts, frame_count][1] <= LONGEST_FIRST_SEGMENT_S * rate
    return tuple(starts) if is_soon_there else None


def _nearest(frames: Sequence[int], wanted: Fraction, first: int, last: Fraction) -> int | None:
    """The frame nearest to the one that is wanted, from the first to the last that may be; None without any."""
    begin, end = bisect_left(frames, first), bisect_right(frames, last)
    at = bisect_left(frames, wanted, begin, end) if begin < end else begin
    return min(frames[max(begin, at - 1) : min(end, at + 1)], key=lambda frame: abs(frame - wanted), default=None)


def timeline(rate: Fraction, frame_count: int, starts: tuple[int, ...] = (), *, is_still: bool = False) -> Timeline:
    """Cut `frame_count` (at least 1) frames at `rate` into 6-second segments with an IDR picture every 2 seconds.

    The first 6 seconds are two segments, of 2 and 4 seconds. If segments have to begin elsewhere, `starts` has their
    first frames.
    """
    if frame_count < 1 or not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"no timeline for {frame_count} frames at {rate} fps")
    gop = gop_frames(rate)
    return Timeline(
        rate=rate,
        frame_count=frame_count,
        gop=gop,
        frames_per_segment=gop * GOPS_PER_SEGMENT,
        segments_first_chunk=SEGMENTS_FIRST_CHUNK,
        segments_per_chunk=SEGMENTS_PER_STILL_CHUNK if is_still else SEGMENTS_PER_CHUNK,
        starts=starts,
        least_frames_per_chunk=LEAST_FRAMES_PER_CHUNK,
        first_segment_frames=gop * GOPS_FIRST_SEGMENT if gop * GOPS_FIRST_SEGMENT >= LEAST_FRAMES_PER_CHUNK else 0,
        segments_next_chunks=() if is_still else SEGMENTS_NEXT_CHUNKS,
        chunks_at_end=0 if is_still else CHUNKS_AT_END,
        least_segments_at_end=LEAST_SEGMENTS_AT_END,
    )


def rounded_s(seconds: Fraction) -> int:
    """As EXT-X-TARGETDURATION rounds: half a second up (RFC 8216 4.3.3.1)."""
    return floor(seconds + Fraction(1, 2))
