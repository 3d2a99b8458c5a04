"""Signing in to the admin, step by step. Nobody is signed in before the last one.

1. The password (project/login.py, accounts/backends.py). Where that is all, it signs in.
2. An account with a second factor is asked for a code (accounts/second_factor_pages.py). Django's session, still
   nobody's, remembers for ten minutes whose password was right; another password ends that.
3. Where ADMIN_REQUIRE_2FA is set, a member of the staff without one sets it up instead.

The session of whoever signs in remembers whether a code was asked for. Where ADMIN_REQUIRE_2FA is set, one without is
nobody's (`with_second_factor`), so that sessions from before are no way around it.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from accounts import cookies, devices, second_factor
from accounts.models import User

BACKEND = "accounts.backends.UsernameOrEmailBackend"
WAITING = "accounts.waiting"  # key in Django's session: who is at the second step
PROVED = "accounts.second_factor"  # key in Django's session: it was begun with a code
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


def after_password(request: HttpRequest, user: User, *, account: str, next_url: str) -> HttpResponse:
    """The step that follows a right password."""
    if second_factor.is_on(user):
        wait(request, user, account=account, next_url=next_url)
        return redirect("second_factor_code")
    if second_factor.is_missing(user):
        wait(request, user, account=account, next_url=next_url)
        return redirect("second_factor")
    complete(request, user, account=account)
    return HttpResponseRedirect(next_url)


def wait(request: HttpRequest, user: User, *, account: str, next_url: str) -> None:
    request.session.flush()  # also signs out whoever was signed in
    until = time.time() + LIFETIME_S
    request.session[WAITING] = asdict(Waiting(user.pk, user.get_session_auth_hash(), account, next_url, until))


def waiting_in(request: HttpRequest) -> tuple[User, Waiting] | None:
    """Who is at the second step, unless they took too long or their password has changed since."""
    remembered = request.session.get(WAITING)
    if remembered is None:
        return None
    waiting = Waiting(**remembered)
    user = User.objects.filter(pk=waiting.user_id, is_active=True, is_staff=True).first()
    if user is None or waiting.until < time.time():
        return None
    return (user, waiting) if constant_time_compare(waiting.mark, user.get_session_auth_hash()) else None


def complete(request: HttpRequest, user: User, *, account: str, has_second_factor: bool = False) -> None:
    """Sign in, with a session of a new key. The browser is known again by `account`, the name that was typed."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    if has_second_factor:
        request.session[PROVED] = True
    request.META[devices.SIGNED_IN] = devices.remember(request.COOKIES.get(cookies.DEVICE, ""), account)


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
