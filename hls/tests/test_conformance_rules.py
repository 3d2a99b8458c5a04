"""The checker on absurd playlists: it reports what is wrong with each, and none stops the check."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.conformance.checker import check
from hls.conformance.findings import Fetched, beside
from hls.conformance.m3u8 import Playlist, attributes, byte_range, decimal, integer, parse
from hls.conformance.rules_playlists import any_playlist, media
from hls.core import multivariant, playlists
from hls.core.encoding.measure import measured
from hls.tests.factories import evenly_planned, source
from hls.tests.packets import pictures_of, sound_of, write_chunk, written

PLAN = evenly_planned(source(seconds=7, width=64, height=48, rate=10))
NAMES = ("master.m3u8", "480p/index.m3u8", "480p/iframes.m3u8")
LONGER_THAN_ANY_NUMBER = "9" * 5000


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A video of one chunk that conforms."""
    chunk = tmp_path_factory.mktemp("video") / "chunk"
    write_chunk(PLAN, 0, chunk)
    renditions = measured(PLAN, 0, chunk).renditions
    segments = renditions[0].segments
    texts = (
        multivariant.master(PLAN, renditions),
        playlists.media(PLAN, "480p", segments, is_finished=True),
        playlists.iframes(PLAN, "480p", segments, is_finished=True),
    )
    files = {name: text.encode() for name, text in zip(NAMES, texts, strict=True)}
    return files | {f"480p/{path.name}": path.read_bytes() for path in (chunk / "480p").iterdir()}


@pytest.fixture
def files(published: dict[str, bytes]) -> dict[str, bytes]:
    return dict(published)


