"""Variable rates: the grid shows every picture that lasts, is no faster than necessary, and ignores jitter."""

from fractions import Fraction
from itertools import accumulate
from math import sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.inspection.rates import Rate, measure
from hls.core.inspection.spacing import spaced

MILLISECOND = Fraction(1, 1000)
FINE = Fraction(1, 90_000)


def measured(seconds: list[float], time_base: Fraction = MILLISECOND) -> Rate:
    return measure(sorted({round(second / time_base) for second in seconds}), time_base, [])


def bursts(usual: int, fast: int, *, every_s: float = 2, burst_s: float = 0.3, duration_s: int = 12) -> list[float]:
    """`usual` pictures per second, on the grid of the `fast` rate, with bursts at the full `fast` rate."""
    frames = range(fast * duration_s)
    return [n / fast for n in frames if n % (fast // usual) == 0 or n / fast % every_s >= every_s - burst_s]


def jittering(rate: Fraction, jitter_s: float, count: int = 3000) -> list[float]:
    """Jitter of two waves with different periods, which no steady grid of another rate can follow."""
    return [n / rate + jitter_s * (sin(n * 1.7) + sin(n * 0.61)) / 2 for n in range(count)]


@pytest.mark.parametrize("time_base", [MILLISECOND, FINE])
@pytest.mark.parametrize(("usual", "fast"), [(15, 60), (10, 30), (12, 60), (5, 50), (24, 48), (30, 60), (1, 60)])
def test_bursts_decide_how_fast_the_grid_is(usual: int, fast: int, time_base: Fraction) -> None:
    found = measured(bursts(usual, fast), time_base)
    assert (found.rate, found.hidden_count) == (Fraction(fast), 0)


def test_what_the_fastest_grid_can_not_hold_is_counted() -> None:
    """Pictures at 120 per second last less than a frame at 60, so they aren't counted."""
    found = measured(bursts(20, 120), FINE)
    assert (found.rate, found.hidden_count) == (Fraction(60), 0)


def test_one_glitch_in_a_long_video_does_not_change_its_rate() -> None:
    steady = [n / 15 + 0.004 * sin(n * 1.7) for n in range(3000)]
    glitch = [100.2 + n / 60 for n in range(4)]
    found = measured(sorted(steady + glitch))
    assert found.rate == 15
    assert found.hidden_count in (1, 2, 3)


def test_one_glitch_in_a_short_video_costs_little() -> None:
    steady = [n / 15 + 0.02 * sin(n * 1.7) for n in range(150)]
    assert measured(sorted([*steady, 5.02])).rate <= 16


@pytest.mark.parametrize("rate", ["24", "25", "30000/1001", "30", "50"])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4])
def test_a_steady_rate_that_jitters_stays_what_it_is(rate: str, share: float) -> None:
    wanted = Fraction(rate)
    found = measured(jittering(wanted, share / float(wanted)))
    assert abs(found.rate / wanted - 1) < 0.002
    assert found.hidden_count <= 3


def test_a_phone_that_leaves_out_a_frame_now_and_then_stays_at_30() -> None:
    seconds = [n / 29.93 + 0.004 * sin(n * 1.7) for n in range(3000) if n % 37]
    found = measured(seconds)
    assert found.rate in (30, Fraction(30000, 1001))
    assert found.hidden_count == 0


def test_rates_of_cinema_and_television_in_one_recording_are_both_shown() -> None:
    cinema = [n / 23.976 for n in range(500)]
    television = [cinema[-1] + n / 29.97 for n in range(1, 300)]
    found = measured(cinema + television, FINE)
    assert found.rate in (30, Fraction(30000, 1001))
    assert found.hidden_count == 0


def test_slides_stay_slow() -> None:
    assert measured([0, 4.013, 11.37, 19.1, 23.77]).rate <= 3


def test_the_usual_rate_above_60_is_60() -> None:
    seconds = [n / 144 + 0.0025 * sin(n * 1.7) for n in range(2000)]
    assert measured(seconds, FINE).rate == 60


@given(st.lists(st.integers(1500, 9000), max_size=200), st.integers(-900, 900))
def test_any_picture_that_lasts_a_frame_at_60_is_shown_at_60(steps: list[int], first: int) -> None:
    """The clock has 90,000 ticks per second."""
    stamps = list(accumulate(steps, initial=first))
    assert spaced(stamps, FINE, Fraction(60), most_hidden=len(stamps)).hidden_count == 0
