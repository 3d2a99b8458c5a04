"""Pictures that aren't shown as they are stored: turned, interlaced, HDR, full range, other matrices, other sizes."""

from pathlib import Path

import pytest
from av.video.frame import VideoFrame

from hls.core.encoding.encode import has_zscale
from hls.tests.clips import Look, ffmpeg, make, picture, remux
from hls.tests.watching import ENCODER, assert_plays, encode, frames, luma, numbers

pytestmark = pytest.mark.ffmpeg

SMALL = Look(width=160, height=120, duration_s=1.2)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
BT709 = 1


def rgb(frame: VideoFrame, x: float = 0.5, y: float = 0.5) -> tuple[int, ...]:
    """The colour a player shows at a place, by the tags of the stream."""
    shown = frame.reformat(format="rgb24", src_colorspace="ITU709", dst_colorspace="DEFAULT")
    plane = shown.planes[0]
    at = int(y * shown.height) * plane.line_size + int(x * shown.width) * 3
    return tuple(bytes(plane)[at : at + 3])


def assert_tagged_sdr(frame: VideoFrame) -> None:
    """The stream is 8-bit 4:2:0 BT.709, and its tags say so."""
    assert frame.format.name == "yuv420p"
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (BT709, BT709, BT709)


@pytest.mark.parametrize(
    ("stored", "flag", "size"),
    [
        ("transpose=cclock", "-90", (120, 160)),
        ("transpose=clock", "90", (120, 160)),
        ("hflip,vflip", "180", (160, 120)),
    ],
)
def test_turned_picture_is_upright(tmp_path: Path, stored: str, flag: str, size: tuple[int, int]) -> None:
    upright = Look(width=size[0], height=size[1], duration_s=1.2)
    flat = make(tmp_path / "flat.mp4", look=upright, filters=stored)
    clip = encode(remux(flat, tmp_path / "video.mp4", before=("-display_rotation", flag)), tmp_path)
    rendition = clip.plan.renditions[0]
    assert (rendition.width, rendition.height) == size
    assert numbers(clip.joined("480p")) == list(range(30))
    last = list(frames(clip.joined("480p")))[-1]
    assert [luma(last, x, y) > 128 for x, y in ((0.05, 0.05), (0.95, 0.05), (0.05, 0.95))] == [True, False, False]


def test_interlaced_picture_loses_its_comb_and_shows_each_field(tmp_path: Path) -> None:
    """A bar moves from field to field, so its edges are combs in an interlaced frame."""
    moving = "color=black:s=320x240:r=50:d=2[b];color=white:s=40x240:r=50:d=2[w];[b][w]overlay=x='mod(n*7,270)'"
    source = tmp_path / "video.ts"
    coded = ("-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme")
    ffmpeg("-f", "lavfi", "-i", f"{moving},format=yuv420p,interlace=lowpass=off", *coded, str(source))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.is_interlaced
    assert clip.plan.timeline.rate == 50
    assert clip.plan.timeline.frame_count == 100
    assert_plays(clip)
    whole, stored = clip.joined("480p"), list(frames(source))[5:-5]
    assert sum(map(comb, list(frames(whole))[5:-5])) * 10 < sum(map(comb, stored))


def comb(frame: VideoFrame) -> int:
    """How many pixels differ from the lines above and below, which are equal."""
    count = 0
    for x in range(0, 320, 3):
        above, here, below = (luma(frame, x / 320, (100 + line) / 240) for line in range(3))
        count += abs(above - below) < 30 and abs(here - above) > 60
    return count


HEVC10 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")


@pytest.mark.parametrize(("transfer", "code"), [("smpte2084", 0.58), ("arib-std-b67", 0.75)])
def test_hdr_becomes_sdr(tmp_path: Path, transfer: str, code: float) -> None:
    """HDR reference white, 203 cd/m² by BT.2408, becomes a light grey in SDR, without a tint."""
    grey = f"color=black:s=160x120:r=25:d=1,format=yuv420p10le,lutyuv=y={round(64 + code * 876)}:u=512:v=512"
    parameters = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    source = tmp_path / "video.mp4"
    ffmpeg("-f", "lavfi", "-i", grey, *HEVC10, "-x265-params", parameters, str(source))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.transfer == transfer
    assert_plays(clip)
    shown = list(frames(clip.joined("480p")))
    assert len(shown) == 25
    assert_tagged_sdr(shown[10])
    red, green, blue = rgb(shown[10])
    assert max(red, green, blue) - min(red, green, blue) <= 4
    assert has_zscale(ENCODER.ffmpeg)
    assert 150 <= green <= 235


def test_full_range_becomes_limited(tmp_path: Path) -> None:
    source = make(tmp_path / "video.mkv", look=SMALL, video=("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.is_full_range
    shown = list(frames(clip.joined("480p")))
    assert_tagged_sdr(shown[0])
    assert luma(shown[0], 0.03, 0.03) == pytest.approx(235, abs=3)


@pytest.mark.parametrize(
    ("look", "matrix", "tag"),
    [
        (SMALL, "smpte170m", "unknown"),
        (SMALL, "smpte170m", "smpte170m"),
        (SMALL, "bt709", "bt709"),
        (Look(width=1280, height=720, duration_s=0.4), "bt709", "unknown"),
    ],
)
def test_colours_stay_what_they_are(tmp_path: Path, look: Look, matrix: str, tag: str) -> None:
    source = tmp_path / "video.mkv"
    conversion = f"format=rgb24,scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p"
    tagged = f"setparams=colorspace={tag}:color_primaries={tag}:color_trc={tag}"
    colour = f"color=c=0xC03020:s={look.width}x{look.height}:r=25:d={look.duration_s},{conversion},{tagged}"
    ffmpeg("-f", "lavfi", "-i", colour, *H264, "-crf", "5", str(source))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.matrix == tag
    shown = next(frames(clip.joined("480p")))
    assert_tagged_sdr(shown)
    assert rgb(shown) == pytest.approx((0xC0, 0x30, 0x20), abs=6)


def test_size_that_changes_on_the_way_keeps_its_frames(tmp_path: Path) -> None:
    """Broadcast recordings do this; the result keeps the size of the first picture."""
    parts = [
        make(tmp_path / f"{width}.ts", look=Look(width=width, height=height, duration_s=2), audio=None)
        for width, height in ((320, 240), (160, 120))
    ]
    source = tmp_path / "video.ts"
    shifted = remux(parts[1], tmp_path / "later.ts", after=("-output_ts_offset", "2"))
    source.write_bytes(parts[0].read_bytes() + shifted.read_bytes())
    clip = encode(source, tmp_path)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == [*range(50), *range(50)]


def test_large_picture_gets_all_three_renditions_and_not_a_fourth(tmp_path: Path) -> None:
    look = Look(width=3840, height=2160, duration_s=0.4)
    clip = encode(make(tmp_path / "video.mp4", look=look), tmp_path)
    assert [(r.name, r.width, r.height) for r in clip.plan.renditions] == [
        ("480p", 854, 480),
        ("720p", 1280, 720),
        ("1080p", 1920, 1080),
    ]
    assert_plays(clip)
    for rendition in clip.plan.renditions:
        whole = clip.joined(rendition.name)
        assert {(frame.width, frame.height) for frame in frames(whole)} == {(rendition.width, rendition.height)}


def test_numbered_picture_is_what_it_claims(tmp_path: Path) -> None:
    """Checks the tests' own measuring: a source is read back without any encoder of ours."""
    source = tmp_path / "video.mkv"
    ffmpeg("-f", "lavfi", "-i", picture(SMALL), *H264, str(source))
    assert numbers(source) == list(range(30))
