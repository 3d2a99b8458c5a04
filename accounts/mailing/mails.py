"""The words of the mails: one small function for each kind decides who gets it and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts import mailboxes
from accounts.mailing import links
from accounts.models import Mail, User, goes_by


@dataclass(frozen=True)
class Wording:
    """What a mail says; `template` is the name below templates/emails/, without its ending."""

    subject: str
    template: str
    link: str
    valid_for: str = ""
    is_for_staff: bool = False


def activation(user: User, mail: Mail) -> Wording | None:
    if user.is_active or not user.awaits_activation:
        return None
    link, valid_for = links.activation_url(user), in_words(settings.ACTIVATION_LIFETIME)
    return Wording("Confirm your e-mail for Videoflix", "activation", link, valid_for)


def password_reset(user: User, mail: Mail) -> Wording | None:
    """An account that awaits its activation gets the activation mail: it could not use a new password."""
    if not user.is_active:
        return activation(user, mail)
    link, valid_for = links.password_reset_url(user, mail.site), in_words(settings.RESET_LIFETIME)
    return Wording("Reset your Videoflix password", "password_reset", link, valid_for)


def invitation(user: User, mail: Mail) -> Wording | None:
    """Nothing for somebody who has a password by now."""
    if not user.is_active or user.has_usable_password():
        return None
    link, valid_for = links.invitation_url(user, mail.site), in_words(settings.INVITATION_LIFETIME)
    return Wording("You are invited to Videoflix", "invitation", link, valid_for, user.is_staff)


def password_changed(user: User, mail: Mail) -> Wording | None:
    return Wording("Your Videoflix password was changed", "password_changed", settings.FRONTEND_BASE_URL)


def email_change(user: User, mail: Mail) -> Wording | None:
    """To the new address; nothing if somebody has it, or if its owner meanwhile wants another one."""
    is_taken = User.objects.filter(goes_by(mail.address)).exclude(pk=user.pk).exists()
    if not user.is_active or is_taken or user.new_email != mail.address:
        return None
    link, valid_for = links.new_email_url(user), in_words(settings.ACTIVATION_LIFETIME)
    return Wording("Confirm your new e-mail for Videoflix", "email_change", link, valid_for)


def email_changed(user: User, mail: Mail) -> Wording | None:
    """To the address that the account had before."""
    return Wording("The e-mail of your Videoflix account was changed", "email_changed", settings.FRONTEND_BASE_URL)


WRITERS: dict[str, Callable[[User, Mail], Wording | None]] = {
    Mail.Kind.ACTIVATION: activation,
    Mail.Kind.PASSWORD_RESET: password_reset,
    Mail.Kind.INVITATION: invitation,
    Mail.Kind.PASSWORD_CHANGED: password_changed,
    Mail.Kind.EMAIL_CHANGE: email_change,
    Mail.Kind.EMAIL_CHANGED: email_changed,
}
TO_ANOTHER_ADDRESS = frozenset((Mail.Kind.EMAIL_CHANGE, Mail.Kind.EMAIL_CHANGED))  # than their user's


def message_for(mail: Mail) -> EmailMultiAlternatives | None:
    """The mail to send, as text and HTML; None if nobody should get it, or not any more."""
    user = mail.user if mail.kind in TO_ANOTHER_ADDRESS else User.objects.filter(email=mail.address).first()
    wording = WRITERS[mail.kind](user, mail) if user else None
    if wording is None:
        return None
    message = EmailMultiAlternatives(
        subject=wording.subject,
        body=render_to_string(f"emails/{wording.template}.txt", {"mail": wording}),
        to=[mailboxes.for_mails(mail.address)],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"emails/{wording.template}.html", {"mail": wording}), "text/html")
    return message


def in_words(lifetime: timedelta) -> str:
    """Such as "1 hour" or "3 days"."""
    hours = round(lifetime.total_seconds() / 3600)
    number, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
