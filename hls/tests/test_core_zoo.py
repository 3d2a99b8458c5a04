"""Every kind of source becomes a video with the right size, rate, order, duration and sync, that decodes cleanly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from hls.tests.clips import Look, make, sound
from hls.tests.watching import assert_plays, beep_times, encode, frames, luma, number

pytestmark = pytest.mark.ffmpeg

H264 = ("-c:v", "libx264", "-preset", "ultrafast")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p")
SYNC_S = 0.04  # between picture and sound
FULL_PCM = ("-c:a", "pcm_s16le")


def small(*, duration_s: float, rate: str = "25") -> Look:
    return Look(width=160, height=120, rate=rate, duration_s=duration_s)


SMALL = small(duration_s=2.2)
LONG = small(duration_s=9)  # three chunks


@dataclass(frozen=True)
class Case:
    """A source and the expected result; sizes and rates are those of `look` unless given."""

    file: str
    look: Look = SMALL
    made: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    rate: Fraction | None = None
    every: int = 1  # every n-th frame of the source is kept
    has_sound: bool = True

    @property
    def frame_count(self) -> int:
        return -(-round(Fraction(self.look.rate) * Fraction(str(self.look.duration_s))) // self.every)


CONTAINERS = {
    "h264 in mp4, long gop": Case(
        "video.mp4", LONG, {"video": (*H264, "-g", "250", "-bf", "3", "-pix_fmt", "yuv420p")}
    ),
    "h264 in matroska": Case("video.mkv", LONG, {"video": (*H264, "-g", "250", "-pix_fmt", "yuv420p")}),
    "h264 in transport stream, long gop": Case(
        "video.ts", LONG, {"video": (*H264, "-g", "250", "-bf", "2", "-pix_fmt", "yuv420p")}
    ),
    "mpeg-2 in transport stream": Case(
        "video.ts",
        Look(width=320, height=240, duration_s=9),
        {"video": ("-c:v", "mpeg2video", "-q:v", "3", "-g", "15", "-bf", "2"), "audio": ("-c:a", "mp2")},
    ),
    "mpeg-2 in program stream": Case(
        "video.mpg",
        Look(width=320, height=240, duration_s=9),
        {"video": ("-c:v", "mpeg2video", "-q:v", "3", "-g", "15", "-bf", "2"), "audio": ("-c:a", "mp2")},
    ),
    "mpeg-4 in avi": Case(
        "video.avi",
        LONG,
        {"video": ("-c:v", "mpeg4", "-q:v", "3", "-g", "100", "-bf", "2"), "audio": ("-c:a", "libmp3lame")},
    ),
    "flv": Case(
        "video.flv",
        LONG,
        {
            "video": ("-c:v", "flv", "-q:v", "3", "-g", "100"),
            "audio": ("-c:a", "libmp3lame", "-ar", "44100"),
            "audio_source": sound(9, sample_rate=44_100),
        },
    ),
    "wmv": Case("video.wmv", LONG, {"video": ("-c:v", "wmv2", "-q:v", "3", "-g", "100"), "audio": ("-c:a", "wmav2")}),
    "vp9 and opus in webm": Case(
        "video.webm",
        LONG,
        {"video": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), "audio": ("-c:a", "libopus")},
    ),
    "av1 in mp4": Case(
        "video.mp4",
        made={"video": ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")},
    ),
    "prores in mov": Case("video.mov", LONG, {"video": ("-c:v", "prores_ks", "-profile:v", "1"), "audio": FULL_PCM}),
    "motion jpeg in mov": Case("video.mov", SMALL, {"video": ("-c:v", "mjpeg", "-q:v", "3"), "audio": FULL_PCM}),
    "m4v": Case("video.m4v", SMALL, {}),
    "hevc in mp4": Case(
        "video.mp4", SMALL, {"video": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")}
    ),
}
SHAPES = {
    "portrait": Case("video.mp4", Look(width=180, height=320, duration_s=2.2)),
    "odd sizes": Case(
        "video.mp4",
        Look(width=161, height=121, duration_s=2.2),
        {"video": (*H264, "-pix_fmt", "yuv444p")},
        size=(160, 120),
    ),
    "non-square pixels": Case("video.mp4", small(duration_s=2.2), {"filters": "setsar=4/3"}, (212, 120)),
    "smaller than any rung": Case("video.mp4", Look(width=64, height=36, duration_s=1.2)),
}
RATES = {
    "one a second": Case("video.mp4", small(rate="1", duration_s=15)),
    "23.976": Case("video.mp4", small(rate="24000/1001", duration_s=2.002), rate=Fraction(24000, 1001)),
    "59.94": Case("video.mp4", small(rate="60000/1001", duration_s=2.002)),
    "120": Case("video.mp4", small(rate="120", duration_s=2), rate=Fraction(60), every=2),
    "119.88": Case(
        "video.mkv",
        small(rate="120000/1001", duration_s=2.002),
        rate=Fraction(60000, 1001),
        every=2,
    ),
    "17 and a bit": Case("video.mp4", small(rate="17.3", duration_s=3)),
}
PIXELS = {
    "4:4:4": Case("video.mp4", made={"video": (*H264, "-pix_fmt", "yuv444p")}),
    "ten bits": Case("video.mp4", made={"video": (*H264, "-pix_fmt", "yuv420p10le")}),
    "rgb": Case("video.mkv", made={"video": ("-c:v", "libx264rgb", "-preset", "ultrafast", "-pix_fmt", "bgr24")}),
    "alpha": Case("video.mov", made={"video": ("-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le")}),
    "grey": Case("video.mkv", made={"video": ("-c:v", "ffv1", "-pix_fmt", "gray")}),
}
SOUNDS = {
    "no sound": Case("video.mp4", made={"audio": None}, has_sound=False),
    "mono 22.05 kHz": Case("video.mp4", made={"audio_source": sound(2.2, sample_rate=22_050, layout="mono")}),
    "44.1 kHz in matroska, three chunks": Case("video.mkv", LONG, made={"audio_source": sound(9, sample_rate=44_100)}),
    "96 kHz": Case("video.mkv", made={"audio_source": sound(2.2, sample_rate=96_000), "audio": ("-c:a", "flac")}),
    "5.1": Case("video.mkv", made={"audio_source": sound(2.2, layout="5.1"), "audio": ("-c:a", "ac3")}),
    "vorbis, three chunks": Case("video.mkv", LONG, made={"audio": ("-c:a", "libvorbis")}),
}
CASES = CONTAINERS | SHAPES | RATES | PIXELS | SOUNDS


@pytest.mark.parametrize("name", CASES)
def test_source_becomes_a_faithful_video(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    source = make(tmp_path / case.file, look=case.look, **case.made)
    clip = encode(source, tmp_path)
    rendition = clip.plan.renditions[0]
    whole = clip.joined("480p")
    assert_plays(clip)
    assert (rendition.width, rendition.height) == (case.size or (case.look.width, case.look.height))
    assert clip.plan.timeline.rate == (case.rate or Fraction(case.look.rate))
    assert_frames(whole, case)
    if case.has_sound:
        assert_sync(whole, case.look.duration_s)
    else:
        assert clip.plan.source.audio is None


def assert_frames(whole: Path, case: Case) -> None:
    """All frames are shown, in order and upright."""
    shown = list(frames(whole))
    assert [number(frame) for frame in shown] == list(range(0, case.frame_count * case.every, case.every))
    corners = [luma(shown[-1], x, y) > 128 for x, y in ((0.05, 0.05), (0.95, 0.05), (0.05, 0.95), (0.95, 0.95))]
    assert corners == [True, False, False, False]


def assert_sync(whole: Path, duration_s: float) -> None:
    """There is a beep at each full second; the video begins at 10 s."""
    beeps = [at_s - 10 for at_s in beep_times(whole) if at_s > 10.5]
    assert [round(at_s) for at_s in beeps] == list(range(1, ceil(duration_s)))
    assert all(abs(at_s - round(at_s)) < SYNC_S for at_s in beeps), beeps
