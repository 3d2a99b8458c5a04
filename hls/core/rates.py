"""Which frame rate a track of timestamps has."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

STANDARD = tuple(
    sorted(
        Fraction(number)
        for number in (
            *(1, 2, 3, 4, 5, 6, 8, 10, 12, "12.5", 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240),
            *("15000/1001", "24000/1001", "30000/1001", "60000/1001", "120000/1001"),
        )
    )
)
JITTER = Fraction(1, 4)  # of a frame: how far a timestamp may lie from the grid
FULLEST_HOLES = 2  # a grid with more holes than frames isn't the track's


@dataclass(frozen=True)
class Rate:
    """`frame_count` counts the places on the grid from the first frame to the last, holes included."""

    rate: Fraction
    frame_count: int
    is_variable: bool


def measure(timestamps: Sequence[int], time_base: Fraction, declared: Sequence[Fraction]) -> Rate:
    """The rate of sorted, distinct `timestamps`, trying the container's `declared` rates where they fit."""
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
    rate = nearest_standard(1 / (interval * time_base))
    return Rate(rate, round(span_s * rate) + 1, is_variable=True)


def nearest_standard(rate: Fraction) -> Fraction:
    """The standard rate with the smallest ratio to `rate`."""
    at = bisect_left(STANDARD, rate)
    return min(STANDARD[max(0, at - 1) : at + 1], key=lambda standard: max(standard / rate, rate / standard))


def _candidates(mean: Fraction, declared: Sequence[Fraction]) -> Iterator[Fraction]:
    """From the mean rate up: the exact mean last, since it fits a steady clock that no standard rate does."""
    plausible = sorted({*declared, *STANDARD}, key=lambda rate: (abs(rate - mean) / mean, rate))
    yield from (rate for rate in plausible if mean * Fraction(99, 100) <= rate <= mean * FULLEST_HOLES)
    yield mean.limit_denominator(1001)
    yield mean.limit_denominator(100_000)


def _places(timestamps: Sequence[int], time_base: Fraction, rate: Fraction) -> int | None:
    """How many places the grid of `rate` has for these timestamps, or None where they aren't on it, one on each."""
    step = float(1 / (rate * time_base))  # ticks of a frame
    slack = max(float(JITTER), min(0.45, 0.75 / step))
    first, previous = timestamps[0], -1
    for timestamp in timestamps:
        exact = (timestamp - first) / step
        place = round(exact)
        if place <= previous or abs(exact - place) > slack:
            return None
        previous = place
    return previous + 1
