"""Parses playlists (RFC 8216 section 4) and keeps line numbers, so that a violation can point at its line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)')
_INTEGER = re.compile(r"\d{1,20}", re.ASCII)
_DECIMAL = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
_BYTE_RANGE = re.compile(r"(\d{1,20})(?:@(\d{1,20}))?", re.ASCII)


def integer(text: str) -> int | None:
    """A decimal-integer (4.2), which has 20 digits at most; None for anything else."""
    return int(text) if _INTEGER.fullmatch(text) else None


def decimal(text: str) -> float | None:
    """A decimal-floating-point number without a sign (4.2); None for anything else."""
    return float(text) if _DECIMAL.fullmatch(text) else None


@dataclass(frozen=True)
class Tag:
    name: str  # "EXT-X-VERSION"
    value: str
    line: int  # counted from 1


@dataclass(frozen=True)
class Entry:
    """A URI line and the tags above it that belong to it."""

    uri: str
    line: int
    tags: tuple[Tag, ...]

    def tag(self, name: str) -> Tag | None:
        return next((tag for tag in self.tags if tag.name == name), None)

    @property
    def duration_s(self) -> float | None:
        """The duration in EXTINF; None if it is missing or isn't a number."""
        tag = self.tag("EXTINF")
        return decimal(tag.value.partition(",")[0]) if tag else None


@dataclass(frozen=True)
class Playlist:
    """A parsed playlist; `tags` has those that belong to the whole playlist."""

    name: str
    tags: tuple[Tag, ...]
    entries: tuple[Entry, ...]
    first_line: str = field(default="")

    def all(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name == name]

    def first(self, name: str) -> Tag | None:
        return next(iter(self.all(name)), None)

    def number(self, name: str) -> int | None:
        """A tag's value as a decimal integer; None if it is missing or something else."""
        tag = self.first(name)
        return integer(tag.value) if tag else None


ENTRY_TAGS = frozenset(
    {
        *("EXTINF", "EXT-X-BYTERANGE", "EXT-X-DISCONTINUITY", "EXT-X-KEY", "EXT-X-MAP"),
        *("EXT-X-PROGRAM-DATE-TIME", "EXT-X-DATERANGE", "EXT-X-STREAM-INF"),
    }
)


def parse(name: str, text: str) -> Playlist:
    """Parse everything that looks like a line of a playlist; the rules judge it."""
    lines = text.splitlines()
    tags: list[Tag] = []
    entries: list[Entry] = []
    pending: list[Tag] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("#EXT"):
            key, _, value = line[1:].partition(":")
            (pending if key in ENTRY_TAGS else tags).append(Tag(key, value, number))
        elif line and not line.startswith("#"):
            entries.append(Entry(line, number, tuple(pending)))
            pending = []
    return Playlist(name, tuple(tags), tuple(entries), lines[0] if lines else "")


def attributes(value: str) -> Mapping[str, str]:
    """An attribute list (4.2), without quotes. Raises ValueError if it is malformed or has an attribute twice."""
    return {name: text.strip('"') for name, text in _written(value).items()}


def quoted(value: str) -> frozenset[str]:
    """The names of the attributes whose values are in quotes. Raises ValueError as `attributes` does."""
    return frozenset(name for name, text in _written(value).items() if text.startswith('"'))


def _written(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(value):
        match = _ATTRIBUTE.match(value, at)
        if match is None or match[1] in found:
            raise ValueError(f"not an attribute list: {value[at : at + 40]}")
        found[match[1]] = match[2]
        at = match.end()
    return found


def byte_range(tag: Tag | None) -> tuple[int, int] | None:
    """Offset and size of an EXT-X-BYTERANGE with both; None for anything else."""
    match = _BYTE_RANGE.fullmatch(tag.value) if tag else None
    return (int(match[2]), int(match[1])) if match and match[2] else None
