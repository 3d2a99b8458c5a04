"""Colours compared with a reference: HDR, wide gamuts, and tags that are impossible or that no scaler knows."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from av.video.frame import VideoFrame

from hls.tests.clips import ffmpeg
from hls.tests.test_core_odd_pictures import assert_tagged_sdr, rgb
from hls.tests.watching import WatchedVideo, assert_plays, encode, frames

pytestmark = pytest.mark.ffmpeg

WIDTH, HEIGHT = 480, 96
PATCHES = ((0xD6, 0x7E, 0x2C), (0x9D, 0xBC, 0x40), (0x50, 0x5B, 0xA6))
# The same, with white at 203 cd/m² (BT.2408), as 10-bit codes of BT.2020 on a display of 1000 cd/m².
HLG_CODES = ((511, 376, 595), (587, 368, 500), (379, 630, 499))
PQ_CODES = ((456, 443, 548), (494, 447, 506), (387, 562, 506))
LOSSLESS = ("-c:v", "ffv1")
HEVC10 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "8")


def by_third(codes: Sequence[int], x: str) -> str:
    return f"if(lt({x},1/3),{codes[0]},if(lt({x},2/3),{codes[1]},{codes[2]}))"


def chart_of_codes(target: Path, patches: Sequence[tuple[int, int, int]], transfer: str) -> Path:
    """Three patches of 10-bit BT.2020 as HEVC."""
    lum, cb, cr = (by_third([patch[plane] for patch in patches], "X/W") for plane in range(3))
    chart = f"nullsrc=s={WIDTH}x{HEIGHT}:r=25:d=0.2,format=yuv420p10le,geq=lum='{lum}':cb='{cb}':cr='{cr}'"
    told = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    ffmpeg("-f", "lavfi", "-i", chart, *HEVC10, "-x265-params", told, str(target))
    return target


def chart(
    target: Path,
    *,
    tags: str,
    filters: str = "scale=out_color_matrix=smpte170m:out_range=tv,format=yuv420p",
    codec: Sequence[str] = LOSSLESS,
) -> Path:
    """The patches through `filters`, with colour tags as for `setparams`."""
    hexes = ["0x{:02X}{:02X}{:02X}".format(*patch) for patch in PATCHES]
    stack = ";".join(f"color={colour}:s={WIDTH // 3}x{HEIGHT}:r=25:d=0.2[p{n}]" for n, colour in enumerate(hexes))
    source = f"{stack};[p0][p1][p2]hstack=3,format=gbrp,{filters},setparams={tags}"
    ffmpeg("-f", "lavfi", "-i", source, *codec, str(target))
    return target


def patches(clip: WatchedVideo) -> list[tuple[int, ...]]:
    frame: VideoFrame = list(frames(clip.joined("480p")))[2]
    assert_tagged_sdr(frame)
    return [rgb(frame, x) for x in (1 / 6, 1 / 2, 5 / 6)]


def assert_close(shown: Sequence[tuple[int, ...]], expected: Sequence[tuple[int, ...]], steps: int) -> None:
    off = [abs(is_ - should) for pair in zip(shown, expected, strict=True) for is_, should in zip(*pair, strict=True)]
    assert max(off) <= steps, (shown, expected)


@pytest.mark.parametrize(
    ("codes", "transfer"), [(HLG_CODES, "arib-std-b67"), (PQ_CODES, "smpte2084")], ids=["HLG", "PQ"]
)
def test_chart_in_hdr_looks_as_in_sdr(tmp_path: Path, codes: Sequence[tuple[int, int, int]], transfer: str) -> None:
    """Up to six tenths of white nothing is compressed, so colours stay as they were graded."""
    clip = encode(chart_of_codes(tmp_path / "video.mp4", codes, transfer), tmp_path)
    assert_plays(clip)
    assert_close(patches(clip), PATCHES, steps=4)


def test_highlights_of_hdr_are_still_told_apart(tmp_path: Path) -> None:
    """203, 600 and 4000 cd/m² in PQ: each brighter than the one before, and none of them tinted."""
    greys = [(luma, 512, 512) for luma in (573, 674, 855)]
    clip = encode(chart_of_codes(tmp_path / "video.mp4", greys, "smpte2084"), tmp_path)
    shown = patches(clip)
    assert all(max(colour) - min(colour) <= 4 for colour in shown)
    greens = [colour[1] for colour in shown]
    assert greens[0] + 8 < greens[1] < greens[2] - 2


@pytest.mark.parametrize(("transfer", "curve"), [("bt709", "709"), ("iec61966-2-1", "iec61966-2-1")])
def test_display_p3_is_converted(tmp_path: Path, transfer: str, curve: str) -> None:
    """Its colours would be paler if they were only tagged as BT.709."""
    wide = f"zscale=pin=709:p=smpte432:tin={curve}:t={curve}"
    stored = f"format=gbrp16le,{wide},scale=out_color_matrix=bt709:out_range=tv,format=yuv444p10le"
    tags = f"colorspace=bt709:color_primaries=smpte432:color_trc={transfer}"
    clip = encode(chart(tmp_path / "video.mkv", tags=tags, filters=stored), tmp_path)
    assert (clip.plan.source.video.primaries, clip.plan.source.video.transfer) == ("smpte432", transfer)
    assert_close(patches(clip), PATCHES, steps=4)


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "8")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "8", "-x265-params", "log-level=error")
UNTOLD = "colorspace=unknown:color_primaries=unknown:color_trc=unknown"


def tagged(folder: Path, codec: str, tag: str) -> Path:
    """The chart in BT.601, in a stream with other tags."""
    encoder = {"h264": H264, "hevc": HEVC, "mpeg2": ("-c:v", "mpeg2video", "-q:v", "2")}[codec]
    plain = chart(folder / "plain.ts", tags=UNTOLD, codec=encoder)
    ffmpeg("-i", str(plain), "-c", "copy", "-bsf:v", f"{codec}_metadata={tag}", str(folder / "video.ts"))
    return folder / "video.ts"


@pytest.mark.parametrize(
    ("codec", "tag"),
    [
        *[("h264", f"matrix_coefficients={number}") for number in (0, 10, 14)],
        *[("h264", f"transfer_characteristics={number}") for number in (9, 16, 18)],
        ("hevc", "matrix_coefficients=10:transfer_characteristics=10"),
        ("mpeg2", "transfer_characteristics=22"),
        ("mpeg2", "colour_primaries=3"),
    ],
)
def test_tag_that_can_not_be_true_is_as_if_it_were_not_there(tmp_path: Path, codec: str, tag: str) -> None:
    clip = encode(tagged(tmp_path, codec, tag), tmp_path)
    assert_close(patches(clip), PATCHES, steps=6)


def test_mpeg2_that_calls_itself_rgb_is_shown(tmp_path: Path) -> None:
    """Old encoders leave the matrix at 0; ffmpeg's own encoder refuses to."""
    source = tagged(tmp_path, "mpeg2", "matrix_coefficients=6:colour_primaries=6:transfer_characteristics=6")
    data = source.read_bytes()
    told = b"\x06\x06\x06"  # primaries, transfer and matrix, in the sequence display extension
    assert data.count(told) == 1
    source.write_bytes(data.replace(told, b"\x06\x06\x00"))
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.matrix == "gbr"
    assert_close(patches(clip), PATCHES, steps=6)


