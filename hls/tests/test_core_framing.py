"""Squares stay squares when a container crops, and when the pictures' shape changes within a file."""

import struct
from fractions import Fraction
from pathlib import Path

import pytest
from av.video.frame import VideoFrame

from hls.core.errors import Code, Reason, TranscodeError
from hls.core.probe import Shape, probe
from hls.tests.clips import ffmpeg, recorded, remux, with_box
from hls.tests.watching import LIMITS, assert_plays, encode, frames

pytestmark = pytest.mark.ffmpeg

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p")
FIELDS = (*H264, "-flags", "+ildct+ilme", "-x264-params", "tff=1")
SIDE = 100


def squared(
    target: Path,
    width: int,
    height: int,
    *,
    centre: tuple[int, int] | None = None,
    pixels: Fraction = Fraction(1),
    codec: tuple[str, ...] = H264,
    duration_s: float = 0.4,
    begin_s: float = 0,
) -> Path:
    """A grey picture with a white square of 100 x 100 as shown, with this pixel aspect ratio."""
    x, y = centre or (width // 2, height // 2)
    wide = round(SIDE / pixels)
    box = f"drawbox={x - wide // 2}:{y - SIDE // 2}:{wide}:{SIDE}:white:fill,setsar={pixels}"
    made = ("-f", "lavfi", "-i", f"color=gray:s={width}x{height}:r=25:d={duration_s},{box}")
    ffmpeg(*made, *codec, "-output_ts_offset", str(begin_s), str(target))
    return target


def clap(width: int, height: int, right: int = 0, down: int = 0) -> bytes:
    """A clean aperture box: its size, and its centre's distance from the picture's (ISO/IEC 14496-12, 12.1.4)."""
    return struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1)


