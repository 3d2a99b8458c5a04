"""Measures the frame rate of a track from its timestamps."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

from hls.core.inspection.spacing import spaced

STANDARD = tuple(
    sorted(
        Fraction(number)
        for number in (
            *(1, 2, 3, 4, 5, 6, 8, 10, 12, "12.5", 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240),
            *("15000/1001", "24000/1001", "30000/1001", "60000/1001", "120000/1001"),
        )
    )
)
JITTER = Fraction(1, 4)  # of a frame: how far a timestamp may be from the grid
FULLEST_HOLES = 2  # a grid with more holes than frames is too fast for the track
FASTEST_VARIABLE = 60  # the highest rate for a variable track: faster bursts lose pictures
TWINS = Fraction(1002, 1000)  # the ratio of rates like 29.97 and 30, which an interval in milliseconds can't tell apart
MUCH_FASTER = Fraction(7, 4)  # than needed: exact times aren't worth the cost of an even faster rate
HIDDEN_SHARE = 1000  # one picture of so many may be hidden: one glitch in a long video mustn't double its rate


@dataclass(frozen=True)
class Rate:
    """A frame rate; `frame_count` is the number of places on its grid from the first frame to the last, with holes."""

    rate: Fraction
    frame_count: int
    is_variable: bool
    hidden_count: int = 0  # pictures that last for a frame at 60 fps but are never shown


def measure(timestamps: Sequence[int], time_base: Fraction, declared: Sequence[Fraction]) -> Rate:
    """The rate of sorted, distinct `timestamps`; the container's `declared` rates are used if they fit."""
    if len(timestamps) == 1:
        plausible = (rate for rate in declared if STANDARD[0] <= rate <= STANDARD[-1])
        return Rate(next(plausible, Fraction(25)), 1, is_variable=False)
    span_s = (timestamps[-1] - timestamps[0]) * time_base
    mean = (len(timestamps) - 1) / span_s
    for candidate in _candidates(mean, declared):
        places = _places(timestamps, time_base, candidate)
        if places is not None:
            return Rate(candidate, places, is_variable=False)
    interval = median_low(sorted(later - earlier for earlier, later in pairwise(timestamps)))
    rate = _fitting(timestamps, time_base, nearest_standard(1 / (interval * time_base)))
    grid = spaced(timestamps, time_base, rate, most_hidden=len(timestamps))
    return Rate(rate, grid.place_count, is_variable=True, hidden_count=grid.hidden_count)


def _fitting(timestamps: Sequence[int], time_base: Fraction, usual: Fraction) -> Fraction:
    """The lowest standard rate, from the `usual` one up, that shows every picture.

    A rate that is not much higher and fits all timestamps is preferred: pictures at a steady rate with holes are then
    shown exactly on time.
    """
    rates = [rate for rate in STANDARD if usual / TWINS <= rate <= FASTEST_VARIABLE]
    most = len(timestamps) // HIDDEN_SHARE
    for lowest in rates:
        if _hidden(timestamps, time_base, lowest, most) <= most:
            exact = (rate for rate in rates if lowest <= rate <= MUCH_FASTER * lowest)
            twins = (rate for rate in rates if lowest <= rate <= TWINS * lowest)
            best = min(twins, key=lambda rate: _hidden(timestamps, time_base, rate, most))
            return next((rate for rate in exact if _places(timestamps, time_base, rate) is not None), best)
    return Fraction(FASTEST_VARIABLE)


def _hidden(timestamps: Sequence[int], time_base: Fraction, rate: Fraction, most: int) -> int:
    return spaced(timestamps, time_base, rate, most_hidden=most).hidden_count


def nearest_standard(rate: Fraction) -> Fraction:
    """The standard rate with the smallest ratio to `rate`."""
    at = bisect_left(STANDARD, rate)
    return min(STANDARD[max(0, at - 1) : at + 1], key=lambda standard: max(standard / rate, rate / standard))


def _candidates(mean: Fraction, declared: Sequence[Fraction]) -> Iterator[Fraction]:
    """Rates to try, from the mean rate up. The exact mean comes last: it fits a steady clock of no standard rate."""
    plausible = sorted({*declared, *STANDARD}, key=lambda rate: (abs(rate - mean) / mean, rate))
    yield from (rate for rate in plausible if mean * Fraction(99, 100) <= rate <= mean * FULLEST_HOLES)
    yield mean.limit_denominator(1001)
    yield mean.limit_denominator(100_000)


def _places(timestamps: Sequence[int], time_base: Fraction, rate: Fraction) -> int | None:
    """How many places the grid of `rate` has for these timestamps; None if they aren't each on a place of their own."""
    step = float(1 / (rate * time_base))  # ticks per frame
    slack = max(float(JITTER), min(0.45, 0.75 / step))
    first, previous = timestamps[0], -1
    for timestamp in timestamps:
        exact = (timestamp - first) / step
        place = round(exact)
        if place <= previous or abs(exact - place) > slack:
            return None
        previous = place
    return previous + 1
