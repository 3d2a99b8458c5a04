"""Transport streams whose PIDs change on the way: pictures and sounds go on."""

from itertools import pairwise
from pathlib import Path

import pytest

from hls.core.omissions import omissions
from hls.core.probe import probe
from hls.tests.clips import Look, make, remux
from hls.tests.watching import LIMITS, WatchedVideo, assert_plays, beep_times, encode, numbers

pytestmark = pytest.mark.ffmpeg

LOOK = Look(width=160, height=120, duration_s=5)
FRAMES = 125
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")
AAC, MP2, AC3 = (("-c:a", codec, "-b:a", "64k") for codec in ("aac", "mp2", "ac3"))
LOST = 3  # pictures at most that libav gives at the file's end alone, with those that need them


def on_pid(pid: int) -> tuple[str, ...]:
    return ("-streamid", f"0:{pid}", "-streamid", f"1:{pid + 1}")


def part(target: Path, pid: int, video: tuple[str, ...] = H264, audio: tuple[str, ...] = AAC) -> Path:
    return make(target, look=LOOK, video=video, audio=audio, after=on_pid(pid))


def encoded(folder: Path, *parts: Path) -> WatchedVideo:
    source = folder / "video.ts"
    source.write_bytes(b"".join(each.read_bytes() for each in parts))
    return encode(source, folder)


def assert_goes_on(clip: WatchedVideo, count: int) -> None:
    """All parts are shown from their first picture on, and heard with their pictures."""
    whole = clip.joined("480p")
    assert_plays(clip)
    shown = numbers(whole)
    begins = [place for place, number in enumerate(shown) if number == 0]
    assert len(begins) == count
    assert all(later - earlier >= FRAMES - LOST for earlier, later in pairwise([*begins, len(shown)]))
    beeps = [at_s - 10 for at_s in beep_times(whole)]
    for begin in begins:
        assert all(any(abs(at_s - begin / 25 - second) < 0.04 for at_s in beeps) for second in range(1, 4)), beeps
    assert clip.plan.source.sounds == ()
    assert omissions(clip.plan) == ()


@pytest.mark.parametrize(("video", "audio"), [(H264, AAC), (H264, AC3), (MPEG2, MP2)], ids=["aac", "ac3", "mp2"])
def test_a_recording_on_other_pids_follows(tmp_path: Path, video: tuple[str, ...], audio: tuple[str, ...]) -> None:
    parts = [part(tmp_path / f"{pid}.ts", pid, video, audio) for pid in (0x100, 0x300)]
    assert_goes_on(encoded(tmp_path, *parts), 2)


def test_pids_that_change_while_the_clock_goes_on(tmp_path: Path) -> None:
    first = part(tmp_path / "first.ts", 0x100)
    second = remux(first, tmp_path / "second.ts", after=("-output_ts_offset", "5", *on_pid(0x300)))
    assert_goes_on(encoded(tmp_path, first, second), 2)


def test_pids_that_change_and_change_back(tmp_path: Path) -> None:
    first, second = (part(tmp_path / f"{pid}.ts", pid) for pid in (0x100, 0x300))
    assert_goes_on(encoded(tmp_path, first, second, first), 3)


def test_a_picture_now_and_then_on_another_pid_is_no_continuation(tmp_path: Path) -> None:
    """Two picture tracks at the same time, one of which is stored rarely."""
    rare = ("-filter:v:1", "framerate=fps=1/2", "-map", "0:v", "-map", "1:a", "-map", "0:v", *H264, *AAC)
    source = make(tmp_path / "video.ts", look=LOOK, video=rare, audio=())
    found = probe(source, limits=LIMITS)
    assert (found.continued, found.joins, found.video.frame_count) == ((), (), FRAMES)
