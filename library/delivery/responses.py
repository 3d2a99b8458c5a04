"""What players fetch, as Django's responses. Playlists are looked up afresh: a replaced video is seen at once."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, cast

from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag

from hls.core import names
from hls.core.plan import Plan
from hls.models import Transcode
from hls.partial import Growing
from hls.published import current
from hls.versions import one_folder_up
from library.delivery import files, places
from library.errors import NotFound
from library.models import Video

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
STORYBOARD_TYPE = "text/vtt; charset=utf-8"
SEGMENT_TYPE = "video/MP2T"
PICTURE_TYPE = "image/jpeg"
NEVER = "no-store"


class Bytes(FileResponse):
    """A file whose headers are known; Django would guess them from its name."""

    block_size = 65_536

    def set_headers(self, filelike: BinaryIO) -> None:
        """Leave the headers as they were given."""


def master(request: HttpRequest, video_id: int, *, version: int | None, may_preview: bool) -> HttpResponseBase:
    transcode = places.transcode_of(video_id)
    if transcode.served is None:
        return growing_text(request, transcode, may_preview, lambda growing: growing.multivariant())
    place = places.keep(video_id, version, places.edition_of(transcode, version))
    return text(request, f"{place.folder}/{names.MASTER}")


def media(
    request: HttpRequest, video_id: int, resolution: str, name: str, *, version: int | None, may_preview: bool
) -> HttpResponseBase:
    """`index.m3u8` or `iframes.m3u8` of a resolution; one above the source plays the best real rendition."""
    if not names.is_rendition_name(resolution):
        raise NotFound
    transcode = places.transcode_of(video_id)
    if transcode.served is None:
        return growing_text(request, transcode, may_preview, lambda growing: growing.media(resolution, name))
    place = places.keep(video_id, version, places.edition_of(transcode, version))
    return text(request, place.media(resolution, name))


def storyboard(request: HttpRequest, video_id: int, *, version: int | None) -> HttpResponseBase:
    place = places.place_of(video_id, version)
    return text(request, f"{place.folder}/{names.STORYBOARD}", content_type=STORYBOARD_TYPE)


def sheet(request: HttpRequest, video_id: int, name: str, *, version: int | None) -> HttpResponseBase:
    version = version or places.FIRST
    place = places.remembered(video_id, version) or places.place_of(video_id, version)
    return file(request, place.sheet(name), content_type=PICTURE_TYPE)


def segment(
    request: HttpRequest, video_id: int, resolution: str, name: str, *, version: int | None, may_preview: bool
) -> HttpResponseBase:
    path = places.segment_path(video_id, resolution, name, version=version, may_preview=may_preview)
    return file(request, path, content_type=SEGMENT_TYPE)


def poster(request: HttpRequest, video_id: int) -> HttpResponseBase:
    return file(request, poster_path(places.video_of(video_id)), content_type=PICTURE_TYPE)


def video_of(video_id: int) -> Video:
    """Raises NotFound."""
    found = Video.objects.select_related("transcode").filter(pk=video_id).first()
    if found is None:
        raise NotFound
    return found


def poster_path(video: Video) -> Path:
    """The uploaded thumbnail, else the picture made from the video. Raises NotFound."""
    if video.thumbnail:
        return Path(video.thumbnail.path)
    edition = current(video.transcode)
    if edition is None or not edition.served.has_poster:
        raise NotFound
    return edition.folder / names.POSTER


def playable_length(video_id: int, *, may_preview: bool) -> timedelta:
    """How long the video is, served or still being made. Raises NotFound for whom there is nothing to play yet."""
    transcode = places.transcode_of(video_id)
    edition = current(transcode)
    if edition is not None:
        return timedelta(seconds=edition.served.duration_s)
    if not may_preview or transcode.playable_at is None or not transcode.plan:
        raise NotFound
    return timedelta(seconds=float(Plan.from_json(transcode.plan).timeline.duration_s))


def growing_text(
    request: HttpRequest, transcode: Transcode, may_preview: bool, write: Callable[[Growing], str | None]
) -> HttpResponseBase:
    """A playlist of a video that is still being made; only for those who may see it, and never stored."""
    growing = Growing.of(transcode) if may_preview else None
    found = write(growing) if growing else None
    if found is None:
        raise NotFound
    found = one_folder_up(found) if is_folder(request) else found
    return HttpResponse(found, content_type=PLAYLIST_TYPE, headers={"Cache-Control": NEVER})


def text(request: HttpRequest, path: str, *, content_type: str = PLAYLIST_TYPE) -> HttpResponseBase:
    if is_folder(request):
        return moved_text(request, path, content_type=content_type)
    response = respond(text_answer(request.META, path, content_type=content_type))
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def is_folder(request: HttpRequest) -> bool:
    """Whether the address ends with a slash, so that what it leads to names others from one folder further down."""
    return request.path_info.endswith("/")


def moved_text(request: HttpRequest, path: str, *, content_type: str) -> HttpResponseBase:
    """As `text`, for an address with a slash behind it. Few ask for that: it is written anew, uncompressed."""
    try:
        content = one_folder_up(Path(path).read_text()).encode()
    except FileNotFoundError:
        raise NotFound from None
    etag = quote_etag(hashlib.sha256(content).hexdigest()[:32])
    headers = {"Cache-Control": files.BRIEFLY, "ETag": etag}
    response = HttpResponse(content, content_type=content_type, headers=headers)
    return cast(HttpResponse, get_conditional_response(request, etag=etag, response=response))


def text_answer(meta: Mapping[str, str], path: str, *, content_type: str) -> files.Answer:
    """A playlist or WebVTT of a served version; its gzip was made with it. Raises NotFound."""
    is_gzip = files.accepts_gzip(meta.get("HTTP_ACCEPT_ENCODING", ""))
    path = f"{path}.gz" if is_gzip else path
    return files.answer(meta, path, content_type=content_type, cache=files.BRIEFLY, is_gzip=is_gzip)


def file(request: HttpRequest, path: str | Path, *, content_type: str) -> HttpResponseBase:
    return respond(files.answer(request.META, path, content_type=content_type))


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
