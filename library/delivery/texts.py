"""Text tracks as players fetch them: a playlist, segments cut where the pictures are cut, and the whole text.

They are made of rows when they are asked for: a version's files never change, but its tracks do. What is asked for is
the video's and its viewers', as for any file of it (library.delivery.places).
"""

from fractions import Fraction
from functools import lru_cache

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from hls.core import names
from hls.core.subtitles.chapters import in_turn
from hls.core.subtitles.writing import parse, webvtt
from hls.models import Transcode
from hls.published import PublishedVersion, current
from hls.store.interface import Place
from hls.tracks import playlists
from hls.tracks.models import SHOWN_AS_TEXT, TrackKind
from hls.tracks.shown import ShownTrack, shown
from hls.tracks.texts import CuedText, text_of
from library.delivery import files, places
from library.delivery.made import made
from library.delivery.places import Version
from library.errors import NotFound
from library.listing import newest_length_s
from library.visibility import Sight

WEBVTT_TYPE = "text/vtt; charset=utf-8"


def tracks_of(version: Version) -> tuple[ShownTrack, ...]:
    """The tracks that viewers get with this version."""
    return shown(version.transcode_id, version.source, sounds=version.sounds)


def tracks_in(playing: Version, name: str, resolution: str | None) -> tuple[ShownTrack, ...]:
    """The tracks that a playlist of this version has to name: none where it names segments."""
    names_others = playlists.is_multivariant(name, resolution, sounds=playing.sounds)
    return tracks_of(playing) if names_others else ()


def with_tracks(playing: Version, found: str | Place, tracks: tuple[ShownTrack, ...], resolution: str | None) -> str:
    """A playlist of this version with the tracks that it has to name; `found` is what `playing.playlist` gave.

    Raises NotFound where the file is gone.
    """
    content = read(found) if isinstance(found, Place) else found
    return playlists.multivariant(content, tracks, playing.version, folder="../" if resolution else "")


def playlist(playing: Version, track_id: int, revision: int | None) -> str:
    """A track's media playlist for this version. Raises NotFound."""
    text = shown_text(playing, track_id, revision)
    return playlists.media(pictures(playing), playing.version, text.revision)


def segment(
    request: HttpRequest,
    video_id: int,
    track_id: int,
    name: str,
    *,
    version: int | None,
    revision: int | None,
    sight: Sight,
) -> HttpResponseBase:
    playing = places.for_playlist(video_id, version, sight)
    text = shown_text(playing, track_id, revision)
    response = made(request, part(playing, text, name), content_type=WEBVTT_TYPE)
    if revision not in (None, text.revision):
        response["Cache-Control"] = files.NEVER  # the edge must not keep it for those who ask for that revision later
    return response


def part(playing: Version, text: CuedText, name: str) -> str:
    """What is said during one of the version's segments. Raises NotFound."""
    cuts, number = cuts_of(playing), names.text_segment_number(name)
    if number is None or number + 1 >= len(cuts):
        raise NotFound
    return text.index.segment(cuts[number], cuts[number + 1])


def whole(
    request: HttpRequest, video_id: int, track_id: int, *, revision: int | None, sight: Sight
) -> HttpResponseBase:
    """The whole text, of chapters too, which come in turn."""
    transcode = places.video_of(video_id, sight).transcode
    text = text_of(transcode.pk, track_id, revision)
    if text is None:
        raise NotFound
    is_of_chapters = text.kind == TrackKind.CHAPTERS
    told = webvtt(in_turn(parse(text.webvtt), length_s(transcode))) if is_of_chapters else text.webvtt
    return made(request, told, content_type=WEBVTT_TYPE)


def length_s(transcode: Transcode) -> float | None:
    """Of what is served, or else of the file that is read already."""
    version = current(transcode)
    return version.duration_s if version else newest_length_s(transcode)


def chapters(request: HttpRequest, video_id: int, *, sight: Sight) -> HttpResponseBase:
    playing = places.for_playlist(video_id, None, sight)
    found = chapters_in(tracks_of(playing))
    if found is None:
        raise NotFound
    return whole(request, video_id, found.id, revision=found.revision, sight=sight)


def chapters_in(tracks: tuple[ShownTrack, ...]) -> ShownTrack | None:
    """The chapters that a video is shown with: the default ones, or else the newest."""
    found = [track for track in tracks if track.kind == TrackKind.CHAPTERS]
    return max(found, key=lambda track: (track.is_default, track.id), default=None)


def shown_text(playing: Version, track_id: int, revision: int | None) -> CuedText:
    """The text of subtitles or captions. Raises NotFound."""
    text = text_of(playing.transcode_id, track_id, revision)
    if text is None or text.kind not in SHOWN_AS_TEXT:
        raise NotFound
    return text


def pictures(playing: Version) -> str:
    """The media playlist of a version's smallest pictures. Raises NotFound where the file is gone."""
    name = names.PICTURES if playing.sounds else names.INDEX
    found = playing.playlist(name, playing.renditions[0].name)
    if found is None:
        raise NotFound
    return read(found) if isinstance(found, Place) else found


def read(place: Place) -> str:
    """A published playlist. Raises NotFound."""
    try:
        return place.read().decode()
    except FileNotFoundError:
        raise NotFound from None


def cuts_of(playing: Version) -> tuple[Fraction, ...]:
    """Where the version's segments begin, and where the last one ends, in seconds. Raises NotFound."""
    if isinstance(playing, PublishedVersion):
        return published_cuts(playing)
    return playlists.cuts(pictures(playing))


@lru_cache(maxsize=256)
def published_cuts(version: PublishedVersion) -> tuple[Fraction, ...]:
    return playlists.cuts(pictures(version))
