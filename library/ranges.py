"""Byte ranges and validators, as RFC 9110 says: parsing here, policy in delivery."""

import re
from dataclasses import dataclass
from itertools import pairwise

_SPAN = re.compile(r"(?P<first>\d{1,18})-(?P<last>\d{1,18})?|-(?P<suffix>\d{1,18})", re.ASCII)


@dataclass(frozen=True)
class ByteRange:
    """`length` bytes from `start` on."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """The position behind the last byte."""
        return self.start + self.length

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.end - 1}/{size}"


class NotSatisfiable(Exception):
    """No byte of the file is to be sent: 416 (RFC 9110 15.5.17)."""


def byte_range(header: str, size: int) -> ByteRange | None:
    """The single range a `Range` header asks for in a file of `size` bytes.

    None where the whole file is to be sent: no header, another unit, or several ranges that lie apart (a server may
    ignore those: RFC 9110 14.2). Raises NotSatisfiable for ranges that are malformed, lie behind the end, or overlap,
    as nobody's do who wants the bytes (a server may reject those: 14.2, 15.5.17).
    """
    unit, _, wanted = header.strip().partition("=")
    if unit.lower() != "bytes" or not wanted:
        return None
    spans = [span(part.strip(), size) for part in wanted.split(",") if part.strip()]
    found = sorted((part for part in spans if part), key=lambda part: part.start)
    if not found or any(part.end > following.start for part, following in pairwise(found)):
        raise NotSatisfiable
    return found[0] if len(spans) == 1 else None


def span(text: str, size: int) -> ByteRange | None:
    """One of the ranges; None where it lies behind the end. Raises NotSatisfiable where it is malformed."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise NotSatisfiable
    if match["suffix"] is not None:
        length = min(int(match["suffix"]), size)
        return ByteRange(size - length, length) if length else None
    first = int(match["first"])
    last = int(match["last"]) if match["last"] is not None else size - 1
    if last < first and match["last"] is not None:
        raise NotSatisfiable
    return ByteRange(first, min(last, size - 1) - first + 1) if first < size else None


def matches(header: str, etag: str) -> bool:
    """Whether an `If-None-Match` names this entity tag; weak comparison (RFC 9110 13.1.2)."""
    if header.strip() == "*":
        return True
    return etag.removeprefix("W/") in {part.strip().removeprefix("W/") for part in header.split(",")}