def square(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Left, top, width and height of the white square."""
    plane = frame.planes[0]
    lines = [bytes(plane)[y * plane.line_size :][: frame.width] for y in range(frame.height)]
    rows = [y for y, line in enumerate(lines) if max(line) > 200]
    columns = [x for x in range(frame.width) if any(lines[y][x] > 200 for y in rows)]
    return columns[0], rows[0], len(columns), len(rows)


def bars(frame: VideoFrame) -> tuple[int, int]:
    """How many pixels at the left, and how many lines at the top, are black."""
    plane = frame.planes[0]
    data, line = bytes(plane), plane.line_size
    left = next(x for x in range(frame.width) if data[frame.height // 2 * line + x] > 60)
    return left, next(y for y in range(frame.height) if data[y * line + frame.width // 2] > 60)


@pytest.mark.parametrize("container", ["mov", "mkv"])
def test_square_in_a_cropped_picture_stays_one(tmp_path: Path, container: str) -> None:
    whole = squared(tmp_path / "whole.mp4", 640, 480)
    source = with_box(remux(whole, tmp_path / "plain.mov"), tmp_path / "video.mov", b"clap", clap(640, 360))
    if container != "mov":
        source = remux(source, tmp_path / f"video.{container}")
    clip = encode(source, tmp_path)
    assert (clip.plan.renditions[0].width, clip.plan.renditions[0].height) == (640, 360)
    assert square(next(frames(clip.joined("480p")))) == pytest.approx((270, 130, 100, 100), abs=1)
    assert_plays(clip)


@pytest.mark.parametrize(
    ("flag", "size", "corner"),
    [
        (("-display_rotation", "0"), (480, 320), (100, 60)),
        (("-display_rotation", "90"), (320, 480), (60, 280)),
        (("-display_rotation", "-90"), (320, 480), (160, 100)),
        (("-display_rotation", "180"), (480, 320), (280, 160)),
        (("-display_hflip",), (480, 320), (280, 60)),
        (("-display_vflip",), (480, 320), (100, 160)),
    ],
)
@pytest.mark.parametrize("codec", [H264, FIELDS], ids=["progressive", "interlaced"])
def test_what_is_cropped_is_turned_too(
    tmp_path: Path, codec: tuple[str, ...], flag: tuple[str, ...], size: tuple[int, int], corner: tuple[int, int]
) -> None:
    """The part begins 40 pixels from the left and 20 from the top; 120 remain at the right, 140 below."""
    whole = squared(tmp_path / "whole.mp4", 640, 480, centre=(190, 130), codec=codec)
    turned = remux(whole, tmp_path / "turned.mp4", before=flag)
    clip = encode(with_box(turned, tmp_path / "video.mp4", b"clap", clap(480, 320, -40, -60)), tmp_path)
    assert clip.plan.source.video.is_interlaced == (codec == FIELDS)
    assert (clip.plan.renditions[0].width, clip.plan.renditions[0].height) == size
    assert square(next(frames(clip.joined("480p")))) == pytest.approx((*corner, 100, 100), abs=1)


def test_odd_part_of_a_picture_with_wide_pixels_keeps_its_form(tmp_path: Path) -> None:
    whole = squared(tmp_path / "whole.mp4", 720, 576, pixels=Fraction(16, 15))
    clip = encode(with_box(whole, tmp_path / "video.mp4", b"clap", clap(703, 575)), tmp_path)
    video, rendition = clip.plan.source.video, clip.plan.renditions[-1]
    assert (video.width, video.height) == (750, 575)
    assert (rendition.width, rendition.height) == (626, 480)
    _, _, width, height = square(next(frames(clip.joined("480p"))))
    assert (width, height) == pytest.approx((100 * 480 / 575, 100 * 480 / 575), abs=1.5)


def test_cropped_picture_is_encoded_though_its_size_is_a_renditions(tmp_path: Path) -> None:
    """Half of 1280 x 720, with pixels twice as wide, is shown at 1280 x 720: copied, all of it would show."""
    whole = squared(tmp_path / "whole.mp4", 1280, 720, pixels=Fraction(2), codec=(*H264, "-profile:v", "high"))
    clip = with_box(whole, tmp_path / "video.mp4", b"clap", clap(640, 720))
    video = probe(clip, limits=LIMITS).video
    assert (video.width, video.height) == (1280, 720)
    assert video.copyable is None


def joined_parts(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


@pytest.mark.parametrize(
    ("codec", "size", "black"),
    [(H264, (480, 360), (80, 0)), (HEVC, (640, 240), (0, 60)), (MPEG2, (480, 360), (80, 0))],
    ids=["h264", "hevc", "mpeg2"],
)
def test_picture_that_changes_its_form_gets_bars(
    tmp_path: Path, codec: tuple[str, ...], size: tuple[int, int], black: tuple[int, int]
) -> None:
    wide = squared(tmp_path / "wide.ts", 640, 360, codec=codec)
    other = squared(tmp_path / "other.ts", *size, codec=codec, begin_s=0.4)
    clip = encode(joined_parts(tmp_path / "video.ts", wide, other), tmp_path)
    assert_plays(clip)
    shown = list(frames(clip.joined("480p")))
    for frame, expected in [(shown[0], (0, 0)), (shown[7], (0, 0)), (shown[12], black), (shown[-1], black)]:
        assert (frame.width, frame.height) == (640, 360)
        assert square(frame)[2:] == pytest.approx((SIDE, SIDE), abs=2)
        assert bars(frame) == pytest.approx(expected, abs=1)


def test_picture_that_changes_its_size_alone_fills_the_frame(tmp_path: Path) -> None:
    """A broadcast changes from HD to SD with wide pixels: both are 16:9."""
    large = squared(tmp_path / "large.ts", 1280, 720)
    small = squared(tmp_path / "small.ts", 720, 576, pixels=Fraction(64, 45), begin_s=0.4)
    clip = encode(joined_parts(tmp_path / "video.ts", large, small), tmp_path)
    after = list(frames(clip.joined("720p")))[15]
    assert square(after)[2:] == pytest.approx((125, 125), abs=2)
    assert bars(after) == (0, 0)


@pytest.mark.parametrize("size", [(320, 240), (640, 272)])
def test_interlaced_picture_that_changes_gets_bars(tmp_path: Path, size: tuple[int, int]) -> None:
    """ffmpeg's deinterlacer only takes pictures of one size."""
    fields = (*MPEG2, "-flags", "+ildct+ilme", "-vf", "setfield=tff")
    wide = squared(tmp_path / "wide.ts", 320, 180, codec=fields)
    other = squared(tmp_path / "other.ts", *size, codec=fields, begin_s=0.4)
    clip = encode(joined_parts(tmp_path / "video.ts", wide, other), tmp_path)
    assert clip.plan.source.video.is_interlaced
    before, *_, after = frames(clip.joined("480p"))
    assert bars(before) == (0, 0)
    assert square(before)[2:] == pytest.approx((100, 100), abs=2), "bwdif makes edges of one line"
    _, _, width, height = square(after)
    assert width == pytest.approx(height, abs=4)
    assert max(bars(after)) > 10


def test_changed_form_holds_across_a_seam(tmp_path: Path) -> None:
    """The second chunk begins with the other shape and never reads the first."""
    wide = squared(tmp_path / "wide.ts", 320, 180, duration_s=12.4)
    other = squared(tmp_path / "other.ts", 240, 180, duration_s=1, begin_s=12.4)
    again = squared(tmp_path / "again.ts", 320, 180, duration_s=1, begin_s=13.4)
    clip = encode(joined_parts(tmp_path / "video.ts", wide, other, again), tmp_path)
    assert len(clip.plan.timeline.chunks) == 4
    assert_plays(clip)
    shown = list(frames(clip.joined("480p")))
    for number, black in ((299, 0), (309, 0), (310, 40), (334, 40), (335, 0), (359, 0)):
        assert bars(shown[number])[0] == pytest.approx(black, abs=1)
        assert square(shown[number])[2:] == pytest.approx((100, 100), abs=2)


def test_usual_videos_headers_are_alike(tmp_path: Path) -> None:
    """So its graph stays short."""
    clip = squared(tmp_path / "video.ts", 320, 180, codec=(*H264, "-g", "2"))
    assert probe(clip, limits=LIMITS).video.shapes == ()


def test_changed_form_is_told_as_it_is_shown(tmp_path: Path) -> None:
    first = squared(tmp_path / "first.ts", 320, 180)
    other = squared(tmp_path / "other.ts", 352, 288, pixels=Fraction(12, 11), begin_s=0.4)
    found = probe(joined_parts(tmp_path / "video.ts", first, other), limits=LIMITS).video
    assert (found.width, found.height) == (320, 180)
    assert found.shapes == (Shape(320, 180, Fraction(16, 9)), Shape(352, 288, Fraction(4, 3)))


def test_av1_that_changes_its_form_gets_bars(tmp_path: Path) -> None:
    """As a browser records a window whose size is changed."""
    sizes = {"wide.mkv": (320, 180), "other.mkv": (180, 320)}
    for name, size in sizes.items():
        squared(tmp_path / name, *size, codec=("-c:v", "libsvtav1", "-preset", "12", "-crf", "20"))
    (tmp_path / "parts.txt").write_text("".join(f"file {name}\n" for name in sizes))
    ffmpeg("-f", "concat", "-i", str(tmp_path / "parts.txt"), "-c", "copy", str(tmp_path / "video.mkv"))
    clip = encode(tmp_path / "video.mkv", tmp_path)
    before, *_, after = frames(clip.joined("480p"))
    assert bars(before) == (0, 0)
    assert bars(after) == pytest.approx((109, 0), abs=2)
    assert square(after)[2] == pytest.approx(square(after)[3], abs=2)


def test_stream_whose_sender_turns_the_phone_gets_bars(tmp_path: Path) -> None:
    """MP4 of several sample descriptions is alike: the pictures' size is in none of the packets."""
    wide = squared(tmp_path / "wide.flv", 320, 180)
    other = squared(tmp_path / "other.flv", 180, 320, begin_s=0.4)
    clip = encode(recorded(tmp_path / "video.flv", wide, other), tmp_path)
    assert_plays(clip)
    before, *_, after = frames(clip.joined("480p"))
    assert bars(before) == (0, 0)
    assert bars(after) == pytest.approx((109, 0), abs=2)
    assert square(after)[2] == pytest.approx(square(after)[3], abs=2)


DOLBY_VISION_5 = struct.pack(">BBHB", 1, 0, 5 << 9 | 6 << 3 | 0b101, 0 << 4).ljust(24, b"\0")
DOLBY_VISION_8 = struct.pack(">BBHB", 1, 0, 8 << 9 | 6 << 3 | 0b101, 1 << 4).ljust(24, b"\0")


def test_dolby_vision_in_its_own_colours_is_refused_in_words(tmp_path: Path) -> None:
    hevc = squared(tmp_path / "hevc.mp4", 320, 180, codec=(*HEVC, "-tag:v", "hvc1"))
    clip = with_box(hevc, tmp_path / "video.mp4", b"dvcC", DOLBY_VISION_5)
    with pytest.raises(TranscodeError) as caught:
        probe(clip, limits=LIMITS)
    assert (caught.value.code, caught.value.reason) == (Code.UNSUPPORTED, Reason.DOLBY_VISION)
    assert "Dolby Vision" in caught.value.advice.sentence


def test_dolby_vision_on_pictures_that_anyone_can_show_is_taken(tmp_path: Path) -> None:
    hevc = squared(tmp_path / "hevc.mp4", 320, 180, codec=(*HEVC, "-tag:v", "hvc1"))
    clip = with_box(hevc, tmp_path / "video.mp4", b"dvvC", DOLBY_VISION_8)
    assert probe(clip, limits=LIMITS).video.codec == "hevc"
