"""A transport stream of several programmes: the pictures of one of them are heard with its own sounds."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hls.core.errors import Code, TranscodeError
from hls.core.formats.programmes import programmes
from hls.core.formats.transport import PAT_PID
from hls.core.inspection.probing import look
from hls.core.omissions import omissions
from hls.core.plan import make_plan
from hls.tests.clips import ffmpeg, picture, sound
from hls.tests.packets import packet, section
from hls.tests.spoken import AAC, H264, SMALL
from hls.tests.watching import LIMITS, assert_plays, beep_times, encode, numbers

pytestmark = pytest.mark.ffmpeg

FILM, OTHER_FILM = picture(SMALL), "testsrc2=s=160x120:r=25:d=2"
SOUND = sound(2)
COMMENT = sound(2, sample_rate=32_000)
RADIO = sound(2, sample_rate=44_100)


def broadcast(target: Path, *channels: Sequence[str], after: Sequence[str] = ()) -> Path:
    """A transport stream of these channels, each of which is a programme with these tracks."""
    inputs, maps, said, count = list[str](), list[str](), list[str](), 0
    for number, tracks in enumerate(channels, start=1):
        inputs += (word for track in tracks for word in ("-f", "lavfi", "-i", track))
        places = range(count, count := count + len(tracks))
        maps += (word for place in places for word in ("-map", str(place)))
        said += ("-program", ":".join([f"program_num={number}", *(f"st={place}" for place in places)]))
    ffmpeg(*inputs, *maps, *H264, *AAC, *said, *after, "-f", "mpegts", str(target))
    return target


def heard(path: Path) -> list[int]:
    """The sample rates of the sounds that are used."""
    found = look(path, LIMITS)
    return [track.sample_rate for track in found.sounds or filter(None, [found.audio])]


def test_a_radio_programme_before_it_is_not_heard_with_a_film(tmp_path: Path) -> None:
    clip = encode(broadcast(tmp_path / "video.ts", [RADIO], [FILM, SOUND], [OTHER_FILM]), tmp_path)
    assert_plays(clip)
    assert clip.plan.source.sounds == ()
    assert clip.plan.source.audio
    assert clip.plan.source.audio.sample_rate == 48_000
    assert numbers(clip.joined("480p")) == list(range(50))
    assert len(beep_times(clip.joined("480p"))) == 2
    assert omissions(clip.plan) == ("1 other picture track: (H264).", "1 other sound: (AAC).")


@pytest.mark.parametrize("packet_bytes", [188, 192])
def test_all_sounds_of_a_films_programme_are_offered_and_no_others(tmp_path: Path, packet_bytes: int) -> None:
    source = broadcast(tmp_path / "video.ts", [FILM, SOUND, COMMENT], [OTHER_FILM, RADIO])
    data = source.read_bytes()
    parts = (data[at : at + 188] for at in range(0, len(data), 188))
    source.write_bytes(b"".join(bytes(packet_bytes - 188) + part for part in parts))
    assert heard(source) == [48_000, 32_000]
    assert omissions(make_plan(look(source, LIMITS))) == ("1 other picture track: (H264).", "1 other sound: (AAC).")


def test_a_recording_that_begins_within_a_packet_is_heard_with_its_own_sound(tmp_path: Path) -> None:
    source = broadcast(tmp_path / "video.ts", [FILM, SOUND], [OTHER_FILM, RADIO])
    data = source.read_bytes()
    source.write_bytes(data[100:])
    assert heard(source) == [48_000]


def test_a_table_of_more_than_one_packet_is_read_to_its_end(tmp_path: Path) -> None:
    many = [SOUND, *[COMMENT] * 15]
    words = [word for number in range(16) for word in (f"-metadata:s:a:{number}", "language=ger")]
    source = broadcast(tmp_path / "video.ts", [FILM, *many], [RADIO], after=words)
    assert len(heard(source)) == 16
    assert sorted(len(pids) for pids in programmes(source.read_bytes()).values()) == [1, 17]


def test_sounds_of_others_are_heard_if_a_films_programme_has_none(tmp_path: Path) -> None:
    assert heard(broadcast(tmp_path / "video.ts", [FILM], [RADIO])) == [44_100]


@pytest.mark.parametrize("pid", ["0x100", "0x200"])
def test_sounds_of_joined_recordings_are_heard_whatever_the_programmes_numbers(tmp_path: Path, pid: str) -> None:
    """Only programmes that are sent at the same time are others."""
    one = broadcast(tmp_path / "1.ts", [FILM, SOUND])
    two = tmp_path / "2.ts"
    after = ("-mpegts_service_id", "2", "-mpegts_start_pid", pid, "-output_ts_offset", "2")
    ffmpeg("-i", str(one), "-c", "copy", *after, str(two))
    source = tmp_path / "video.ts"
    source.write_bytes(one.read_bytes() + two.read_bytes())
    assert programmes(source.read_bytes()) == {}
    assert set(heard(source)) == {48_000}


def test_a_recording_whose_tables_name_a_channel_that_was_not_recorded_shows_the_other_one(tmp_path: Path) -> None:
    source = broadcast(tmp_path / "video.ts", [FILM, SOUND], [OTHER_FILM, RADIO])
    data = source.read_bytes()
    parts = (data[at : at + 188] for at in range(0, len(data), 188))
    source.write_bytes(b"".join(part for part in parts if int.from_bytes(part[1:3]) & 0x1FFF not in (0x100, 0x101)))
    found = look(source, LIMITS)
    assert (found.video.index, found.video.width) == (2, 160)
    assert heard(source) == [44_100]
    assert omissions(make_plan(found)) == ("1 other picture track: (H264).", "1 other sound: (AAC).")


def test_a_recording_of_none_of_its_pictures_is_unreadable(tmp_path: Path) -> None:
    source = broadcast(tmp_path / "video.ts", [FILM, SOUND], [OTHER_FILM, RADIO])
    data = source.read_bytes()
    parts = (data[at : at + 188] for at in range(0, len(data), 188))
    source.write_bytes(b"".join(part for part in parts if int.from_bytes(part[1:3]) & 0x1FFF not in (0x100, 0x102)))
    with pytest.raises(TranscodeError) as refusal:
        look(source, LIMITS)
    assert refusal.value.code is Code.UNREADABLE


def entry(number: int, pid: int) -> bytes:
    return number.to_bytes(2) + (0xE000 | pid).to_bytes(2)


def stream(pid: int, descriptor: bytes = b"") -> bytes:
    return bytes([0x0F]) + (0xE000 | pid).to_bytes(2) + (0xF000 | len(descriptor)).to_bytes(2) + descriptor


def pmt(number: int, *streams: bytes) -> bytes:
    data = section(2, b"\xe1\x00\xf0\x00" + b"".join(streams))
    return data[:4] + number.to_bytes(2) + data[6:]


def table(pid: int, data: bytes) -> bytes:
    parts = [data[at : at + 184] for at in range(0, len(data), 184)]
    return b"".join(packet(pid, part.ljust(184, b"\xff"), is_start=not at) for at, part in enumerate(parts))


TWO = table(PAT_PID, section(0, entry(0, 0x10) + entry(1, 0x20) + entry(2, 0x30)))
FIRST, SECOND = table(0x20, pmt(1, stream(0x100))), table(0x30, pmt(2, stream(0x200)))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (TWO + FIRST + SECOND, {1: {0x100}, 2: {0x200}}),
        (TWO + FIRST + SECOND + table(0x20, pmt(1, stream(0x101))), {1: {0x100, 0x101}, 2: {0x200}}),
        (FIRST + SECOND + TWO, {1: {0x100}, 2: {0x200}}),
        (TWO + FIRST + table(0x30, pmt(3, stream(0x200))), {1: {0x100}}),  # of a programme that isn't listed
        (TWO + table(0x20, pmt(1, stream(0x100, bytes(200)), stream(0x101))), {1: {0x100, 0x101}}),
        (TWO + table(0x20, pmt(1, stream(0x100, bytes(200)), stream(0x101)))[:188] + FIRST, {1: {0x100}}),
        (
            TWO + FIRST * 2 + packet(0x20, b"\x00", is_start=True) + packet(0x20, b"\x00\x02", is_start=True),
            {1: {0x100}},
        ),
        (FIRST + SECOND, {}),
        (TWO * 9, {}),
        (b"", {}),
    ],
)
def test_programmes_are_what_the_first_table_lists_together(data: bytes, found: dict[int, set[int]]) -> None:
    assert programmes(data + packet(0x1FFF, bytes(184)) * 4) == found
