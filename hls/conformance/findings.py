"""The values that conformance rules share: violations, fetched files, and the streams that are being checked."""

from dataclasses import dataclass, field
from posixpath import dirname, join, normpath
from urllib.parse import urljoin, urlsplit

from hls.conformance.m3u8 import Entry, Playlist
from hls.conformance.webvtt import ShownCue
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
    """A variant, an I-frame stream or an alternative rendition; what is measured is filled in while segments are read.

    Its attributes are those of EXT-X-STREAM-INF, EXT-X-I-FRAME-STREAM-INF or EXT-X-MEDIA.
    """

    playlist: Playlist
    attributes: dict[str, str]
    pieces: list[Piece] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)  # PTS of the first picture or AAC frame of each segment
    has_sound: bool = False
    sound_end: int | None = None  # PTS after the last AAC frame read so far
    sound_codec: str = ""  # of an alternative sound: "mp4a.40.2"
    channels: int | None = None  # of an alternative sound
    cues: set[ShownCue] = field(default_factory=set)  # of a text

    @property
    def duration_s(self) -> float:
        """The sum of EXTINF."""
        return sum(entry.duration_s or 0 for entry in self.playlist.entries)


@dataclass
class Presentation:
    master: Playlist
    variants: list[Stream] = field(default_factory=list)
    iframes: list[Stream] = field(default_factory=list)
    sounds: list[Stream] = field(default_factory=list)  # EXT-X-MEDIA of TYPE=AUDIO that have a playlist
    texts: list[Stream] = field(default_factory=list)  # the same of TYPE=SUBTITLES
    iframe_entries: dict[str, list[tuple[Stream, Entry]]] = field(default_factory=dict)  # by segment, not yet checked

    def sounds_of(self, variant: Stream) -> list[Stream]:
        return _members(self.sounds, variant.attributes.get("AUDIO"))

    def texts_of(self, variant: Stream) -> list[Stream]:
        return _members(self.texts, variant.attributes.get("SUBTITLES"))


def _members(streams: list[Stream], group: str | None) -> list[Stream]:
    return [stream for stream in streams if group is not None and stream.attributes.get("GROUP-ID") == group]


def at(playlist: Playlist, line: int | Entry | None = None) -> str:
    number = line.line if isinstance(line, Entry) else line
    return playlist.name if number is None else f"{playlist.name}:{number}"


def beside(playlist_name: str, uri: str) -> str:
    """The file name that a URI in a playlist stands for; the text itself if it is no URI.

    A name is relative to the multivariant playlist's folder, and begins with "../" where it leads out of it.
    """
    try:
        place, base = urlsplit(uri), urlsplit(playlist_name)
    except ValueError:
        return uri
    if base.scheme or base.netloc or place.scheme or place.netloc or not place.path or place.path.startswith("/"):
        return urljoin(playlist_name, uri)
    return place._replace(path=normpath(join(dirname(base.path), place.path))).geturl()
