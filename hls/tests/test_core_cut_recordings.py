"""Joined recordings that differ, or whose beginning or end was cut off."""

from itertools import pairwise
from pathlib import Path

import pytest

from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.tests.clips import Look, make
from hls.tests.watching import LIMITS, WatchedVideo, assert_plays, beep_times, encode, numbers

pytestmark = pytest.mark.ffmpeg

LOOK = Look(width=160, height=120, duration_s=6)
FRAMES = 150
GOP = 50
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", str(GOP), "-sc_threshold", "0", "-pix_fmt", "yuv420p")
X265 = f"open-gop=1:keyint={GOP}:min-keyint={GOP}:scenecut=0:log-level=error"
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", X265, "-pix_fmt", "yuv420p")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-g", str(GOP))
MP2 = ("-c:a", "mp2")
TS_PACKET = 188


def with_cut_off(first: Path, second: Path, target: Path) -> Path:
    """Two joined recordings; the second one begins within its first GOP."""
    data = second.read_bytes()
    target.write_bytes(first.read_bytes() + data[len(data) // 6 // TS_PACKET * TS_PACKET :])
    return target


def told(clip: WatchedVideo) -> list[tuple[float, float]]:
    return [(span.begin_s, span.end_s) for chunk in clip.chunks for span in chunk.undecoded]


@pytest.mark.parametrize("video", [H264, HEVC, MPEG2], ids=["h264", "hevc", "mpeg2"])
def test_a_recording_without_its_first_key_picture_is_not_made_of_the_one_before(
    tmp_path: Path, video: tuple[str, ...]
) -> None:
    one = make(tmp_path / "one.ts", look=LOOK, video=video, audio=MP2)
    clip = encode(with_cut_off(one, one, tmp_path / "joined.ts"), tmp_path)
    seen = numbers(clip.joined("480p"))
    second = next(place for place, (earlier, later) in enumerate(pairwise(seen), start=1) if later < earlier)
    assert seen[second] >= GOP - 2, "it begins with a key picture"
    assert seen[second:] == list(range(seen[second], FRAMES))
    assert set(seen[:second]) >= set(range(FRAMES - 2))
    assert seen[:second] == sorted(seen[:second]), "until then the last picture stays"
    ((begin_s, end_s),) = told(clip)
    assert begin_s == pytest.approx(6, abs=0.1)
    assert end_s == pytest.approx(second / 25, abs=0.1)
    assert_plays(clip)


def test_program_streams_are_read_from_a_key_picture_nearby(tmp_path: Path) -> None:
    """If several pictures are stored as one unit, only the first one's place is known."""
    one = make(tmp_path / "one.vob", look=Look(width=160, height=120, duration_s=16), video=MPEG2, audio=MP2)
    target = tmp_path / "joined.vob"
    target.write_bytes(one.read_bytes() * 2)
    plan = make_plan(probe(target, limits=LIMITS))
    assert all(plan.run_up_s(span) < 8 for span in plan.timeline.chunks[1:])


def test_sound_that_only_a_later_recording_has(tmp_path: Path) -> None:
    mute = make(tmp_path / "mute.ts", look=LOOK, video=H264, audio=None)
    loud = make(tmp_path / "loud.ts", look=LOOK, video=H264, audio=("-c:a", "ac3"))
    target = tmp_path / "joined.ts"
    target.write_bytes(mute.read_bytes() * 2 + loud.read_bytes())
    clip = encode(target, tmp_path)
    assert numbers(clip.joined("480p")) == list(range(FRAMES)) * 3
    beeps = [at_s - 10 for at_s in beep_times(clip.joined("480p"))]
    assert beeps == pytest.approx([12, 13, 14, 15, 16, 17], abs=0.04)
    assert_plays(clip)


def test_sound_that_is_missing_in_a_recording_in_the_middle(tmp_path: Path) -> None:
    mute = make(tmp_path / "mute.ts", look=LOOK, video=H264, audio=None)
    loud = make(tmp_path / "loud.ts", look=LOOK, video=H264, audio=MP2)
    target = tmp_path / "joined.ts"
    target.write_bytes(loud.read_bytes() + mute.read_bytes() + loud.read_bytes())
    clip = encode(target, tmp_path)
    assert numbers(clip.joined("480p")) == list(range(FRAMES)) * 3
    beeps = [at_s - 10 for at_s in beep_times(clip.joined("480p"))]
    assert beeps == pytest.approx([*range(6), *range(12, 18)], abs=0.04)


def test_damage_in_joined_recordings_is_told_where_it_is(tmp_path: Path) -> None:
    one = make(tmp_path / "one.ts", look=LOOK, video=MPEG2, audio=MP2)
    data = bytearray(one.read_bytes() * 2)
    damaged = range(len(data) // 4 // TS_PACKET * TS_PACKET, len(data) * 5 // 16, TS_PACKET)
    for packet in damaged:
        data[packet + 20 : packet + TS_PACKET] = bytes(byte ^ 0x55 for byte in data[packet + 20 : packet + TS_PACKET])
    target = tmp_path / "joined.ts"
    target.write_bytes(data)
    ((begin_s, end_s),) = told(encode(target, tmp_path))
    assert 2.5 < begin_s < 3.5
    assert 0 < end_s - begin_s < 3
