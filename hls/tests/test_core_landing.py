"""Chunks begin with a correct picture, whatever a container says about its keyframes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.tests.clips import Look, make, remux
from hls.tests.watching import LIMITS, assert_plays, beep_times, encode, numbers, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 10
FRAMES = 160  # four chunks: the last one begins at 12 seconds
LOOK = Look(width=160, height=120, rate=str(RATE), duration_s=FRAMES / RATE)
NO_SOUND = None


def without_sync_table(path: Path) -> Path:
    """Remove `stss`: without it, every picture of an MP4 counts as a keyframe (ISO/IEC 14496-12, 8.6.2)."""
    path.write_bytes(path.read_bytes().replace(b"stss", b"free"))
    return path


def h264_without_sync_table(folder: Path) -> Path:
    video = ("-c:v", "libx264", "-preset", "veryfast", "-g", "600", "-sc_threshold", "0", "-pix_fmt", "yuv420p")
    return without_sync_table(make(folder / "video.mp4", look=LOOK, video=video))


def mpeg4_without_sync_table(folder: Path) -> Path:
    return without_sync_table(make(folder / "video.3gp", look=LOOK, video=("-c:v", "mpeg4", "-q:v", "3", "-g", "77")))


def h263_without_sync_table(folder: Path) -> Path:
    look = Look(width=352, height=288, rate=str(RATE), duration_s=FRAMES / RATE)
    video = ("-c:v", "h263p", "-q:v", "3", "-g", "90")
    return without_sync_table(make(folder / "video.mov", look=look, video=video))


def wmv_whose_index_leads_too_far(folder: Path) -> Path:
    """Make every entry of the simple index point at the packet that is stored six seconds later."""
    path = make(
        folder / "video.wmv", look=LOOK, video=("-c:v", "wmv2", "-q:v", "3", "-g", "15"), audio=("-c:a", "wmav2")
    )
    data = bytearray(path.read_bytes())
    index = data.rfind(bytes.fromhex("90080033B1E5CF1189F400A0C90349CB"))
    count = int.from_bytes(data[index + 52 : index + 56], "little")
    entries = [bytes(data[index + 56 + 6 * number :][:6]) for number in range(count)]
    assert count > 15
    late = [entries[min(number + 6, count - 1)] for number in range(count)]
    data[index + 56 : index + 56 + 6 * count] = b"".join(late)
    path.write_bytes(data)
    return path


def untold_key_frames(folder: Path) -> Path:
    look = replace(LOOK, width=80, height=60)  # Cinepak takes long to encode
    return make(folder / "video.avi", look=look, video=("-c:v", "cinepak", "-g", "50"), audio=NO_SOUND)


def key_frames_that_are_none(folder: Path) -> Path:
    """Flash's screen video: the decoder says nothing about picture types, and the container is wrong about each."""
    path = make(folder / "video.flv", look=LOOK, video=("-c:v", "flashsv", "-g", "500"), audio=NO_SOUND)
    data = bytearray(path.read_bytes())
    at = 13
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4])
        if data[at] == 9:
            data[at + 11] = data[at + 11] & 0x0F | 0x10
        at += 11 + size + 4
    path.write_bytes(data)
    return path


def intra_refresh(folder: Path) -> Path:
    """H.264 whose only keyframe is the first picture: each picture refreshes one column."""
    video = (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-x264-params",
        "intra-refresh=1:keyint=30",
        "-pix_fmt",
        "yuv420p",
    )
    return make(folder / "video.mkv", look=LOOK, video=video)


