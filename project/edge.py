"""`GET /api/playback/check`: what the edge asks before it sends a video's files itself (deploy/nginx.conf.template).

Nothing is decided here: accounts.auth says who may watch, and library.delivery where the files are, as they do for the
files' own addresses.
"""

from collections.abc import Callable
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router
from ninja.errors import AuthenticationError

from accounts.auth import Viewer, who_watches
from hls.core import names
from hls.store.interface import Place
from library.api import Version
from library.delivery import places
from library.errors import NotFound
from library.models import Video
from library.visibility import sight_of

CHECK = "/playback/check"
PATH = f"/api{CHECK}"
FOLDER, BEST, POSTER = "X-Video-Folder", "X-Video-Best", "X-Video-Poster"
READ = {name.lower() for name in (FOLDER, BEST, POSTER, "Access-Control-Allow-Origin", "Cache-Control")}

router = Router(auth=None, tags=["Playback"])


class Question(HttpRequest):
    """The edge's request. What is set on it is for the log: the viewer and the video."""

    auth: Viewer
    video_id: int


VideoNumber = Annotated[int, Query(ge=1, le=2**63 - 1)]


@router.get(CHECK, include_in_schema=False)
def check(request: Question, video: VideoNumber, version: Version = None) -> HttpResponse:
    """204 or 401, for the edge alone. It keeps a 204 for nearly a minute, so here the database is asked each time."""
    viewer = who_watches(request, video, fresh=True)
    if viewer is None:
        raise AuthenticationError
    request.auth, request.video_id = viewer, video
    response = HttpResponse(status=204, headers=told(video, version, viewer))
    del response["Content-Type"]
    return response


def told(video_id: int, version: int | None, viewer: Viewer) -> dict[str, str]:
    """The headers of a yes: where the files are, as paths relative to DATA_DIR.

    Files that don't exist, and drafts for viewers, are left out: the edge asks for the file then, and gets the 404.
    """
    headers = {"Cache-Control": "no-store"}
    try:
        video = places.video_of(video_id, sight_of(is_staff=viewer.is_staff))
    except NotFound:
        return headers
    return headers | poster(video) | files(video, version or places.FIRST)


def poster(video: Video) -> dict[str, str]:
    try:
        return headers_of(POSTER, places.poster(video))
    except NotFound:
        return {}


def files(video: Video, version: int) -> dict[str, str]:
    try:
        published = places.published_in(video.transcode, version)
    except NotFound:
        return {}
    folder = headers_of(FOLDER, published.place)
    return folder and folder | {BEST: published.rendition(names.RENDITIONS[-1]).name}


def headers_of(name: str, place: Place) -> dict[str, str]:
    """A store on the disk is the folder of its name in DATA_DIR (project/settings.py).

    Nothing for one that is elsewhere: the edge asks for the file then, and Django sends it.
    """
    return {name: f"{place.store.name}/{place.key}"} if place.has_on_disk() else {}


def nothing_else(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: remove from a yes all headers that the edge doesn't use: it reads all of them for each segment.

    `Access-Control-Allow-Origin: *`, which playback addresses get, goes too: the edge adds it to the files itself.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code == 204 and request.path_info == PATH:
            for name, value in list(response.headers.items()):
                if name.lower() not in READ or value == "*":
                    del response.headers[name]
        return response

    return middleware
