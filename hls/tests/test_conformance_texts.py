"""The checker on subtitles and captions in WebVTT: segments, clocks, and which cue stands where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.conformance import rules_texts
from hls.conformance.checker import check
from hls.conformance.findings import Fetched, Presentation, Stream
from hls.conformance.m3u8 import parse as parse_playlist
from hls.conformance.webvtt import ShownCue, parse
from hls.tests.presentations import CLOCK, SEGMENTS, Files, edited, presentation, text, violations

INDEX = "tracks/5/index.m3u8?v=1&r=2"
FIRST, MIDDLE, LAST = (f"tracks/5/segment_{number:03d}.vtt?v=1&r=2" for number in range(3))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return presentation(tmp_path_factory.mktemp("video"))


def rules(files: Files) -> set[str]:
    return {violation.rule for violation in violations(files)}


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("RFC8216-6.2.4", "#EXT-X-ENDLIST\n", ""),
        ("RFC8216-6.2.4", "TYPE:VOD", "TYPE:EVENT"),
        ("RFC8216-6.2.1", "segment_001.vtt", "segment_009.vtt"),
        ("RFC8216-3.5", "segment_001.vtt", "segment_000.vtt"),
        ("Apple-5", "#EXTINF:2.000000,\nsegment_002.vtt?v=1&r=2\n", ""),
        ("Apple-5", "#EXTINF:2.000000", "#EXTINF:1.950000"),
    ],
)
def test_a_broken_rule_of_a_texts_playlist_is_named(published: Files, rule: str, before: str, after: str) -> None:
    assert rule in rules(edited(published, INDEX, before, after))


def test_a_text_may_have_a_target_duration_of_its_own(published: Files) -> None:
    """RFC 8216 6.2.4: if it is VOD."""
    assert violations(edited(published, INDEX, "TARGETDURATION:6", "TARGETDURATION:14")) == ()
    growing = {
        name: body.replace(b"TYPE:VOD", b"TYPE:EVENT").replace(b"#EXT-X-ENDLIST\n", b"")
        for name, body in published.items()
        if ".m3u8" in name
    }
    assert violations(published | growing) == ()
    assert rules(edited(published | growing, INDEX, "TARGETDURATION:6", "TARGETDURATION:14")) == {"RFC8216-6.2.4"}


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("RFC8216-3.5", "WEBVTT", "WEB-VTT"),
        ("RFC8216-3.5", "WEBVTT\n", "\nWEBVTT\n"),
        ("RFC8216-3.5", "WEBVTT\n", "WEBVTT\n\n"),
        ("RFC8216-3.5", "LOCAL:00:00:00.000", "LOCAL:0"),
        ("RFC8216-3.5", "MPEGTS:900000", "MPEGTS:-1"),
        ("RFC8216-3.5", ",LOCAL:00:00:00.000", ""),
        ("RFC8216-3.5", "MPEGTS:900000", "MPEGTS:990000"),
        ("RFC8216-3.5", "MPEGTS:900000", "MPEGTS:905000"),
        ("RFC8216-3.5", "MPEGTS:900000", "MPEGTS:0"),
        ("RFC8216-3.5", "LOCAL:00:00:00.000", "LOCAL:00:00:01.000"),
        ("RFC8216-3.5", "Long", "Long.1\n\n00:00:02.000 --> 00:00:03.000\nEarlier"),
        ("RFC8216-3.5", "00:00:05.000 --> 00:00:13.000", "00:00:05.000 -> 00:00:13.000"),
        ("RFC8216-3.5", "00:00:05.000 --> 00:00:13.000", "00:00:05,000 --> 00:00:13,000"),
        ("RFC8216-3.5", "00:00:05.000 --> 00:00:13.000", "00:00:13.000 --> 00:00:05.000"),
        ("RFC8216-3.5", "00:00:05.000 --> 00:00:13.000", "00:00:06.000 --> 00:00:13.000"),
        ("RFC8216-3.5", "00:00:05.000 --> 00:00:13.000\nLong\n", ""),
        ("RFC8216-3.5", "Long", "Short"),
        ("RFC8216-3.5", "Long", "Long --> longer"),
        ("RFC8216-3.5", "00:00:11.000 --> 00:00:12.250\nTwo", "00:00:13.000 --> 00:00:14.000\nThree"),
        ("RFC8216-3.5", "Two", "Two\n\nalone"),
        ("Apple-5", f"{CLOCK}\n", ""),
    ],
)
def test_a_broken_segment_of_text_is_named(published: Files, rule: str, before: str, after: str) -> None:
    assert rule in rules(edited(published, MIDDLE, before, after))


def test_text_in_another_encoding_is_named(published: Files) -> None:
    assert rules(published | {MIDDLE: published[MIDDLE].replace(b"Two", b"Zwei f\xfcr")}) == {"RFC8216-3.5"}


@pytest.mark.parametrize(
    "change",
    [
        (CLOCK, "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000"),
        (CLOCK, "X-TIMESTAMP-MAP=LOCAL:00:00:06.000,MPEGTS:1440000"),
        (CLOCK, "X-TIMESTAMP-MAP=MPEGTS:903000,LOCAL:00:00.000"),
        ("WEBVTT", "\ufeffWEBVTT - Deutsch"),
        ("WEBVTT", "WEBVTT\nKind: captions"),
        ("\n", "\r\n"),
        ("Long", "Long\n\nNOTE a comment\nof two lines\n\nSTYLE\n::cue { color: red }\n\n\n"),
        ("00:00:05.000 --> 00:00:13.000", "7\n00:05.000 --> 00:13.000 align:start line:0%"),
    ],
)
def test_what_webvtt_allows_is_no_violation(published: Files, change: tuple[str, str]) -> None:
    assert violations(edited(published, MIDDLE, *change)) == ()


def test_cue_times_may_count_from_the_segment_or_be_the_clocks_own(published: Files) -> None:
    at_six = edited(published, MIDDLE, "MPEGTS:900000", "MPEGTS:1440000")
    at_six |= {LAST: b"WEBVTT\n" + CLOCK.encode(), FIRST: b"WEBVTT\n" + CLOCK.encode()}
    cues = b"\n\n00:00:01.000 --> 00:00:06.000\nOne"
    assert violations(at_six | {MIDDLE: at_six[MIDDLE].partition(b"\n\n")[0] + cues} | without_forced(published)) == ()
    own = text("tracks/5/", [(10_500, 12_000, "One")])
    moved = {name: body.replace(b"MPEGTS:900000", b"MPEGTS:0") for name, body in own.items()}
    moved |= {FIRST: moved[MIDDLE], MIDDLE: moved[FIRST]}
    assert violations(published | moved | without_forced(published)) == ()


def without_forced(files: Files) -> Files:
    return {name: files[name.replace("/6/", "/7/")] for name in files if name.startswith("tracks/6/segment")}


@pytest.mark.parametrize(("begin_ms", "end_ms"), [(5000, 6000), (6000, 7000), (11_999, 12_000), (13_000, 99_000)])
def test_a_cue_that_ends_with_a_segment_stands_in_one_alone(published: Files, begin_ms: int, end_ms: int) -> None:
    files = published | without_forced(published) | text("tracks/5/", [(begin_ms, end_ms, "One")])
    assert violations(files) == ()


def test_a_cue_over_a_border_stands_in_both_segments(published: Files) -> None:
    files = published | without_forced(published) | text("tracks/5/", [(5990, 6010, "One")])
    for lacking, kept in ((FIRST, MIDDLE), (MIDDLE, FIRST)):
        found = violations(files | {lacking: b"WEBVTT\n" + CLOCK.encode()})
        assert [violation.rule for violation in found] == ["RFC8216-3.5"]
        assert "The cue at 5.990 s is shown during this segment, and isn't in it." in found[0].sentence, kept


def test_a_cue_of_another_segment_is_named_with_its_place(published: Files) -> None:
    added = published[LAST] + b"\n00:00:20.000 --> 00:00:21.000\nLate\n"
    (found,) = violations(published | {LAST: added})
    assert (found.rule, found.where) == ("RFC8216-3.5", f"{INDEX}:12")
    assert found.sentence == "The cue at 20.000 s isn't shown during this segment."


def test_forced_subtitles_are_in_the_others_of_their_language_too(published: Files) -> None:
    """Apple 5."""
    alone = published | text("tracks/5/", [(500, 2000, "One")])
    assert [(found.rule, found.where) for found in violations(alone)] == [("Apple-5", "tracks/6/index.m3u8?v=1&r=2")]
    other = edited(alone, "master.m3u8", 'NAME="Deutsch",LANGUAGE="de"', 'NAME="Magyar",LANGUAGE="hu"')
    assert violations(other) == ()


def test_texts_in_fragmented_mp4_are_not_read(published: Files) -> None:
    """Apple 5 allows IMSC1."""
    files = edited(published, INDEX, "VERSION:3", "VERSION:6")
    files = edited(files, INDEX, "#EXTINF:6.000000,", '#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6.000000,', 1)
    assert violations(files | dict.fromkeys((FIRST, MIDDLE, LAST), b"\x00\x00\x00\x18ftyp")) == ()


@pytest.mark.parametrize(("kind", "rule"), [("text/vtt", set()), ("text/plain", set()), ("text/html", {"Apple-10"})])
def test_the_media_type_of_text_is_looked_at(published: Files, kind: str, rule: set[str]) -> None:
    def fetch(name: str) -> Fetched:
        return Fetched(published[name], content_type=kind if ".vtt" in name else None)

    assert {found.rule for found in check(fetch)} == rule


def test_cues_are_not_compared_with_pictures_that_can_not_be_read(published: Files) -> None:
    files = {name: body for name, body in published.items() if not name.startswith("480p/segment_001")}
    assert "RFC8216-3.5" not in rules(files)


def test_a_long_hour_and_no_hour_are_read() -> None:
    parsed = parse(b"WEBVTT\n\n59:59.999 --> 100:00:00.000\na\n\n1\n100:00:00.001 --> 100:00:01.000\nb\nc")
    assert parsed.zero_pts is None
    assert parsed.cues == (ShownCue(3_599_999, 360_000_000, "a"), ShownCue(360_000_001, 360_001_000, "b\nc"))


@settings(max_examples=100)
@given(body=st.one_of(st.binary(), st.text(st.sampled_from("WEBVTT\n -->:.0129\x00,=X")).map(str.encode)))
def test_any_bytes_are_text_or_an_error(body: bytes) -> None:
    try:
        parse(body)
    except ValueError:
        return


spoken = st.lists(st.tuples(st.integers(0, 13_990), st.integers(10, 20_000)), min_size=1, max_size=8, unique=True)


@settings(max_examples=50, deadline=None)
@given(cues=spoken, number=st.integers(0, 2))
def test_cues_are_named_exactly_where_they_stand_wrongly(cues: list[tuple[int, int]], number: int) -> None:
    """Of any cues that are cut as the RFC wants, and of the same cues without one segment's."""
    files = text("tracks/5/", [(begin, begin + length, f"{begin}+{length}") for begin, length in sorted(cues)])
    assert broken(files) == []
    name = (FIRST, MIDDLE, LAST)[number]
    begin_ms, end_ms = SEGMENTS[number].first_frame * 100, SEGMENTS[number].end_frame * 100
    shown = [(begin, begin + length) for begin, length in cues if begin < end_ms - 5 and begin + length > begin_ms + 5]
    found = broken(files | {name: b"WEBVTT\n" + CLOCK.encode()})
    assert found == (["RFC8216-3.5"] if any(stands_elsewhere(cue, number) for cue in shown) else [])


def stands_elsewhere(cue: tuple[int, int], number: int) -> bool:
    spans = [(entry.first_frame * 100, entry.end_frame * 100) for entry in SEGMENTS if entry.number != number]
    return any(cue[0] < end_ms and cue[1] > begin_ms for begin_ms, end_ms in spans)


def broken(files: Files) -> list[str]:
    """The rules of a text beside pictures that are not read again."""
    pictures = Stream(
        parse_playlist("480p/video.m3u8", files[INDEX].decode()), {}, begins=[900_000, 1_440_000, 1_980_000]
    )
    presentation = Presentation(parse_playlist("master.m3u8", "#EXTM3U"), variants=[pictures])
    stream = Stream(parse_playlist(INDEX, files[INDEX].decode()), {})
    return [found.rule for found in rules_texts.text(stream, presentation, lambda name: Fetched(files[name]))]
