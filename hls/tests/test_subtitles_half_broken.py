"""Files as other programs write and people edit them, each broken in a way that bug reports of readers tell of."""

from dataclasses import replace

import pytest

from hls.core.subtitles.cues import LATEST_MS, Cue
from hls.core.subtitles.reading import read

HELLO = Cue(1_000, 2_500, "Hello")
WORLD = Cue(3_000, 4_000, "World")
TWO = (HELLO, WORLD)
SUBRIP = {
    "as it should be": "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n",
    "no numbers": "00:00:01,000 --> 00:00:02,500\nHello\n\n00:00:03,000 --> 00:00:04,000\nWorld",
    "no empty lines": "1\n00:00:01,000 --> 00:00:02,500\nHello\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n",
    "neither": "00:00:01,000 --> 00:00:02,500\nHello\n00:00:03,000 --> 00:00:04,000\nWorld\n",
    "too many empty lines": (
        "1\n\n00:00:01,000 --> 00:00:02,500\n\nHello\n\n\n\n2\n\n00:00:03,000 --> 00:00:04,000\n\nWorld\n"
    ),
    "dots": "1\n00:00:01.000 --> 00:00:02.500\nHello\n\n2\n00:00:03.000 --> 00:00:04.000\nWorld\n",
    "milliseconds short or missing": "1\n00:00:01,0 --> 00:00:02,5\nHello\n\n2\n00:00:03 --> 00:00:04\nWorld\n",
    "single digits": "1\n0:0:1,000-->0:0:2,500\nHello\n\n2\n0:0:3,000-->0:0:4,000\nWorld\n",
    "no hours": "1\n00:01,000 --> 00:02,500\nHello\n\n2\n00:03,000 --> 00:04,000\nWorld\n",
    "spaces": "1\n00: 00: 01, 000 --> 00: 00: 02, 500\nHello\n\n2\n00:00:03 ,000 -- > 00:00:04 ,000\nWorld\n",
    "colons, a word processor's dash": (
        "1\n00:00:01:000 --> 00:00:02:500\nHello\n\n2\n00:00:03:000 \u2013> 00:00:04:000\nWorld\n"
    ),
    "arrows of one dash or one sign": (
        "1\n00:00:01,000 -> 00:00:02,500\nHello\n\n2\n00:00:03,000 \u2192 00:00:04,000\nWorld\n"
    ),
    "spaces of a web page": (
        "1\n00:00:01,000\xa0-->\xa000:00:02,500\nHello\n\n2\n00:00:03,000\u2009--\u202f> 00:00:04,000\nWorld\n"
    ),
    "number before the times": "1 00:00:01,000 --> 00:00:02,500\nHello\n\n2 00:00:03,000 --> 00:00:04,000\nWorld\n",
    "positions, four digits": (
        "1\n00:00:01,000 --> 00:00:02,500  X1:100 Y1:1\nHello\n\n2\n00:00:03,000 --> 00:00:04,0001\nWorld\n"
    ),
    "letters in the times": "1\n00:00:01,000 --> 00:00:02,500ab\nHello\n\n2\n00:00:03,000 --> 00:00:04wer,0\nWorld\n",
    "out of order": "2\n00:00:03,000 --> 00:00:04,000\nWorld\n\n1\n00:00:01,000 --> 00:00:02,500\nHello\n",
    "byte order marks and NUL": (
        "\ufeff1\n00:00:01,000 --> 00:00:02,500\n\ufeffHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWor\x00ld\n"
    ),
    "codes and tags": (
        "1\n00:00:01,000 --> 00:00:02,500\n{\\blur2}Hello\n\n2\n00:00:03,000 --> 00:00:04,000\n<font size=9>World\n"
    ),
    "number at the end": "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n\n3\n",
    "times that are none": (
        "1\n0:0:0,6 --> 0:0:x,5\n2\n00:00:01,000 --> 00:00:02,500\nHello\n\n3\n00:00:03,000 --> 00:00:04,000\nWorld"
    ),
    "twice the same": "00:00:01,000 --> 00:00:02,500\nHello\n" * 2 + "00:00:03,000 --> 00:00:04,000\nWorld\n",
}
WEBVTT = {
    "no header": "00:01.000 --> 00:02.500\nHello\n\n00:03.000 --> 00:04.000\nWorld\n",
    "no empty lines": "WEBVTT\n00:01.000 --> 00:02.500\nHello\n00:03.000 --> 00:04.000\nWorld\n",
    "commas": "WEBVTT\n\n1\n00:00:01,000 --> 00:00:02,500\nHello\n2\n00:00:03,000 --> 00:00:04,000\nWorld",
    "lines before the header": "\n\nWEBVTT FILE\n\n00:01.000 --> 00:02.500\nHello\n\n00:03.000 --> 00:04.000\nWorld",
    "half a line of times": "WEBVTT\n\n00:01.000 --> 00:02.500\nHello\n\n00:02.6 -->\n\n00:03.000 --> 00:04.000\nWorld",
}
ASS = """[Script Info]
Title: x
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour
Style: Default,Arial,20,&H00FFFFFF

[Fonts]
fontname: x.ttf
"6U3W

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\an8\\fad(1,2)}Hello
Dialogue: 1,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\blur3}Hello
Dialogue: 0,0:00:01.00,0:00:02.50,Sign,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
Dialogue: 0,0:00:03.00,0:00:04.00,Default,Mary,0,0,0,,World
"""
PLACED = (replace(HELLO, settings="line:0"), WORLD)


