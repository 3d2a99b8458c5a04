"""Parts of a source that can't be decoded are reported, and nothing is reported for an undamaged one."""

from pathlib import Path

import av
import pytest

from hls.core.chunk import Span, merged
from hls.core.inspection.packets import tick_s
from hls.tests.clips import Look, make, with_edits
from hls.tests.watching import WatchedVideo, assert_plays, beep_times, encode

pytestmark = pytest.mark.ffmpeg

LOOK = Look(width=160, height=120, rate="10", duration_s=20)
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", "20", "-keyint_min", "20", "-pix_fmt", "yuv420p")


def without_pictures(path: Path, begin_s: float, end_s: float) -> Path:
    """Overwrite these pictures with zeros; the container shows no sign of it."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if (
                packet.pts is not None
                and packet.pos is not None
                and begin_s <= packet.pts * tick_s(packet.stream) < end_s
            ):
                data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    return path


def told(clip: WatchedVideo) -> list[Span]:
    return [span for chunk in clip.chunks for span in chunk.undecoded]


@pytest.mark.parametrize("begin_s", [3, 14])
def test_pictures_that_are_gone_are_told_with_their_times(tmp_path: Path, begin_s: int) -> None:
    source = make(tmp_path / "video.mp4", look=LOOK, video=H264)
    clip = encode(without_pictures(source, begin_s, begin_s + 2), tmp_path)
    assert told(clip) == [Span(begin_s, begin_s + 2)]
    assert_plays(clip)


def test_a_chunk_without_any_picture_is_told_whole(tmp_path: Path) -> None:
    clip = encode(without_pictures(make(tmp_path / "video.mp4", look=LOOK, video=H264), 10, 20), tmp_path)
    assert told(clip) == [Span(10, 12), Span(12, 20)]
    assert_plays(clip)
    beeps = [round(at_s - 10, 1) for at_s in beep_times(clip.joined("480p"))]
    assert beeps == list(range(20)), "its sound is whole"


def test_pictures_that_are_gone_are_told_after_others_that_an_edit_hides(tmp_path: Path) -> None:
    """Up to the next key picture, what the first edit doesn't show is stored before what the second one shows."""
    one = make(tmp_path / "one.mp4", look=LOOK, video=(*H264[:-6], "-g", "150", "-bf", "0", *H264[-2:]))
    source = with_edits(without_pictures(one, 11.5, 11.75), tmp_path / "video.mp4", [(2, 1), (11, 5)])
    assert told(encode(source, tmp_path)) == [Span(1.5, 1.8)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "mpg"])
def test_nothing_is_told_of_a_whole_video(tmp_path: Path, suffix: str) -> None:
    is_mpeg = suffix == "mpg"
    video, audio = (("-c:v", "mpeg2video", "-q:v", "3"), ("-c:a", "mp2")) if is_mpeg else (H264, ("-c:a", "aac"))
    look = Look(width=160, height=120, rate="25", duration_s=9)
    assert told(encode(make(tmp_path / f"video.{suffix}", look=look, video=video, audio=audio), tmp_path)) == []


def test_what_nearly_touches_is_told_as_one() -> None:
    assert merged([(1.0, 2.0), (2.5, 3.0), (5.0, 6.0)]) == [(1.0, 3.0), (5.0, 6.0)]
