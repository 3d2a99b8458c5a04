"""Boxes of MP4, elements of Matroska, chunks of AVI and objects of ASF in a file, which may be hostile.

Only their heads are read, and nothing that they say of sizes is believed beyond what holds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MOST_PARTS = 10_000  # in one level of a container
CHUNK_HEAD, OBJECT_HEAD = 8, 24  # bytes of name and size


@dataclass(frozen=True)
class ContainerPart:
    """An MP4 box or a Matroska element: its name, and the place of its content in the file."""

    name: bytes
    begin: int
    end: int
    is_whole: bool = True  # it doesn't claim to go on beyond what it is in

    def content(self, file: BinaryIO, most_bytes: int) -> bytes:
        """As much of it as that."""
        file.seek(self.begin)
        return file.read(min(most_bytes, self.end - self.begin))


def boxes(file: BinaryIO, begin: int, end: int) -> Iterator[ContainerPart]:
    """The MP4 boxes in a range of the file (ISO/IEC 14496-12, 4.2)."""
    for _ in range(MOST_PARTS):
        file.seek(begin)
        header = file.read(16)
        if len(header) < 8 or begin + 8 > end:
            return
        size, skipped = int.from_bytes(header[:4]), 8
        if size == 1:
            size, skipped = int.from_bytes(header[8:]), 16
        box_end = min(end, begin + size) if size else end
        if box_end < begin + skipped:
            return
        yield ContainerPart(header[4:8], begin + skipped, box_end, is_whole=begin + size <= end)
        begin = box_end


def inside(file: BinaryIO, part: ContainerPart, *names: bytes) -> Iterator[ContainerPart]:
    """The boxes at the end of this path of names."""
    for box in boxes(file, part.begin, part.end):
        if box.name == names[0]:
            yield from inside(file, box, *names[1:]) if names[1:] else (box,)


def elements(file: BinaryIO, begin: int, end: int) -> Iterator[ContainerPart]:
    """The EBML elements in a range of the file (RFC 8794, 4 to 6)."""
    for _ in range(MOST_PARTS):
        file.seek(begin)
        header = file.read(12)
        name_length = 9 - header[0].bit_length() if header else 9
        size_length = 9 - header[name_length].bit_length() if len(header) > name_length else 9
        if name_length > 4 or size_length > 8 or begin >= end:
            return
        begin += name_length + size_length
        if begin > end:
            return
        digits = header[name_length : name_length + size_length]
        size = int.from_bytes(digits) & ~(1 << 7 * size_length)
        is_unknown = size + 1 == 1 << 7 * size_length  # a recording: the element ends with its parent
        element_end = end if is_unknown else min(end, begin + size)
        yield ContainerPart(header[:name_length], begin, element_end, is_whole=is_unknown or begin + size <= end)
        begin = element_end


def within(file: BinaryIO, part: ContainerPart, *names: int) -> Iterator[ContainerPart]:
    """The elements at the end of this path of names."""
    for element in elements(file, part.begin, part.end):
        if int.from_bytes(element.name) == names[0]:
            yield from within(file, element, *names[1:]) if names[1:] else (element,)


def chunks(file: BinaryIO, begin: int, end: int) -> Iterator[ContainerPart]:
    """The RIFF chunks of AVI in a range of the file (OpenDML AVI, 3.0), of even lengths.

    Some programs count the head in the size. So a chunk is whole that lacks no more than that.
    """
    for _ in range(MOST_PARTS):
        file.seek(begin)
        head = file.read(CHUNK_HEAD)
        if not head.startswith(b"RIFF") or len(head) < CHUNK_HEAD:
            return
        size = int.from_bytes(head[4:], "little")
        content = begin + CHUNK_HEAD
        yield ContainerPart(head[:4], content, min(end, content + size), is_whole=begin + size <= end)
        begin = min(end, content + size + size % 2)


def objects(file: BinaryIO, begin: int, end: int) -> Iterator[ContainerPart]:
    """The ASF objects in a range of the file (ASF specification, 2.1)."""
    for _ in range(MOST_PARTS):
        file.seek(begin)
        head = file.read(OBJECT_HEAD)
        size = int.from_bytes(head[16:], "little")
        if len(head) < OBJECT_HEAD or size < OBJECT_HEAD:
            return
        content = begin + OBJECT_HEAD
        yield ContainerPart(head[:16], content, min(end, begin + size), is_whole=begin + size <= end)
        begin = min(end, begin + size)
