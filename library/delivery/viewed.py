"""A published version as viewers get it, by the names in its playlists: what the checker behind check_hls reads."""

from collections.abc import Callable
from posixpath import normpath
from urllib.parse import parse_qs, urlsplit

from hls.core import names
from hls.published import PublishedVersion
from library.delivery import texts
from library.errors import NotFound


def viewed(version: PublishedVersion) -> Callable[[str], bytes]:
    """Gives a file by its path from the multivariant playlist's folder, with the tracks as they are now.

    It raises FileNotFoundError for what viewers wouldn't get.
    """

    def fetch(name: str) -> bytes:
        try:
            return _body(version, name)
        except NotFound:
            raise FileNotFoundError(f"no such file: {name}") from None

    return fetch


def _body(version: PublishedVersion, name: str) -> bytes:
    """Raises NotFound, OSError."""
    address = urlsplit(name)
    folder, _, file = normpath(address.path).rpartition("/")
    kind, _, track = folder.partition("/")
    if kind == names.TRACKS and track.isdecimal():
        return _of_text(version, int(track), file, _revision(address.query)).encode()
    resolution = folder or None
    found = version.playlist(file, resolution)
    if found is not None:
        return texts.with_tracks(version, found, texts.tracks_in(version, file, resolution), resolution).encode()
    place = version.segment(folder, file)
    if place is None:
        raise NotFound
    return place.read()


def _of_text(version: PublishedVersion, track_id: int, file: str, revision: int | None) -> str:
    if file == names.INDEX:
        return texts.playlist(version, track_id, revision)
    return texts.part(version, texts.shown_text(version, track_id, revision), file)


def _revision(query: str) -> int | None:
    told = parse_qs(query).get("r", [""])[0]
    return int(told) if told.isdecimal() else None
