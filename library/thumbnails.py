"""Uploaded pictures: only what Pillow can read and draw anew is kept, and nothing but its pixels."""

import struct
import zlib
from io import BytesIO
from typing import IO
from uuid import uuid4

from django.core.files.base import ContentFile
from PIL import Image, ImageOps

from library.errors import PictureRefused

NAMES = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "AVIF": "AVIF",
    "GIF": "GIF",
    "BMP": "BMP",
}  # as people know them
FORMATS = tuple(NAMES)
FORMATS_TEXT = f"{', '.join([*NAMES.values()][:-1])} or {[*NAMES.values()][-1]}"
MEDIA_TYPES = ",".join(f"image/{name.lower()}" for name in FORMATS)
MOST_BYTES = 20_000_000
MOST_PIXELS = 50_000_000
MOST_PIXELS_OF = {"WEBP": 25_000_000, "AVIF": 25_000_000}  # whose decoders keep several copies of them
SHRUNK_AS_THEY_ARE = ("L", "RGB", "RGBA", "CMYK")
LARGEST = (1920, 1920)
QUALITY = 85
BACKGROUND = (0, 0, 0)

UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def redrawn(file: IO[bytes], size_bytes: int) -> "ContentFile[bytes]":
    """The picture as a JPEG of at most 1920 pixels a side, without metadata. Raises PictureRefused."""
    if size_bytes > MOST_BYTES:
        raise PictureRefused(f"The picture is too large: at most {MOST_BYTES // 1_000_000} MB can be uploaded.")
    picture = drawn(file)
    output = BytesIO()
    picture.save(output, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return ContentFile(output.getvalue(), name=f"{uuid4().hex}.jpg")


def drawn(file: IO[bytes]) -> Image.Image:
    """The pixels, upright and opaque; made fewer before they are copied: fifty million take 200 MB each time."""
    try:
        with Image.open(file, formats=FORMATS) as opened:
            most = MOST_PIXELS_OF.get(opened.format or "", MOST_PIXELS)
            if opened.width * opened.height > most:
                raise PictureRefused(f"The picture has more than {most // 1_000_000} million pixels.")
            opened.draft("RGB", LARGEST)
            plain = opened.mode in SHRUNK_AS_THEY_ARE and "transparency" not in opened.info
            small = opened if plain else opened.convert("RGBA")
            small.thumbnail(LARGEST)
            upright = ImageOps.exif_transpose(small).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused(f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels.") from None
    except UNREADABLE:
        raise PictureRefused(f"This is not a picture that can be read; accepted are {FORMATS_TEXT}.") from None
    flat = Image.new("RGB", upright.size, BACKGROUND)
    flat.paste(upright, mask=upright.getchannel("A"))
    return flat
