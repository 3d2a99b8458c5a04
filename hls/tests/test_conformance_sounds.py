"""The checker on alternative sounds: their segments, their times, and what is said of them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.binary import ffmpeg_path
from hls.conformance.checker import check
from hls.conformance.findings import Fetched
from hls.conformance.sound_segment import read
from hls.core.formats.transport import PACKET, Malformed
from hls.core.process import Bounds, run
from hls.tests.packets import AAC_TICKS, VIDEO_PID, adts, pat, pmt, sound_of
from hls.tests.presentations import PLAN, SEGMENTS, Files, edited, presentation, sound_segment, violations

INDEX = "audio_1/index.m3u8?v=1"
MIDDLE = "audio_1/segment_001.ts"
TIMES = [sound_of(PLAN, segment) for segment in SEGMENTS]
STREAM = adts(body=300)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return presentation(tmp_path_factory.mktemp("video"))


def rules(files: Files) -> set[str]:
    return {violation.rule for violation in violations(files)}


def told(files: Files) -> str:
    return "\n".join(violation.sentence for violation in violations(files))


def with_sound(files: Files, times: Sequence[Sequence[int]], stream: bytes = STREAM) -> Files:
    """With other AAC frames in the described sound; its playlist stays."""
    made = {f"audio_1/segment_{number:03d}.ts": sound_segment(part, stream) for number, part in enumerate(times)}
    return files | made


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("RFC8216-6.2.4", "TARGETDURATION:6", "TARGETDURATION:7"),
        ("RFC8216-6.2.4", "#EXT-X-ENDLIST\n", ""),
        ("RFC8216-6.2.4", "TYPE:VOD", "TYPE:EVENT"),
        ("RFC8216-6.2.4", "#EXTINF:5.994667", "#EXTINF:5.970000"),
        ("RFC8216-6.2.4", "#EXTINF:2.005333,\nsegment_002.ts\n", ""),
        ("Apple-2", "#EXTINF:2.005333,\nsegment_002.ts\n", ""),
        ("Apple-8", "#EXTINF:5.994667", "#EXTINF:5.960000"),
        ("RFC8216-6.2.1", "segment_001.ts", "segment_009.ts"),
        ("RFC8216-4.3.2.3", "segment_001.ts", "segment_002.ts"),
    ],
)
def test_a_broken_rule_of_a_sounds_playlist_is_named(published: Files, rule: str, before: str, after: str) -> None:
    assert rule in rules(edited(published, INDEX, before, after))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("RFC8216-3.2", lambda data: data[:-1]),
        ("RFC8216-3.2", lambda data: b""),
        ("RFC8216-3.2", lambda data: b"<html>"),
        ("RFC8216-3.2", lambda data: b"ID3"),
        ("RFC8216-3.2", lambda data: data[: 2 * PACKET]),
        ("RFC8216-3.2", lambda data: data[PACKET:]),
        ("RFC8216-3.2", lambda data: data[PACKET : 2 * PACKET] + data[:PACKET] + data[2 * PACKET :]),
        ("RFC8216-3.2", lambda data: pat() + pmt(((0x1B, VIDEO_PID),)) + data[2 * PACKET :]),
        ("RFC8216-4.3.4.1", lambda data: pat() + pmt() + data[2 * PACKET :]),
        ("RFC8216-4.3.2.3", lambda data: data[: 8 * PACKET]),
        ("RFC8216-4.3.4.2", lambda data: data + (b"G\x1f\xff\x10" + bytes(184)) * 200),  # changes the peak
    ],
)
def test_a_broken_segment_of_sound_is_named(published: Files, rule: str, change: Callable[[bytes], bytes]) -> None:
    assert rule in rules(published | {MIDDLE: change(published[MIDDLE])})


def test_sound_that_pauses_or_runs_over_itself_is_named(published: Files) -> None:
    first, second, third = TIMES
    assert "RFC8216-4.3.2.3" in rules(with_sound(published, [first, second[1:], third]))
    assert "RFC8216-4.3.2.3" in rules(with_sound(published, [first, [first[-1], *second], third]))


@pytest.mark.parametrize(
    ("late_ticks", "broken"), [(0, False), (-400, False), (3000, True), (-3600, True), (90_000, True)]
)
def test_sound_is_heard_when_the_picture_is_shown(published: Files, late_ticks: int, broken: bool) -> None:
    """Within a frame of AAC, 1920 ticks. The first frame after a cut begins up to 1 920 ticks after the picture."""
    moved = with_sound(published, [[time + late_ticks for time in part] for part in TIMES])
    assert ("RFC8216-6.2.4" in rules(moved)) is broken


@pytest.mark.parametrize(("frames", "broken"), [(0, False), (-1, False), (-3, True), (3, True)])
def test_sound_lasts_as_long_as_the_pictures(published: Files, frames: int, broken: bool) -> None:
    """Apple 2: for the whole video, even if it is heard in parts of it only. Its last frame ends 1,440 ticks late."""
    last = TIMES[-1]
    other = [*last, *(last[-1] + AAC_TICKS * n for n in range(1, frames + 1))] if frames > 0 else last[: frames or None]
    assert ("Apple-2" in rules(with_sound(published, [*TIMES[:-1], other]))) is broken


def test_the_same_times_as_the_pictures_may_be_told(published: Files) -> None:
    """EXTINF may be the pictures', which differ from the sound's by less than a frame of AAC."""
    files = edited(published, INDEX, "6.016000", "6.000000")
    files = edited(files, INDEX, "5.994667", "6.000000")
    assert violations(edited(files, INDEX, "2.005333", "2.000000")) == ()


def test_other_sound_than_is_told_is_named(published: Files) -> None:
    mono = with_sound(published, TIMES, adts(body=300, channels=1))
    assert "CHANNELS says 2, it has 1" in told(mono)
    efficient = with_sound(published, TIMES, adts(body=300, object_type=1))
    assert {"Apple-2", "RFC8216-4.3.4.2"} <= rules(efficient)
    assert "CODECS lacks mp4a.40.1" in told(efficient)


def test_channels_are_told_where_sounds_differ_in_them(published: Files) -> None:
    mono = with_sound(published, TIMES, adts(body=300, channels=1))
    untold = edited(mono, "master.m3u8", ',CHANNELS="2"', "")
    assert {found.where for found in violations(untold) if "CHANNELS is missing" in found.sentence} == {
        "audio_0/index.m3u8?v=1",
        INDEX,
    }
    assert rules(edited(published, "master.m3u8", ',CHANNELS="2"', "")) == set()


def test_a_variant_names_the_codecs_of_its_sounds(published: Files) -> None:
    assert "CODECS lacks mp4a.40.2" in told(edited(published, "master.m3u8", ",mp4a.40.2", ""))
    assert violations(edited(published, "master.m3u8", ",mp4a.40.2", ", mp4a.40.2")) == ()


def test_a_sound_without_an_address_has_to_be_in_the_variant(published: Files) -> None:
    named = edited(published, "master.m3u8", ',URI="audio_0/index.m3u8?v=1"', "")
    assert "RFC8216-4.3.4.2.1" in rules(named)


@pytest.mark.parametrize("name", ["BANDWIDTH", "AVERAGE-BANDWIDTH"])
@pytest.mark.parametrize(("percent", "broken"), [(98, True), (100, False), (104, True)])
def test_rates_are_those_of_pictures_with_the_largest_sound(
    published: Files, name: str, percent: int, broken: bool
) -> None:
    text = published["master.m3u8"].decode()
    rate = int(re.findall(rf"STREAM-INF:.*?\b(?<!-){name}=(\d+)", text)[0])
    files = edited(published, "master.m3u8", f"{name}={rate}", f"{name}={rate * percent // 100}", 1)
    assert ("RFC8216-4.3.4.2" in rules(files)) is broken


def test_the_pictures_rate_alone_is_too_little(published: Files) -> None:
    text = published["master.m3u8"].decode()
    alone = re.sub(r"STREAM-INF:BANDWIDTH=\d+", "STREAM-INF:BANDWIDTH=30000", text, count=1)
    assert rules(published | {"master.m3u8": alone.encode()}) == {"RFC8216-4.3.4.2"}


@pytest.mark.parametrize(("kind", "broken"), [("video/mp2t", set()), ("audio/mpeg", {"RFC8216-3.2"}), (None, set())])
def test_the_media_type_of_sound_is_looked_at(published: Files, kind: str | None, broken: set[str]) -> None:
    def fetch(name: str) -> Fetched:
        return Fetched(published[name], content_type=kind if name.startswith("audio_1/segment") else None)

    assert {found.rule for found in check(fetch)} == broken


def test_packed_sound_is_checked_too(published: Files) -> None:
    """RFC 8216 3.4: the time of its first sample is in an ID3 tag. It needs less space, so its rate isn't looked at."""
    segments = {f"audio_1/segment_{n:03d}.ts": packed(part[0], STREAM * len(part)) for n, part in enumerate(TIMES)}
    assert rules(published | segments) <= {"RFC8216-4.3.4.2"}
    segments[MIDDLE] = packed(TIMES[1][0] + AAC_TICKS, STREAM * len(TIMES[1]))
    assert "RFC8216-4.3.2.3" in rules(published | segments)


