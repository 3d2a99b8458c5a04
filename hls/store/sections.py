"""The bytes of a part of a multipart upload, and how large parts are."""

import hashlib
import io
import os
from collections.abc import Buffer
from typing import Protocol

LEAST_PART_BYTES = 5 << 20  # of all parts but the last one; below it S3 answers EntityTooSmall
USUAL_PART_BYTES = 16 << 20
MOST_WHOLE_PARTS = 9_000  # S3 takes 10,000; the others are for parts that are given up, and for short ones


class Section(Protocol):
    """The bytes of a part, to be read from their beginning, which is where they are after each of its methods."""

    @property
    def size_bytes(self) -> int: ...

    def md5(self) -> bytes: ...


class BytesSection(io.BytesIO):
    """Bytes that are in memory."""

    @property
    def size_bytes(self) -> int:
        return len(self.getbuffer())

    def md5(self) -> bytes:
        return hashlib.md5(self.getbuffer(), usedforsecurity=False).digest()


class FileSection(io.RawIOBase):
    """Some bytes of an open file, as a file of its own. Several sections of one file may be read at once."""

    def __init__(self, file: io.FileIO | io.BufferedRandom, start: int, size_bytes: int) -> None:
        super().__init__()
        self._descriptor, self._start, self._at = file.fileno(), start, 0
        self.size_bytes = size_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}[whence]
        return self._at

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)[: max(0, self.size_bytes - self._at)]
        count = os.preadv(self._descriptor, [view], self._start + self._at) if view else 0
        self._at += count
        return count

    def md5(self) -> bytes:
        self.seek(0)
        digest = hashlib.file_digest(self, lambda: hashlib.md5(usedforsecurity=False)).digest()
        self.seek(0)
        return digest


def sections_of(file: io.FileIO, size_bytes: int) -> list[FileSection]:
    """A file cut into the sections that its parts are made of; at least one."""
    step = part_bytes(size_bytes)
    return [FileSection(file, start, min(step, size_bytes - start)) for start in range(0, size_bytes or 1, step)]


def least_part_bytes(length: int) -> int:
    """What each part but the last one must have for an object of this length, so that the numbers suffice."""
    return max(LEAST_PART_BYTES, -(-length // MOST_WHOLE_PARTS))


def part_bytes(length: int) -> int:
    """What a part has where enough bytes are at hand."""
    return max(USUAL_PART_BYTES, least_part_bytes(length))
