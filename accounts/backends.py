"""Signing in to the admin."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts import cookies, tries
from accounts.errors import SignInRefused
from accounts.mailboxes import normalised
from accounts.models import User, goes_by
from accounts.passwords import is_right
from accounts.throttling import client_address


class UsernameOrEmailBackend(ModelBackend):
    """The admin's login form takes a username or an e-mail, in any case; tries are counted as in the API.

    Raises TooManyTries, which the form turns into its sentence (project/login.py).
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **credentials: Any
    ) -> User | None:
        if not username or password is None:
            return None
        account, address = normalised(username), client_address(request) if request else "unknown"
        known_devices = request.COOKIES.get(cookies.DEVICE, "") if request else ""
        try:
            with tries.counted(account, address=address, known_devices=known_devices):
                user = find(username)
                if not is_right(user, password) or not self.user_can_authenticate(user):
                    raise SignInRefused
        except SignInRefused:
            return None
        return user


def find(name: str) -> User | None:
    """By username, else by e-mail.

    Nobody by a name whose tries count apart: PostgreSQL takes a capital I with a dot for an i, and Python doesn't.
    """
    account = normalised(name)
    found = [user for user in User.objects.filter(goes_by(name)) if account in (normalised(user.username), user.email)]
    return min(found, key=lambda user: user.username.lower() != name.lower(), default=None)