SOURCES: dict[str, Callable[[Path], Path]] = {
    "H.264 without a sync table": h264_without_sync_table,
    "MPEG-4 without a sync table": mpeg4_without_sync_table,
    "H.263 without a sync table": h263_without_sync_table,
    "WMV whose index leads too far": wmv_whose_index_leads_too_far,
    "a decoder that tells no key frames": untold_key_frames,
    "key frames that are none": key_frames_that_are_none,
    "H.264 with intra refresh": intra_refresh,
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_pictures_after_a_seam_are_the_videos(name: str, tmp_path: Path) -> None:
    clip = encode(SOURCES[name](tmp_path), tmp_path)
    assert len(clip.plan.timeline.chunks) == 4
    whole = clip.joined("480p")
    shown = numbers(whole)
    assert shown[:FRAMES] == list(range(FRAMES))
    assert set(shown[FRAMES:]) <= {FRAMES - 1}
    assert_plays(clip)
    if clip.plan.source.audio:
        assert all(abs(at_s - round(at_s)) < 0.06 for at_s in beep_times(whole)), beep_times(whole)


def test_h264_in_avi_shows_every_picture_once(tmp_path: Path) -> None:
    """AVI has no timestamps: libavformat assumes that pictures are shown in the order in which they are stored."""
    video = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50", "-pix_fmt", "yuv420p")
    clip = encode(make(tmp_path / "video.avi", look=LOOK, video=video, audio=("-c:a", "mp3")), tmp_path)
    whole = clip.joined("480p")
    assert numbers(whole) == list(range(FRAMES))
    assert steps(timestamps(whole, "video")) == {90_000 // RATE}
    assert all(abs(at_s - round(at_s)) < 0.06 for at_s in beep_times(whole)), beep_times(whole)


def test_chunks_of_an_ordinary_video_begin_near_their_beginning(tmp_path: Path) -> None:
    video = ("-c:v", "libx264", "-preset", "veryfast", "-g", "20", "-keyint_min", "20", "-pix_fmt", "yuv420p")
    made = make(tmp_path / "made.mp4", look=LOOK, video=video)
    for suffix in ("mp4", "mkv", "ts", "avi"):
        source = probe(remux(made, tmp_path / f"video.{suffix}"), limits=LIMITS)
        landing = source.video.landings[-1]
        assert 8 <= landing.shown_s - source.video.start_s <= 12


def without_most_times(path: Path, target: Path, *, kept: int) -> Path:
    """A transport stream in which only one of `kept` pictures says when it is shown (ISO/IEC 13818-1, 2.7.4)."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        pid = container.streams.video[0].id
    number = 0
    for packet in range(0, len(data), 188):
        if int.from_bytes(data[packet + 1 : packet + 3]) & 0x5FFF == 0x4000 | pid:
            header = packet + 4 + (1 + data[packet + 4] if data[packet + 3] & 0x20 else 0)
            if number % kept:
                data[header + 7] &= 0x3F
                stuffed = slice(header + 9, header + 9 + data[header + 8])
                data[stuffed] = b"\xff" * data[header + 8]
            number += 1
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_pictures_without_times_are_shown(tmp_path: Path, b_frames: str) -> None:
    video = ("-c:v", "libx264", "-preset", "veryfast", "-bf", b_frames, "-g", "30", "-pix_fmt", "yuv420p")
    source = make(tmp_path / "told.ts", look=LOOK, video=video)
    clip = encode(without_most_times(source, tmp_path / "video.ts", kept=3), tmp_path)
    whole = clip.joined("480p")
    assert numbers(whole) == list(range(FRAMES))
    assert steps(timestamps(whole, "video")) == {90_000 // RATE}
    assert_plays(clip)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001"])
def test_chunks_of_rates_that_are_no_round_numbers_begin_nearby(tmp_path: Path, rate: str) -> None:
    """A place that was found for a chunk is used: a rounding error mustn't make it seem too late."""
    look = Look(width=160, height=120, rate=rate, duration_s=135)
    video = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-keyint_min", "48", "-pix_fmt", "yuv420p")
    plan = make_plan(probe(make(tmp_path / "video.mkv", look=look, video=video, audio=NO_SOUND), limits=LIMITS))
    spans = plan.timeline.chunks[1:]
    assert len(spans) == 9
    assert [span.index for span in spans if plan.run_up_s(span) > 4] == []
