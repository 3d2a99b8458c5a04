"""Sources with unusual clocks: variable rates, late or missing sound, other start times, hidden beginnings."""

from fractions import Fraction
from pathlib import Path

import pytest

from hls.tests.clips import Look, ffmpeg, fit_h264, make, picture, remux, sound
from hls.tests.matroska import as_in_avi
from hls.tests.watching import assert_plays, beep_times, encode, numbers, picture_times

pytestmark = pytest.mark.ffmpeg

SMALL = Look(width=160, height=120, duration_s=3.2)
SYNC_S = 0.04
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def assert_sync(whole: Path, *, sound_is_late_by_s: float = 0, first_number: int = 0) -> list[float]:
    """Beep k of the source is heard when frame 25 k was or would be shown. Times count from the video's beginning."""
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    for at_s in beeps:
        source_s = at_s + first_number / 25 - sound_is_late_by_s
        if at_s > 0.05:  # a beep that the video's beginning cuts off begins there
            assert abs(source_s - round(source_s)) < SYNC_S, beeps
    return beeps


def test_variable_rate_becomes_constant_and_nothing_moves(tmp_path: Path) -> None:
    """A screen recording: frames where something happened, up to a second apart."""
    kept = "select='not(mod(n,7))+lt(mod(n,50),12)'"
    source = make(
        tmp_path / "video.mp4",
        look=Look(width=160, height=120, rate="30", duration_s=9),
        filters=kept,
        after=("-fps_mode", "vfr"),
    )
    clip = encode(source, tmp_path)
    whole = clip.joined("480p")
    assert_plays(clip)
    assert clip.plan.timeline.rate == 30
    shown = picture_times(whole)
    assert set(shown) == {n for n in range(270) if n % 7 == 0 or n % 50 < 12}
    assert all(abs(at_s - 10 - Fraction(n, 30)) <= Fraction(1, 30) for n, at_s in shown.items())
    assert abs(clip.plan.timeline.duration_s - 9) < Fraction(1, 4)


def test_irregular_clock_gets_the_nearest_standard_rate(tmp_path: Path) -> None:
    exact = ("-fps_mode", "vfr", "-enc_time_base:v", "1:1000")
    jitter = "settb=1/1000,setpts='(N+0.45*sin(N*1.7))/24.4/TB'"
    source = make(tmp_path / "video.mkv", look=SMALL, filters=jitter, after=exact, audio=None)
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.is_variable_rate
    assert clip.plan.timeline.rate in (24, 25, Fraction(24000, 1001))
    assert_plays(clip)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_bursts_of_a_faster_rate_are_shown_whole(tmp_path: Path, suffix: str) -> None:
    """15 pictures a second, and from time to time 60, also where the first chunk ends."""
    look = Look(width=160, height=120, rate="60", duration_s=9)
    kept = "select='not(mod(n,4))+gt(mod(t+0.6,2),1.7)'"
    source = make(tmp_path / f"video.{suffix}", look=look, filters=kept, after=("-fps_mode", "vfr"), audio=None)
    clip = encode(source, tmp_path)
    assert clip.plan.timeline.rate == 60
    shown = picture_times(clip.joined("480p"))
    assert list(shown) == [n for n in range(540) if n % 4 == 0 or (n / 60 + 0.6) % 2 > 1.7]
    assert all(abs(at_s - 10 - Fraction(n, 60)) <= Fraction(1, 60) for n, at_s in shown.items())
    assert_plays(clip)


def test_a_steady_rate_that_jitters_keeps_its_rate_and_shows_every_picture(tmp_path: Path) -> None:
    """As webcams do, across a chunk boundary."""
    look = Look(width=160, height=120, duration_s=9)
    jitter = "settb=1/1000,setpts='(N+0.15*(sin(N*1.7)+sin(N*0.61)))/24.9/TB'"
    exact = ("-fps_mode", "vfr", "-enc_time_base:v", "1:1000")
    clip = encode(make(tmp_path / "video.mkv", look=look, filters=jitter, after=exact, audio=None), tmp_path)
    assert clip.plan.timeline.rate in (24, 25)
    assert len(clip.plan.timeline.chunks) == 3
    shown = picture_times(clip.joined("480p"))
    assert list(shown) == list(range(225))
    assert_plays(clip)


@pytest.mark.parametrize(("rate", "lost"), [("60003/1000", 0), ("60058/1000", 1)])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_hair_above_60_is_not_halved(tmp_path: Path, rate: str, lost: int, suffix: str) -> None:
    """At 60.058 fps, one picture in 17 seconds is too many."""
    look = Look(width=160, height=120, rate=rate, duration_s=13)
    clip = encode(make(tmp_path / f"video.{suffix}", look=look, audio=None), tmp_path)
    assert clip.plan.timeline.rate == 60
    assert len(set(numbers(clip.joined("480p")))) >= clip.plan.source.video.frame_count - lost
    assert_plays(clip)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
