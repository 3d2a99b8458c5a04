"""Links in mails: signed, single use, expiring, and good for one purpose.

They lead to the frontend. Only staff who were invited or asked in the admin choose their password there.
"""

import re
from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

from accounts.errors import LinkRefused
from accounts.models import User


class LinkTokens(PasswordResetTokenGenerator):
    """A token for one purpose. It is valid until its lifetime ends or a value in its hash changes."""

    def __init__(self, purpose: str, lifetime: timedelta) -> None:
        super().__init__()
        self.key_salt = f"accounts.mailing.links.{purpose}"
        self.lifetime = lifetime

    def check_token(self, user: User | None, token: str | None) -> bool:
        if user is None or token is None or not super().check_token(user, token):
            return False
        age_s = self._num_seconds(self._now()) - base36_to_int(token.split("-")[0])
        return age_s <= self.lifetime.total_seconds()

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        state = (user.pk, user.email, user.password, user.is_active, user.awaits_activation, timestamp)
        return "\n".join(map(str, state))


class EmailTokens(LinkTokens):
    """A token for the e-mail that a user wants to have; another wish makes it invalid."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}\n{user.new_email}"


activation = LinkTokens("activation", settings.ACTIVATION_LIFETIME)
password_reset = LinkTokens("password_reset", settings.RESET_LIFETIME)
invitation = LinkTokens("invitation", settings.INVITATION_LIFETIME)
new_email = EmailTokens("email", settings.ACTIVATION_LIFETIME)
NEW_PASSWORD = (password_reset, invitation)  # both lead to where a password is chosen

SECRETS = re.compile(r"\b(uid|token)=[^\s&\"']+")


def activation_url(user: User) -> str:
    return _url(f"{settings.FRONTEND_BASE_URL}/{settings.FRONTEND_ACTIVATE_PATH}", user, activation)


def password_reset_url(user: User, site: str = "") -> str:
    return _url(_new_password_page(user, site), user, password_reset)


def invitation_url(user: User, site: str = "") -> str:
    return _url(_new_password_page(user, site), user, invitation)


def new_email_url(user: User) -> str:
    return _url(f"{settings.FRONTEND_BASE_URL}/{settings.FRONTEND_EMAIL_PATH}", user, new_email)


def without_secrets(text: str) -> str:
    """The text with gaps where a link's user and token stood."""
    return SECRETS.sub(r"\1=…", text)


def user_of_link(uid: str, token: str, *purposes: LinkTokens) -> User:
    """The user that a link names; raises LinkRefused unless its token is valid for one of these purposes."""
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(uid))).first()
    except (ValueError, OverflowError) as error:
        raise LinkRefused from error
    if user is None or not any(tokens.check_token(user, token) for tokens in purposes):
        raise LinkRefused
    return user


def _new_password_page(user: User, site: str) -> str:
    """`site` is the admin that ordered the mail, if it was the admin."""
    if site and user.is_staff:
        return f"{site}{reverse('new_password')}"
    return f"{settings.FRONTEND_BASE_URL}/{settings.FRONTEND_RESET_PATH}"


def _url(page: str, user: User, tokens: LinkTokens) -> str:
    query = urlencode({"uid": urlsafe_base64_encode(force_bytes(user.pk)), "token": tokens.make_token(user)})
    return f"{page}?{query}"
