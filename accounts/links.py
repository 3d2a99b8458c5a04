"""Links in mails: signed, single use, expiring, good for one purpose, and always to the frontend."""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

from accounts.errors import LinkRefused
from accounts.models import User


class LinkTokens(PasswordResetTokenGenerator):
    """A token for one purpose. It is valid until its lifetime ends or a value in its hash changes."""

    def __init__(self, purpose: str, lifetime: timedelta) -> None:
        super().__init__()
        self.key_salt = f"accounts.links.{purpose}"
        self.lifetime = lifetime

    def check_token(self, user: User | None, token: str | None) -> bool:
        if user is None or token is None or not super().check_token(user, token):
            return False
        age_s = self._num_seconds(self._now()) - base36_to_int(token.split("-")[0])
        return age_s <= self.lifetime.total_seconds()

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        state = (user.pk, user.email, user.password, user.is_active, user.awaits_activation, timestamp)
        return "\n".join(map(str, state))


activation = LinkTokens("activation", settings.ACTIVATION_LIFETIME)
password_reset = LinkTokens("password_reset", settings.RESET_LIFETIME)


def activation_url(user: User) -> str:
    return _url(settings.FRONTEND_ACTIVATE_PATH, user, activation)


def password_reset_url(user: User) -> str:
    return _url(settings.FRONTEND_RESET_PATH, user, password_reset)


def user_of_link(uid: str, token: str, tokens: LinkTokens) -> User:
    """The user that a link names; raises LinkRefused unless its token is valid for this purpose."""
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(uid))).first()
    except (ValueError, OverflowError) as error:
        raise LinkRefused from error
    if user is None or not tokens.check_token(user, token):
        raise LinkRefused
    return user


def _url(path: str, user: User, tokens: LinkTokens) -> str:
    query = urlencode({"uid": urlsafe_base64_encode(force_bytes(user.pk)), "token": tokens.make_token(user)})
    return f"{settings.FRONTEND_BASE_URL}/{path}?{query}"
