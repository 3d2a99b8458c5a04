"""Segments of a text track: on the video's own borders, and no cue is lost at one."""

from fractions import Fraction
from itertools import pairwise
from typing import SupportsIndex

from hypothesis import given
from hypothesis import strategies as st

from hls.core.subtitles.cues import Cue
from hls.core.subtitles.cutting import HEAD, CueIndex, segment
from hls.core.subtitles.reading import read_webvtt

TRACK = [Cue(0, 1_000, "first"), Cue(5_500, 6_500, "over the border"), Cue(12_000, 13_000, "third", "line:0")]
RATES = st.sampled_from([Fraction(24_000, 1_001), Fraction(25), Fraction(30_000, 1_001), Fraction(60_000, 1_001)])


@st.composite
def cues(draw: st.DrawFn) -> Cue:
    start_ms = draw(st.integers(0, 40_000))
    return Cue(start_ms, start_ms + draw(st.sampled_from([1, 40, 2_000, 100_000])), draw(st.sampled_from(["a", "b"])))


def seconds(begin: int, end: int) -> tuple[Fraction, Fraction]:
    return Fraction(begin), Fraction(end)


def test_segment_says_when_the_video_begins() -> None:
    """RFC 8216 3.5: a video's first picture has the timestamp 10 s, and cues count from there."""
    assert segment([], *seconds(0, 6)) == "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n"


def test_golden_segments() -> None:
    border = "\n00:00:05.500 --> 00:00:06.500\nover the border\n"
    assert segment(TRACK, *seconds(0, 6)) == f"{HEAD}\n00:00:00.000 --> 00:00:01.000\nfirst\n{border}"
    assert segment(TRACK, *seconds(6, 12)) == HEAD + border
    assert segment(TRACK, *seconds(12, 18)) == f"{HEAD}\n00:00:12.000 --> 00:00:13.000 line:0\nthird\n"
    assert segment(TRACK, *seconds(18, 24)) == HEAD


@given(st.lists(cues(), max_size=30), RATES)
def test_segments_hold_every_cue_where_it_is_shown(track: list[Cue], rate: Fraction) -> None:
    index = CueIndex(track)
    for begin_s, end_s in pairwise([Fraction(144 * number) / rate for number in range(30)]):
        shown = [cue for cue in track if cue.start_ms < end_s * 1_000 and cue.end_ms > begin_s * 1_000]

        assert index.shown(begin_s, end_s) == sorted(shown, key=lambda cue: cue.start_ms)
        assert list(read_webvtt(index.segment(begin_s, end_s))) == list(dict.fromkeys(index.shown(begin_s, end_s)))
        assert index.segment(begin_s, end_s) == segment(track, begin_s, end_s)


def test_no_cue_is_lost_at_a_border_between_milliseconds() -> None:
    border_s = Fraction(149 * 1_001, 24_000)  # 6.214541... s
    across, behind, before = Cue(6_214, 6_215, "across"), Cue(6_215, 6_216, "behind"), Cue(6_213, 6_214, "before")
    index = CueIndex([across, behind, before])

    assert index.shown(Fraction(6), border_s) == [before, across]
    assert index.shown(border_s, Fraction(13)) == [across, behind]


def test_a_cue_that_ends_or_begins_at_a_border_stands_in_one_segment() -> None:
    track = [Cue(0, 6_000, "before"), Cue(6_000, 12_000, "after")]
    assert [cue.text for cue in CueIndex(track).shown(*seconds(0, 6))] == ["before"]
    assert [cue.text for cue in CueIndex(track).shown(*seconds(6, 12))] == ["after"]


class Counted(list[int]):
    """Counts how often it is looked at."""

    looks = 0

    def __getitem__(self, node: SupportsIndex) -> int:  # type: ignore[override]
        self.looks += 1
        return super().__getitem__(node)


def test_one_cue_as_long_as_the_video_does_not_make_every_segment_look_at_every_cue() -> None:
    whole = Cue(0, 10**9, "whole")
    short = [Cue(number * 100, number * 100 + 90, f"{number}") for number in range(50_000)]
    index = CueIndex([whole, *short])
    counted = Counted(index._latest_end)
    index._latest_end = counted

    assert index.shown(*seconds(4_900, 4_906)) == [whole, *short[49_000:49_060]]
    assert counted.looks < 100  # a few times the depth of the tree, and not 49,001
