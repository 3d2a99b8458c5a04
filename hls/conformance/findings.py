"""The values that conformance rules share: violations, fetched files, and the streams that are being checked."""

from dataclasses import dataclass, field
from urllib.parse import urljoin

from hls.conformance.m3u8 import Entry, Playlist
from hls.core.bandwidth import Piece


@dataclass(frozen=True)
class Violation:
    rule: str  # "RFC8216-4.3.3.1", "Apple-6"
    where: str  # the file, relative to the multivariant playlist's folder, and the line if there is one
    sentence: str


@dataclass(frozen=True)
class Fetched:
    """A file; what only HTTP can tell is None if it didn't come over HTTP."""

    body: bytes
    content_type: str | None = None
    is_compressed: bool | None = None  # Content-Encoding: gzip was sent for a request that accepts it
    was_redirected: bool | None = None


@dataclass
class Stream:
    """A variant or an I-frame stream; measured values are filled in while its segments are read."""

    playlist: Playlist
    attributes: dict[str, str]
    pieces: list[Piece] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)  # PTS of the first picture that each segment shows
    has_sound: bool = False
    sound_end: int | None = None  # PTS after the last AAC frame read so far


@dataclass
class Presentation:
    master: Playlist
    variants: list[Stream] = field(default_factory=list)
    iframes: list[Stream] = field(default_factory=list)
    iframe_entries: dict[str, list[tuple[Stream, Entry]]] = field(default_factory=dict)  # by segment, not yet checked


def at(playlist: Playlist, line: int | Entry | None = None) -> str:
    number = line.line if isinstance(line, Entry) else line
    return playlist.name if number is None else f"{playlist.name}:{number}"


def beside(playlist_name: str, uri: str) -> str:
    """The file name that a URI in a playlist stands for; the text itself if it is no URI."""
    try:
        return urljoin(playlist_name, uri)
    except ValueError:
        return uri
