"""Recordings joined one after the other, whose clocks start anew: all of them are played."""

from pathlib import Path

import pytest

from hls.tests.clips import Look, make, remux
from hls.tests.watching import WatchedVideo, assert_plays, beep_times, encode, numbers, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 25
FRAMES = 8 * RATE  # of each recording
LOOK = Look(width=160, height=120, rate=str(RATE), duration_s=8)
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")
MP2 = ("-c:a", "mp2")


def recording(folder: Path, suffix: str) -> Path:
    if suffix == "ts":
        return make(folder / "one.ts", look=LOOK)
    return make(folder / f"one.{suffix}", look=LOOK, video=MPEG2, audio=MP2)


def joined(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def assert_plays_through(clip: WatchedVideo, recordings: int) -> None:
    """Every picture once and in order, and the beeps with the pictures that they belong to."""
    whole = clip.joined("480p")
    assert numbers(whole) == list(range(FRAMES)) * recordings
    assert steps(timestamps(whole, "video")) == {90_000 // RATE}
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    assert len(beeps) == 8 * recordings
    assert all(abs(at_s - second) < 0.04 for second, at_s in enumerate(beeps)), beeps
    assert_plays(clip)


@pytest.mark.parametrize("suffix", ["ts", "mpg", "vob"])
def test_the_same_recording_three_times(tmp_path: Path, suffix: str) -> None:
    one = recording(tmp_path, suffix)
    clip = encode(joined(tmp_path / f"joined.{suffix}", one, one, one), tmp_path)
    assert len(clip.plan.timeline.chunks) == 4
    assert_plays_through(clip, 3)


@pytest.mark.parametrize("offset_s", ["3000", "30"])
@pytest.mark.parametrize("is_later_first", [True, False])
def test_recordings_of_different_times(tmp_path: Path, offset_s: str, is_later_first: bool) -> None:
    """The clock jumps ahead, or back to before the first recording (which may look like a wrap-around)."""
    early = recording(tmp_path, "ts")
    late = remux(early, tmp_path / "late.ts", after=("-output_ts_offset", offset_s))
    clip = encode(joined(tmp_path / "joined.ts", *((late, early) if is_later_first else (early, late))), tmp_path)
    assert_plays_through(clip, 2)
