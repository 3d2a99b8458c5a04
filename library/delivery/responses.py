"""What players fetch, as Django's responses. A replaced video is seen within seconds (library.delivery.places)."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from hls.core.plan import Plan
from hls.published import PublishedVersion, current
from hls.store.interface import Place
from hls.tracks.playlists import is_multivariant
from hls.versions import beginning_with, one_folder_up
from library.delivery import files, places, texts
from library.delivery.made import made
from library.delivery.places import Version
from library.errors import NotFound
from library.models import Video
from library.visibility import PUBLIC, Sight, visible

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
STORYBOARD_TYPE = "text/vtt; charset=utf-8"
SEGMENT_TYPE = "video/MP2T"
PICTURE_TYPE = "image/jpeg"


class Bytes(FileResponse):
    """A file whose headers are known; Django would guess them from its name."""

    block_size = 65_536

    def set_headers(self, filelike: BinaryIO) -> None:
        """Leave the headers as they were given."""


def playlist(
    request: HttpRequest,
    video_id: int,
    name: str,
    resolution: str | None = None,
    *,
    version: int | None,
    sight: Sight,
    session: str,
) -> HttpResponseBase:
    """`master.m3u8`, or a playlist of a resolution or of a sound; above the source it is the best there is."""
    playing = places.for_playlist(video_id, version, sight)
    found = playing.playlist(name, resolution)
    if found is None:
        raise NotFound
    if isinstance(found, Place) and (address := cdn_folder(playing, found, name, resolution, session)):
        return made(request, beginning_with(texts.read(found), address), content_type=PLAYLIST_TYPE)
    tracks = texts.tracks_in(playing, name, resolution)
    if isinstance(found, Place) and not tracks:
        return text(request, found)
    return playlist_text(request, texts.with_tracks(playing, found, tracks, resolution), playing)


def cdn_folder(playing: Version, found: Place, name: str, resolution: str | None, session: str) -> str | None:
    """Where a CDN has the segments that this playlist names; None where they come from the API."""
    if settings.CDN is None or is_multivariant(name, resolution, sounds=playing.sounds):
        return None
    version = playing.place.store.object_name(playing.place.key)
    if version is None:
        return None
    folder: str = settings.CDN.folder(f"{version}/", session=session, now_s=time.time())
    return f"{folder}{found.key.removeprefix(playing.place.key).rpartition('/')[0].removeprefix('/')}/"


def text_playlist(
    request: HttpRequest, video_id: int, track_id: int, *, version: int | None, revision: int | None, sight: Sight
) -> HttpResponseBase:
    """The media playlist of subtitles or captions."""
    playing = places.for_playlist(video_id, version, sight)
    return playlist_text(request, texts.playlist(playing, track_id, revision), playing)


def playlist_text(request: HttpRequest, content: str, playing: Version) -> HttpResponseBase:
    """A playlist that was made for this request. That of a version still being made is never stored: it changes."""
    content = one_folder_up(content) if is_folder(request) else content
    cache = files.BRIEFLY if isinstance(playing, PublishedVersion) else files.NEVER
    return made(request, content, content_type=PLAYLIST_TYPE, cache=cache)


def storyboard(request: HttpRequest, video_id: int, *, version: int | None, sight: Sight) -> HttpResponseBase:
    playing = places.published(video_id, version, sight)
    return text(request, playing.storyboard(), content_type=STORYBOARD_TYPE)


def sheet(request: HttpRequest, video_id: int, name: str, *, version: int | None, sight: Sight) -> HttpResponseBase:
    return file(request, places.sheet(video_id, name, version, sight), content_type=PICTURE_TYPE)


def segment(
    request: HttpRequest, video_id: int, resolution: str, name: str, *, version: int | None, sight: Sight
) -> HttpResponseBase:
    return file(request, places.segment(video_id, resolution, name, version, sight), content_type=SEGMENT_TYPE)


def poster(request: HttpRequest, video_id: int, *, picture: str, sight: Sight) -> HttpResponseBase:
    """An address that doesn't name the picture is the same for each that the video ever has, and is kept briefly."""
    place = places.poster(places.video_of(video_id, sight))
    return file(request, place, content_type=PICTURE_TYPE, cache=files.FOREVER if picture else files.BRIEFLY)


def video_of(video_id: int, sight: Sight = PUBLIC) -> Video:
    """Raises NotFound; also for a draft, unless the caller sees drafts."""
    found = Video.objects.select_related("transcode").filter(visible(sight), pk=video_id).first()
    if found is None:
        raise NotFound
    return found


def playable_length(video_id: int, sight: Sight) -> timedelta:
    """How long the video is, served or still being made. Raises NotFound where the caller has nothing to play yet."""
    transcode = video_of(video_id, sight).transcode
    version = current(transcode)
    if version is not None:
        return timedelta(seconds=version.duration_s)
    made_by = transcode.plan or transcode.opening
    if not sight.may_preview or transcode.playable_at is None or not made_by:
        raise NotFound
    return timedelta(seconds=float(Plan.from_json(made_by).timeline.duration_s))


def text(request: HttpRequest, place: Place, *, content_type: str = PLAYLIST_TYPE) -> HttpResponseBase:
    if is_folder(request):
        return made(request, one_folder_up(texts.read(place)), content_type=content_type)
    response = respond(text_answer(request.META, place, content_type=content_type))
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def is_folder(request: HttpRequest) -> bool:
    """Whether the address ends with a slash: what it leads to then names others from one folder further down."""
    return request.path_info.endswith("/")


def text_answer(meta: Mapping[str, str], place: Place, *, content_type: str) -> files.Answer:
    """A playlist or WebVTT of a served version; its gzip was made with it. Raises NotFound."""
    is_gzip = files.accepts_gzip(meta.get("HTTP_ACCEPT_ENCODING", ""))
    place = place.with_ending(".gz") if is_gzip else place
    return files.answer(meta, place, content_type=content_type, cache=files.BRIEFLY, is_gzip=is_gzip)


def file(request: HttpRequest, place: Place, *, content_type: str, cache: str = files.FOREVER) -> HttpResponseBase:
    return respond(files.answer(request.META, place, content_type=content_type, cache=cache))


def respond(found: files.Answer) -> HttpResponseBase:
    if isinstance(found.body, bytes):
        response = HttpResponse(found.body, status=found.status, headers=found.headers)
        if found.status == 304:
            del response["Content-Type"]
        return response
    give_connection_back()
    return Bytes(found.body, status=found.status, headers=found.headers)


def give_connection_back() -> None:
    """A slow client must not keep a database connection from the pool for as long as it reads."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