def srt(text: str) -> tuple[Cue, ...]:
    return read(text.encode(), "subtitles.srt")


def vtt(text: str) -> tuple[Cue, ...]:
    return read(text.encode(), "subtitles.vtt")


def ass(text: str) -> tuple[Cue, ...]:
    return read(text.encode(), "subtitles.ass")


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\r\r\n"], ids=repr)
@pytest.mark.parametrize("text", SUBRIP.values(), ids=SUBRIP.keys())
def test_half_broken_subrip_is_repaired(text: str, line_break: str) -> None:
    assert srt(text.replace("\n", line_break)) == TWO


def test_overlapping_times_are_fine() -> None:
    text = "1\n00:00:01,000 --> 00:00:05,000\nLong\n\n2\n00:00:02,000 --> 00:00:03,000\nShort\n"
    assert srt(text) == (Cue(1_000, 5_000, "Long"), Cue(2_000, 3_000, "Short"))


@pytest.mark.parametrize(
    ("times", "start_ms", "end_ms"),
    [
        ("-00:00:01,000 --> 00:00:02,000", 0, 2_000),
        ("- 00:00:01,000 --> 00:00:02,000", 0, 2_000),
        ("100:00:00,000 --> 100:00:01,000", 360_000_000, 360_001_000),
        ("00:75:00,000 --> 00:76:00,000", 4_500_000, 4_560_000),
        ("00:00:61,000 --> 00:00:62,000", 61_000, 62_000),
        ("00:00:01,000 --> 9999999999:00:00,000", 1_000, LATEST_MS),
    ],
)
def test_odd_times(times: str, start_ms: int, end_ms: int) -> None:
    assert srt(f"1\n{times}\nHello\n") == (Cue(start_ms, end_ms, "Hello"),)


@pytest.mark.parametrize(
    "times",
    [
        "-00:00:03,000 --> -00:00:02,000",
        "-00:00:03,000 --> 00:00:00,000",
        "00:00:02,000 --> 00:00:01,000",
        "00:00:02,000 --> 00:00:02,000",
        "9999999999:00:00,000 --> 9999999999:00:01,000",
    ],
    ids=["before the beginning", "until the beginning", "end before start", "no length", "a million years later"],
)
def test_what_is_never_shown_is_dropped(times: str) -> None:
    assert srt(f"1\n{times}\nNever\n\n2\n00:00:01,000 --> 00:00:02,500\nHello\n") == (HELLO,)


def test_numbers_that_are_said_stay() -> None:
    text = "00:00:01,000 --> 00:00:02,500\n1984\n\n00:00:03,000 --> 00:00:04,000\nIn\n1985\n\n3\n0:0:5 --> 0:0:6\n42"
    assert [cue.text for cue in srt(text)] == ["1984", "In\n1985", "42"]


