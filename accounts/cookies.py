"""Names and attributes of the cookies that sign somebody in."""

from collections.abc import Callable
from datetime import datetime
from http.cookies import Morsel

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

import video_paths
from accounts.sessions import Pair

ACCESS = f"{settings.COOKIE_PREFIX}access_token"
REFRESH = f"{settings.COOKIE_PREFIX}refresh_token"
PLAYBACK = f"{settings.COOKIE_PREFIX}playback_token"
DEVICE = f"{settings.COOKIE_PREFIX}device_token"
TRANSPORT = "X-Token-Transport"

# Python knows this attribute from 3.14 on. Before that, Morsel refuses attributes missing in these two tables.
Morsel._reserved.setdefault("partitioned", "Partitioned")  # type: ignore[attr-defined]
Morsel._flags.add("partitioned")  # type: ignore[attr-defined]

type Handler = Callable[[HttpRequest], HttpResponseBase]


def are_unwanted(request: HttpRequest) -> bool:
    """Whether the client keeps its tokens itself: it gets and sends them in bodies, and no cookie is set."""
    return request.headers.get(TRANSPORT, "").strip().lower() == "body"


def sign_in(response: HttpResponse, pair: Pair) -> None:
    _set(response, ACCESS, pair.access, max_age_s=int(settings.ACCESS_LIFETIME.total_seconds()))
    _set(response, REFRESH, pair.refresh, max_age_s=_seconds_until(pair.refresh_expires_at))


def sign_out(response: HttpResponse) -> None:
    for name in (ACCESS, REFRESH):
        response.delete_cookie(name, path="/", samesite=settings.JWT_COOKIE_SAMESITE)


def allow_playback(response: HttpResponseBase, value: str, *, video_id: int, max_age_s: int) -> None:
    _set(response, PLAYBACK, value, max_age_s=max_age_s, path=video_paths.folder(video_id))


def set_device(response: HttpResponseBase, value: str, *, max_age_s: int) -> None:
    _set(response, DEVICE, value, max_age_s=max_age_s)


def partition(response: HttpResponseBase) -> None:
    """Mark cookies for other sites as `Partitioned` (CHIPS): many browsers refuse them otherwise."""
    for cookie in response.cookies.values():
        if cookie["samesite"] == "None" and cookie["secure"]:
            cookie["partitioned"] = True


def partitioned(get_response: Handler) -> Handler:
    """Middleware: partition every cookie, including Django's own and those that are deleted."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        partition(response)
        return response

    return middleware


def _set(response: HttpResponseBase, name: str, value: str, *, max_age_s: int, path: str = "/") -> None:
    """HttpOnly always, Secure and SameSite as configured (OWASP ASVS 5.0 3.3.1, 3.3.2, 3.3.4)."""
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path=path,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite=settings.JWT_COOKIE_SAMESITE,
    )


def _seconds_until(moment: datetime) -> int:
    return max(0, int((moment - timezone.now()).total_seconds()))
