"""Signing in to the admin, step by step. Nobody is signed in before the last one.

1. The password (project/login.py, accounts/backends.py), or single sign-on (accounts/single_sign_on/oidc_pages.py),
   which stands for the password and for nothing else. Where that is all, it signs in.
2. An account with a second factor is asked for a code (second_factor_pages.py beside this). Django's session, still
   nobody's, remembers for ten minutes whose password was right; another password ends that.
3. Where ADMIN_REQUIRE_2FA is set, a member of the staff without one sets it up instead.

The session of whoever signs in remembers whether a code was asked for. Where ADMIN_REQUIRE_2FA is set, one without is
nobody's (`with_second_factor`), so that sessions from before are no way around it.

Who comes to a frontend by single sign-on goes the same way, and gets a session of the API at its end.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session as AdminSession
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from accounts import cookies, devices, services, sessions
from accounts.admin_sign_in import second_factor
from accounts.models import User
from accounts.single_sign_on import joining
from accounts.single_sign_on.oidc import Identity

BACKEND = "accounts.backends.UsernameOrEmailBackend"
WAITING = "accounts.waiting"  # key in Django's session: who is at the second step
PROVED = "accounts.admin_sign_in.second_factor"  # key in Django's session: it was begun with a code
TO_CONNECT = "accounts.to_connect"  # key in Django's session: an identity at the provider, and whose it may be
LIFETIME_S = 600

type Handler = Callable[[HttpRequest], HttpResponseBase]


@dataclass(frozen=True)
class Waiting:
    """Somebody whose password was right."""

    user_id: int
    mark: str  # of the password
    account: str  # the name that was typed, under which tries are counted
    next_url: str
    until: float  # Unix time
    is_for_admin: bool
    proved_at: float | None = None  # Unix time at which the identity provider asked who it is


def after_first_step(request: HttpRequest, user: User, *, account: str, next_url: str) -> HttpResponse:
    """The step towards the admin that follows a right password, or a right answer of the identity provider."""
    if second_factor.is_on(user):
        wait(request, user, account=account, next_url=next_url)
        return redirect("second_factor_code")
    if second_factor.is_missing(user):
        wait(request, user, account=account, next_url=next_url)
        return redirect("second_factor")
    complete(request, user, account=account)
    return HttpResponseRedirect(next_url)


def after_first_step_of_viewer(
    request: HttpRequest, user: User, *, account: str, next_url: str, proved_at: float | None
) -> HttpResponse:
    """The same towards a frontend. A password is followed by the API itself (accounts/services.py)."""
    if second_factor.is_on(user):
        wait(request, user, account=account, next_url=next_url, is_for_admin=False, proved_at=proved_at)
        return redirect("second_factor_code")
    return with_session(request, user, next_url=next_url, proved_at=proved_at)


def after_code(request: HttpRequest, user: User, waiting: Waiting) -> HttpResponse:
    if not waiting.is_for_admin:
        request.session.pop(WAITING)
        proved_at = waiting.proved_at
        return with_session(request, user, next_url=waiting.next_url, has_second_factor=True, proved_at=proved_at)
    complete(request, user, account=waiting.account, has_second_factor=True)
    return HttpResponseRedirect(waiting.next_url)


def with_session(
    request: HttpRequest, user: User, *, next_url: str, proved_at: float | None, has_second_factor: bool = False
) -> HttpResponse:
    """A session and its cookies, as `POST /api/login/` gives them. One that this browser already had ends."""
    signed_in = services.enter(
        user,
        agent=request.headers.get("User-Agent", ""),
        known_devices=request.COOKIES.get(cookies.DEVICE, ""),
        has_second_factor=has_second_factor,
        proved_at=None if proved_at is None else datetime.fromtimestamp(proved_at, UTC),
    )
    response = HttpResponseRedirect(next_url)
    sessions.end_session_in(request.COOKIES.get(cookies.REFRESH, ""))
    cookies.sign_in(response, signed_in.pair)
    cookies.set_device(response, signed_in.known_devices, max_age_s=int(devices.LIFETIME.total_seconds()))
    get_token(request)
    return response


def wait(
    request: HttpRequest,
    user: User,
    *,
    account: str,
    next_url: str,
    is_for_admin: bool = True,
    proved_at: float | None = None,
) -> None:
    if is_for_admin:
        to_connect = request.session.get(TO_CONNECT)
        request.session.flush()  # also signs out whoever was signed in
        end_soon(request)
        if to_connect:
            request.session[TO_CONNECT] = to_connect
    mark, until = user.get_session_auth_hash(), time.time() + LIFETIME_S
    waiting = Waiting(user.pk, mark, account, next_url, until, is_for_admin=is_for_admin, proved_at=proved_at)
    request.session[WAITING] = asdict(waiting)


def end_soon(request: HttpRequest) -> None:
    """Keep a session that is nobody's for minutes: anybody may begin one, and all are looked through now and then."""
    if SESSION_KEY not in request.session:
        request.session.set_expiry(LIFETIME_S)


def waiting_in(request: HttpRequest) -> tuple[User, Waiting] | None:
    """Who is at the second step, unless they took too long or their password has changed since."""
    remembered = request.session.get(WAITING)
    if remembered is None:
        return None
    waiting = Waiting(**remembered)
    user = User.objects.filter(pk=waiting.user_id, is_active=True).first()
    if user is None or waiting.until < time.time() or (waiting.is_for_admin and not user.is_staff):
        return None
    return (user, waiting) if constant_time_compare(waiting.mark, user.get_session_auth_hash()) else None


def complete(request: HttpRequest, user: User, *, account: str, has_second_factor: bool = False) -> None:
    """Sign in to the admin, with a session of a new key. The browser is known again by `account`, the name typed."""
    to_connect = request.session.get(TO_CONNECT)
    request.session.flush()
    login(request, user, backend=BACKEND)
    if has_second_factor:
        request.session[PROVED] = True
    if to_connect and to_connect["user_id"] == user.pk and to_connect["until"] > time.time():
        joining.connect_unless_done(Identity(**to_connect["identity"]), user)
    known_devices = request.COOKIES.get(cookies.DEVICE, "")
    request.META[devices.SIGNED_IN] = devices.remember(known_devices, account, has_second_factor=has_second_factor)


def remember_to_connect(request: HttpRequest, identity: Identity, user_id: int) -> None:
    """Whose password is entered next in this browser, and soon, is connected, if it is this member of the staff."""
    until = time.time() + LIFETIME_S
    request.session[TO_CONNECT] = {"identity": asdict(identity), "user_id": user_id, "until": until}


def forget(user: User) -> None:
    """Remove what Django's sessions, still nobody's, remember of somebody who has not come to the last step."""
    for session in AdminSession.objects.filter(expire_date__gt=timezone.now()):
        told = session.get_decoded()
        if any(told.get(key, {}).get("user_id") == user.pk for key in (WAITING, TO_CONNECT)):
            session.delete()


def with_second_factor(get_response: Handler) -> Handler:
    """Middleware: with ADMIN_REQUIRE_2FA a session of the staff that was begun without a code is nobody's."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.ADMIN_REQUIRE_2FA:
            user = request.user
            request.user = SimpleLazyObject(lambda: nobody_unless_proved(request, user))  # type: ignore[assignment]
        return get_response(request)

    return middleware


def nobody_unless_proved(request: HttpRequest, user: AbstractBaseUser | AnonymousUser) -> object:
    return user if not getattr(user, "is_staff", False) or request.session.get(PROVED) else AnonymousUser()
