"""Uploaded pictures are drawn anew: bounded, upright, without metadata; fakes and bombs are refused."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from library import thumbnails
from library.errors import PictureRefused
from library.tests.factories import picture
from library.thumbnails import FORMATS, FORMATS_TEXT, MOST_BYTES, redrawn

IN_LITTLE_MEMORY = """
import io, resource
from pathlib import Path
from PIL import Image
from library.thumbnails import redrawn

SIDE = 5_000
file = io.BytesIO()
Image.new("RGB", (SIDE, SIDE)).save(file, "PNG")
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + 2 * 4 * SIDE * SIDE
resource.setrlimit(resource.RLIMIT_AS, (most, most))
redrawn(io.BytesIO(file.getvalue()), 1)
"""


def drawn(content: bytes) -> Image.Image:
    return Image.open(BytesIO(redrawn(BytesIO(content), len(content)).read()))


def test_the_refusal_names_the_kinds_that_the_hint_names() -> None:
    assert FORMATS_TEXT == "JPEG, PNG, WebP, AVIF, GIF or BMP"
    with pytest.raises(PictureRefused, match=f"accepted are {FORMATS_TEXT}"):
        redrawn(BytesIO(b"no picture"), 10)


@pytest.mark.parametrize("kind", FORMATS)
def test_common_kinds_become_jpeg(kind: str) -> None:
    result = drawn(picture(kind=kind))
    assert (result.format, result.size, result.mode) == ("JPEG", (64, 36), "RGB")


def test_a_large_picture_is_made_smaller() -> None:
    assert drawn(picture(4000, 2000)).size == (1920, 960)


def test_transparency_is_laid_on_black() -> None:
    output = BytesIO()
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(output, "PNG")
    assert drawn(output.getvalue()).getpixel((4, 4)) == (0, 0, 0)


def test_a_photo_lying_on_its_side_is_turned_upright_and_loses_its_metadata() -> None:
    """ASVS 5.0 5.2.2 and 14.2.8: no metadata (such as where it was taken) is kept."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "taken at home"
    content = picture(64, 36, "JPEG", exif=exif)
    result = drawn(content)
    assert result.size == (36, 64)
    assert not result.getexif()
    assert b"taken at home" not in redrawn(BytesIO(content), len(content)).read()


def test_a_large_photo_lying_on_its_side_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert drawn(picture(2400, 1200, "PNG", exif=exif)).size == (960, 1920)


@pytest.mark.parametrize(
    ("mode", "told"),
    [("RGBA", {}), ("LA", {}), ("P", {"transparency": 0}), ("RGB", {"transparency": (255, 255, 255)})],
)
def test_transparency_of_a_large_picture_is_laid_on_black(mode: str, told: dict[str, Any]) -> None:
    output = BytesIO()
    Image.new("RGBA", (2400, 1200), (255, 255, 255, 0)).convert(mode).save(output, "PNG", **told)
    assert drawn(output.getvalue()).getpixel((900, 400)) == (0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit holds on Linux alone")
def test_a_large_picture_is_not_copied_in_its_full_size() -> None:
    """Fifty million pixels took 740 MB: two posters at a time, and Compose's web had no memory left."""
    ended = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_kinds_whose_decoders_take_more_memory_may_have_fewer_pixels(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One WebP of 89 kB took 1.1 GB."""
    assert thumbnails.MOST_PIXELS_OF[kind] == thumbnails.MOST_PIXELS // 2
    monkeypatch.setitem(thumbnails.MOST_PIXELS_OF, kind, 64 * 36 - 1)
    with pytest.raises(PictureRefused, match="million pixels"):
        drawn(picture(kind=kind))


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4", b"\0" * 99],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PictureRefused, match="not a picture"):
        redrawn(BytesIO(content), len(content))


def test_a_picture_that_is_cut_off_is_refused() -> None:
    content = picture(640, 360)
    with pytest.raises(PictureRefused):
        redrawn(BytesIO(content[: len(content) // 2]), len(content))


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_drawn(side: int) -> None:
    """ASVS 5.0 5.2.6: pixels are counted from the header."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    content += picture()[33:]
    with pytest.raises(PictureRefused, match="million pixels"):
        redrawn(BytesIO(content), len(content))


def test_a_picture_of_too_many_bytes_is_not_even_opened() -> None:
    with pytest.raises(PictureRefused, match="at most 20 MB"):
        redrawn(BytesIO(), MOST_BYTES + 1)
