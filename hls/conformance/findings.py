"""What the conformance rules share: a violation, a fetched file, and what is known of a video while it is checked."""

from dataclasses import dataclass, field
from urllib.parse import urljoin

from hls.conformance.m3u8 import Entry, Playlist
from hls.core.bandwidth import Piece


@dataclass(frozen=True)
class Violation:
    rule: str  # "RFC8216-4.3.3.1", "Apple-6"
    where: str  # the file, relative to the multivariant playlist's folder, and the line where there is one
    sentence: str


@dataclass(frozen=True)
class Fetched:
    """A file; what only HTTP tells is None where it didn't come over HTTP."""

    body: bytes
    content_type: str | None = None
    is_compressed: bool | None = None  # Content-Encoding: gzip was sent for a request that accepts it
    was_redirected: bool | None = None


@dataclass
class Stream:
    """A variant or an I-frame stream; what is measured is filled in as its segments are read."""

    playlist: Playlist
    attributes: dict[str, str]
    pieces: list[Piece] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)  # PTS of each segment's first picture shown
    has_sound: bool = False
    sound_end: int | None = None  # PTS after the last AAC frame read so far


@dataclass
class Presentation:
    master: Playlist
    variants: list[Stream] = field(default_factory=list)
    iframes: list[Stream] = field(default_factory=list)
    iframe_entries: dict[str, list[tuple[Stream, Entry]]] = field(default_factory=dict)  # by segment, not yet looked at


def at(playlist: Playlist, line: int | Entry | None = None) -> str:
    number = line.line if isinstance(line, Entry) else line
    return playlist.name if number is None else f"{playlist.name}:{number}"


def beside(playlist_name: str, uri: str) -> str:
    """What a URI in a playlist names; itself where it is none."""
    try:
        return urljoin(playlist_name, uri)
    except ValueError:
        return uri
