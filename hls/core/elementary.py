"""Pictures without a container (elementary streams): their places are counted.

They have no times of their own. libav makes some up for MPEG video, with a gap behind the first picture, and none for
H.264 and HEVC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hls.core.rates import STANDARD, Rate, measure

DEMUXERS = frozenset({"mpegvideo", "m4v", "h264", "hevc"})
FIELD = Fraction(3, 4)  # of a picture: what lasts less is a field of one


@dataclass
class Counter:
    """Where each picture would be, by how long the parser says that it is shown. In ticks of the stream."""

    picture: Fraction  # how long one is shown at the rate that the stream declares
    end: Fraction = Fraction(0)
    latest: Fraction | None = None

    def place(self, duration: int) -> int | None:
        """Where the next packet's picture begins; None for one that is only the second field of the last."""
        begin, self.end = self.end, self.end + (duration or self.picture)
        if self.latest is not None and begin - self.latest < self.picture * FIELD:
            return None
        self.latest = begin
        return round(begin)


@dataclass(frozen=True)
class Counted:
    """The video's rate, and the one at which the pictures are counted; they differ where rates are mixed."""

    rate: Rate
    pictures: Fraction  # a second


def counted(shown: Sequence[int], time_base: Fraction, declared: Sequence[Fraction]) -> Counted:
    """Where rates are mixed, each picture lasts for the mean, on a grid that is fine enough to show them all."""
    rate = measure(shown, time_base, declared)
    if not rate.is_variable and rate.frame_count == len(shown):
        return Counted(rate, rate.rate)
    span_s = (shown[-1] - shown[0]) * time_base
    mean = (len(shown) - 1) / span_s
    grid = next((standard for standard in STANDARD if standard >= mean), mean)
    return Counted(Rate(grid, round(span_s * grid) + 1, is_variable=True), mean)
