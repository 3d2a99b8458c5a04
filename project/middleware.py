"""Middleware for every request: an id for the log, exact lengths, and JSON errors below /api/.

Requests for a video's files leave out what only the admin needs (`without_session`).
"""

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
SESSION_KEY = re.compile(r"[a-z0-9]{32}")  # as Django makes them
OF_THE_BODY = frozenset(("content-type", "content-length", "content-encoding", "content-disposition", "etag"))
BODILESS = (204, 304)
CHALLENGE = 'Bearer realm="videoflix"'  # RFC 9110 15.5.2 asks for one; browsers open no dialog for it


def identity_of(given: str) -> str:
    """The proxy's id if it is a sane one, else a new one. It opens nothing, so it need not be hard to guess."""
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
        with suppress(OSError):  # a full disk under the log must not cost the answer
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
    """The ids of the user or the API key, and of the video, as far as the request has shown them without a query."""
    viewer = getattr(request, "auth", None)
    user = getattr(request, "_cached_user", None)
    user_id = viewer.user_id if isinstance(viewer, Viewer) else getattr(user, "pk", None)
    found = {"user_id": user_id} if user_id else {}
    if isinstance(viewer, Viewer) and viewer.key_id:
        found["key_id"] = viewer.key_id
    in_path = request.resolver_match.kwargs.get("video_id") if request.resolver_match else None
    video = str(getattr(request, "video_id", in_path))
    return found | ({"video_id": int(video)} if video.isdecimal() else {})


def without_session(get_response: Handler) -> Handler:
    """Call the views of videos' files and of the edge's question from here, unless an admin's session cookie is sent.

    A player fetches files all the time. Sessions, CSRF, users and messages, which come after this, are for the admin.
    A cookie that is no session's key is as if absent: PostgreSQL can't even be asked for one with a null character.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not SESSION_KEY.fullmatch(request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        if request.method not in ("GET", "HEAD") or not is_about_files(request):
            return get_response(request)
        request.resolver_match = found = resolve(request.path_info)
        response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
        if response.status_code in (401, 403):  # with an admin's cookie it might be another answer
            patch_vary_headers(response, ["Cookie"])
        return response

    return middleware


def is_about_files(request: HttpRequest) -> bool:
    is_here = request.path_info.startswith(video_paths.VIDEOS) or request.path_info == edge.PATH
    return is_here and settings.SESSION_COOKIE_NAME not in request.COOKIES


def exact_length(get_response: Handler) -> Handler:
    """Give every answer its exact length, so that none is sent in chunks. HEAD gets no body (RFC 9110 9.3.2)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponse) and response.status_code not in BODILESS:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            if request.method == "HEAD":
                response.content = b""
        return response

    return middleware


def json_errors(get_response: Handler) -> Handler:
    """Make every error below /api/ JSON, also those of Django itself, and let no cache keep one: 404s are kept by some.

    A 401 names the scheme to use.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code < 400 or not f"{request.path_info}/".startswith("/api/"):
            return response
        response.headers.setdefault("Cache-Control", "no-store")
        if response.status_code == 401:
            response.headers.setdefault("WWW-Authenticate", CHALLENGE)
        if response.get("Content-Type", "").startswith("application/json"):
            return response
        answer = JsonResponse({"detail": sentence_for(response.status_code)}, status=response.status_code)
        for name, value in response.items():
            if name.lower() not in OF_THE_BODY:
                answer[name] = value
        answer.cookies = response.cookies
        return answer

    return middleware