@pytest.mark.parametrize(
    ("matrix", "told"),
    [("smpte240m", "smpte240m"), ("bt2020", "bt2020nc"), ("fcc", "fcc")],
)
def test_matrix_that_can_be_true_is_believed(tmp_path: Path, matrix: str, told: str) -> None:
    stored = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv444p"
    tags = f"colorspace={told}:color_primaries=bt709:color_trc=bt709"
    clip = encode(chart(tmp_path / "video.mkv", tags=tags, filters=stored), tmp_path)
    assert clip.plan.source.video.matrix == told
    assert_close(patches(clip), PATCHES, steps=4)


def test_ycgco_is_converted(tmp_path: Path) -> None:
    stored = "zscale=m=ycgco:r=limited,format=yuv444p"
    clip = encode(chart(tmp_path / "video.mkv", tags="colorspace=ycgco", filters=stored), tmp_path)
    assert clip.plan.source.video.matrix == "ycgco"
    assert_close(patches(clip), PATCHES, steps=4)


HDR = "colorspace=bt2020nc:color_primaries=bt2020:color_trc={}"


@pytest.mark.parametrize(
    ("pixel_format", "tags"),
    [
        ("gray", HDR.format("smpte2084")),
        ("gray10le", "colorspace=bt709:color_primaries=smpte432:color_trc=bt709"),
        ("gbrp10le", HDR.format("arib-std-b67")),
        ("bgr0", "colorspace=bt2020c:color_primaries=bt2020:color_trc=bt2020-10"),
        ("yuv422p10le", "colorspace=bt2020c:color_primaries=bt2020:color_trc=smpte2084"),
        ("yuv444p12le", "colorspace=unknown:color_primaries=unknown:color_trc=smpte2084"),
        ("yuv420p10le", "colorspace=bt2020c:color_primaries=bt2020:color_trc=bt2020-10"),
    ],
)
def test_no_pixel_format_is_without_a_path(tmp_path: Path, pixel_format: str, tags: str) -> None:
    stored = f"scale=out_color_matrix=bt709:out_range=tv,format={pixel_format}"
    clip = encode(chart(tmp_path / "video.mkv", tags=tags, filters=stored), tmp_path)
    shown = patches(clip)
    if pixel_format.startswith("gray"):
        assert all(max(colour) - min(colour) <= 6 for colour in shown)
