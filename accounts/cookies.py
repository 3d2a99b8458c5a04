"""Names and attributes of the cookies that sign somebody in."""

from datetime import datetime

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.sessions import Pair

ACCESS = "access_token"
REFRESH = "refresh_token"
PLAYBACK = "playback_token"
DEVICE = "device_token"


def sign_in(response: HttpResponse, pair: Pair) -> None:
    _set(response, ACCESS, pair.access, max_age_s=int(settings.ACCESS_LIFETIME.total_seconds()))
    _set(response, REFRESH, pair.refresh, max_age_s=_seconds_until(pair.refresh_expires_at))


def sign_out(response: HttpResponse) -> None:
    for name in (ACCESS, REFRESH):
        response.delete_cookie(name, path="/", samesite=settings.JWT_COOKIE_SAMESITE)


def allow_playback(response: HttpResponseBase, value: str, *, film: int, max_age_s: int) -> None:
    _set(response, PLAYBACK, value, max_age_s=max_age_s, path=f"/api/video/{film}/")


def know_device(response: HttpResponseBase, value: str, *, max_age_s: int) -> None:
    _set(response, DEVICE, value, max_age_s=max_age_s)


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
