"""What every request passes: an id for the log, and JSON instead of Django's HTML errors below /api/."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils.cache import patch_vary_headers

import video_paths
from accounts.auth import Viewer
from project import edge, hosts, logs
from project.health import metrics
from project.sentences import sentence_for

type Handler = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
OF_THE_BODY = frozenset(("content-type", "content-length", "content-encoding", "content-disposition", "etag"))
BODILESS = (204, 304)
CHALLENGE = 'Bearer realm="videoflix"'  # RFC 9110 15.5.2 wants one; browsers ask nobody for this kind


def identity_of(given: str) -> str:
    """The id that the proxy has given, where it is a sane one, or a new one: it opens nothing, so any will do."""
    return given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def request_id(get_response: Handler) -> Handler:
    """Give the request an id (the proxy's `X-Request-ID` where it sends a sane one), log its end, and time it."""

    log = logs.lean_logger("videoflix.web", level=settings.LOGGING["root"]["level"], as_json=not settings.DEBUG)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        identity = identity_of(request.META.get("HTTP_X_REQUEST_ID", ""))
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=identity):
            response = get_response(request)
        duration_s = time.perf_counter() - started
        metrics.observe(request, response, duration_s)
        level = logging.DEBUG if request.path in hosts.PROBES and response.status_code == 200 else logging.INFO
        with suppress(OSError):  # a full disk below the log is no reason to answer nothing
            log.log(
                level,
                "request",
                request_id=identity,
                method=request.method,
                path=request.path,
                status=response.status_code,
                duration_ms=round(1000 * duration_s, 1),
                **who_and_what(request),
            )
        response["X-Request-ID"] = identity
        return response

    return middleware


def who_and_what(request: HttpRequest) -> dict[str, int]:
    """The user's and the video's id where the request has shown them; nothing is asked of the database for it."""
    viewer = getattr(request, "auth", None)
    user = getattr(request, "_cached_user", None)
    user_id = viewer.user_id if isinstance(viewer, Viewer) else getattr(user, "pk", None)
    found = {"user_id": user_id} if user_id else {}
    in_path = request.resolver_match.kwargs.get("video_id") if request.resolver_match else None
    video = str(getattr(request, "video_id", in_path))
    return found | ({"video_id": int(video)} if video.isdecimal() else {})


def without_session(get_response: Handler) -> Handler:
    """Call the views of videos' files and of the edge's question from here, where no sign-in to the admin is sent.

    Sessions, CSRF, users and messages are the admin's; a player fetches files all the time and needs none of them.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD") or not is_about_files(request):
            return get_response(request)
        request.resolver_match = found = resolve(request.path_info)
        response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
        if response.status_code in (401, 403):  # another cookie might have opened it
            patch_vary_headers(response, ["Cookie"])
        return response

    return middleware


def is_about_files(request: HttpRequest) -> bool:
    is_here = request.path_info.startswith(video_paths.VIDEOS) or request.path_info == edge.PATH
    return is_here and settings.SESSION_COOKIE_NAME not in request.COOKIES


def exact_length(get_response: Handler) -> Handler:
    """Say how long every body is, so that none is sent in chunks; and send none to HEAD (RFC 9110 9.3.2)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponse) and response.status_code not in BODILESS:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            if request.method == "HEAD":
                response.content = b""
        return response

    return middleware


def json_errors(get_response: Handler) -> Handler:
    """Below /api/ every error is JSON, also where Django answers before or beside the API; 401 says who would pass."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code < 400 or not f"{request.path_info}/".startswith("/api/"):
            return response
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = CHALLENGE
        if response.get("Content-Type", "").startswith("application/json"):
            return response
        answer = JsonResponse({"detail": sentence_for(response.status_code)}, status=response.status_code)
        for name, value in response.items():
            if name.lower() not in OF_THE_BODY:
                answer[name] = value
        answer.cookies = response.cookies
        return answer

    return middleware
