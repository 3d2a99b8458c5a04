"""`GET /api/playback/check`: what the edge asks before it sends a video's files itself (deploy/nginx.conf.template)."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router
from ninja.errors import AuthenticationError

from accounts import cookies
from accounts.addresses import token_in
from accounts.playback import Viewer, viewer_by_address, viewer_by_playback
from hls.core import names
from library.api import Version
from library.delivery import places, responses
from library.errors import NotFound
from library.models import Video

CHECK = "/playback/check"
PATH, ROUTE = f"/api{CHECK}", f"api{CHECK}"
QUESTION = re.compile(r"video=([1-9]\d{0,17})(?:&v=([1-9]\d{0,8}))?", re.ASCII)  # as the edge puts it
FOLDER, BEST, POSTER = "X-Video-Folder", "X-Video-Best", "X-Video-Poster"
READ = {name.lower() for name in (FOLDER, BEST, POSTER, "Access-Control-Allow-Origin", "Cache-Control")}

router = Router(auth=None, tags=["Playback"])

VideoNumber = Annotated[int, Query(ge=1, le=2**63 - 1)]


@router.get(CHECK, include_in_schema=False)
def check(request: HttpRequest, video: VideoNumber, version: Version = None) -> HttpResponse:
    """204 or 401, for the proxy alone, which keeps a 204 for less than a minute."""
    viewer = leave(request.COOKIES.get(cookies.PLAYBACK, ""), video, address=token_in(request.META))
    if viewer is None:
        raise AuthenticationError
    response = HttpResponse(status=204, headers=told(video, version))
    del response["Content-Type"]
    return response


def leave(cookie: str, video_id: int, *, address: str) -> Viewer | None:
    """Who holds leave to play this video. The database is asked each time: the proxy remembers enough as it is."""
    return (
        viewer_by_address(address, video_id, fresh=True)
        if address
        else viewer_by_playback(cookie, video_id, fresh=True)
    )


def told(video_id: int, version: int | None) -> dict[str, str]:
    """What a yes says, in headers: where the files are, as paths relative to DATA_DIR.

    Nothing of what isn't there: the proxy then asks for the file itself, and is told.
    """
    headers = {"Cache-Control": "no-store"}
    try:
        video = places.video_of(video_id)
    except NotFound:
        return headers
    return headers | poster(video) | files(video, version or places.FIRST)


def poster(video: Video) -> dict[str, str]:
    try:
        return {POSTER: relative(responses.poster_path(video))}
    except NotFound:
        return {}


def files(video: Video, version: int) -> dict[str, str]:
    try:
        place = places.place_in(places.edition_of(video.transcode, version))
    except NotFound:
        return {}
    return {FOLDER: relative(place.folder), BEST: place.real_names[names.RENDITIONS[-1]]}


def relative(path: str | Path) -> str:
    return str(path).removeprefix(f"{settings.DATA_DIR}/")


def nothing_else(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a yes has no header that the edge doesn't read, because it reads them all again for each segment."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code == 204 and request.path_info == PATH:
            for name in [name for name in response.headers if name.lower() not in READ]:
                del response.headers[name]
        return response

    return middleware
