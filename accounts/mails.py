"""The mails: one small function for each kind says who gets it and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts import links
from accounts.models import Letter, User


@dataclass(frozen=True)
class Mail:
    """What a mail says; `template` is the name below templates/emails/, without its ending."""

    subject: str
    template: str
    link: str
    valid_for: str = ""


def activation(user: User) -> Mail | None:
    if user.is_active or not user.awaits_activation:
        return None
    link, valid_for = links.activation_url(user), in_words(settings.ACTIVATION_LIFETIME)
    return Mail("Confirm your e-mail for Videoflix", "activation", link, valid_for)


def password_reset(user: User) -> Mail | None:
    """Who awaits activation has no use for a new password, but for the activation mail."""
    if not user.is_active:
        return activation(user)
    link, valid_for = links.password_reset_url(user), in_words(settings.RESET_LIFETIME)
    return Mail("Reset your Videoflix password", "password_reset", link, valid_for)


def password_changed(user: User) -> Mail | None:
    return Mail("Your Videoflix password was changed", "password_changed", settings.FRONTEND_BASE_URL)


WRITERS: dict[str, Callable[[User], Mail | None]] = {
    Letter.Kind.ACTIVATION: activation,
    Letter.Kind.PASSWORD_RESET: password_reset,
    Letter.Kind.PASSWORD_CHANGED: password_changed,
}


def message_for(letter: Letter) -> EmailMultiAlternatives | None:
    """The mail to send, as text and HTML; None if nobody (any more) is to get it."""
    user = User.objects.filter(email=letter.address).first()
    mail = WRITERS[letter.kind](user) if user else None
    if mail is None:
        return None
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=render_to_string(f"emails/{mail.template}.txt", {"mail": mail}),
        to=[letter.address],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"emails/{mail.template}.html", {"mail": mail}), "text/html")
    return message


def in_words(lifetime: timedelta) -> str:
    hours = round(lifetime.total_seconds() / 3600)
    number, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
