"""Browsers that have signed in to an account before: strangers' wrong passwords don't lock them out.

A signed cookie holds an id for each of the browser's accounts (OWASP, Slow Down Online Guessing Attacks with Device
Cookies). The id gives no access: tries from such a browser are only counted separately (accounts/tries.py).
"""

import secrets
from collections.abc import Callable
from datetime import timedelta

from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from accounts import cookies

SALT = "accounts.devices"
LIFETIME = timedelta(days=365)
MAX_LENGTH = 1_000
MOST_ACCOUNTS = 5  # of one browser; the one that signed in longest ago is forgotten first
SIGNED_IN = "accounts.devices"  # key in request.META: the device cookie to set

type Handler = Callable[[HttpRequest], HttpResponseBase]


def device_of(cookie: str, account: str) -> str | None:
    """This browser's id for an account that it has signed in to; None for any other account."""
    return read(cookie).get(mark_of(account))


def remember(cookie: str, account: str) -> str:
    """The new cookie, with this account as the newest. It gets a new id, whose tries are counted from zero."""
    mark = mark_of(account)
    others = [entry for entry in read(cookie).items() if entry[0] != mark][1 - MOST_ACCOUNTS :]
    return signing.dumps([*others, (mark, secrets.token_urlsafe(12))], salt=SALT)


def read(cookie: str) -> dict[str, str]:
    """Id by account mark; empty if the cookie is not one of ours."""
    if not cookie or len(cookie) > MAX_LENGTH:
        return {}
    try:
        return dict(signing.loads(cookie, salt=SALT, max_age=LIFETIME))
    except signing.BadSignature:
        return {}


def mark_of(account: str) -> str:
    return salted_hmac(SALT, account, algorithm="sha256").hexdigest()[:32]


def kept(get_response: Handler) -> Handler:
    """Middleware: set the device cookie after a sign-in to the admin. The API sets it by itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if cookie := request.META.get(SIGNED_IN):
            cookies.set_device(response, cookie, max_age_s=int(LIFETIME.total_seconds()))
        return response

    return middleware
