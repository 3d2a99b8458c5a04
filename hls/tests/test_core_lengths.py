"""A video lasts as long as its pictures or its sound, whichever is longer, except for rounding."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.plan import make_plan
from hls.core.probe import AudioTrack, Copyable, Source
from hls.tests.factories import source


def heard(begin_s: Fraction, end_s: Fraction, **changes: object) -> Source:
    """Ten seconds at 25 fps from second 100 on; `begin_s` and `end_s` of the sound count from there."""
    zero = Fraction(100)
    made = source(seconds=10)
    audio = AudioTrack(1, "aac", 2, 48_000, heard_s=zero + begin_s, end_s=zero + end_s)
    video = replace(made.video, **{"start_s": zero} | changes)  # type: ignore[arg-type]
    return replace(made, video=video, audio=audio)


ROUNDING = st.fractions(Fraction(-6, 25), Fraction(6, 25), max_denominator=90_000)


@given(early=ROUNDING, late=ROUNDING)
def test_a_containers_rounding_makes_no_video_longer(early: Fraction, late: Fraction) -> None:
    plan = make_plan(heard(early, 10 + late))
    assert (plan.lead, plan.tail, plan.timeline.frame_count) == (0, 0, 250)
    assert plan.zero_s == 100


@given(
    early=st.fractions(Fraction(1, 4), 100, max_denominator=90_000),
    late=st.fractions(Fraction(1, 4), 100, max_denominator=90_000),
)
def test_a_video_lasts_as_long_as_the_longer_of_picture_and_sound(early: Fraction, late: Fraction) -> None:
    plan = make_plan(heard(-early, 10 + late))
    assert abs(plan.lead - early * 25) < 1
    assert abs(plan.tail - late * 25) < 1
    assert plan.timeline.frame_count == plan.lead + 250 + plan.tail
    assert plan.zero_s + plan.timeline.seconds(plan.lead) == 100, "a picture is shown when it was"
    assert plan.last_picture == plan.lead + 249


def test_chunks_know_whether_they_are_before_or_after_the_pictures() -> None:
    plan = make_plan(heard(Fraction(-20), Fraction(60)))
    chunks = plan.timeline.chunks
    assert [plan.is_before_pictures(chunk) for chunk in chunks] == [True] * 3 + [False] * 5
    assert [plan.is_after_pictures(chunk) for chunk in chunks] == [False] * 5 + [True] * 3


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(25), Fraction(90_000), Fraction(1, 7)])
def test_a_video_of_one_picture_costs_a_frame_for_each_second_of_sound(rate: Fraction) -> None:
    plan = make_plan(heard(Fraction(0), Fraction(3600), rate=rate, frame_count=1, duration_s=1 / rate))
    assert plan.timeline.duration_s == 3600
    assert plan.timeline.frame_count == 3600
    assert len(plan.timeline.chunks) == 13, "each of them reads the sound from the picture on"


def test_a_video_whose_pictures_do_not_fill_it_is_encoded() -> None:
    copyable = Copyable(segment_starts=(0, 150), delay_frames=2, peak_kbps=3000)
    assert make_plan(heard(Fraction(0), Fraction(10), copyable=copyable)).is_copying
    assert not make_plan(heard(Fraction(-1), Fraction(10), copyable=copyable)).is_copying
    assert not make_plan(heard(Fraction(0), Fraction(11), copyable=copyable)).is_copying
