"""A chunk begins near its pictures with every sound, wherever that sound begins, pauses, ends or is stored."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from hls.core.inspection.landing import Reading, _Search, landings
from hls.core.inspection.media_file import opened, picture_track
from hls.core.inspection.packets import AnyPacket, SoundPackets
from hls.core.inspection.probing import look
from hls.core.inspection.scanning import scan
from hls.core.plan import Plan, make_plan
from hls.tests.clips import Look, remux
from hls.tests.spoken import Spoken, clip
from hls.tests.watching import LIMITS

pytestmark = pytest.mark.ffmpeg

RATE = 10
LASTS_S = 75  # six chunks: the others begin at 2, 6, 12, 24 and 54 s
LOOK = Look(width=160, height=120, rate=str(RATE), duration_s=LASTS_S)
VIDEO = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-keyint_min", "20", "-pix_fmt", "yuv420p")
AUDIO = ("-c:a", "aac", "-b:a", "32k", "-ar", "16000")
SPARSE = (Spoken(LASTS_S), Spoken(30, after_s=40), Spoken(5), Spoken(1, after_s=23))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sound begins late, one ends early, one is heard for a moment."""
    folder = tmp_path_factory.mktemp("sparse")
    plain = clip(folder / "plain.mkv", SPARSE, look=LOOK, video=VIDEO, audio=AUDIO)
    # Where a busy ffmpeg stores sounds that begin late differs each time, unless it waits for all of them.
    return remux(plain, folder / "video.mkv", after=["-map", "0", "-max_interleave_delta", "0"])


def planned(path: Path) -> Plan:
    return make_plan(look(path, LIMITS))


def assert_begins_nearby(plan: Plan) -> None:
    spans = plan.timeline.chunks[1:]
    assert len(spans) == 7
    assert [span.index for span in spans if plan.run_up_s(span) > 4] == []


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_sounds_that_begin_late_or_end_early_need_no_reading_from_the_beginning(
    sparse: Path, tmp_path: Path, suffix: str
) -> None:
    plan = planned(remux(sparse, tmp_path / f"video.{suffix}", after=["-map", "0"]))
    assert len(plan.source.sounds) == 4
    assert_begins_nearby(plan)


def test_sixteen_sounds_need_no_reading_from_the_beginning(sparse: Path, tmp_path: Path) -> None:
    plan = planned(remux(sparse, tmp_path / "video.ts", after=["-map", "0:v", *(["-map", "0:a:0"] * 16)]))
    assert len(plan.source.sounds) == 16
    assert_begins_nearby(plan)


def moved(source: Path, target: Path, *, track: int, seconds: int) -> Path:
    """A transport stream in which a track's timestamps are changed (ISO/IEC 13818-1, 2.4.3.6), but nothing is moved."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        pid = container.streams[track].id
    for packet in range(0, len(data), 188):
        if int.from_bytes(data[packet + 1 : packet + 3]) & 0x5FFF == 0x4000 | pid:
            at = packet + 4 + (1 + data[packet + 4] if data[packet + 3] & 0x20 else 0) + 9
            a, b, c, d, e = data[at : at + 5]
            time = ((a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1) + seconds * 90_000
            data[at : at + 5] = bytes(
                (
                    a & 0xF1 | time >> 29 & 0x0E,
                    time >> 22 & 0xFF,
                    time >> 14 & 0xFE | 1,
                    time >> 7 & 0xFF,
                    time << 1 & 0xFE | 1,
                )
            )
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("track", [1, 2])
def test_the_sound_that_is_stored_long_before_its_pictures_decides(tmp_path: Path, track: int) -> None:
    source = clip(tmp_path / "plain.ts", (Spoken(LASTS_S), Spoken(LASTS_S)), look=LOOK, video=VIDEO, audio=AUDIO)
    plan = planned(moved(source, tmp_path / "video.ts", track=track, seconds=4))
    for span in plan.timeline.chunks[3:]:
        begin_s, landing = plan.zero_s + plan.timeline.seconds(span.first_frame), plan.landing(span)
        assert landing is not None
        assert landing.missed_s is not None
        assert landing.missed_s < begin_s - Fraction(1, 4)
        assert landing.missed_s > landing.shown_s + 2, "of the sound that is stored early"
        assert begin_s - landing.shown_s < 12


def read_through(path: Path) -> tuple[Reading, list[Fraction]]:
    """A file as it is when it is read as a whole, and when its chunks begin."""
    with opened(path) as container:
        found = scan(container, picture_track(container), list(container.streams.audio), LIMITS)
    plan = planned(path)
    sounds = {index: log.packets for index, log in found.sounds.items()}
    reading = Reading(video=0, pictures=found.pictures, order=found.order, sounds=sounds, is_untimed=False)
    return reading, [plan.zero_s + plan.timeline.seconds(span.first_frame) for span in plan.timeline.chunks[1:]]


@pytest.mark.parametrize("track", [1, 2, 3, 4])
def test_a_seek_that_leads_to_other_times_of_one_sound_is_refused(sparse: Path, track: int) -> None:
    reading, begins_s = read_through(sparse)
    assert len(landings(sparse, reading, begins_s)) == 7
    other = SoundPackets()
    for time, size in zip(reading.sounds[track].times, reading.sounds[track].sizes, strict=True):
        other.note(time + 7, size)
    found = landings(sparse, replace(reading, sounds={**reading.sounds, track: other}), begins_s)
    assert len(found) < 7


def test_a_sound_that_is_not_heard_there_is_not_waited_for(sparse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a long video would be read several times."""
    reading, begins_s = read_through(sparse)
    read = []
    packets = _Search._packets

    def counted(search: _Search) -> Iterator[AnyPacket]:
        for packet in packets(search):
            read.append(packet.stream_index)
            yield packet

    monkeypatch.setattr(_Search, "_packets", counted)
    assert len(landings(sparse, reading, begins_s)) == 7
    a_second = RATE + 2 * 16  # of pictures and two sounds
    assert len(read) < 5 * 6 * a_second
