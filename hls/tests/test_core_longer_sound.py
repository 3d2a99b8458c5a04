"""Sound that begins before the pictures or goes on after them: the video is as long as both together."""

from math import ceil
from pathlib import Path

import pytest

from hls.core.errors import Code, TranscodeError
from hls.core.plan import make_plan
from hls.core.probe import Limits, probe
from hls.tests.clips import Look, ffmpeg, picture, remux, sound
from hls.tests.watching import WatchedVideo, assert_plays, beep_times, encode, frames, luma, number, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 10
SYNC_S = 0.04
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
BLACK = -1


def look(duration_s: float) -> Look:
    return Look(width=160, height=120, rate=str(RATE), duration_s=duration_s)


def recording(
    target: Path, *, picture_s: float, sound_s: float, lead_s: float = 0, after: tuple[str, ...] = (), keep: str = "1"
) -> Path:
    """Pictures that begin `lead_s` after the sound; only those that `keep` selects."""
    inputs = ["-itsoffset", str(lead_s), "-f", "lavfi", "-i", f"{picture(look(picture_s))},select='{keep}'"]
    ffmpeg(*inputs, "-f", "lavfi", "-i", sound(sound_s), *H264, "-fps_mode", "vfr", "-c:a", "aac", *after, str(target))
    return target


def shown(clip: WatchedVideo) -> list[int]:
    """The numbers of all frames; BLACK for frames without the corner mark that every picture of the source has."""
    pictures = frames(clip.joined("480p"))
    return [number(frame) if luma(frame, 1 / 16, 1 / 16) > 128 else BLACK for frame in pictures]


def assert_heard(clip: WatchedVideo, count: int) -> None:
    """There is a beep at each full second, without a gap."""
    whole = clip.joined("480p")
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    assert len(beeps) == count
    assert all(abs(at_s - second) < SYNC_S for second, at_s in enumerate(beeps)), beeps
    assert steps(timestamps(whole, "audio")) == {1920}


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_the_last_picture_stays_while_the_sound_goes_on(tmp_path: Path, suffix: str) -> None:
    """The chunk boundary at 12 seconds is in that time."""
    clip = encode(recording(tmp_path / f"video.{suffix}", picture_s=3.2, sound_s=15), tmp_path)
    assert_plays(clip)
    assert shown(clip) == [*range(32), *[31] * 118]
    assert_heard(clip, 15)


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_the_last_picture_stays_for_many_chunks(tmp_path: Path, suffix: str) -> None:
    clip = encode(recording(tmp_path / f"video.{suffix}", picture_s=7.3, sound_s=40), tmp_path)
    assert len(clip.plan.timeline.chunks) == 6
    assert_plays(clip)
    assert shown(clip) == [*range(73), *[72] * 327]
    assert_heard(clip, 40)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_before_the_first_picture_it_is_black(tmp_path: Path, suffix: str) -> None:
    clip = encode(recording(tmp_path / f"video.{suffix}", picture_s=4, sound_s=5, lead_s=1.5), tmp_path)
    assert_plays(clip)
    assert shown(clip) == [*[BLACK] * 15, *range(40)]
    assert_heard(clip, 5)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_chunk_may_be_over_before_the_first_picture(tmp_path: Path, suffix: str) -> None:
    clip = encode(recording(tmp_path / f"video.{suffix}", picture_s=8, sound_s=26, lead_s=13.5), tmp_path)
    assert_plays(clip)
    assert shown(clip) == [*[BLACK] * 135, *range(80), *[79] * 45]
    assert_heard(clip, 26)


def test_a_single_picture_is_a_video_as_long_as_its_sound(tmp_path: Path) -> None:
    clip = encode(recording(tmp_path / "video.mp4", picture_s=0.1, sound_s=14), tmp_path)
    assert clip.plan.timeline.duration_s == 14
    assert_plays(clip)
    assert set(shown(clip)) == {0}
    assert_heard(clip, 14)


