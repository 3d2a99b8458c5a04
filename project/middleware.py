"""What every request passes: an id for the log, and JSON instead of Django's HTML errors below /api/."""

import logging
import random
import re
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from accounts.auth import Viewer
from project import hosts
from project.health import metrics
from project.sentences import sentence_for

type Handler = Callable[[HttpRequest], HttpResponseBase]

log = structlog.get_logger("videoflix.web")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
OF_THE_BODY = frozenset(("content-type", "content-length", "content-encoding", "content-disposition", "etag"))
BODILESS = (204, 304)
CHALLENGE = 'Bearer realm="videoflix"'  # RFC 9110 15.5.2 wants one; browsers ask nobody for this kind


def identity_of(given: str) -> str:
    """The id that the proxy has given, where it is a sane one, or a new one: it opens nothing, so any will do."""
    return given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def request_id(get_response: Handler) -> Handler:
    """Give the request an id (the proxy's `X-Request-ID` where it sends a sane one), log its end, and time it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        identity = identity_of(request.headers.get("X-Request-ID", ""))
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=identity):
            response = get_response(request)
            duration_s = time.perf_counter() - started
            metrics.observe(request, response, duration_s)
            level = logging.DEBUG if request.path in hosts.PROBES and response.status_code == 200 else logging.INFO
            log.log(
                level,
                "request",
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
    user = viewer.user if isinstance(viewer, Viewer) else getattr(request, "_cached_user", None)
    found = {"user_id": user.pk} if user and user.pk else {}
    video = str(request.resolver_match.kwargs.get("video_id")) if request.resolver_match else ""
    return found | ({"video_id": int(video)} if video.isdecimal() else {})


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
