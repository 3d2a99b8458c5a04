"""The frame rate of timestamps: standard rates, rounded clocks, holes, and irregular clocks."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.inspection.rates import STANDARD, measure, nearest_standard

MILLISECOND = Fraction(1, 1000)
FINE = Fraction(1, 90_000)
RATES = ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "12.5", "120"]


def clock(rate: Fraction, count: int, time_base: Fraction, first: int = 0) -> list[int]:
    """The timestamps that a container with this time base gives to frames of a steady rate."""
    return [first + round(number / rate / time_base) for number in range(count)]


@pytest.mark.parametrize("time_base", [MILLISECOND, FINE], ids=["milliseconds", "90 kHz"])
@pytest.mark.parametrize("rate", RATES)
def test_a_steady_clock_has_its_own_rate_however_it_is_rounded(rate: str, time_base: Fraction) -> None:
    found = measure(clock(Fraction(rate), 1000, time_base), time_base, [])
    assert (found.rate, found.frame_count, found.is_variable) == (Fraction(rate), 1000, False)


@pytest.mark.parametrize("first", [-900, 0, 126_000])
def test_where_a_clock_begins_says_nothing_about_its_rate(first: int) -> None:
    assert measure(clock(Fraction(25), 100, FINE, first), FINE, []).rate == 25


def test_holes_are_counted_as_frames() -> None:
    whole = clock(Fraction(25), 100, FINE)
    found = measure([stamp for number, stamp in enumerate(whole) if number not in (40, 41, 70)], FINE, [])
    assert (found.rate, found.frame_count, found.is_variable) == (Fraction(25), 100, False)


def test_a_rate_that_no_standard_knows_is_taken_as_it_is() -> None:
    found = measure(clock(Fraction(17), 500, FINE), FINE, [])
    assert found.frame_count == 500
    assert not found.is_variable
    assert abs(found.rate - 17) < Fraction(1, 1000)


def test_a_declared_rate_decides_where_the_clock_allows_several() -> None:
    """Ten frames in milliseconds fit 23.976 as well as 24."""
    stamps = clock(Fraction(24000, 1001), 10, MILLISECOND)
    assert measure(stamps, MILLISECOND, [Fraction(24000, 1001)]).frame_count == 10


def test_a_wrong_declaration_is_not_believed() -> None:
    assert measure(clock(Fraction(25), 200, FINE), FINE, [Fraction(90_000), Fraction(1)]).rate == 25


def test_an_only_frame_has_the_declared_rate_or_else_25() -> None:
    assert measure([7], FINE, [Fraction(30)]).rate == 30
    assert measure([7], FINE, []).rate == 25
    assert measure([7], FINE, []).frame_count == 1


def test_a_clock_without_a_grid_is_variable_and_has_the_usual_interval() -> None:
    steps = [3600, 3600, 5417, 3600, 1931, 3600, 3600, 8123, 3600, 3600] * 10
    stamps = [0]
    for step in steps:
        stamps.append(stamps[-1] + step)
    found = measure(stamps, FINE, [])
    assert found.is_variable
    assert found.rate == 25
    assert found.frame_count == round(stamps[-1] * FINE * 25) + 1


@given(st.sampled_from(STANDARD), st.fractions(Fraction(999, 1000), Fraction(1001, 1000)))
def test_the_nearest_standard_is_never_further_than_another(rate: Fraction, factor: Fraction) -> None:
    wanted = rate * factor
    chosen = nearest_standard(wanted)
    assert all(max(chosen / wanted, wanted / chosen) <= max(other / wanted, wanted / other) for other in STANDARD)


@given(
    st.sampled_from(STANDARD),
    st.integers(2, 300),
    st.sampled_from([MILLISECOND, FINE]),
    st.sets(st.integers(1, 298), max_size=20),
)
def test_every_frame_has_a_place_of_its_own(rate: Fraction, count: int, time_base: Fraction, lost: set[int]) -> None:
    stamps = [stamp for number, stamp in enumerate(clock(rate, count, time_base)) if number not in lost]
    assert all(earlier < later for earlier, later in pairwise(stamps))
    if len(stamps) > 1:
        assert measure(stamps, time_base, [rate]).frame_count >= len(stamps)
