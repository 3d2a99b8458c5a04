"""Whether a password is right, and whether a new one is strong enough."""

from functools import cache

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.errors import PasswordRefused
from accounts.models import User


@cache
def decoy() -> str:
    """A hash that fits no password, made with the same work as everybody's."""
    return make_password(make_password(None))


def is_right(user: User | None, password: str) -> bool:
    """Whether this is the user's password. Takes as long if there is no user or no password (OWASP ASVS 5.0 6.3.8)."""
    nobodys = decoy()
    if user is None or not user.has_usable_password():
        check_password(password, nobodys)
        return False
    return user.check_password(password)


def check_strength(password: str, user: User) -> None:
    """Raises PasswordRefused with the reasons why this password is too weak for this user."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordRefused(error.messages) from error
