"""From credentials to a viewer: what routers pass as `auth=`.

| gate       | who passes                                                                        |
|------------|-----------------------------------------------------------------------------------|
| `viewer`   | the access cookie or `Authorization: Bearer`                                      |
| `person`   | as `reader`: for what is somebody's own, and so never a program with a key        |
| `reader`   | the same, or the admin's session of a member of the staff                         |
| `staff`    | as `reader`, but only staff: 403 for others                                       |
| `playback` | as `reader`, or the video's playback cookie or address; GET and HEAD on video routes |

A request with an API key is the key's alone (accounts/keys.py): nothing else that it shows is looked at. `for_keys`
opens a gate to keys of certain scopes; without it they are refused. `playback` does not count a key's requests.

Who may watch a video is decided in `who_watches` alone: the gate `playback` asks it, and so does the edge's question.
Unsafe requests by the admin's session need Django's CSRF token; the origin rule of accounts/origins.py guards the rest.
Each gate sets `request.auth` to a `Viewer`.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from django.http import HttpRequest
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.utils import check_csrf

import video_paths
from accounts import cookies, keys, tokens
from accounts.addresses import token_in
from accounts.bearer import bearer_in, key_in
from accounts.errors import TokenRefused
from accounts.models import User
from accounts.playback import Viewer, viewer_by_address, viewer_by_playback
from accounts.sessions import holder_of_live, is_current, mark_in_admin

__all__ = ["Gate", "Viewer", "person", "playback", "reader", "staff", "staff_or_session", "viewer", "who_watches"]

type Credential = Callable[[HttpRequest], Viewer | None]


@dataclass(frozen=True)
class Gate:
    """A Ninja authentication callable; `schemes` names what it accepts in the OpenAPI schema.

    An API key with one of `scopes` passes. With `counts_keys` its requests count towards its limit.
    """

    credentials: tuple[Credential, ...]
    schemes: tuple[str, ...]
    is_for_staff: bool = False
    scopes: tuple[str, ...] = ()
    counts_keys: bool = True

    def __call__(self, request: HttpRequest) -> Viewer:
        """Take the first credential that is good enough. A weaker one never hides a stronger one.

        Raises KeyRefused, ScopeMissing, TooManyTries for a request with an API key.
        """
        if spelled := key_in(request):
            return self.by_key(spelled)
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

    def by_key(self, spelled: str) -> Viewer:
        key = keys.read(spelled)
        if self.counts_keys:
            keys.requests.take(str(key.pk))
        keys.check_scope(key, self.scopes)
        return Viewer(None, True, None, key_id=key.pk, key_name=key.name, key_maker_id=key.made_by_id)

    def for_keys(self, *scopes: str) -> "Gate":
        """The same gate, which also lets in API keys with one of these scopes."""
        return replace(self, scopes=scopes)


def by_bearer(request: HttpRequest) -> Viewer | None:
    return by_access_token(bearer_in(request))


def by_cookie(request: HttpRequest) -> Viewer | None:
    return by_access_token(request.COOKIES.get(cookies.ACCESS, ""))


def by_access_token(token: str) -> Viewer | None:
    """The viewer whose session the token belongs to."""
    if not token:
        return None
    try:
        return of_session(tokens.read_access(token).session_id)
    except TokenRefused:
        return None


def of_session(session_id: UUID) -> Viewer:
    """Raises TokenRefused unless the session is alive."""
    holder = holder_of_live(session_id)
    return Viewer(holder.user_id, holder.is_staff, session_id)


def by_admin_session(request: HttpRequest) -> Viewer | None:
    user = getattr(request, "user", None)  # missing if no session cookie was sent (project.middleware)
    if not isinstance(user, User) or not (user.is_active and user.is_staff):
        return None
    if request.method not in ("GET", "HEAD", "OPTIONS") and check_csrf(request):
        raise AuthorizationError
    return Viewer(user.pk, user.is_staff, None, mark=mark_in_admin(user, request.session.session_key or ""))


def who_watches(request: HttpRequest, video_id: int | None, *, fresh: bool = False) -> Viewer | None:
    """The viewer who may read the video's files with this request; None if nobody may.

    A playback grant, in an address or a cookie, holds for its video alone, and for GET and HEAD. With `fresh` the
    database is asked each time, for a caller that remembers the answer itself.
    """
    found = by_grant(request, video_id, fresh=fresh)
    return found or by_bearer(request) or by_cookie(request) or by_admin_session(request)


def by_grant(request: HttpRequest, video_id: int | None, *, fresh: bool) -> Viewer | None:
    if video_id is None or request.method not in ("GET", "HEAD"):
        return None
    if token := token_in(request.META):
        return viewer_by_address(token, video_id, fresh=fresh)
    return viewer_by_playback(request.COOKIES.get(cookies.PLAYBACK, ""), video_id, fresh=fresh)


def by_watching(request: HttpRequest) -> Viewer | None:
    """Let in the viewer who may watch the video in the address."""
    return who_watches(request, video_paths.video_in(request.path_info))


def by_session_of(session_of: Callable[[HttpRequest], UUID | None]) -> Credential:
    """Let in the session that the address is bound to, even when its access token has expired."""

    def credential(request: HttpRequest) -> Viewer | None:
        shown = shown_session(request)
        if shown is None or shown != session_of(request):
            return None
        try:
            return of_session(shown)
        except TokenRefused:
            return None

    return credential


def shown_session(request: HttpRequest) -> UUID | None:
    """The session of an access token, even an expired one, or of the current refresh token."""
    for token in (bearer_in(request), request.COOKIES.get(cookies.ACCESS, "")):
        with suppress(TokenRefused):
            return tokens.read_overdue(token).session_id
    with suppress(TokenRefused):
        claims = tokens.read_refresh(request.COOKIES.get(cookies.REFRESH, ""))
        return claims.session_id if is_current(claims.session_id, claims.token_id) else None
    return None


def staff_or_session(session_of: Callable[[HttpRequest], UUID | None]) -> Gate:
    """As `staff`. An address that is bound to a session also lets in that session until it ends."""
    return Gate((*staff.credentials, by_session_of(session_of)), staff.schemes, is_for_staff=True)


viewer = Gate((by_bearer, by_cookie), ("bearer", "cookie"))
person = Gate((by_bearer, by_cookie, by_admin_session), ("bearer", "cookie", "adminSession"))
reader = Gate((by_bearer, by_cookie, by_admin_session), ("bearer", "cookie", "adminSession"))
staff = Gate((by_bearer, by_cookie, by_admin_session), ("bearer", "cookie", "adminSession"), is_for_staff=True)
playback = Gate((by_watching,), ("bearer", "cookie", "adminSession", "playback"), counts_keys=False)
