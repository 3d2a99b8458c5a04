"""Playback addresses: `/api/play/<token>/video/<id>/…`, for players that send no cookies (AirPlay, Chromecast, VLC).

Playlists name everything relative to themselves, so whatever they lead to has the token in its path as well. Such an
address is rewritten to the video's own before anything else sees it, with the token as the request's only credential:
routes, checks and logs then have an ordinary path. The edge rewrites it by itself, and passes the token on in a header
(deploy/nginx.conf.template).
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

import video_paths
from accounts import origins

HEADER = origins.PLAYBACK_ADDRESS
OTHER_CREDENTIALS = ("HTTP_COOKIE", "HTTP_AUTHORIZATION")
HEADERS = {"Referrer-Policy": "no-referrer"}
ANYBODY = {  # receivers' pages have origins of their own; without cookies nothing is given away that the token isn't
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ", ".join(settings.CORS_EXPOSE_HEADERS),
}
PREFLIGHT = {"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": "range"}

type Handler = Callable[[HttpRequest], HttpResponseBase]


def token_in(meta: Mapping[str, Any]) -> str:
    """The token of the address that the request came by; empty where it came by another."""
    return str(meta.get(HEADER, ""))


def rewrite(environ: dict[str, Any]) -> None:
    """Make a request for a playback address one for the video, with nothing but the token to show."""
    if found := video_paths.unplayed(environ["PATH_INFO"]):
        environ[HEADER], environ["PATH_INFO"] = found
    if token_in(environ):
        for name in OTHER_CREDENTIALS:
            environ.pop(name, None)


def told(origin: str) -> dict[str, str]:
    """What an answer to such an address says beside the usual, where the usual names no origin already."""
    return HEADERS if origins.is_allowed(origin) else HEADERS | ANYBODY


def by_playback_address(get_response: Handler) -> Handler:
    """Middleware: rewrites the address, and adds the answer's headers."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        rewrite(request.META)
        if not token_in(request.META):
            return get_response(request)
        request.path_info = request.META["PATH_INFO"]
        request.path = f"{request.META.get('SCRIPT_NAME', '')}{request.path_info}"
        response = get_response(request)
        headers = told(request.META.get("HTTP_ORIGIN", ""))
        for name, value in (headers | PREFLIGHT if request.method == "OPTIONS" else headers).items():
            response.headers[name] = value
        return response

    return middleware
