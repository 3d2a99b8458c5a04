"""Playback addresses: `/api/play/<token>/video/<id>/…`, for players that send no cookies (AirPlay, Chromecast, VLC).

Playlists name everything relative to themselves, so all that they lead to has the token in its path too. Such an
address is rewritten to the video's own before anything else sees it, with the token as the request's only credential.
Routes, checks and logs then see an ordinary path. The edge rewrites addresses itself, and passes the token on in a
header (deploy/nginx.conf.template).
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
ANYBODY = {  # pages of receivers have any origin; without cookies the answer gives away no more than the token does
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ", ".join(settings.CORS_EXPOSE_HEADERS),
}
PREFLIGHT = {"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": "range"}

type Handler = Callable[[HttpRequest], HttpResponseBase]


def token_in(meta: Mapping[str, Any]) -> str:
    """The token of the playback address that was asked for; empty for any other address."""
    return str(meta.get(HEADER, ""))


def rewrite(environ: dict[str, Any]) -> None:
    """Turn a request for a playback address into one for the video, with the token as its only credential."""
    if found := video_paths.unplayed(environ["PATH_INFO"]):
        environ[HEADER], environ["PATH_INFO"] = found
    if token_in(environ):
        for name in OTHER_CREDENTIALS:
            environ.pop(name, None)


def told(origin: str) -> dict[str, str]:
    """The additional headers of an answer to a playback address. An allowed origin has its own CORS headers already."""
    return HEADERS if origins.is_allowed(origin) else HEADERS | ANYBODY


def by_playback_address(get_response: Handler) -> Handler:
    """Middleware: rewrite the address, and add the headers to the answer."""

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
