"""From credentials to a viewer: what routers pass as `auth=`.

| gate       | who passes                                                                        |
|------------|-----------------------------------------------------------------------------------|
| `viewer`   | the access cookie or `Authorization: Bearer`                                      |
| `reader`   | the same, or the admin's session of a member of the staff                         |
| `staff`    | as `reader`, but only staff: 403 for others                                       |
| `playback` | as `reader`, or the video's playback cookie or address; GET and HEAD on video routes |

Unsafe requests by the admin's session need Django's CSRF token; the origin rule of accounts/origins.py guards the rest.
Each gate sets `request.auth` to a `Viewer`.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.utils import check_csrf

from accounts import cookies, tokens
from accounts.addresses import token_in
from accounts.errors import TokenRefused
from accounts.models import User
from accounts.playback import Viewer, viewer_by_address, viewer_by_playback
from accounts.sessions import holder_of_live, is_current, mark_in_admin

__all__ = ["Gate", "Viewer", "playback", "reader", "staff", "staff_or_session", "viewer"]

VIDEO_PATH = re.compile(r"/api/video/(\d{1,18})/")

type Credential = Callable[[HttpRequest], Viewer | None]


@dataclass(frozen=True)
class Gate:
    """A Ninja authentication callable; `schemes` names what it accepts in the OpenAPI schema."""

    credentials: tuple[Credential, ...]
    schemes: tuple[str, ...]
    is_for_staff: bool = False

    def __call__(self, request: HttpRequest) -> Viewer:
        """The first credential that lets somebody in; a weaker one never shadows a stronger one."""
        is_somebody = False
        for credential in self.credentials:
            found = credential(request)
            if found is None:
                continue
            if not self.is_for_staff or found.is_staff:
                return found
            is_somebody = True
        if is_somebody:
            raise AuthorizationError
        raise AuthenticationError


def by_bearer(request: HttpRequest) -> Viewer | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return by_access_token(token.strip()) if scheme.lower() == "bearer" else None


def by_cookie(request: HttpRequest) -> Viewer | None:
    return by_access_token(request.COOKIES.get(cookies.ACCESS, ""))


def by_access_token(token: str) -> Viewer | None:
    """Whose session the token is of; their `user` is a deferred row."""
    if not token:
        return None
    try:
        session_id = tokens.read_access(token).session_id
        return Viewer(user=holder_of_live(session_id), session_id=session_id)
    except TokenRefused:
        return None


def by_access_token_alone(header: str, cookies_sent: Mapping[str, str]) -> Viewer | None:
    """As `by_bearer` and `by_cookie`, for whoever has no request of Django's yet."""
    scheme, _, bearer = header.partition(" ")
    if header:
        return by_access_token(bearer.strip()) if scheme.lower() == "bearer" else None
    return by_access_token(cookies_sent.get(cookies.ACCESS, ""))


def by_admin_session(request: HttpRequest) -> Viewer | None:
    user = request.user
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return None
    if request.method not in ("GET", "HEAD", "OPTIONS") and check_csrf(request):
        raise AuthorizationError
    return Viewer(user=user, session_id=None, mark=mark_in_admin(user, request.session.session_key or ""))


def by_playback_cookie(request: HttpRequest) -> Viewer | None:
    video = VIDEO_PATH.match(request.path_info)
    cookie = request.COOKIES.get(cookies.PLAYBACK, "")
    if video is None or request.method not in ("GET", "HEAD"):
        return None
    return viewer_by_playback(cookie, int(video[1]))


def by_address(request: HttpRequest) -> Viewer | None:
    video = VIDEO_PATH.match(request.path_info)
    if video is None or request.method not in ("GET", "HEAD"):
        return None
    return viewer_by_address(token_in(request.META), int(video[1]))


def by_session_of(session_of: Callable[[HttpRequest], UUID | None]) -> Credential:
    """Lets in whoever shows the session that the address is bound to, when its access token has run out."""

    def credential(request: HttpRequest) -> Viewer | None:
        shown = shown_session(request)
        if shown is None or shown != session_of(request):
            return None
        try:
            return Viewer(user=holder_of_live(shown), session_id=shown)
        except TokenRefused:
            return None

    return credential


def shown_session(request: HttpRequest) -> UUID | None:
    """The session of an access token, be it expired, or of the refresh token that is current."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    for token in (bearer.strip() if scheme.lower() == "bearer" else "", request.COOKIES.get(cookies.ACCESS, "")):
        with suppress(TokenRefused):
            return tokens.read_overdue(token).session_id
    with suppress(TokenRefused):
        claims = tokens.read_refresh(request.COOKIES.get(cookies.REFRESH, ""))
        return claims.session_id if is_current(claims.session_id, claims.token_id) else None
    return None


def staff_or_session(session_of: Callable[[HttpRequest], UUID | None]) -> Gate:
    """As `staff`, and for an address that is bound to a session its owner until that session ends."""
    return Gate((*staff.credentials, by_session_of(session_of)), staff.schemes, is_for_staff=True)


viewer = Gate((by_bearer, by_cookie), ("bearer", "cookie"))
reader = Gate((by_bearer, by_cookie, by_admin_session), ("bearer", "cookie", "adminSession"))
staff = Gate((by_bearer, by_cookie, by_admin_session), ("bearer", "cookie", "adminSession"), is_for_staff=True)
playback = Gate(
    (by_address, by_playback_cookie, by_bearer, by_cookie, by_admin_session),
    ("bearer", "cookie", "adminSession", "playback"),
)
