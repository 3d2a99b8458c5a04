"""Elementary streams (pictures without a container): they have no timestamps, so the pictures are counted.

libav invents timestamps for MPEG video, with a gap after the first picture, and none for H.264 and HEVC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hls.core.inspection.rates import STANDARD, Rate, measure

DEMUXERS = frozenset({"mpegvideo", "m4v", "h264", "hevc"})
FIELD = Fraction(3, 4)  # of a picture's duration: what lasts less is a single field


@dataclass
class Counter:
    """Places the pictures one after the other, by the durations that the parser reports. In ticks of the stream."""

    picture: Fraction  # how long a picture is shown at the rate that the stream declares
    end: Fraction = Fraction(0)
    latest: Fraction | None = None

    def place(self, duration: int) -> int | None:
        """When the next packet's picture begins; None for a packet that is only a picture's second field."""
        begin, self.end = self.end, self.end + (duration or self.picture)
        if self.latest is not None and begin - self.latest < self.picture * FIELD:
            return None
        self.latest = begin
        return round(begin)


@dataclass(frozen=True)
class Counted:
    """The source's frame rate, and the rate at which its pictures are counted; they differ if rates are mixed."""

    rate: Rate
    pictures: Fraction  # per second


def counted(shown: Sequence[int], time_base: Fraction, declared: Sequence[Fraction]) -> Counted:
    """If rates are mixed, each picture lasts for the mean duration, on a grid that is fine enough to show them all."""
    rate = measure(shown, time_base, declared)
    if not rate.is_variable and rate.frame_count == len(shown):
        return Counted(rate, rate.rate)
    span_s = (shown[-1] - shown[0]) * time_base
    mean = (len(shown) - 1) / span_s
    grid = next((standard for standard in STANDARD if standard >= mean), mean)
    return Counted(Rate(grid, round(span_s * grid) + 1, is_variable=True), mean)
