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
MOST_IDS = 5  # of one browser, two for an account with a second factor; what was signed in longest ago goes first
SIGNED_IN = "accounts.devices"  # key in request.META: the device cookie to set

type Handler = Callable[[HttpRequest], HttpResponseBase]


def device_of(cookie: str, account: str) -> str | None:
    """This browser's id for an account that it has signed in to; None for any other account."""
    return read(cookie).get(mark_of(account))


def remember(cookie: str, account: str, *, has_second_factor: bool = False) -> str:
    """The new cookie, with this account as the newest. It gets a new id, whose tries are counted from zero.

    Who has shown a code gets another id for codes: a browser that is known by the password alone knows none.
    """
    names = [account, for_codes(account)] if has_second_factor else [account]
    new = {mark_of(name): secrets.token_urlsafe(12) for name in names}
    others = [entry for entry in read(cookie).items() if entry[0] not in new][len(new) - MOST_IDS :]
    return signing.dumps([*others, *new.items()], salt=SALT)


def for_codes(account: str) -> str:
    """The name under which a browser is known whose person has shown a code for this account."""
    return f"{account} code"


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
