"""A file of which only some blocks are on this machine, and a reader of it that asks for those it needs.

Beside the file, which is sparse and has its full length, lies a record with a byte for each block: 1 where it is there.
Whoever brings a block writes it into the file first and into the record afterwards. Readers look at the record before
each read, so nobody takes a hole for zeros.

A program in a child process has no way to the file's store. It prints what it needs, and waits for the record:

    want 65536 131072 524288 540672

Its parent brings the bytes from each first number up to each second one; see `asked_for`.
"""

import io
import mmap
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from hls.core.formats.boxes import is_fragmented
from hls.core.process import UNWATCHED, Watch

BLOCK_BYTES = 1 << 12
THERE = 1
WANT = "want"
MOST_DIGITS = 18
POLL_S = 0.001
LEAST_AHEAD, MOST_AHEAD = 1 << 15, 1 << 22  # bytes that are asked for beyond what is read: as many as were in a row


type ByteRange = tuple[int, int]  # from one byte of a file up to another


class BlockRecord:
    """Which blocks of a file are there. Several processes may look at it and write into it at the same time."""

    def __init__(self, path: Path, size_bytes: int, *, writable: bool = False) -> None:
        """`size_bytes` is the file's. The record has to exist, with the length that `record_bytes` says."""
        self.size_bytes = size_bytes
        with path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._there = mmap.mmap(file.fileno(), record_bytes(size_bytes), access=access)

    def missing(self, start: int, end: int) -> Iterator[ByteRange]:
        """What is not there of these bytes, as whole blocks, from one byte up to another."""
        at, last = max(0, start) // BLOCK_BYTES, record_bytes(min(end, self.size_bytes))
        while at < last and (at := self._there.find(b"\0", at, last)) >= 0:
            there = self._there.find(bytes([THERE]), at, last)
            until = last if there < 0 else there
            yield at * BLOCK_BYTES, min(until * BLOCK_BYTES, self.size_bytes)
            at = until

    def has(self, start: int, end: int) -> bool:
        return next(self.missing(start, end), None) is None

    def has_any(self, start: int, end: int) -> bool:
        return self._there.find(bytes([THERE]), start // BLOCK_BYTES, record_bytes(end)) >= 0

    def note(self, start: int, end: int) -> None:
        """These bytes are there by now. Only blocks count that are whole."""
        first = -(-start // BLOCK_BYTES)
        last = len(self._there) if end == self.size_bytes else end // BLOCK_BYTES
        if first < last:
            self._there[first:last] = bytes([THERE]) * (last - first)

    def forget(self) -> None:
        self._there[:] = bytes(len(self._there))


def record_bytes(size_bytes: int) -> int:
    """The length of the record of a file, or how many blocks its first `size_bytes` touch."""
    return -(-size_bytes // BLOCK_BYTES)


def merged(parts: Iterable[ByteRange], *, gap: int = 0) -> list[ByteRange]:
    """The same bytes in as few ranges as possible, with what lies between those that are at most `gap` bytes apart."""
    found: list[ByteRange] = []
    for start, end in sorted(parts):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


@dataclass(frozen=True)
class PartlyHere:
    """A file of which a part is here: its record, and how more is brought."""

    record: Path
    bring: Callable[[Sequence[ByteRange]], object]


def asked_for(partly: PartlyHere, watch: Watch | None) -> Watch:
    """Follows a child that reads such a file, and brings what it wants. Each wish is a sign of progress."""

    def bring(line: str) -> bool:
        words = line.split()
        numbers = words[1:]
        # The child has parsed a file that may be hostile.
        is_plain = len(numbers) % 2 == 0 and all(
            number.isdecimal() and len(number) <= MOST_DIGITS for number in numbers
        )
        if words[:1] == [WANT] and is_plain:
            starts, ends = map(int, numbers[::2]), map(int, numbers[1::2])
            partly.bring(list(zip(starts, ends, strict=True)))
        return True

    return replace(watch or UNWATCHED, on_line=bring)


@dataclass(frozen=True)
class PartlyHerePath:
    """The path of such a file, for a child that has to ask for what it reads."""

    path: Path
    record: Path

    def stat(self) -> os.stat_result:
        return self.path.stat()

    def reader(self) -> "AskingFile":
        return AskingFile(self.path, BlockRecord(self.record, self.stat().st_size))

    def open(self, _mode: str = "rb") -> BinaryIO:
        return cast("BinaryIO", self.reader())


class AskingFile(io.RawIOBase):
    """Reads a file, and asks for what is missing of it. Only for programs whose parent listens to their output.

    While it `is_skimming` it reads zeros instead: for a reader that knows by itself what it has to ask for.
    """

    def __init__(self, path: Path, record: BlockRecord) -> None:
        super().__init__()
        self.name = str(path)  # its ending tells libav something
        self._file = path.open("rb", buffering=0)
        self._record = record
        self._run_from = self._read_up_to = -1  # what was read in a row
        self.is_skimming = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        start = self._file.tell()
        end = self._record.size_bytes if size < 0 else min(start + size, self._record.size_bytes)
        if start >= end:
            return b""
        if self.is_skimming:
            return self._skim(start, end)
        if start != self._read_up_to:
            self._run_from = start
        self._read_up_to = end
        if not self._record.has(start, end):
            ahead = max(LEAST_AHEAD, min(end - self._run_from, MOST_AHEAD))
            self.need([(start, min(end + ahead, self._record.size_bytes))])
        return self._file.read(end - start)

    def _skim(self, start: int, end: int) -> bytes:
        if self._record.has_any(start, end):
            return self._file.read(end - start)
        self._file.seek(end)
        return bytes(end - start)  # reading a hole from the disk would take its room in the system's memory

    def at(self, start: int, size: int) -> bytes:
        """These bytes, with zeros for what is missing."""
        return os.pread(self._file.fileno(), size, start)

    def is_fragmented(self) -> bool:
        """Whether an MP4 file has no index for all of it."""
        before = self.tell()
        try:
            return is_fragmented(cast("BinaryIO", self), 0, self._record.size_bytes)
        finally:
            self.seek(before)

    def need(self, parts: Iterable[ByteRange]) -> None:
        """Return once these bytes are there. The parent ends this process where they can't be brought."""
        wanted = [part for start, end in parts for part in self._record.missing(start, end)]
        if wanted:
            sys.stdout.write(" ".join([WANT, *(str(number) for part in wanted for number in part)]) + "\n")
            sys.stdout.flush()
        while not all(self._record.has(start, end) for start, end in wanted):
            time.sleep(POLL_S)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
