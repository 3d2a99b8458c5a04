"""Rules about the text of playlists."""

from collections.abc import Iterator
from math import floor

from hls.conformance.findings import Fetched, Presentation, Violation, at
from hls.conformance.m3u8 import Entry, Playlist, attributes, byte_range, decimal, integer

MEDIA_TYPES = ("application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl")
MEDIA_ONLY = frozenset(
    {
        *("EXTINF", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE"),
        *("EXT-X-I-FRAMES-ONLY", "EXT-X-BYTERANGE", "EXT-X-DISCONTINUITY", "EXT-X-MAP", "EXT-X-KEY"),
    }
)
MULTIVARIANT_ONLY = frozenset({"EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-MEDIA", "EXT-X-SESSION-DATA"})
ONCE = ("EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-PLAYLIST-TYPE", "EXT-X-ENDLIST")
REQUIRED_OF_VARIANTS = {
    "BANDWIDTH": "RFC8216-4.3.4.2",
    "AVERAGE-BANDWIDTH": "Apple-9",
    "CODECS": "Apple-9",
    "RESOLUTION": "Apple-9",
    "FRAME-RATE": "Apple-9",
}
REQUIRED_OF_IFRAMES = {"BANDWIDTH": "RFC8216-4.3.4.3", "CODECS": "Apple-9", "RESOLUTION": "Apple-9"}
MAX_FRAME_RATE = 60
LONGER_THAN_TARGET_S = 0.5


def any_playlist(fetched: Fetched, playlist: Playlist) -> Iterator[Violation]:
    text = fetched.body.decode()
    name = playlist.name
    if text.startswith("\ufeff") or any(ord(char) < 32 and char not in "\r\n" for char in text):
        yield Violation("RFC8216-4.1", name, "A playlist has no byte order mark and no control characters.")
    if playlist.first_line != "#EXTM3U":
        yield Violation("RFC8216-4.3.1.1", at(playlist, 1), "The first line is not #EXTM3U.")
    for tag_name in ONCE:
        if len(playlist.all(tag_name)) > 1:
            yield Violation("RFC8216-4.3", at(playlist, playlist.all(tag_name)[1].line), f"{tag_name} is there twice.")
    names = {tag.name for tag in playlist.tags} | {tag.name for entry in playlist.entries for tag in entry.tags}
    if names & MEDIA_ONLY and names & MULTIVARIANT_ONLY:
        yield Violation("RFC8216-4.1", name, "Tags of media and of multivariant playlists are mixed.")
    yield from _version(playlist, names)
    yield from _delivery(fetched, playlist)


def _version(playlist: Playlist, names: set[str]) -> Iterator[Violation]:
    needed = 1
    if any(
        "." in tag.value.partition(",")[0] for entry in playlist.entries for tag in entry.tags if tag.name == "EXTINF"
    ):
        needed = 3
    if names & {"EXT-X-BYTERANGE", "EXT-X-I-FRAMES-ONLY"}:
        needed = 4
    if "EXT-X-MAP" in names:
        needed = 5 if "EXT-X-I-FRAMES-ONLY" in names else 6
    if any('INSTREAM-ID="SERVICE' in tag.value for tag in playlist.all("EXT-X-MEDIA")):
        needed = 7
    version = playlist.number("EXT-X-VERSION") or 1
    if version < needed:
        yield Violation("RFC8216-7", playlist.name, f"Its tags need EXT-X-VERSION {needed}, it declares {version}.")


def _delivery(fetched: Fetched, playlist: Playlist) -> Iterator[Violation]:
    content_type = (fetched.content_type or "").partition(";")[0].strip().lower()
    is_named = playlist.name.partition("?")[0].endswith((".m3u8", ".m3u"))
    if not is_named and content_type not in MEDIA_TYPES:
        yield Violation("RFC8216-4", playlist.name, "Neither its name nor its media type says that it is a playlist.")
    if fetched.content_type is not None and content_type not in MEDIA_TYPES:
        yield Violation("RFC8216-4", playlist.name, f"Its media type is {content_type or 'missing'}.")
    if fetched.is_compressed is False:
        yield Violation("Apple-10", playlist.name, "It isn't sent with gzip to a client that accepts it.")
    if fetched.was_redirected:
        yield Violation("Apple-10", playlist.name, "It is reached through a redirect.")


def multivariant(master: Playlist) -> Iterator[Violation]:
    if not master.entries:
        yield Violation("RFC8216-4.3.4.2", master.name, "It lists no variant stream.")
    for entry in master.entries:
        tag = entry.tag("EXT-X-STREAM-INF")
        if tag is None:
            yield Violation("RFC8216-4.3.4.2", at(master, entry), "A URI without EXT-X-STREAM-INF.")
        else:
            yield from _attributes(master, tag.line, tag.value, REQUIRED_OF_VARIANTS)
    for tag in master.all("EXT-X-I-FRAME-STREAM-INF"):
        yield from _attributes(master, tag.line, tag.value, REQUIRED_OF_IFRAMES | {"URI": "RFC8216-4.3.4.3"})
    if master.entries and not master.all("EXT-X-I-FRAME-STREAM-INF"):
        yield Violation("Apple-6", master.name, "There is no I-frame playlist for scrubbing.")
    if not master.all("EXT-X-INDEPENDENT-SEGMENTS"):
        yield Violation("Apple-9", master.name, "EXT-X-INDEPENDENT-SEGMENTS is missing.")


def _attributes(master: Playlist, line: int, value: str, required: dict[str, str]) -> Iterator[Violation]:
    try:
        found = attributes(value)
    except ValueError as error:
        yield Violation("RFC8216-4.2", at(master, line), f"{error}.")
        return
    for name, rule in required.items():
        if name not in found:
            yield Violation(rule, at(master, line), f"{name} is missing.")
    for name in ("BANDWIDTH", "AVERAGE-BANDWIDTH"):
        if integer(found.get(name, "0")) is None:
            yield Violation("RFC8216-4.2", at(master, line), f"{name} is no decimal integer.")
    rate = decimal(found.get("FRAME-RATE", "0"))
    if rate is None:
        yield Violation("RFC8216-4.2", at(master, line), "FRAME-RATE is no decimal number.")
    elif rate > MAX_FRAME_RATE:
        yield Violation("Apple-1", at(master, line), "There are more than 60 frames a second.")


def media(playlist: Playlist, *, is_iframes: bool) -> Iterator[Violation]:
    if any(entry.tag("EXT-X-STREAM-INF") for entry in playlist.entries):
        sentence = "A multivariant playlist can name media playlists only, and this is another multivariant one."
        yield Violation("RFC8216-4.3.4.2", playlist.name, sentence)
        return
    target_s = playlist.number("EXT-X-TARGETDURATION")
    if target_s is None:
        yield Violation("RFC8216-4.3.3.1", playlist.name, "EXT-X-TARGETDURATION is missing, or no integer.")
    if not playlist.entries:
        yield Violation("RFC8216-4.3.2", playlist.name, "It has no segment.")
    for entry in playlist.entries:
        yield from _entry(playlist, entry, target_s)
        if is_iframes and byte_range(entry.tag("EXT-X-BYTERANGE")) is None:
            yield Violation("RFC8216-4.3.2.2", at(playlist, entry), "An I-frame without its byte range.")
    if is_iframes and not playlist.all("EXT-X-I-FRAMES-ONLY"):
        yield Violation("RFC8216-4.3.4.3", playlist.name, "An I-frame stream without EXT-X-I-FRAMES-ONLY.")
    kind = playlist.first("EXT-X-PLAYLIST-TYPE")
    is_ended = bool(playlist.all("EXT-X-ENDLIST"))
    if kind and kind.value not in ("VOD", "EVENT"):
        yield Violation("RFC8216-4.3.3.5", at(playlist, kind.line), "EXT-X-PLAYLIST-TYPE is neither VOD nor EVENT.")
    if kind and kind.value == "VOD" and not is_ended:
        yield Violation("RFC8216-6.2.1", playlist.name, "A VOD playlist can't change, so it has an EXT-X-ENDLIST.")


def _entry(playlist: Playlist, entry: Entry, target_s: int | None) -> Iterator[Violation]:
    duration_s = entry.duration_s
    if duration_s is None:
        yield Violation("RFC8216-4.3.2.1", at(playlist, entry), "A segment without EXTINF.")
    elif target_s is not None and floor(duration_s + 0.5) > target_s:
        yield Violation("RFC8216-4.3.3.1", at(playlist, entry), f"{duration_s} s is above the target duration.")
    elif target_s is not None and duration_s > target_s + LONGER_THAN_TARGET_S:
        yield Violation("Apple-7", at(playlist, entry), f"{duration_s} s is far above the target duration.")


def alike(presentation: Presentation) -> Iterator[Violation]:
    """What all variants and renditions have in common (RFC 8216 6.2.4)."""
    if not presentation.variants:
        return
    first = presentation.variants[0].playlist
    durations = [entry.duration_s for entry in first.entries]
    for stream in presentation.variants[1:]:
        playlist = stream.playlist
        if [entry.duration_s for entry in playlist.entries] != durations:
            yield Violation("RFC8216-6.2.4", playlist.name, "Its segments are cut elsewhere than the first variant's.")
    for stream in [*presentation.variants[1:], *presentation.iframes, *presentation.sounds]:
        yield from _alike(stream.playlist, first, has_own_target=False)
    for stream in presentation.texts:
        yield from _alike(stream.playlist, first, has_own_target=_playlist_type(stream.playlist) == "VOD")


def _alike(playlist: Playlist, first: Playlist, *, has_own_target: bool) -> Iterator[Violation]:
    if not has_own_target and playlist.number("EXT-X-TARGETDURATION") != first.number("EXT-X-TARGETDURATION"):
        yield Violation("RFC8216-6.2.4", playlist.name, "Its target duration is another than the first variant's.")
    if bool(playlist.all("EXT-X-ENDLIST")) != bool(first.all("EXT-X-ENDLIST")):
        yield Violation("RFC8216-6.2.4", playlist.name, "It has ended and the first variant hasn't, or vice versa.")
    if _playlist_type(playlist) != _playlist_type(first):
        yield Violation("RFC8216-6.2.4", playlist.name, "Its EXT-X-PLAYLIST-TYPE is another than the first variant's.")


def _playlist_type(playlist: Playlist) -> str | None:
    tag = playlist.first("EXT-X-PLAYLIST-TYPE")
    return tag.value if tag else None
