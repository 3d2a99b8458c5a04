"""What the edge asks before it sends a video's files itself (deploy/nginx.conf.template).

1. `GET /api/playback/check`: whether this viewer may have them, and where they are. It keeps the answer for a minute.
2. `GET /api/playback/address`: where a file of a bucket can be read for a moment, if it has none of its own.

Nothing is decided here: accounts.auth says who may watch, and library.delivery where the files are, as they do for the
files' own addresses.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router
from ninja.errors import AuthenticationError, AuthorizationError

from accounts.auth import Viewer, who_watches
from hls.core import names
from hls.published import current, retired
from hls.store.interface import Place
from library.delivery import places
from library.errors import NotFound
from library.models import Video
from library.parameters import Version
from library.visibility import sight_of

CHECK, ADDRESS = "/playback/check", "/playback/address"
PATH, ADDRESS_PATH = f"/api{CHECK}", f"/api{ADDRESS}"
IN_BUCKET = "bucket/"  # before the path of a file that is in no folder of DATA_DIR
FOLDER, BEST, POSTER = "X-Video-Folder", "X-Video-Best", "X-Video-Poster"
READ = {name.lower() for name in (FOLDER, BEST, POSTER, "Access-Control-Allow-Origin", "Cache-Control")}

SIGNED_S = 300  # the edge keeps an address for at most 30 s; the rest is for clocks that differ
SIGNED = "X-Video-Address"  # a balancer between the edge and Django would follow an X-Accel-Redirect itself

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


@router.get(ADDRESS, include_in_schema=False)
def address(request: Question, video: VideoNumber, file: str) -> HttpResponse:
    """204 with a signed address of the bucket, for the edge alone: no viewer ever gets one.

    `file` is as the check has told it. Where there is nothing to sign it is 403, and the edge asks for the file itself:
    after another status nginx would close the viewer's connection.
    """
    viewer = who_watches(request, video, fresh=True)
    if viewer is None:
        raise AuthenticationError
    request.auth, request.video_id = viewer, video
    signed = signed_address(video, file, viewer) if is_from_edge(request) else None
    if signed is None:
        raise AuthorizationError
    response = HttpResponse(status=204, headers={"Cache-Control": "no-store", SIGNED: signed})
    del response["Content-Type"]
    return response


def signed_address(video_id: int, file: str, viewer: Viewer) -> str | None:
    try:
        place = place_told(places.video_of(video_id, sight_of(is_staff=viewer.is_staff)), file)
    except NotFound:
        return None
    return place.store.signed_address(place.key, lifetime_s=SIGNED_S)


def is_from_edge(request: HttpRequest) -> bool:
    """Whether a proxy of ours asks by itself. A client's request has passed all of them, and each has added to this."""
    seen = [part for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return len(seen) < settings.TRUSTED_PROXIES


def place_told(video: Video, path: str) -> Place:
    """The video's file that the check tells so. Raises NotFound."""
    found: list[Place | None] = []
    with suppress(NotFound):
        found.append(places.poster(video))
    for version in (current(video.transcode), retired(video.transcode)):
        if version and path.startswith(folder := f"{path_of(version.place)}/"):
            found.append(version.file(path.removeprefix(folder)))
    for place in found:
        if place is not None and path_of(place) == path:
            return place
    raise NotFound


def told(video_id: int, version: int | None, viewer: Viewer) -> dict[str, str]:
    """The headers of a yes: where the files are, as paths relative to DATA_DIR or in the bucket.

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
        return {POSTER: path_of(places.poster(video))}
    except NotFound:
        return {}


def files(video: Video, version: int) -> dict[str, str]:
    try:
        published = places.published_in(video.transcode, version)
    except NotFound:
        return {}
    return {FOLDER: path_of(published.place), BEST: published.folder(names.RENDITIONS[-1])}


def path_of(place: Place) -> str:
    """A store on the disk is the folder of its name in DATA_DIR (project/settings.py)."""
    path = f"{place.store.name}/{place.key}"
    return path if place.has_on_disk() else f"{IN_BUCKET}{path}"


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
