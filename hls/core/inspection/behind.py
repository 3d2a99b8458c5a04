"""Whether another recording begins behind the end of what libav reads, as in files that were joined byte by byte.

MPEG-TS, Ogg and AVI are read to their end. Of the others libav reads the first recording, or two of Matroska.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer

from hls.core.blocks import PartlyHerePath
from hls.core.formats.parts import boxes, elements, objects
from hls.core.formats.track_heads import EBML

MOVIE, HEAD = b"moov", b"ftyp"
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # ASF specification, 3.1
FLASH_HEADER = b"FLV\1"  # Adobe's FLV specification, E.2, with one of these flags, its length, and the length before it
FLASH_FLAGS, FLASH_REST = (b"\1", b"\4", b"\5"), b"\0\0\0\x09\0\0\0\0"
FLASH_LOOKED_AT = 1 << 20  # from the last picture on


def is_followed(path: Path | PartlyHerePath, container: InputContainer, last: int | None) -> bool:
    """Whether a recording begins behind the byte `last`, where the last picture is stored that was read."""
    begins = BEGINNINGS.get(container.format.name.split(",")[0])
    if last is None or begins is None:
        return False
    with path.open("rb") as file:
        return any(begin > last for begin in begins(file, last, path.stat().st_size))


def _of_mp4(file: BinaryIO, _: int, size: int) -> Iterator[int]:
    """Heads that a movie follows. In a stream that is stored, both may be repeated among its fragments."""
    head = None
    for box in boxes(file, 0, size):
        if box.name == HEAD:
            head = box.begin
        elif box.name == MOVIE and head is not None:
            yield head


def _of_matroska(file: BinaryIO, _: int, size: int) -> Iterator[int]:
    return (part.begin for part in elements(file, 0, size) if part.name == EBML.to_bytes(4))


def _of_asf(file: BinaryIO, _: int, size: int) -> Iterator[int]:
    return (part.begin for part in objects(file, 0, size) if part.name == ASF_HEADER)


def _of_flash(file: BinaryIO, last: int, _: int) -> Iterator[int]:
    file.seek(last)
    data = file.read(FLASH_LOOKED_AT)
    return (last + at for flags in FLASH_FLAGS if (at := data.find(FLASH_HEADER + flags + FLASH_REST)) > 0)


BEGINNINGS: Mapping[str, Callable[[BinaryIO, int, int], Iterator[int]]] = {
    "mov": _of_mp4,
    "matroska": _of_matroska,
    "asf": _of_asf,
    "flv": _of_flash,
}