def rules(files: dict[str, bytes]) -> set[str]:
    def fetch(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return {violation.rule for violation in check(fetch)}


def test_the_video_itself_breaks_no_rule(files: dict[str, bytes]) -> None:
    assert rules(files) == set()


@pytest.mark.parametrize(
    ("rule", "name", "pattern", "instead"),
    [
        ("RFC8216-4.2", "master.m3u8", r"FRAME-RATE=[\d.]+", "FRAME-RATE=fast"),
        ("RFC8216-4.2", "master.m3u8", r"FRAME-RATE=[\d.]+", "FRAME-RATE=."),
        ("RFC8216-4.2", "master.m3u8", r"FRAME-RATE=[\d.]+", "FRAME-RATE=\u00b2"),
        ("RFC8216-4.2", "master.m3u8", r":BANDWIDTH=\d+", ":BANDWIDTH=\u00b2"),
        ("RFC8216-4.2", "master.m3u8", r":BANDWIDTH=\d+", f":BANDWIDTH={LONGER_THAN_ANY_NUMBER}"),
        ("RFC8216-4.3.4.2", "master.m3u8", r":BANDWIDTH=\d+", ":BANDWIDTH=" + "9" * 20),
        ("RFC8216-4.3.3.1", "480p/index.m3u8", r"TARGETDURATION:\d+", f"TARGETDURATION:{LONGER_THAN_ANY_NUMBER}"),
        ("RFC8216-4.3.3.1", "480p/index.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:\u0666"),
        ("RFC8216-4.3.3.1", "480p/index.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:0"),
        ("RFC8216-4.3.2.1", "480p/index.m3u8", r"EXTINF:[\d.]+", f"EXTINF:{LONGER_THAN_ANY_NUMBER}"),
        ("RFC8216-4.3.2.1", "480p/index.m3u8", r"EXTINF:[\d.]+", "EXTINF:nan"),
        ("RFC8216-4.3.2.1", "480p/index.m3u8", r"EXTINF:[\d.]+", "EXTINF:-6"),
        ("Apple-8", "480p/index.m3u8", r"EXTINF:[\d.]+", "EXTINF:0"),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", r"EXTINF:[\d.]+", "EXTINF:0.0"),
        ("RFC8216-4.3.2.2", "480p/iframes.m3u8", r"BYTERANGE:\d+", f"BYTERANGE:{LONGER_THAN_ANY_NUMBER}"),
        ("RFC8216-6.2.1", "480p/index.m3u8", r"segment_000\.ts", "http://[nowhere/segment_000.ts"),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", r"segment_000\.ts", "http://[nowhere/segment_000.ts"),
        ("RFC8216-4.1", "master.m3u8", r"480p/index\.m3u8", "http://[nowhere/index.m3u8"),
    ],
)
def test_a_broken_number_or_address_is_a_finding_and_no_crash(
    files: dict[str, bytes], rule: str, name: str, pattern: str, instead: str
) -> None:
    text, count = re.subn(pattern, instead, files[name].decode())
    assert count
    files[name] = text.encode()
    assert rule in rules(files)


def test_a_file_system_that_refuses_a_name_is_a_missing_file(files: dict[str, bytes], tmp_path: Path) -> None:
    """A NUL byte is a ValueError to Python."""
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    index = tmp_path / "480p/index.m3u8"
    index.write_text(index.read_text().replace("segment_000.ts", "segment\x00.ts"))
    found = check(lambda name: (tmp_path / name).read_bytes())
    assert "RFC8216-6.2.1" in {violation.rule for violation in found}


def test_pictures_that_are_all_shown_at_once_are_named(files: dict[str, bytes]) -> None:
    for segment in PLAN.timeline.segments:
        frozen = [replace(picture, pts=900_000) for picture in pictures_of(PLAN, segment)]
        files[f"480p/segment_{segment.number:03d}.ts"] = written(frozen, sound_of(PLAN, segment))
    assert "RFC8216-4.3.2.3" in rules(files)


@pytest.mark.parametrize(("late", "rule"), [(9000, set()), (0, {"RFC8216-4.3.2.3"}), (4500, {"RFC8216-4.3.2.3"})])
def test_a_step_in_the_decoding_times_is_named(files: dict[str, bytes], late: int, rule: set[str]) -> None:
    """The pictures of all segments but the last are decoded 9000 ticks, a frame, before they are shown."""
    for segment in PLAN.timeline.segments:
        ahead = late if segment == PLAN.timeline.segments[-1] else 9000
        pictures = [replace(picture, dts=picture.pts - ahead) for picture in pictures_of(PLAN, segment)]
        files[f"480p/segment_{segment.number:03d}.ts"] = written(pictures, sound_of(PLAN, segment))
    assert rules(files) & {"RFC8216-4.3.2.3"} == rule


tokens = st.sampled_from(
    ["", "0", "-1", "9" * 400, "\u00b2", "nan", "inf", '"', ",", "=", "@", "#EXTINF:", "\n", "\x00", "//[", "\u2028"]
)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(NAMES), edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), tokens), max_size=4))
def test_any_damage_to_a_playlist_is_survived(
    published: dict[str, bytes], name: str, edits: list[tuple[float, int, str]]
) -> None:
    text = published[name].decode()
    for where, length, token in edits:
        at = int(where * len(text))
        text = text[:at] + token + text[at + length :]
    found = rules(published | {name: text.encode()})
    assert all(re.fullmatch(r"RFC8216-[\d.]+|Apple-\d+", rule) for rule in found)


@pytest.mark.parametrize(
    ("text", "whole", "fraction"),
    [
        ("0", 0, 0.0),
        ("6", 6, 6.0),
        ("6.006", None, 6.006),
        ("18446744073709551615", 2**64 - 1, float(2**64 - 1)),
        ("1" * 21, None, None),
        ("", None, None),
        ("-1", None, None),
        ("6.", None, None),
        (".5", None, None),
        ("1e3", None, None),
        (" 6", None, None),
        ("6\n", None, None),
        ("\u0666", None, None),
    ],
)
def test_numbers_are_written_in_plain_digits(text: str, whole: int | None, fraction: float | None) -> None:
    """RFC 8216 4.2: decimal-integer and decimal-floating-point."""
    assert (integer(text), decimal(text)) == (whole, fraction)