def test_empty_subtitles_do_not_swallow_the_next_number() -> None:
    """pysubs2 issue 11."""
    text = "392\n0:0:1,0 --> 0:0:2,5\nHello\n\n393\n0:0:2,6 --> 0:0:2,7\n\n394\n0:0:2,8 --> 0:0:2,9\n\n"
    assert srt(text) == (HELLO,)


@pytest.mark.parametrize(
    "line", ["10:15 -> 11:30", "Train 10:15 --> 11:30", "a --> b", "-->", "12:30 -->", "--> 00:00:02,000"]
)
def test_text_that_only_looks_like_times_is_text(line: str) -> None:
    assert srt(f"1\n00:00:01,000 --> 00:00:02,500\n{line}\n")[0].text == line.replace(">", "&gt;")


@pytest.mark.parametrize("text", WEBVTT.values(), ids=WEBVTT.keys())
def test_half_broken_webvtt_is_repaired(text: str) -> None:
    assert vtt(text) == TWO


def test_blocks_that_are_no_cues_are_dropped() -> None:
    text = (
        "WEBVTT - a title\nKind: captions\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n"
        "REGION\nid:fred\nwidth:40%\n\nSTYLE\n::cue { background: url(x) }\n\nNOTE by somebody\n--> us\n\n"
        "intro\n00:01.000 --> 00:02.500 region:fred line:0\nHello\n\nNOTE\nbetween\n\n00:03.000 --> 00:04.000\nWorld\n"
    )
    assert vtt(text) == (Cue(1_000, 2_500, "Hello", "line:0"), WORLD)


def test_captions_of_youtube() -> None:
    """webvtt-py issue 28: a line with a space alone, and a time before each word."""
    text = (
        "WEBVTT\nKind: captions\nLanguage: en\n\n00:00:01.000 --> 00:00:02.500 align:start position:0%\n \n"
        "what's<00:00:01.719><c> up</c>\n\n00:00:02.500 --> 00:00:02.510 align:start position:0%\nwhat's up\n \n"
    )
    settings = "align:start position:0%"
    assert vtt(text) == (Cue(1_000, 2_500, "what's up", settings), Cue(2_500, 2_510, "what's up", settings))


@pytest.mark.parametrize("name", ["a.ass", "a.ssa", "a.srt", "a.vtt"])
def test_ass_is_known_by_its_content(name: str) -> None:
    assert read(ASS.encode(), name) == PLACED


def test_ass_of_version_4() -> None:
    text = "[Events]\nFormat: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    text += (
        "Dialogue: Marked=0,0:00:01.00,0:00:02.50,*Default,NTP,0000,0000,0000,!Effect,Hello, {\\i1}you{\\i0}\\Nthere\n"
    )
    assert read(text.encode(), "a.ssa") == (Cue(1_000, 2_500, "Hello, <i>you</i>\nthere"),)


def test_order_of_fields_is_the_one_that_is_declared() -> None:
    text = (
        "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.50,Hello\nDialogue: 0:00:03.0,0:00:04.0,World"
    )
    assert ass(text) == TWO


def test_one_bad_line_of_ass_loses_no_other() -> None:
    bad = "Dialogue: \nDialogue: 0,x,y,Default,,0,0,0,,Bad\nDialogue: 0,-0:00:09.00,-0:00:08.00,Default,,0,0,0,,Bad\n"
    assert ass(ASS.replace("Comment:", f"{bad}Comment:")) == PLACED


def test_hours_of_three_digits_in_ass() -> None:
    text = "[Events]\nDialogue: 0,100:00:01.00,100:00:02.00,Default,,0,0,0,,Late"
    assert ass(text) == (Cue(360_001_000, 360_002_000, "Late"),)


def test_breaks_of_ass_in_subrip() -> None:
    """Programs that make SubRip of ASS leave them; players break the line there."""
    text = b"1\n00:00:01,000 --> 00:00:02,500\n\\NHello,\\N\\N{\\i1}world{\\i0}\n"
    assert read(text, "a.srt") == (Cue(1_000, 2_500, "Hello,\n<i>world</i>"),)


def test_soft_breaks_and_hard_spaces_of_ass() -> None:
    text = "[Events]\nDialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,a\\nb\\Nc\\hd"
    assert ass(text) == (Cue(1_000, 2_500, "a b\nc\xa0d"),)
