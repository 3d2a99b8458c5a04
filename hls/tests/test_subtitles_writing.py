"""The stored form of a text track, which other readers understand as we do."""

import pysubs2
import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from hls.core.subtitles.cues import LATEST_MS, Cue
from hls.core.subtitles.reading import read
from hls.core.subtitles.sanitising import safe_settings, safe_text, without_forbidden
from hls.core.subtitles.writing import parse, timestamp
from hls.core.subtitles.writing import webvtt as written

LATEST_OF_ASS_MS = 36_000_000 - 20  # pysubs2 writes one digit of hours
TEXTS = st.text(max_size=40).map(lambda text: safe_text(without_forbidden(text))).filter(bool)
WORDS = st.lists(
    st.sampled_from(["Hello", "you", "there", "1984", "Ça va", "<i>so</i>", "你好"]), min_size=1, max_size=4
)
LINES = st.lists(WORDS.map(" ".join).filter(lambda line: not line.isdigit()), min_size=1, max_size=3).map("\n".join)
SETTINGS = st.sampled_from(["", "line:0", "align:start position:10%", "vertical:rl size:50.5%"])


@st.composite
def cues(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS, latest_ms: int = LATEST_MS) -> Cue:
    start_ms = draw(st.integers(0, latest_ms - 1))
    return Cue(start_ms, draw(st.integers(start_ms + 1, latest_ms)), draw(texts), draw(SETTINGS))


def shown(track: list[Cue]) -> list[tuple[int, int, str]]:
    """What a viewer sees of a track: the same text at the same time once."""
    ordered = sorted(track, key=lambda cue: cue.start_ms)
    return list(dict.fromkeys((cue.start_ms, cue.end_ms, cue.text) for cue in ordered))


@given(st.lists(cues()))
def test_what_is_written_is_read(track: list[Cue]) -> None:
    assert parse(written(track)) == tuple(sorted(track, key=lambda cue: cue.start_ms))


@given(st.lists(cues()))
def test_there_is_one_form(track: list[Cue]) -> None:
    text = written(track)

    assert written(parse(text)) == text
    assert text.startswith("WEBVTT\n")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text


@given(st.lists(cues(), min_size=1))
def test_webvtt_py_reads_what_is_written(track: list[Cue]) -> None:
    found = [
        Cue(each.start_time.in_milliseconds(), each.end_time.in_milliseconds(), each.raw_text, str(each.settings))
        for each in webvtt.from_string(written(track), strict=True).captions
    ]
    assert tuple(found) == parse(written(track))


@given(st.lists(cues(LINES), min_size=1))
def test_uploaded_webvtt_is_read_as_webvtt_py_writes_it(track: list[Cue]) -> None:
    captions = [webvtt.Caption(timestamp(cue.start_ms), timestamp(cue.end_ms), cue.text) for cue in track]
    file = webvtt.WebVTT(captions=captions, header_comments=["a comment"])

    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in read(file.content.encode(), "a.vtt")] == shown(track)


@pytest.mark.parametrize("kind", ["srt", "ass", "ssa"])
@given(track=st.lists(cues(LINES, LATEST_OF_ASS_MS), min_size=1))
def test_uploaded_subrip_and_ass_are_read_as_pysubs2_writes_them(kind: str, track: list[Cue]) -> None:
    track = [Cue(cue.start_ms // 10 * 10, cue.end_ms // 10 * 10 + 10, cue.text) for cue in track]  # ASS has 1/100 s
    file = pysubs2.SSAFile()
    for cue in track:
        text = cue.text.replace("\n", "\\N").replace("<i>", "{\\i1}").replace("</i>", "{\\i0}")
        file.append(pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms, text=text))

    found = read(file.to_string(kind).encode(), f"a.{kind}")

    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in found] == shown(track)


def test_golden_file() -> None:
    track = [
        Cue(3_599_999, 360_000_000, "<i>Tom</i> &amp;\nJerry", "line:0 align:start"),
        Cue(1_500, 2_000, "second"),
        Cue(1_500, 1_501, "third"),
        Cue(0, 1, "first"),
    ]
    assert written(track) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:00.001\nfirst\n"
        "\n00:00:01.500 --> 00:00:02.000\nsecond\n"
        "\n00:00:01.500 --> 00:00:01.501\nthird\n"
        "\n00:59:59.999 --> 100:00:00.000 line:0 align:start\n<i>Tom</i> &amp;\nJerry\n"
    )


def test_track_without_cues() -> None:
    assert written([]) == "WEBVTT\n"
    assert parse("WEBVTT\n") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        "WEBVTT\n\nNOTE a comment\n",
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n",
        "WEBVTT\n\n01.000 --> 02.000\nHello\n",
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n\n\n00:00:03.000 --> 00:00:04.000\nWorld\n",
    ],
)
def test_anything_else_is_no_stored_track(text: str) -> None:
    with pytest.raises(ValueError, match="stored text track"):
        parse(text)


@given(st.text(max_size=60))
def test_settings_stay_on_their_line(source: str) -> None:
    cue = Cue(0, 1, "Hello", safe_settings(source))
    assert parse(written([cue])) == (cue,)
