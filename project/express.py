"""What is asked for most, answered in front of Django: files of a video whose viewer and place are remembered.

A request passes Django's middleware and routing once in a minute; until then its viewer's leave (accounts.playback)
and the video's place (library.delivery.places) are known in this process, and nothing is asked of anybody. Who comes
with an access token alone costs one query: its session may have ended a moment ago. Whatever is unknown,
odd or refused goes on to Django, so that only successes have two ways, and both give the same headers.

The edge sends the files itself, and asks once in a minute who may have them (project.edge): a yes is said here too.
"""

import re
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseUnavailable
from django.http import HttpResponse
from django.http.cookie import parse_cookie
from django.utils.csp import CSP, build_policy

from accounts import addresses, auth, cookies, origins, playback
from hls.core import names
from library.delivery import files, places, responses
from library.errors import NotFound
from project import edge, hosts, logs
from project.health import metrics
from project.middleware import identity_of

type Environ = dict[str, Any]
type Headers = list[tuple[str, str]]
type StartResponse = Callable[[str, Headers], object]
type Application = Callable[[Environ, Any], Iterable[bytes]]

STALLED_S = 60.0  # a client that takes or sends not a single byte for so long is given up, and its thread freed
PATH = re.compile(
    r"/api/video/(?P<video>[1-9]\d{0,17})/"
    r"(?:(?P<resolution>480p|720p|1080p)/(?:(?P<segment>segment_\d{3,6}\.ts)/?|(?P<media>index\.m3u8|iframes\.m3u8))"
    r"|(?P<sheet>storyboard_\d{2,4}\.jpg)/?|(?P<master>master\.m3u8)|(?P<storyboard>storyboard\.vtt))",
    re.ASCII,
)
VERSION = re.compile(r"(?:v=([1-9]\d{0,8}))?", re.ASCII)
ROUTES = {
    "segment": "api/video/<video_id>/<resolution>/<segment>.ts",
    "sheet": "api/video/<video_id>/<sheet>.jpg",
    "master": "api/video/<video_id>/master.m3u8",
    "storyboard": "api/video/<video_id>/storyboard.vtt",
    names.INDEX: "api/video/<video_id>/<resolution>/index.m3u8",
    names.IFRAMES: "api/video/<video_id>/<resolution>/iframes.m3u8",
}
REFUSED = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
TYPES = {"segment": responses.SEGMENT_TYPE, "sheet": responses.PICTURE_TYPE, "storyboard": responses.STORYBOARD_TYPE}


@dataclass(frozen=True)
class Wish:
    """An address that may be answered here; `kind` is the group of PATH that matched."""

    video_id: int
    version: int | None
    kind: str
    name: str
    resolution: str

    @property
    def is_text(self) -> bool:
        return self.kind not in ("segment", "sheet")

    @property
    def route(self) -> str:
        return ROUTES[self.name if self.kind == "media" else self.kind]

    @property
    def is_playlist(self) -> bool:
        return self.kind in ("media", "master")

    @classmethod
    def read(cls, environ: Environ) -> "Wish | None":
        path = PATH.fullmatch(environ["PATH_INFO"])
        version = VERSION.fullmatch(environ.get("QUERY_STRING", ""))
        if (
            path is None
            or version is None
            or path.lastgroup is None
            or environ["REQUEST_METHOD"] not in ("GET", "HEAD")
        ):
            return None
        number = int(version[1]) if version[1] else None
        return cls(int(path["video"]), number, path.lastgroup, path[path.lastgroup], path["resolution"] or "")

    def place(self) -> places.Place | None:
        version = self.version if self.is_text else self.version or places.FIRST
        return places.remembered(self.video_id, version)

    def find(self, place: places.Place) -> str:
        """The file, where this version lies. Raises NotFound."""
        if self.kind == "segment":
            return place.segment(self.resolution, self.name)
        if self.kind == "sheet":
            return place.sheet(self.name)
        return place.media(self.resolution, self.name) if self.kind == "media" else f"{place.folder}/{self.name}"


