"""Chapters as a track and as a list."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.subtitles.chapters import LONGEST_TITLE, Chapter, chapters_of, cues_of, in_turn
from hls.core.subtitles.cues import Cue
from hls.core.subtitles.reading import read
from hls.core.subtitles.writing import parse, webvtt

CHAPTERS = st.builds(Chapter, st.floats(), st.floats(), st.text(max_size=20))


def starts_and_titles(*chapters: tuple[float, str]) -> list[Chapter]:
    return [Chapter(start_s, 0, title) for start_s, title in chapters]


def test_chapters_last_until_the_next_one() -> None:
    assert cues_of(starts_and_titles((60, "Middle"), (0, "Start"), (90.5, "End")), 100.25) == (
        Cue(0, 60_000, "Start"),
        Cue(60_000, 90_500, "Middle"),
        Cue(90_500, 100_250, "End"),
    )


def test_titles_are_plain_text_there_and_back() -> None:
    [cue] = cues_of(starts_and_titles((0, "Tom & <b>Jerry</b>\n\n--> \x00&amp;")), 10)
    assert cue.text == "Tom &amp; &lt;b&gt;Jerry&lt;/b&gt; --&gt; &amp;amp;"
    assert chapters_of([cue]) == (Chapter(0, 10, "Tom & <b>Jerry</b> --> &amp;"),)


def test_titles_of_an_uploaded_file_lose_their_tags() -> None:
    cues = read(
        b"WEBVTT\n\n00:05.000 --> 00:09.000\n<i>Two</i>\nlines &amp; more\n\n00:00.000 --> 00:05.000\nOne", "a.vtt"
    )
    assert chapters_of(cues) == (Chapter(0, 5, "One"), Chapter(5, 9, "Two lines & more"))


def test_what_lies_outside_the_video_is_left_out() -> None:
    chapters = starts_and_titles((-5, "Early"), (10, "At its end"), (11, "Late"), (float("nan"), "Never"))
    assert cues_of(chapters, 10) == (Cue(0, 10_000, "Early"),)


def test_the_last_of_those_that_begin_together_stays() -> None:
    assert cues_of(starts_and_titles((1, "one"), (1.0001, "two"), (2, "three")), 3) == (
        Cue(1_000, 2_000, "two"),
        Cue(2_000, 3_000, "three"),
    )


def test_chapter_without_a_title_gets_a_number() -> None:
    assert [cue.text for cue in cues_of(starts_and_titles((0, "Intro"), (1, " \x00 ")), 2)] == ["Intro", "Chapter 2"]


def test_title_of_a_page_is_cut() -> None:
    assert cues_of(starts_and_titles((0, "x" * 10_000)), 1)[0].text == "x" * LONGEST_TITLE


def test_no_chapters() -> None:
    assert cues_of([], 10) == ()
    assert chapters_of([]) == ()
    assert cues_of(starts_and_titles((0, "a")), 0) == ()


@given(st.lists(CHAPTERS, max_size=10), st.floats(0, 1e5))
def test_any_chapters_make_a_track_without_gaps(chapters: list[Chapter], duration_s: float) -> None:
    cues = cues_of(chapters, duration_s)

    assert parse(webvtt(cues)) == cues
    assert all(one.end_ms == other.start_ms for one, other in pairwise(cues))
    assert cues == () or cues[-1].end_ms == round(duration_s * 1_000)
    assert cues_of(chapters_of(cues), duration_s) == cues


@pytest.mark.parametrize(
    ("times", "in_turn_s"),
    [
        ([(0, 5), (5, 10)], [(0, 5), (5, 10)]),
        ([(1, 2), (4, 6)], [(1, 2), (4, 6)]),  # gaps that a file has stay
        ([(0, 7), (5, 10)], [(0, 5), (5, 10)]),
        ([(0, 9), (2, 4), (4, 6)], [(0, 2), (2, 4), (4, 9)]),
        ([(0, 9), (2, 4), (6, 7)], [(0, 2), (2, 6), (6, 9)]),
        ([(0, 9), (0, 4), (4, 9)], [(0, 4), (4, 9)]),
        ([(5, 10), (0, 5)], [(0, 5), (5, 10)]),
        ([(0, 5), (5, 30)], [(0, 5), (5, 10)]),
        ([(0, 5), (10, 12), (11, 20)], [(0, 5)]),
        ([(10, 12)], []),
    ],
)
def test_chapters_come_in_turn_and_within_the_video(
    times: list[tuple[int, int]], in_turn_s: list[tuple[int, int]]
) -> None:
    found = in_turn([Cue(begin * 1_000, end * 1_000, str(begin)) for begin, end in times], 10)
    assert [(cue.start_ms / 1_000, cue.end_ms / 1_000) for cue in found] == in_turn_s
    assert [cue.text for cue in found] == [str(begin) for begin, _ in in_turn_s]


def test_chapters_of_a_video_whose_length_is_not_known_yet_come_in_turn() -> None:
    assert in_turn([Cue(0, 9_000, "a"), Cue(5_000, 99_000, "b")], None) == (Cue(0, 5_000, "a"), Cue(5_000, 99_000, "b"))


@given(st.lists(st.builds(Cue, st.integers(0, 50), st.integers(51, 99), st.just("a"))), st.floats(0, 0.09))
def test_any_chapters_come_in_turn(cues: list[Cue], end_s: float) -> None:
    found = in_turn(cues, end_s)

    assert all(cue.start_ms < cue.end_ms <= round(end_s * 1_000) for cue in found)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(found))
    assert in_turn(found, end_s) == found
