"""Text tracks as people upload them: half-broken ones are repaired, the others refused in a sentence."""

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.subtitles import reading, writing
from hls.core.subtitles.cues import LATEST_MS, MOST_CUES, MOST_TEXT, Cue, TextRefused
from hls.core.subtitles.reading import MOST_BYTES, MOST_LINES, MOST_MARKS, Form, RawCue, read, read_packets, read_webvtt
from hls.core.subtitles.sanitising import safe_text

HELLO = Cue(1_000, 2_500, "Hello")
WORLD = Cue(3_000, 4_000, "World")
TWO = (HELLO, WORLD)
TIMES = ["00:00:01,000 --> 00:00:02,500", "00:00:03.000 --> 00:00:04.000", "0:1 --> 0:2", "-0:0:1,5 --> 1:0:0,0", "-->"]
PIECES = [
    *TIMES,
    *("\n", "\n\n", "\r\n", "\r", "1\n", "2", "\x00", "\ufeff", "\x85", "\u2028", "Hello", "<i>", "<", "&", "{\\p1}"),
    *(
        "WEBVTT\n\n",
        "NOTE\n",
        "STYLE\n",
        "REGION\nid:x\n",
        "[Script Info]\n",
        "[Events]\n",
        "Format: Start, End, Text\n",
    ),
    *(
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi\n",
        "Dialogue: ",
        "Comment: ",
        ",",
        ":",
        "line:0",
        "region:x",
    ),
]
FILES = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join)
NAMES = st.sampled_from(["a.srt", "a.vtt", "a.ass", "a.ssa", "A.SRT"])


def srt(text: str) -> tuple[Cue, ...]:
    return read(text.encode(), "subtitles.srt")


def cues_or_sentence(data: bytes, name: str) -> tuple[Cue, ...] | str:
    try:
        return read(data, name)
    except TextRefused as refused:
        return str(refused)


@given(st.binary(max_size=200) | FILES.map(str.encode) | FILES.map(lambda text: text.encode("utf-16")), NAMES)
def test_any_bytes_are_read_or_refused_in_a_sentence(data: bytes, name: str) -> None:
    cues = cues_or_sentence(data, name)
    if isinstance(cues, str):
        assert cues.endswith(".")
        return
    assert cues
    assert list(cues) == sorted(cues, key=lambda cue: cue.start_ms)
    assert all(0 <= cue.start_ms < cue.end_ms <= LATEST_MS for cue in cues)
    assert writing.parse(writing.webvtt(cues)) == cues


@given(st.text() | FILES)
def test_any_track_of_a_video_is_read(text: str) -> None:
    cues = read_webvtt(text)

    assert writing.parse(writing.webvtt(cues)) == cues


@pytest.mark.parametrize("name", ["a.txt", "a.exe", "a", "srt", "", "a.srt.gz", "../a.sub", "\x00"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(TextRefused, match=r"\.vtt, \.srt, \.ass or \.ssa"):
        read(b"1\n00:00:01,000 --> 00:00:02,500\nHello\n", name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 1_000,
        b"\xef\xbb\xbf",
        b"WEBVTT\n",
        b"no times at all",
        b"1\n00:00:01,000 --> 00:00:02,500\n\n",
        b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(range(256)) * 20,
    ],
)
def test_file_without_a_cue_is_refused(data: bytes) -> None:
    with pytest.raises(TextRefused, match="Nothing to show was found"):
        read(data, "a.srt")


def test_empty_track_of_a_video_has_no_cues() -> None:
    assert read_webvtt("WEBVTT\n\n") == ()
    assert read_webvtt("") == ()


def test_webvtt_that_ffmpeg_wrote() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.500\nHello\n\n01:00:03.000 --> 01:00:04.000\n<i>Tom</i> &amp; <v X>Jerry\n\n"
    assert read_webvtt(text) == (HELLO, Cue(3_603_000, 3_604_000, "<i>Tom</i> &amp; <v X>Jerry</v>"))


def test_captions_that_roll_up_keep_what_stands_below_an_empty_row() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.500\n\nHello\n\n00:03.000 --> 00:04.000\nWorld\n\n1984\n\n"
    assert read_webvtt(text) == (HELLO, Cue(3_000, 4_000, "World\n1984"))


def test_content_decides_over_the_ending() -> None:
    webvtt = (
        "WEBVTT\n\nNOTE no cue\n\n00:01.000 --> 00:02.500\nHello\n\nNOTE neither\n\n00:03.000 --> 00:04.000\nWorld\n"
    )
    subrip = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n"
    for ending in ("srt", "vtt", "ass", "SSA"):
        assert read(webvtt.encode(), f"a.{ending}") == TWO
        assert read(subrip.encode(), f"a.{ending}") == TWO


def test_dialogue_in_a_subtitle_is_text() -> None:
    assert srt("1\n00:00:01,000 --> 00:00:02,500\nDialogue: 0,a\n")[0].text == "Dialogue: 0,a"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "windows-1252"]
)
def test_encodings(encoding: str) -> None:
    text = "1\r\n00:00:01,000 --> 00:00:02,500\r\nÇa va \u2013 très bien, señor\r\n"
    assert read(text.encode(encoding), "a.srt") == (Cue(1_000, 2_500, "Ça va \u2013 très bien, señor"),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["你好世界", "שלום עולם", "مرحبا بالعالم", "😀🎬"])
