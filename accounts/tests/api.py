"""A small API behind each of the gates, for tests: what the library's endpoints look like from accounts."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from ninja import NinjaAPI

from accounts import auth
from accounts.models import Scope
from project.api import known_or_unexpected

api = NinjaAPI(urls_namespace="gates", docs_url=None, openapi_url=None)
api.exception_handler(Exception)(known_or_unexpected)


def answer(request: HttpRequest) -> dict[str, Any]:
    viewer: auth.Viewer = request.auth  # type: ignore[attr-defined]
    return {"user": viewer.user_id, "staff": viewer.is_staff, "has_session": viewer.session_id is not None}


@api.api_operation(["GET", "POST"], "viewer/", auth=auth.viewer)
def for_viewers(request: HttpRequest) -> dict[str, Any]:
    return answer(request)


@api.api_operation(["GET", "POST"], "reader/", auth=auth.reader)
def for_readers(request: HttpRequest) -> dict[str, Any]:
    return answer(request)


@api.api_operation(["GET", "POST"], "staff/", auth=auth.staff)
def for_staff(request: HttpRequest) -> dict[str, Any]:
    return answer(request)


@api.api_operation(["GET", "POST"], "read/", auth=auth.reader.for_keys(Scope.VIDEOS_READ))
def for_reading_keys(request: HttpRequest) -> dict[str, Any]:
    return answer(request)


@api.get("write-or-tracks/", auth=auth.staff.for_keys(Scope.VIDEOS_WRITE, Scope.TRACKS_WRITE))
def for_several_keys(request: HttpRequest) -> dict[str, Any]:
    return answer(request)


@api.get("play/{int:video_id}/segment.ts", auth=auth.playback.for_keys(Scope.VIDEOS_READ))
def for_players_with_keys(request: HttpRequest, video_id: int, response: HttpResponse) -> str:
    request.auth.grant_playback(response, video_id=video_id)  # type: ignore[attr-defined]
    return "bytes"


@api.get("video/{int:video_id}/index.m3u8", auth=auth.playback)
def playlist(request: HttpRequest, video_id: int, response: HttpResponse) -> str:
    request.auth.grant_playback(response, video_id=video_id)  # type: ignore[attr-defined]
    return "#EXTM3U"


@api.api_operation(["GET", "HEAD", "POST"], "video/{int:video_id}/segment.ts", auth=auth.playback)
def segment(request: HttpRequest, video_id: int) -> str:
    return "staff" if request.auth.is_staff and request.auth.user_id else "bytes"  # type: ignore[attr-defined]


urlpatterns = [path("api/", include((api.urls[0], api.urls[1]), namespace=api.urls[2]))]