def test_slides_stand_as_long_as_is_talked(tmp_path: Path) -> None:
    """The slides have a variable rate, and the last one begins long before a chunk's end."""
    kept = "eq(n,0)+eq(n,20)+eq(n,47)"
    clip = encode(recording(tmp_path / "video.mkv", picture_s=5, sound_s=26, keep=kept), tmp_path)
    assert_plays(clip)
    rate, slides = clip.plan.timeline.rate, shown(clip)
    assert len(slides) == ceil(26 * rate)
    changes = [slides.index(slide) / rate for slide in (0, 20, 47)]
    assert changes == pytest.approx([0, 2, 4.7], abs=float(1 / rate))
    assert slides[-1] == 47
    assert_heard(clip, 26)


def test_a_large_picture_is_black_in_every_rendition_before_it_begins(tmp_path: Path) -> None:
    source = tmp_path / "video.mp4"
    large = picture(Look(width=720, height=720, rate=str(RATE), duration_s=2))
    ffmpeg("-itsoffset", "1", "-f", "lavfi", "-i", large, "-f", "lavfi", "-i", sound(4), *H264, str(source))
    clip = encode(source, tmp_path)
    assert_plays(clip)
    for name in ("480p", "720p"):
        pictures = list(frames(clip.joined(name)))
        assert [luma(frame, 1 / 16, 1 / 16) > 128 for frame in pictures] == [False] * 10 + [True] * 30
        assert abs(luma(pictures[0], 0.5, 0.5) - 16) <= 1
        assert number(pictures[-1]) == 19


@pytest.mark.parametrize("difference_s", [-0.2, 0.2])
def test_a_containers_rounding_changes_no_frame(tmp_path: Path, difference_s: float) -> None:
    lead_s = max(0, difference_s)
    clip = encode(recording(tmp_path / "video.mkv", picture_s=3, sound_s=3 + lead_s, lead_s=lead_s), tmp_path)
    assert shown(clip) == list(range(30))


def test_sound_that_is_a_little_longer_by_rounding_adds_no_frame(tmp_path: Path) -> None:
    clip = encode(recording(tmp_path / "longer.mkv", picture_s=3, sound_s=3.2), tmp_path)
    assert shown(clip) == list(range(30))


def test_a_stray_timestamp_hours_ahead_makes_no_hours_of_video(tmp_path: Path) -> None:
    source = recording(tmp_path / "video.mkv", picture_s=3, sound_s=5)
    late = "setts=ts='if(gte(N,233),PTS+7200/TB,PTS)'"
    stray = remux(source, tmp_path / "stray.mkv", after=("-bsf:a", late))
    clip = encode(stray, tmp_path)
    assert abs(clip.plan.timeline.duration_s - 5) < 0.2


def test_sound_with_another_clock_makes_no_hours_of_video(tmp_path: Path) -> None:
    source = recording(tmp_path / "video.mkv", picture_s=2, sound_s=3, lead_s=7200)
    plan = make_plan(probe(source, limits=Limits(max_duration_s=60, max_pixels=1_000_000)))
    assert (plan.lead, plan.tail, float(plan.timeline.duration_s)) == (0, 0, 2.0)


def test_a_video_is_too_long_by_its_sound_too(tmp_path: Path) -> None:
    source = recording(tmp_path / "video.mp4", picture_s=1, sound_s=5)
    with pytest.raises(TranscodeError) as caught:
        probe(source, limits=Limits(max_duration_s=4, max_pixels=1_000_000))
    assert caught.value.code == Code.TOO_LONG


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    """The cover picture of a song is marked as such."""
    cover = tmp_path / "cover.jpg"
    ffmpeg("-f", "lavfi", "-i", picture(look(0.1)), "-frames:v", "1", str(cover))
    song = tmp_path / "song.m4a"
    inputs = ("-f", "lavfi", "-i", sound(3), "-i", str(cover))
    ffmpeg(*inputs, "-c:a", "aac", "-c:v", "copy", "-disposition:v", "attached_pic", str(song))
    with pytest.raises(TranscodeError) as caught:
        probe(song, limits=Limits(max_duration_s=60, max_pixels=1_000_000))
    assert caught.value.code == Code.NO_VIDEO
