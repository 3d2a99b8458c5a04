"""Byte ranges and validators, as RFC 9110 says: parsing here, policy in delivery."""

import re
from dataclasses import dataclass

_RANGE = re.compile(
    r"bytes\s*=\s*(?:(?P<first>\d{1,18})\s*-\s*(?P<last>\d{1,18})?|-\s*(?P<suffix>\d{1,18}))\s*", re.ASCII
)


@dataclass(frozen=True)
class ByteRange:
    """`length` bytes from `start` on."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


class NotSatisfiable(Exception):
    """No byte of the file lies in the range: 416 (RFC 9110 14.1.2)."""


def byte_range(header: str, size: int) -> ByteRange | None:
    """The single range a `Range` header asks for in a file of `size` bytes.

    None where the whole file is to be sent: no header, another unit, a malformed one, or several ranges (a server may
    ignore those: RFC 9110 14.2). Raises NotSatisfiable.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    if match["suffix"] is not None:
        length = min(int(match["suffix"]), size)
        if length == 0:
            raise NotSatisfiable
        return ByteRange(size - length, length)
    first = int(match["first"])
    last = int(match["last"]) if match["last"] is not None else size - 1
    if last < first and match["last"] is not None:
        return None
    if first >= size:
        raise NotSatisfiable
    return ByteRange(first, min(last, size - 1) - first + 1)


def matches(header: str, etag: str) -> bool:
    """Whether an `If-None-Match` names this entity tag; weak comparison (RFC 9110 13.1.2)."""
    if header.strip() == "*":
        return True
    return etag.removeprefix("W/") in {part.strip().removeprefix("W/") for part in header.split(",")}
