"""Elementary streams: every picture is shown once, at its rate, also across chunks."""

from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import pytest

from hls.core.inspection.elementary import Counter, counted
from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.tests.clips import Look, make
from hls.tests.watching import LIMITS, assert_plays, encode, numbers

MPEG1 = ("-c:v", "mpeg1video", "-q:v", "3", "-bf", "2", "-f", "mpeg1video")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-f", "mpeg2video")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "3", "-bf", "2", "-f", "m4v")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "3", "-f", "h264")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p")


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "video", "rate", "duration_s"),
    [
        ("video.mpg", MPEG1, "25", 13),
        ("video.mpg", (*MPEG2, "-bf", "2"), "30000/1001", 3),
        ("video.mpeg", (*MPEG2, "-flags", "+ildct+ilme", "-alternate_scan", "1"), "25", 3),
        ("video.m4v", MPEG4, "24000/1001", 3),
        ("video.mp4", H264, "24", 13),
        ("video.ts", (*HEVC, "-f", "hevc"), "50", 3),
    ],
)
def test_every_picture_of_an_elementary_stream_is_shown_once(
    tmp_path: Path, name: str, video: tuple[str, ...], rate: str, duration_s: float
) -> None:
    look = Look(width=320, height=240, rate=rate, duration_s=duration_s)
    clip = encode(make(tmp_path / name, look=look, video=video, audio=None), tmp_path)
    assert clip.plan.timeline.rate == Fraction(rate)
    assert numbers(clip.joined("480p")) == list(range(int(Fraction(rate) * Fraction(duration_s) + Fraction(99, 100))))
    assert_plays(clip)


@pytest.mark.ffmpeg
def test_pictures_at_24_that_are_flagged_to_be_shown_at_30_last_as_long_as_they_should(tmp_path: Path) -> None:
    """As on a DVD: every other picture has the flag to show one of its fields again."""
    look = Look(width=320, height=256, rate="24000/1001", duration_s=4)
    source = make(tmp_path / "video.mpg", look=look, video=MPEG2, audio=None)
    source.write_bytes(with_pulldown(source.read_bytes()))
    plan = make_plan(probe(source, limits=LIMITS))
    assert (plan.timeline.rate, plan.timeline.frame_count) == (Fraction(24000, 1001), 96)
    assert numbers(encode(source, tmp_path).joined("480p")) == list(range(96))


def with_pulldown(data: bytes) -> bytes:
    """ISO/IEC 13818-2: 6.3.3 frame_rate_code, 6.3.5 progressive_sequence, 6.3.10 top_field_first and others."""
    changed, at, count = bytearray(data), 0, 0
    while (at := data.find(b"\x00\x00\x01", at) + 3) > 2:
        if data[at] == 0xB3:
            changed[at + 4] = data[at + 4] & 0xF0 | 4
        elif data[at] == 0xB5 and data[at + 1] >> 4 == 1:
            changed[at + 2] &= ~0x08
        elif data[at] == 0xB5 and data[at + 1] >> 4 == 8:
            top_first, again = ((1, 1), (0, 0), (0, 1), (1, 0))[count % 4]
            changed[at + 4] = data[at + 4] & 0x7D | top_first << 7 | again << 1
            count += 1
    return bytes(changed)


def test_two_fields_are_one_picture() -> None:
    counter = Counter(Fraction(48_000))
    places = [counter.place(duration) for duration in (24_000, 24_000, 48_000, 24_000, 24_000, 0, 72_000, 48_000)]
    assert places == [0, None, 48_000, 96_000, None, 144_000, 192_000, 264_000]


@pytest.mark.parametrize(
    ("durations", "rate", "grid"),
    [
        ([1] * 100, Fraction(30), Fraction(30)),
        ([1.5, 1] * 50, Fraction(24), Fraction(24)),
        ([1.5, 1] * 25 + [1] * 50, Fraction(30 * 99 * 2, 223), Fraction(30000, 1001)),
        ([2] * 50 + [1] * 50, Fraction(30 * 99, 149), Fraction(20)),
    ],
)
def test_the_whole_lasts_as_long_as_its_pictures_together(
    durations: list[float], rate: Fraction, grid: Fraction
) -> None:
    places = [round(1000 * sum(durations[:number])) for number in range(len(durations))]
    found = counted(places, Fraction(1, 30_000), [Fraction(25)])
    alike = Fraction(1, 1000)  # 24 and 23.976 can't be told apart in three seconds
    assert abs(found.pictures / rate - 1) <= alike
    assert abs(found.rate.rate / grid - 1) <= alike
    assert abs(found.rate.frame_count - Fraction(places[-1], 30_000) * grid - 1) <= Fraction(1, 2)


@pytest.mark.ffmpeg
def test_streams_of_two_rates_show_each_picture_and_last_as_long_as_both(tmp_path: Path) -> None:
    look = Look(width=160, height=120, duration_s=2)
    parts = [
        make(tmp_path / f"{number}.mpg", look=replace(look, rate=rate), video=MPEG2, audio=None)
        for number, rate in enumerate(("25", "30000/1001"))
    ]
    source = tmp_path / "video.mpg"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip = encode(source, tmp_path)
    assert_plays(clip)
    shown = [number for number, _ in groupby(numbers(clip.joined("480p")))]
    assert shown == [*range(50), *range(60)]
    assert abs(clip.plan.timeline.duration_s - 4) < Fraction(1, 10)
