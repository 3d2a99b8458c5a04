"""`GET /api/playback/check`: what the edge asks before it sends a film's files itself (deploy/nginx.conf.template)."""

from pathlib import Path
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.errors import AuthenticationError

from accounts import cookies
from accounts.playback import may_play
from library import delivery, places
from library.api import Version
from library.errors import NotFound
from library.models import Video

router = Router(auth=None, tags=["Playback"])

Film = Annotated[int, Query(ge=1, le=2**63 - 1)]


@router.get("/playback/check", include_in_schema=False)
def check(request: HttpRequest, film: Film, version: Version = None) -> HttpResponse:
    """204 or 401, for the proxy alone, which keeps a 204 for less than a minute. Headers say where the files are.

    The database is asked each time, so that the proxy's memory is the only one between a logout and its effect.
    """
    if not may_play(request.COOKIES.get(cookies.PLAYBACK, ""), film, fresh=True):
        raise AuthenticationError
    response = HttpResponse(status=204, headers={"Cache-Control": "no-store", **whereabouts(film, version)})
    del response["Content-Type"]
    return response


def whereabouts(film: int, version: int | None) -> dict[str, str]:
    """Paths relative to DATA_DIR. Nothing of what isn't there: the proxy then asks for the file itself, and is told."""
    try:
        video = delivery.video_of(film)
    except NotFound:
        return {}
    return poster(video) | files(video, version or places.FIRST)


def poster(video: Video) -> dict[str, str]:
    try:
        return {"X-Film-Poster": relative(delivery.poster_path(video))}
    except NotFound:
        return {}


def files(video: Video, version: int) -> dict[str, str]:
    try:
        place = places.place_in(places.edition_of(video.transcode, version))
    except NotFound:
        return {}
    real = {f"X-Film-{name}": real for name, real in place.real_names.items()}
    return {"X-Film-Folder": relative(place.folder), **real}


def relative(path: Path) -> str:
    return str(path.relative_to(settings.DATA_DIR))