def test_writing_of_the_world(text: str, encoding: str) -> None:
    lines = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text * 4}\n\n" for n in range(1, 9))
    assert {cue.text for cue in read(lines.encode(encoding), "a.srt")} == {text * 4}


@pytest.mark.parametrize(
    ("added", "shown"),
    [("été \u2013".encode("cp1252"), "été \u2013"), ("été".encode()[:-1], "étÃ"), (b"\x81!", "\ufffd!")],
)
def test_a_line_in_another_encoding_leaves_the_others_readable(added: bytes, shown: str) -> None:
    lines = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\nЖизнь\n\n" for n in range(1, 9))
    cues = read(lines.encode() + b"9\n00:00:09,000 --> 00:00:09,900\n" + added, "a.srt")
    assert [cue.text for cue in cues] == ["Жизнь"] * 8 + [shown]


def test_capitals_before_quotation_marks_are_no_utf8() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,500\n«CAFÉ» «ÉTÉ»\n"  # É» has the bytes of a letter in UTF-8
    assert read(text.encode("cp1252"), "a.srt")[0].text == "«CAFÉ» «ÉTÉ»"


def test_zeros_in_utf8_are_no_utf16() -> None:
    assert srt("\x00" * 3 + "1\n00:00:01,000 --> 00:00:02,500\nH\x00e\x00l\x00l\x00o\x00\n") == (HELLO,)


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(TextRefused, match="5 MB"):
        read(b"x" * (MOST_BYTES + 1), "a.srt")
    with pytest.raises(TextRefused, match="5 MB"):
        read_webvtt("x" * (MOST_BYTES + 1))


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(TextRefused, match="too many lines"):
        srt("a\n" * (MOST_LINES + 1))


def test_empty_lines_are_not_counted() -> None:
    assert srt("\n" * (MOST_LINES * 2) + "00:00:01,000 --> 00:00:02,500\nHello") == (HELLO,)


@pytest.mark.parametrize("mark", "<&{")
def test_too_many_tags_are_refused(mark: str) -> None:
    with pytest.raises(TextRefused, match="too many tags"):
        srt(f"00:00:01,000 --> 00:00:02,500\n{mark * (MOST_MARKS + 1)}")


