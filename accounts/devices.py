"""Browsers that have signed in to an account before: strangers' wrong passwords don't lock those out.

A signed cookie, for each account apart (OWASP, Slow Down Online Guessing Attacks with Device Cookies). It opens
nothing: a try from such a browser is only counted by itself (accounts/tries.py).
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
MOST_ACCOUNTS = 5  # of one browser; who was there longest ago is a stranger again
SIGNED_IN = "accounts.devices"  # in request.META: what the browser is to keep

type Handler = Callable[[HttpRequest], HttpResponseBase]


def device_of(cookie: str, account: str) -> str | None:
    """The id of this browser, as one that has signed in to that account; None for any other."""
    return read(cookie).get(mark_of(account))


def remember(cookie: str, account: str) -> str:
    """The cookie with this account as the newest. Its id is a new one, whose tries begin at none."""
    mark = mark_of(account)
    others = [entry for entry in read(cookie).items() if entry[0] != mark][1 - MOST_ACCOUNTS :]
    return signing.dumps([*others, (mark, secrets.token_urlsafe(12))], salt=SALT)


def read(cookie: str) -> dict[str, str]:
    """Id by account; nothing where the cookie is not one of ours."""
    if not cookie or len(cookie) > MAX_LENGTH:
        return {}
    try:
        return dict(signing.loads(cookie, salt=SALT, max_age=LIFETIME))
    except signing.BadSignature:
        return {}


def mark_of(account: str) -> str:
    return salted_hmac(SALT, account, algorithm="sha256").hexdigest()[:32]


def kept(get_response: Handler) -> Handler:
    """Middleware: give the browser that signed in to the admin its cookie. The API does so by itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if cookie := request.META.get(SIGNED_IN):
            cookies.know_device(response, cookie, max_age_s=int(LIFETIME.total_seconds()))
        return response

    return middleware
