"""Byte ranges and validators of RFC 9110: their parsing. What follows from them is decided in files.py.

A header that can't be understood counts as absent.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise

_SPAN = re.compile(r"(?P<first>\d+)-(?P<last>\d+)?|-(?P<suffix>\d+)", re.ASCII)
_TAG = re.compile(r'(?:^|,)[ \t]*((?:W/)?"[^"\x00-\x20\x7f]*")[ \t]*(?=,|$)')
_LONGEST_NUMBER = 18  # digits: more than any file has bytes


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
    """The range has no byte of the file: the answer is 416 (RFC 9110 15.5.17)."""


def byte_range(header: str, size: int) -> ByteRange | None:
    """The single range a `Range` header asks for in a file of `size` bytes.

    None where the whole file is to be sent: there is no header, it has another unit, it can't be understood, or it asks
    for several ranges that lie apart (a server may ignore all of those: RFC 9110 14.2). Raises NotSatisfiable for a
    range that ends before it begins or lies behind the end, and for ranges that overlap: no player asks for those, and
    a server may reject them (14.2, 15.5.17).
    """
    unit, _, wanted = header.strip().partition("=")
    matched = [_SPAN.fullmatch(part.strip()) for part in wanted.split(",") if part.strip()]
    understood = [match for match in matched if match]
    if unit.lower() != "bytes" or not matched or len(understood) < len(matched):
        return None
    spans = [span(match, size) for match in understood]
    found = sorted((part for part in spans if part), key=lambda part: part.start)
    if not found or any(part.end > following.start for part, following in pairwise(found)):
        raise NotSatisfiable
    return found[0] if len(spans) == 1 else None


def single_range(header: str) -> str:
    """The one range of a header, for somebody who knows the file's size; "" for any other header."""
    unit, _, wanted = header.strip().partition("=")
    match = _SPAN.fullmatch(wanted.strip())
    if match is None or unit.lower() != "bytes" or len(match[0]) > _LONGEST_NUMBER:
        return ""
    is_backwards = match["last"] is not None and int(match["last"]) < int(match["first"])
    return "" if is_backwards else f"bytes={match[0]}"


def span(match: re.Match[str], size: int) -> ByteRange | None:
    """One of the ranges; None where it lies behind the end. Raises NotSatisfiable where it ends before it begins."""
    if match["suffix"] is not None:
        length = min(number(match["suffix"]), size)
        return ByteRange(size - length, length) if length else None
    first = number(match["first"])
    last = number(match["last"]) if match["last"] is not None else size - 1
    if last < first and match["last"] is not None:
        raise NotSatisfiable
    return ByteRange(first, min(last, size - 1) - first + 1) if first < size else None


def number(digits: str) -> int:
    """The number, or one that is larger than any file where it is longer than Python would read."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER


def matches(header: str, etag: str) -> bool:
    """Whether an `If-None-Match` names this entity tag; weak comparison (RFC 9110 13.1.2)."""
    if header.strip() == "*":
        return True
    return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags(header)}


def tags(header: str) -> list[str]:
    """The entity tags in a list of them (RFC 9110 8.8.3); anything else in it is left out."""
    return [match[1] for match in _TAG.finditer(header)]


def moment(header: str) -> datetime | None:
    """The time that a header names (RFC 9110 5.6.7); None for anything that is no date."""
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the second for a year or a zone that is no C integer
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)