def test_a_clock_that_begins_elsewhere_changes_nothing(tmp_path: Path, suffix: str) -> None:
    look = Look(width=160, height=120, duration_s=9)
    source = make(tmp_path / f"video.{suffix}", look=look, after=("-output_ts_offset", "7.77"))
    clip = encode(source, tmp_path)
    whole = clip.joined("480p")
    assert_plays(clip)
    assert numbers(whole) == list(range(225))
    assert len(assert_sync(whole)) == 9


def test_late_sound_begins_with_silence(tmp_path: Path) -> None:
    source = tmp_path / "video.mkv"
    make_with_late_sound(source, 0.7)
    clip = encode(source, tmp_path)
    whole = clip.joined("480p")
    assert_plays(clip)
    assert assert_sync(whole, sound_is_late_by_s=0.7)[0] == pytest.approx(0.7, abs=SYNC_S)


def make_with_late_sound(target: Path, late_s: float) -> None:
    """Sound that ends with the picture."""
    inputs = ["-f", "lavfi", "-i", picture(SMALL), "-itsoffset", str(late_s)]
    inputs += ["-f", "lavfi", "-i", sound(SMALL.duration_s - late_s)]
    ffmpeg(*inputs, *H264, "-c:a", "aac", str(target))


def test_sound_shorter_than_the_picture_goes_on_as_silence(tmp_path: Path) -> None:
    """Three chunks, the last one without any sound in the source."""
    source = make(tmp_path / "video.mp4", look=Look(width=160, height=120, duration_s=9), audio_source=sound(2.5))
    clip = encode(source, tmp_path)
    assert_plays(clip)
    assert [round(at_s) for at_s in assert_sync(clip.joined("480p"))] == [0, 1, 2]


def test_edit_list_hides_what_was_cut_off(tmp_path: Path) -> None:
    """A cut without re-encoding keeps frames before its beginning in the file, and an edit list hides them."""
    whole_video = make(tmp_path / "whole.mp4", look=Look(width=160, height=120, duration_s=8))
    source = remux(whole_video, tmp_path / "video.mp4", before=("-ss", "1.3"))
    clip = encode(source, tmp_path)
    whole = clip.joined("480p")
    assert_plays(clip)
    shown = numbers(whole)
    assert shown == list(range(shown[0], 200))
    assert abs(shown[0] - 32.5) <= 1
    assert_sync(whole, first_number=shown[0])


def test_frames_missing_in_the_middle_are_bridged(tmp_path: Path) -> None:
    source = make(
        tmp_path / "video.mkv", look=SMALL, filters="select='not(between(n,30,49))'", after=("-fps_mode", "vfr")
    )
    clip = encode(source, tmp_path)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == [*range(29), *[29] * 21, *range(50, 80)]
    assert_sync(clip.joined("480p"))


@pytest.mark.parametrize(("duration_s", "frame_count"), [(0.4, 10), (0.04, 1)])
def test_the_shortest_videos_play(tmp_path: Path, duration_s: float, frame_count: int) -> None:
    source = make(tmp_path / "video.mp4", look=Look(width=160, height=120, duration_s=duration_s))
    clip = encode(source, tmp_path)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == list(range(frame_count))
    assert clip.plan.timeline.target_duration_s == 1


@pytest.mark.parametrize("look", [SMALL, Look(width=720, height=720, duration_s=3.2)], ids=["small", "fit to copy"])
def test_h264_in_avi_is_shown_from_its_first_picture_on(look: Look, tmp_path: Path) -> None:
    """AVI has no times. libav made some up that were a picture late: the first one was lost, the last one shown twice.

    Packets with such times can't be copied, either: that failed after the plan was made.
    """
    video = (*fit_h264(25, options=("-bf", "0")), "-color_range", "tv", "-colorspace", "bt709")
    source = make(tmp_path / "video.avi", look=look, video=video, audio=("-c:a", "pcm_s16le"))
    clip = encode(source, tmp_path)
    assert numbers(clip.joined("480p")) == list(range(80))
    assert_sync(clip.joined("480p"))


@pytest.mark.parametrize("reordered", [0, 2])
def test_h264_in_matroska_as_in_avi_is_shown_from_its_first_picture_on(reordered: int, tmp_path: Path) -> None:
    video = fit_h264(25, options=("-bf", str(reordered)))
    stream = make(tmp_path / "video.264", look=SMALL, video=video, audio=None)
    clip = encode(as_in_avi(stream, tmp_path / "video.mkv"), tmp_path)
    assert numbers(clip.joined("480p")) == list(range(80))


def test_h264_in_windows_media_is_shown_from_its_first_picture_on(tmp_path: Path) -> None:
    source = make(tmp_path / "video.wmv", look=SMALL, video=fit_h264(25, options=("-bf", "0")), audio=("-c:a", "wmav2"))
    clip = encode(source, tmp_path)
    assert numbers(clip.joined("480p")) == list(range(80))
    assert_sync(clip.joined("480p"))