@pytest.mark.parametrize(
    ("cue", "name"),
    [
        ("0:0:0 --> 0:0:1\na\n", "a.srt"),
        ("0:0:0 --> 0:0:1\na\n", "a.vtt"),
        ("Dialogue: 0,0:0:0,0:0:1,,,,,,,a\n", "a.ass"),
    ],
)
def test_too_many_cues_are_refused(cue: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_CUES >= 20_000
    monkeypatch.setattr(reading, "MOST_CUES", 5)

    assert read((cue * 5).encode(), name) == (Cue(0, 1_000, "a"),)
    with pytest.raises(TextRefused, match="at most 5 are accepted"):
        read((cue * 6).encode(), name)


def test_a_cue_of_a_megabyte_is_cut() -> None:
    [cue, world] = srt(f"{TIMES[0]}\n{'word ' * 200_000}\n\n{TIMES[1]}\nWorld\n")
    assert len(cue.text) == MOST_TEXT - 1  # without the space at its end
    assert world == WORLD


@pytest.mark.parametrize(
    "text",
    [
        "<a" * 50_000,
        "<" + "a" * 1_000_000,
        "- " + " " * 1_000_000 + "1:1 -->",
        "\r" * 1_000_000,
        "{\\" + "\\r" * 500_000,
    ],
    ids=["tags that never end", "a name that never ends", "spaces before times", "line breaks", "codes that never end"],
)
def test_time_is_linear(text: str) -> None:
    """Quadratic time would be minutes to hours here: the test ends, or it doesn't."""
    assert srt(f"{TIMES[0]}\nHello\n\n{TIMES[1]}\n{text}x\n")[0] == HELLO


def calls_to_read(text: str, name: str) -> int:
    """How many functions are called meanwhile, those in C too: it is the same on every machine, however busy."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        read(text.encode(), name)
    finally:
        sys.setprofile(before)
    return count


def test_as_many_tags_codes_and_settings_as_are_accepted_are_read_in_less_than_a_second() -> None:
    """40,000 cues with 5 tags and 4 settings each are read in 0.4 s of CPU, and 199,000 pairs of braces in 0.1 s."""
    settings = "line:10% position:50% size:20% align:start"
    times = [f"00:{second // 60:02d}:{second % 60:02d}" for second in range(1_000)]
    cues = [f"{time}.000 --> 01:00:00.000 {settings}\n<b><i><u>a</u></i>{time}\n\n" for time in times]
    assert calls_to_read("WEBVTT\n\n" + "".join(cues), "a.vtt") < 70 * len(cues)
    groups = 10_000
    dialogue = "[Events]\nDialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,," + "{\\b1}" * groups + "x"
    assert calls_to_read(dialogue, "a.ass") < 4 * groups


def packets(*times: tuple[int, int]) -> list[RawCue]:
    return [RawCue((begin * 1_000, end * 1_000, ""), f"{begin} to {end}") for begin, end in times]


def test_texts_without_ends_last_until_another_begins() -> None:
    """One is shown for 7 s at most, and two that begin together end together; an end that is told stays."""
    track = packets((1, 1), (1, 1), (4, 4), (30, 30), (35, 36), (40, 40))
    track[0] = replace(track[0], text="two")
    found = [(cue.start_ms, cue.end_ms) for cue in read_packets(track, Form.SUBRIP, may_lack_ends=True)]
    wanted = [(1, 4), (1, 4), (4, 11), (30, 35), (35, 36), (40, 47)]
    assert found == [(begin * 1_000, end * 1_000) for begin, end in wanted]


def test_text_that_clears_another_ends_it() -> None:
    track = [RawCue((1_000, 1_000, ""), "Hello"), RawCue((2_500, 2_500, ""), "")]
    assert read_packets(track, Form.SUBRIP, may_lack_ends=True) == (HELLO,)


def test_a_few_texts_without_a_length_stay_hidden() -> None:
    track = packets((0, 0), (1, 2), (3, 4))
    assert [cue.text for cue in read_packets(track, Form.SUBRIP, may_lack_ends=True)] == ["1 to 2", "3 to 4"]
    assert read_packets(packets((0, 0)), Form.SUBRIP) == (), "where a text without a duration is none"


@pytest.mark.parametrize(
    ("form", "text", "shown"),
    [
        (Form.WEBVTT, "<v.loud Mary><ruby>a<rt>b</rt></ruby> C:\\New", "<v Mary><ruby>a<rt>b</rt></ruby> C:\\New</v>"),
        (Form.SUBRIP, "\\Nfirst\n\n{\\an8}<b>second</b> {aside}", "first\n<b>second</b> {aside}"),
        (Form.ASS, "{\\p1}m 0 0 l 9 9{\\p0}m 1 1 l 2 2\\N\\Nsoft\\nbreak\\h{aside}", "m 1 1 l 2 2\nsoft break"),
        (Form.MOV_TEXT, "{\\b1}bold{\\b0}\\N\\N{aside}", "<b>bold</b>\n{aside}"),
        (Form.SUBRIP, "a\n00:00:05,000 --> 00:00:06,000\nb", "a\n00:00:05,000 --&gt; 00:00:06,000\nb"),
        (Form.WEBVTT, "\n\n00:05.000 --> 00:06.000\n\x00\ud800b", "00:05.000 --&gt; 00:06.000\nb"),
    ],
)
def test_packet_is_one_cue_whatever_its_lines_are(form: Form, text: str, shown: str) -> None:
    cues = read_packets([RawCue((1_000, 2_500, "line:0 region:x align:middle"), text)], form)
    assert cues == (Cue(1_000, 2_500, shown, "line:0 align:center"),)
    assert read_webvtt(writing.webvtt(cues)) == cues


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("{\\an8}Up", "line:0"),
        ("{\\an7}Up", "line:0 position:5% align:start"),
        ("{\\i1}Up{\\fad(1,2)\\an9\\b1}there", "line:0 position:95% align:end"),
        ("{\\an5}Between", "line:50%"),
        ("{\\an4}Between", "line:50% position:5% align:start"),
        ("{\\an2}Down", ""),
        ("{\\an3}Down", "position:95% align:end"),
        ("{\\a6}Up", "line:0"),
        ("{\\a10}Between", "line:50%"),
        ("{\\a2}Down", ""),
        ("{\\an8}Up{\\an2}", "line:0"),
        ("{\\an2}Down{\\an8}", ""),
        ("{\\an0}{\\an}{\\a4}{\\alpha&H80&}{\\an88}Down", ""),
        ("\\an8}Down", ""),
    ],
)
def test_text_stands_where_codes_put_it(text: str, settings: str) -> None:
    wanted = [Cue(1_000, 2_500, safe_text(text, is_ass=True), settings)]
    assert [*read_packets([RawCue((1_000, 2_500, ""), text)], Form.ASS)] == wanted
    assert [*read_packets([RawCue((1_000, 2_500, ""), text)], Form.MOV_TEXT)] == wanted
    assert [*read(f"1\n00:00:01,000 --> 00:00:02,500\n{text}".encode(), "a.srt")] == wanted
    dialogue = f"[Events]\nDialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{text}"
    assert [*read(dialogue.encode(), "a.ass")] == wanted


@given(st.lists(st.builds(RawCue, st.tuples(st.integers(), st.integers(), st.text()), st.text())))
def test_any_packets_are_read(track: list[RawCue]) -> None:
    for form in Form:
        cues = read_packets(track, form, may_lack_ends=True)

        assert read_webvtt(writing.webvtt(cues)) == writing.parse(writing.webvtt(cues)) == cues
