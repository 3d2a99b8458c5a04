"""H.264 whose fields have packets of their own, as camcorders and broadcasters store it: each field is a moment."""

from pathlib import Path

import pytest
from av.video.frame import VideoFrame

from hls.core.probe import probe
from hls.tests.clips import remux
from hls.tests.field_pictures import BAR, HEIGHT, STEP, WIDTH, recording
from hls.tests.watching import LIMITS, WatchedVideo, assert_plays, encode, frames

pytestmark = pytest.mark.ffmpeg

FRAMES = 75  # three seconds: two chunks
MOMENTS = [moment * STEP % (WIDTH - BAR) for moment in range(2 * FRAMES)]


def bars(clip: WatchedVideo) -> list[int]:
    """Where the bar is at each moment but the last one, whose field has no frame after it."""
    return [bar(frame) for frame in frames(clip.joined("480p"))][:-1]


def bar(frame: VideoFrame) -> int:
    """Where the bar begins in the middle line."""
    plane = frame.planes[0]
    line = bytes(plane)[HEIGHT // 2 * plane.line_size :][:WIDTH]
    return next(x for x in range(WIDTH) if line[x] > 128)


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4"])
def test_each_of_two_fields_in_packets_of_their_own_is_a_moment(tmp_path: Path, suffix: str) -> None:
    source = recording(tmp_path / "video.ts", FRAMES)
    if suffix != "ts":
        source = remux(source, tmp_path / f"video.{suffix}")
    clip = encode(source, tmp_path)
    video = clip.plan.source.video
    assert video.rate == 25
    assert (video.frame_count, video.is_variable_rate, video.has_fields) == (FRAMES, False, True)
    assert clip.plan.timeline.rate == 50
    assert_plays(clip)
    assert bars(clip) == MOMENTS[:-1]


def test_frames_among_fields_do_not_make_the_rate_another(tmp_path: Path) -> None:
    whole = range(2, FRAMES, 3)
    found = probe(recording(tmp_path / "video.ts", FRAMES, whole=whole), limits=LIMITS).video
    assert (found.frame_count, found.is_variable_rate) == (FRAMES, False)
    assert found.rate == 25
    assert found.duration_s == 3


def test_recordings_in_fields_that_are_joined(tmp_path: Path) -> None:
    one = recording(tmp_path / "one.ts", FRAMES)
    joined = tmp_path / "video.ts"
    joined.write_bytes(one.read_bytes() * 2)
    clip = encode(joined, tmp_path)
    assert clip.plan.source.video.frame_count == 2 * FRAMES
    assert bars(clip) == [*MOMENTS, *MOMENTS[:-1]]