def packed(time: int, stream: bytes, *, owner: bytes = b"com.apple.streaming.transportStreamTimestamp") -> bytes:
    frame = owner + b"\x00" + time.to_bytes(8)
    body = b"PRIV" + len(frame).to_bytes(4) + bytes(2) + frame
    return b"ID3\x04\x00\x00" + bytes(2) + bytes([len(body) >> 7, len(body) & 0x7F]) + body + stream


@pytest.mark.parametrize("channels", [1, 2, 6, 7])
def test_what_a_segment_says_is_read_alike_packed_or_not(channels: int) -> None:
    stream = adts(channels=channels)
    multiplexed = read(sound_segment(TIMES[0], stream))
    alone = read(packed(TIMES[0][0], stream * len(TIMES[0])))
    assert (alone.frames, alone.channels) == (multiplexed.frames, multiplexed.channels)
    assert alone.channels == (8 if channels == 7 else channels)
    assert (alone.is_packed, multiplexed.is_packed) == (True, False)


@pytest.mark.ffmpeg
def test_sound_that_ffmpeg_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sound.ts"
    command = [str(ffmpeg_path()), "-v", "error", "-f", "lavfi", "-i", "sine=sample_rate=44100:duration=2"]
    command += ["-ac", "2", "-c:a", "aac", "-output_ts_offset", "10", "-muxdelay", "0", "-muxpreload", "0", str(path)]
    assert run(command, bounds=Bounds(timeout_s=60)).returncode == 0
    found = read(path.read_bytes())
    assert found.frames.first_pts == 900_000 - round(1024 * 90_000 / 44_100)  # the encoder's delay, one frame
    assert (found.frames.sample_rate, found.frames.object_type, found.channels) == (44_100, 2, 2)
    assert found.frames.frame_count == 88  # with that one, for 2 s
    assert not found.has_pictures
    assert not found.begins_with_tables  # a table of services is before them


@pytest.mark.parametrize(
    "data",
    [
        packed(900_000, b""),
        packed(900_000, b"no frames"),
        packed(900_000, adts(2)[:-5] + b"\x00" * 7),
        packed(900_000, adts(), owner=b"com.example"),
        packed(900_000, adts(rate_index=13)),
    ],
)
def test_packed_sound_that_can_not_be_read_is_an_error(data: bytes) -> None:
    with pytest.raises((Malformed, IndexError)):
        read(data)


@settings(max_examples=60, deadline=None)
@given(which=st.booleans(), edits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=6))
def test_any_damage_to_a_segment_is_an_error_or_none(which: bool, edits: list[tuple[float, bytes]]) -> None:
    data = bytearray(packed(900_000, adts(3)) if which else sound_segment(TIMES[-1][:3], adts()))
    for where, piece in edits:
        at = int(where * len(data))
        data[at : at + len(piece)] = piece
    try:
        read(bytes(data))
    except (Malformed, IndexError, ValueError):
        return
