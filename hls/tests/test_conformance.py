"""The checker reports every broken rule by its id, and reports nothing for a correct video."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hls.conformance.checker import Fetched, Violation, check
from hls.core.formats.transport import PACKET
from hls.tests.clips import Look, make
from hls.tests.watching import encode

pytestmark = pytest.mark.ffmpeg

type Files = dict[str, bytes]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A video of three segments in two renditions."""
    folder = tmp_path_factory.mktemp("video")
    encode(make(folder / "source.mp4", look=Look(width=1280, height=720, rate="10", duration_s=14)), folder)
    files = [*folder.glob("*.m3u8"), *folder.glob("*p/*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def files(published: Files) -> Files:
    return dict(published)


def fetcher(files: Files) -> Callable[[str], bytes]:
    def fetch(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return fetch


def rules(found: tuple[Violation, ...]) -> set[str]:
    return {violation.rule for violation in found}


def test_video_that_conforms_has_no_violation(files: Files) -> None:
    assert check(fetcher(files)) == ()


def test_video_that_still_grows_conforms(files: Files) -> None:
    for name in [name for name in files if name.endswith(".m3u8") and name != "master.m3u8"]:
        text = files[name].decode().replace("TYPE:VOD", "TYPE:EVENT").replace("#EXT-X-ENDLIST\n", "")
        files[name] = text.encode()
    assert check(fetcher(files)) == ()


def without(line: str) -> tuple[str, str]:
    return line, ""


@pytest.mark.parametrize(
    ("rule", "name", "change"),
    [
        ("RFC8216-4.1", "480p/index.m3u8", ("#EXTM3U", "\ufeff#EXTM3U")),
        ("RFC8216-4.1", "480p/index.m3u8", ("segment_000", "segment\t000")),
        ("RFC8216-4.1", "master.m3u8", ("#EXT-X-IND", "#EXT-X-TARGETDURATION:6\n#EXT-X-IND")),
        ("RFC8216-4.3.1.1", "480p/index.m3u8", without("#EXTM3U\n")),
        ("RFC8216-4.3.1.1", "master.m3u8", without("#EXTM3U\n")),
        ("RFC8216-4.3", "720p/index.m3u8", ("#EXT-X-VERSION:3\n", "#EXT-X-VERSION:3\n#EXT-X-VERSION:3\n")),
        ("RFC8216-7", "480p/index.m3u8", ("VERSION:3", "VERSION:2")),
        ("RFC8216-7", "480p/iframes.m3u8", ("VERSION:4", "VERSION:3")),
        ("RFC8216-4.3.3.1", "480p/index.m3u8", without("#EXT-X-TARGETDURATION:6\n")),
        ("RFC8216-4.3.3.1", "480p/index.m3u8", ("#EXTINF:6.000000", "#EXTINF:6.600000")),
        ("RFC8216-6.2.4", "720p/index.m3u8", ("#EXTINF:6.000000", "#EXTINF:6.400000")),
        ("Apple-8", "480p/index.m3u8", ("#EXTINF:6.000000", "#EXTINF:6.100000")),
        ("RFC8216-4.3.2.1", "480p/index.m3u8", without("#EXTINF:6.000000,\n")),
        ("RFC8216-6.2.4", "720p/index.m3u8", ("TARGETDURATION:6", "TARGETDURATION:7")),
        ("RFC8216-4.3.3.5", "480p/index.m3u8", ("TYPE:VOD", "TYPE:VIDEO")),
        ("RFC8216-6.2.1", "480p/index.m3u8", without("#EXT-X-ENDLIST\n")),
        ("RFC8216-6.2.1", "480p/index.m3u8", ("segment_001.ts", "segment_009.ts")),
        ("RFC8216-4.2", "master.m3u8", ("RESOLUTION=", "RESOLUTION =")),
        ("RFC8216-4.2", "master.m3u8", ("FRAME-RATE=10.000", "FRAME-RATE=10.000,FRAME-RATE=10.000")),
        ("RFC8216-4.2", "master.m3u8", (":BANDWIDTH=", ":BANDWIDTH=0x")),
        ("RFC8216-4.3.4.2", "master.m3u8", (":BANDWIDTH=", ":X-BANDWIDTH=")),
        ("RFC8216-4.3.4.2", "master.m3u8", (":BANDWIDTH=", ":BANDWIDTH=9")),
        ("RFC8216-4.3.4.2", "master.m3u8", ("avc1.64", "avc1.4d")),
        ("RFC8216-4.3.4.2", "master.m3u8", (",mp4a.40.2", "")),
        ("RFC8216-4.3.4.2", "master.m3u8", ("RESOLUTION=1280x720", "RESOLUTION=1280x718")),
        ("RFC8216-4.3.4.2", "master.m3u8", ("FRAME-RATE=10.000", "FRAME-RATE=12.000")),
        ("Apple-1", "master.m3u8", ("FRAME-RATE=10.000", "FRAME-RATE=120.000")),
        ("Apple-9", "master.m3u8", ("AVERAGE-BANDWIDTH=", "X-AVERAGE-BANDWIDTH=")),
        ("Apple-9", "master.m3u8", (",FRAME-RATE=10.000", "")),
        ("Apple-9", "master.m3u8", without("#EXT-X-INDEPENDENT-SEGMENTS\n")),
        ("Apple-6", "master.m3u8", ("#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-OTHER")),
        ("RFC8216-4.3.4.2", "master.m3u8", ("#EXT-X-STREAM-INF", "#EXT-X-OTHER")),
        ("RFC8216-4.3.4.3", "480p/iframes.m3u8", without("#EXT-X-I-FRAMES-ONLY\n")),
        ("RFC8216-4.3.2.2", "480p/iframes.m3u8", ("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:x")),
        ("RFC8216-4.3.2.2", "480p/iframes.m3u8", ("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:99999999")),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", (f"@{2 * PACKET}", "@0")),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", (f"@{2 * PACKET}", f"@{3 * PACKET}")),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", (f"@{2 * PACKET}", f"@{2 * PACKET + 7}")),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", ("#EXTINF:2.000000", "#EXTINF:1.500000")),
        ("RFC8216-4.3.3.6", "480p/iframes.m3u8", ("segment_002.ts", "segment_009.ts")),
        ("RFC8216-4.1", "master.m3u8", ("480p/iframes.m3u8", "480p/other.m3u8")),
        ("RFC8216-4", "master.m3u8", ("480p/index.m3u8", "480p/segment_000.ts")),
    ],
)
def test_broken_rule_is_named(files: Files, rule: str, name: str, change: tuple[str, str]) -> None:
    before, after = change
    text = files[name].decode()
    assert before in text
    files[name] = text.replace(before, after).encode()
    if name == "master.m3u8" and after == "480p/segment_000.ts":
        files["480p/segment_000.ts"] = files["480p/index.m3u8"]
    assert rule in rules(check(fetcher(files)))


BEHIND, TABLES = 2 * PACKET, "includes a PAT or a PMT"


@pytest.mark.parametrize(
    ("offset", "end", "sentence"),
    [
        (0, 0, TABLES),
        (PACKET, 0, TABLES),
        (PACKET + 1, 0, TABLES),
        (BEHIND + PACKET, 0, "begin with its picture's first packet"),
        (BEHIND + 1, 0, "begin with its picture's first packet"),
        (BEHIND, -PACKET, "cuts its picture off"),
        (BEHIND, 10_000, "isn't one IDR picture"),
    ],
)
def test_an_iframes_range_that_is_more_or_less_than_its_picture_is_named(
    files: Files, offset: int, end: int, sentence: str
) -> None:
    """RFC 8216 4.3.3.6. `end` is relative to the picture's end."""
    text = files["480p/iframes.m3u8"].decode()
    size = int(text.partition("BYTERANGE:")[2].partition("@")[0])
    changed = f"BYTERANGE:{BEHIND + size + end - offset}@{offset}\n"
    files["480p/iframes.m3u8"] = text.replace(f"BYTERANGE:{size}@{BEHIND}\n", changed, 1).encode()
    found = [violation.sentence for violation in check(fetcher(files)) if violation.rule == "RFC8216-4.3.3.6"]
    assert any(sentence in entry for entry in found), found


def test_playlist_that_is_missing_is_named(files: Files) -> None:
    del files["480p/index.m3u8"]
    assert {(found.rule, found.where) for found in check(fetcher(files))} >= {("RFC8216-4.1", "480p/index.m3u8")}
    assert rules(check(fetcher({}))) == {"RFC8216-4.1"}


def test_empty_playlists_are_named(files: Files) -> None:
    assert "RFC8216-4.3.4.2" in rules(check(fetcher({"master.m3u8": b"#EXTM3U\n"})))
    assert "RFC8216-4.1" in rules(check(fetcher({"master.m3u8": b"\xff\xfe"})))
    files["480p/index.m3u8"] = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n"
    assert "RFC8216-4.3.2" in rules(check(fetcher(files)))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("RFC8216-3.2", lambda data: data[:-1]),
        ("RFC8216-3.2", lambda data: b"<html>"),
        ("RFC8216-3.2", lambda data: b""),
        ("RFC8216-3.2", lambda data: data[2 * PACKET :] + data[: 2 * PACKET]),
        ("RFC8216-4.3.4.2", lambda data: data + (b"G\x1f\xff\x10" + bytes(184)) * 200),  # changes the peak
        ("RFC8216-4.3.2.3", lambda data: data[: len(data) // PACKET // 2 * PACKET]),
    ],
)
def test_broken_segment_is_named(files: Files, rule: str, change: Callable[[bytes], bytes]) -> None:
    files["480p/segment_000.ts"] = change(files["480p/segment_000.ts"])
    assert rule in rules(check(fetcher(files)))


def test_segment_out_of_turn_is_named(files: Files) -> None:
    first, second = "720p/segment_000.ts", "720p/segment_001.ts"
    files[first], files[second] = files[second], files[first]
    assert rules(check(fetcher(files))) >= {"RFC8216-4.3.2.3", "RFC8216-6.2.4"}


def test_segment_that_begins_in_the_middle_is_not_independent(files: Files) -> None:
    """The first IDR picture's packets are taken out, the tables stay."""
    data = files["480p/segment_000.ts"]
    size = int(files["480p/iframes.m3u8"].decode().partition("BYTERANGE:")[2].partition("@")[0])
    files["480p/segment_000.ts"] = data[: 2 * PACKET] + data[2 * PACKET + size :]
    assert rules(check(fetcher(files))) & {"RFC8216-4.3.5.1", "RFC8216-3.2"}


PLAYLIST = Fetched(b"", content_type="application/vnd.apple.mpegurl", is_compressed=True, was_redirected=False)
SEGMENT = Fetched(b"", content_type="video/MP2T", is_compressed=False, was_redirected=False)


@pytest.mark.parametrize(
    ("rule", "playlist", "segment"),
    [
        (None, PLAYLIST, SEGMENT),
        ("RFC8216-4", replace(PLAYLIST, content_type="text/html"), SEGMENT),
        ("Apple-10", replace(PLAYLIST, is_compressed=False), SEGMENT),
        ("Apple-10", replace(PLAYLIST, was_redirected=True), SEGMENT),
        ("Apple-10", PLAYLIST, replace(SEGMENT, was_redirected=True)),
        ("RFC8216-3.2", PLAYLIST, replace(SEGMENT, content_type="application/octet-stream")),
    ],
)
def test_delivery_is_checked_where_it_is_known(
    files: Files, rule: str | None, playlist: Fetched, segment: Fetched
) -> None:
    def fetch(name: str) -> Fetched:
        return replace(playlist if name.endswith(".m3u8") else segment, body=files[name])

    assert rules(check(fetch)) == ({rule} if rule else set())


def test_violation_points_at_its_line(files: Files) -> None:
    lines = files["480p/index.m3u8"].decode().splitlines()
    number = lines.index("segment_001.ts")
    del lines[number - 1]
    files["480p/index.m3u8"] = "\n".join(lines).encode()
    found = [violation for violation in check(fetcher(files)) if violation.rule == "RFC8216-4.3.2.1"]
    assert [violation.where for violation in found] == [f"480p/index.m3u8:{number}"]


def test_a_video_on_the_disk_is_checked_by_reading_files(tmp_path: Path) -> None:
    clip = encode(make(tmp_path / "video.mp4", look=Look(width=64, height=48, duration_s=1)), tmp_path)
    assert check(lambda name: (clip.folder / name).read_bytes()) == ()
