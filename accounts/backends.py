"""Signing in to the admin."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest

from accounts import throttling
from accounts.errors import TooManyTries
from accounts.models import User, normalised
from accounts.passwords import is_right


class UsernameOrEmailBackend(ModelBackend):
    """The admin's login form takes a username or an e-mail, in any case; failures count as they do in the API."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **credentials: Any
    ) -> User | None:
        if not username or password is None:
            return None
        account, address = normalised(username), throttling.client_address(request) if request else "unknown"
        try:
            throttling.failed_sign_ins_of_account.ask(account)
            throttling.failed_sign_ins_from_address.ask(address)
        except TooManyTries as error:
            raise PermissionDenied from error
        user = find(username)
        if is_right(user, password) and self.user_can_authenticate(user):
            return user
        throttling.failed_sign_ins_of_account.count(account)
        throttling.failed_sign_ins_from_address.count(address)
        return None


def find(name: str) -> User | None:
    """By username, else by e-mail."""
    found = User.objects.filter(Q(username__iexact=name) | Q(email=normalised(name)))
    return min(found, key=lambda user: user.username.lower() != name.lower(), default=None)