class Express:
    """A WSGI application around Django's."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._log = logs.lean_logger(
            "videoflix.web", level=settings.LOGGING["root"]["level"], as_json=not settings.DEBUG
        )
        self._always = [  # read once, as Django's middleware does
            ("X-Frame-Options", settings.X_FRAME_OPTIONS),
            ("Referrer-Policy", settings.SECURE_REFERRER_POLICY),
            ("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
            (CSP.HEADER_ENFORCE.value, build_policy(settings.SECURE_CSP)),
        ]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        addresses.rewrite(environ)
        served = self.served(environ, start_response) if hosts.is_served(environ) else None
        if served is not None:
            return served
        if connected := environ.get("gunicorn.socket"):
            connected.settimeout(STALLED_S)
        return self._django(environ, start_response)

    def served(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        if environ["PATH_INFO"] == edge.PATH:
            return self.permit(environ, start_response)
        wish = Wish.read(environ)
        return self.serve(environ, start_response, wish) if wish else None

    def serve(self, environ: Environ, start_response: StartResponse, wish: Wish) -> Iterable[bytes] | None:
        """The answer, or None where Django has to find out."""
        started = time.perf_counter()
        origin = environ.get("HTTP_ORIGIN", "")
        place = wish.place()
        if place is None:
            return None
        viewer = viewer_of(environ, wish)
        if viewer is None:
            return None
        is_foreign = bool(origin) and not origins.is_allowed(origin)
        if is_foreign and not viewer.is_by_address:
            return None
        if wish.is_playlist and viewer.session_id is None:  # an administrator's is too rare to be worth it
            return None
        found = answer(environ, wish, place)
        if found is None:
            return None
        identity = identity_of(environ.get("HTTP_X_REQUEST_ID", ""))
        headers = [*found.headers.items(), *self._always, *around(environ, wish, "" if is_foreign else origin)]
        if viewer.is_by_address:
            headers = list((dict(headers) | addresses.told(origin)).items())
        headers.append(("X-Request-ID", identity))
        if wish.is_playlist and not viewer.is_by_address:
            headers.append(("Set-Cookie", renewed(viewer, wish.video_id)))
        took_s = time.perf_counter() - started
        self.note(environ, wish.route, found.status, took_s, identity, viewer.user.pk, wish.video_id)
        start_response(f"{found.status} {HTTPStatus(found.status).phrase}", headers)
        if connected := environ.get("gunicorn.socket"):
            wait_in_the_kernel(connected)
        if isinstance(found.body, bytes):
            return [found.body]
        wrap: Callable[..., Iterable[bytes]] = environ["wsgi.file_wrapper"]
        return wrap(found.body, 65_536)

    def permit(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """Say yes to the edge, or leave the no to Django."""
        started = time.perf_counter()
        question = edge.QUESTION.fullmatch(environ.get("QUERY_STRING", ""))
        if question is None or environ["REQUEST_METHOD"] != "GET":
            return None
        video, version = int(question[1]), int(question[2]) if question[2] else None
        cookie = parse_cookie(environ.get("HTTP_COOKIE", "")).get(cookies.PLAYBACK, "")
        try:
            viewer = edge.leave(cookie, video, address=addresses.token_in(environ))
            headers = edge.told(video, version) if viewer else {}
        except DatabaseUnavailable:
            return None
        finally:
            responses.give_connection_back()
        if viewer is None:
            return None
        origin = environ.get("HTTP_ORIGIN", "")
        if origins.is_allowed(origin):
            headers["Access-Control-Allow-Origin"] = origin
        identity = identity_of(environ.get("HTTP_X_REQUEST_ID", ""))
        self.note(environ, edge.ROUTE, 204, time.perf_counter() - started, identity, viewer.user.pk, video)
        start_response("204 No Content", list(headers.items()))
        return []

    def note(
        self, environ: Environ, route: str, status: int, duration_s: float, identity: str, user_id: int, video_id: int
    ) -> None:
        """The same log line and the same count as for any other request; no address that gets here holds a secret."""
        method = environ["REQUEST_METHOD"]
        timer(method, route, status).observe(duration_s)
        with suppress(OSError):  # a full disk below the log is no reason to send nothing
            self._log.info(
                "request",
                request_id=identity,
                method=method,
                path=environ["PATH_INFO"],
                status=status,
                duration_ms=round(1000 * duration_s, 1),
                user_id=user_id,
                video_id=video_id,
            )


timer = cache(metrics.duration.labels)  # a few routes, methods and statuses


def viewer_of(environ: Environ, wish: Wish) -> playback.Viewer | None:
    """Who asks, by a playback cookie that is remembered, or else by an access token, whose session is asked for."""
    if token := addresses.token_in(environ):
        return playback.memory.get(token, wish.video_id, is_address=True)
    sent = parse_cookie(environ.get("HTTP_COOKIE", ""))
    if cookie := sent.get(cookies.PLAYBACK):
        return playback.memory.get(cookie, wish.video_id)
    try:
        return auth.by_access_token_alone(environ.get("HTTP_AUTHORIZATION", ""), sent)
    except DatabaseUnavailable:  # Django says so in the words of the API
        return None
    finally:
        responses.give_connection_back()


def wait_in_the_kernel(connected: socket.socket) -> None:
    """Let one system call send the whole file, however slowly the client reads; the kernel gives up a stalled one.

    With a timeout of Python's the socket would be a non-blocking one: a call, an exception and a poll for each time
    that the client has made room. TCP_USER_TIMEOUT counts from the last byte the client took, closed window included.
    """
    if connected.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * STALLED_S))
        if connected.gettimeout() is not None:  # setting it is a system call, which gunicorn has made already
            connected.settimeout(None)
    else:
        connected.settimeout(STALLED_S)


def answer(environ: Environ, wish: Wish, place: places.Place) -> files.Answer | None:
    """The file as it is wanted; None for what is not there, can't be read, or can't be had in the part wanted."""
    try:
        path = wish.find(place)
        kind = TYPES.get(wish.kind, responses.PLAYLIST_TYPE)
        if wish.is_text:
            found = responses.text_answer(environ, path, content_type=kind)
        else:
            found = files.answer(environ, path, content_type=kind)
    except (NotFound, OSError):  # Django tells the one from the other
        return None
    return None if found.status in REFUSED else found


def around(environ: Environ, wish: Wish, origin: str) -> Headers:
    """What Django's middleware adds as the request has it."""
    headers = [("Vary", "Accept-Encoding, origin" if wish.is_text else "origin")]
    if settings.SECURE_HSTS_SECONDS and is_secure(environ):
        headers.append(("Strict-Transport-Security", hsts()))
    if origin:
        headers += [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", ", ".join(settings.CORS_EXPOSE_HEADERS)),
        ]
    return headers


def is_secure(environ: Environ) -> bool:
    trusted: tuple[str, str] | None = settings.SECURE_PROXY_SSL_HEADER
    if trusted is not None and trusted[0] in environ:
        return str(environ[trusted[0]]).split(",")[0].strip() == trusted[1]
    return bool(environ["wsgi.url_scheme"] == "https")


def hsts() -> str:
    parts = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    parts += ["includeSubDomains"] if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else []
    parts += ["preload"] if settings.SECURE_HSTS_PRELOAD else []
    return "; ".join(parts)


def renewed(viewer: playback.Viewer, video_id: int) -> str:
    """The value of Set-Cookie by which the leave to play this video begins anew."""
    response = HttpResponse()
    viewer.grant_playback(response, video_id=video_id)
    cookies.partition(response)
    return response.cookies[cookies.PLAYBACK].OutputString()
