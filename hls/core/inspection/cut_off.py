"""Whether a file was cut off: what holds its pictures and sound claims to go on behind the file's end.

Flash, Ogg and MPEG streams tell no sizes, and neither do recordings that are written as they come.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer

from hls.core.blocks import PartlyHerePath
from hls.core.formats.parts import ContainerPart, boxes, chunks, elements, objects

ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")  # ASF specification, 5
MP4_MEDIA = (b"mdat", b"moof")


def is_cut_off(path: Path | PartlyHerePath, container: InputContainer) -> bool:
    holders = HOLDERS.get(container.format.name.split(",")[0])
    if holders is None:
        return False
    with path.open("rb") as file:
        return not all(part.is_whole for part in holders(file, path.stat().st_size))


def _of_mp4(file: BinaryIO, size: int) -> Iterator[ContainerPart]:
    return (box for box in boxes(file, 0, size) if box.name in MP4_MEDIA)


def _of_matroska(file: BinaryIO, size: int) -> Iterator[ContainerPart]:
    return elements(file, 0, size)


def _of_avi(file: BinaryIO, size: int) -> Iterator[ContainerPart]:
    return chunks(file, 0, size)


def _of_asf(file: BinaryIO, size: int) -> Iterator[ContainerPart]:
    return (part for part in objects(file, 0, size) if part.name == ASF_DATA)


HOLDERS: Mapping[str, Callable[[BinaryIO, int], Iterator[ContainerPart]]] = {
    "mov": _of_mp4,
    "matroska": _of_matroska,
    "avi": _of_avi,
    "asf": _of_asf,
}