@given(
    st.dictionaries(
        st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1),
        st.text(st.characters(exclude_characters='"\r\n', exclude_categories=["Cs"])),
    )
)
def test_quoted_attributes_are_read_back_whatever_is_between_the_quotes(values: dict[str, str]) -> None:
    assert attributes(",".join(f'{name}="{value}"' for name, value in values.items())) == values


@given(size=st.integers(0, 10**19), offset=st.integers(0, 10**19))
def test_byte_ranges_are_read_back(size: int, offset: int) -> None:
    (entry,) = parse("x", f"#EXT-X-BYTERANGE:{size}@{offset}\nsegment_000.ts").entries
    assert byte_range(entry.tag("EXT-X-BYTERANGE")) == (offset, size)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("segment_000.ts", "480p/segment_000.ts"),
        ("segment_000.ts?v=2", "480p/segment_000.ts?v=2"),
        ("../720p/a.ts", "720p/a.ts"),
        ("/a.ts", "/a.ts"),
        ("http://[", "http://["),
    ],
)
def test_addresses_are_relative_to_their_playlist(uri: str, expected: str) -> None:
    assert beside("480p/index.m3u8", uri) == expected


def read(text: str, name: str = "index.m3u8") -> tuple[Fetched, Playlist]:
    return Fetched(text.encode()), parse(name, text)


HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n"


@pytest.mark.parametrize(
    ("tags", "needed"),
    [
        ("#EXTINF:6,\na.ts\n", 1),
        ("#EXTINF:6.0,\na.ts\n", 3),
        ("#EXTINF:6,\n#EXT-X-BYTERANGE:1@0\na.ts\n", 4),
        ("#EXT-X-I-FRAMES-ONLY\n#EXTINF:6,\na.ts\n", 4),
        ('#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI="m"\n#EXTINF:6,\na.ts\n', 5),
        ('#EXT-X-MAP:URI="m"\n#EXTINF:6,\na.ts\n', 6),
    ],
)
def test_a_playlist_declares_the_version_that_its_tags_need(tags: str, needed: int) -> None:
    """RFC 8216 section 7."""
    lacking = {
        version
        for version in range(1, 8)
        if any(found.rule == "RFC8216-7" for found in any_playlist(*read(f"{HEAD}#EXT-X-VERSION:{version}\n{tags}")))
    }
    assert lacking == set(range(1, needed))
    undeclared = [found for found in any_playlist(*read(HEAD + tags)) if found.rule == "RFC8216-7"]
    assert bool(undeclared) is (needed > 1)


@pytest.mark.parametrize(
    ("duration", "broken"),
    [("6", set()), ("6.49", set()), ("6.5", {"RFC8216-4.3.3.1"}), ("7.2", {"RFC8216-4.3.3.1"}), ("0.1", set())],
)
def test_a_segment_rounds_to_no_more_than_the_target(duration: str, broken: set[str]) -> None:
    _, playlist = read(f"{HEAD}#EXTINF:{duration},\na.ts\n#EXT-X-ENDLIST\n")
    assert {found.rule for found in media(playlist, is_iframes=False)} == broken


def test_a_playlist_without_a_telling_name_needs_its_media_type() -> None:
    text = f"{HEAD}#EXTINF:6,\na.ts\n"
    unnamed = parse("video", text)
    assert [found.rule for found in any_playlist(Fetched(text.encode()), unnamed)] == ["RFC8216-4"]
    for content_type in ("application/vnd.apple.mpegurl", "audio/mpegurl; charset=utf-8", "Application/X-MPEGURL"):
        assert list(any_playlist(Fetched(text.encode(), content_type=content_type), unnamed)) == []
    named = parse("video.m3u8?v=2", text)
    assert list(any_playlist(Fetched(text.encode()), named)) == []
