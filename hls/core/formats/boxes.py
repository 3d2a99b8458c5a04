"""The boxes of an MP4 file (ISO/IEC 14496-12, 4.2)."""

from typing import BinaryIO

HEAD_BYTES = 8
MOST_BOXES = 10_000
FRAGMENTS = (b"moof", b"mvex")


def is_fragmented(file: BinaryIO, begin: int, end: int) -> bool:
    """Whether the index is spread over the file (ISO/IEC 14496-12, 8.8), or there are too many boxes to tell."""
    for _ in range(MOST_BOXES):
        if begin + HEAD_BYTES > end:
            return False
        file.seek(begin)
        head = file.read(2 * HEAD_BYTES)
        size, kind, content = int.from_bytes(head[:4]), head[4:8], begin + HEAD_BYTES
        if size == 1:  # it is too large for 32 bits
            size, content = int.from_bytes(head[8:16]), begin + 2 * HEAD_BYTES
        if kind in FRAGMENTS or (kind == b"moov" and is_fragmented(file, content, min(end, begin + size))):
            return True
        if size < HEAD_BYTES:  # the last one goes up to the file's end
            return False
        begin += size
    return True
