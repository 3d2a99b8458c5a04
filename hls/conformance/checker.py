"""Checks a published video against RFC 8216 and the MUSTs of Apple's HLS authoring specification.

Rules are named after their source: "RFC8216-4.3.3.1" is a section of the RFC, "Apple-7" a chapter of Apple's
specification (1 video, 2 audio, 4 accessibility, 5 subtitles, 6 trick play, 7 segmentation, 8 media playlists,
9 multivariant playlist, 10 delivery), whose rules are renumbered in each edition.
"""

from collections.abc import Callable, Iterator
from enum import Enum

from hls.conformance import (
    rules_bandwidth,
    rules_media,
    rules_playlists,
    rules_segments,
    rules_sounds,
    rules_texts,
)
from hls.conformance.findings import Fetched, Presentation, Stream, Violation, beside
from hls.conformance.m3u8 import Playlist, attributes, parse

__all__ = ["Fetched", "Violation", "check"]

type Fetch = Callable[[str], bytes | Fetched]


class StreamKind(Enum):
    VARIANT, IFRAMES, SOUND, TEXT = range(4)


def check(fetch: Fetch, master: str = "master.m3u8") -> tuple[Violation, ...]:
    """All violations, in the order found; () if the video conforms.

    `fetch(name)` gives a file by its path relative to the multivariant playlist's folder: its bytes, or a Fetched if it
    came over HTTP. It raises OSError if there is no such file.
    """
    return tuple(_violations(_Fetcher(fetch), master))


class _Fetcher:
    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch

    def __call__(self, name: str) -> Fetched:
        try:
            fetched = self.fetch(name)
        except ValueError as error:  # a playlist may name something that is no address at all
            raise OSError(f"no address: {error}") from error
        return fetched if isinstance(fetched, Fetched) else Fetched(fetched)


def _violations(fetch: _Fetcher, master_name: str) -> Iterator[Violation]:
    try:
        master = _read(fetch, master_name)
    except (OSError, UnicodeDecodeError) as error:
        yield Violation("RFC8216-4.1", master_name, f"The playlist can't be read: {error}")
        return
    yield from rules_playlists.any_playlist(*master)
    yield from rules_playlists.multivariant(master[1])
    yield from rules_media.renditions(master[1])
    presentation = Presentation(master[1])
    yield from _playlists(presentation, fetch)
    yield from rules_playlists.alike(presentation)
    yield from _segments(presentation, fetch)
    for stream in [*presentation.variants, *presentation.iframes]:
        yield from rules_bandwidth.declared(stream, presentation)


def _playlists(presentation: Presentation, fetch: _Fetcher) -> Iterator[Violation]:
    """Read every media playlist into the presentation."""
    streams = {
        StreamKind.VARIANT: presentation.variants,
        StreamKind.IFRAMES: presentation.iframes,
        StreamKind.SOUND: presentation.sounds,
        StreamKind.TEXT: presentation.texts,
    }
    for kind, uri, value in _streams(presentation.master):
        name = beside(presentation.master.name, uri)
        try:
            fetched, playlist = _read(fetch, name)
        except (OSError, UnicodeDecodeError) as error:
            yield Violation("RFC8216-4.1", name, f"The playlist can't be read: {error}")
            continue
        yield from rules_playlists.any_playlist(fetched, playlist)
        yield from rules_playlists.media(playlist, is_iframes=kind == StreamKind.IFRAMES)
        streams[kind].append(Stream(playlist, _attributes_or_none(value)))
    for stream in presentation.iframes:
        for entry in stream.playlist.entries:
            segment = beside(stream.playlist.name, entry.uri)
            presentation.iframe_entries.setdefault(segment, []).append((stream, entry))


def _segments(presentation: Presentation, fetch: _Fetcher) -> Iterator[Violation]:
    """The pictures first: sounds and texts are compared with them."""
    for stream in presentation.variants:
        yield from rules_segments.variant(stream, presentation, fetch)
    yield from rules_segments.same_times(presentation)
    yield from rules_segments.iframes_left(presentation)
    for stream in presentation.sounds:
        yield from rules_sounds.sound(stream, presentation, fetch)
    yield from rules_sounds.declared(presentation)
    for stream in presentation.texts:
        yield from rules_texts.text(stream, presentation, fetch)
    yield from rules_texts.forced(presentation)


def _read(fetch: _Fetcher, name: str) -> tuple[Fetched, Playlist]:
    fetched = fetch(name)
    return fetched, parse(name, fetched.body.decode())


def _streams(master: Playlist) -> Iterator[tuple[StreamKind, str, str]]:
    """The kind, URI and attribute list of each stream in a multivariant playlist."""
    for entry in master.entries:
        tag = entry.tag("EXT-X-STREAM-INF")
        yield StreamKind.VARIANT, entry.uri, tag.value if tag else ""
    for tag in master.all("EXT-X-I-FRAME-STREAM-INF"):
        uri = _attributes_or_none(tag.value).get("URI")
        if uri:
            yield StreamKind.IFRAMES, uri, tag.value
    for tag in master.all("EXT-X-MEDIA"):
        found = _attributes_or_none(tag.value)
        kind = {"AUDIO": StreamKind.SOUND, "SUBTITLES": StreamKind.TEXT}.get(found.get("TYPE", ""))
        if kind and found.get("URI"):
            yield kind, found["URI"], tag.value


def _attributes_or_none(value: str) -> dict[str, str]:
    """The attributes; empty if the list can't be parsed, which another rule reports."""
    try:
        return dict(attributes(value))
    except ValueError:
        return {}
