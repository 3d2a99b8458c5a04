"""What people do with their accounts. Nothing here knows HTTP; failures raise the classes of accounts/errors.py."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import devices, passwords, sessions, throttling, tries
from accounts.admin_sign_in import second_factor
from accounts.errors import CodeMissing, LinkRefused, MailRefused, PasswordRefused, RegistrationRefused, SignInRefused
from accounts.mailboxes import normalised
from accounts.mailing import links
from accounts.mailing.mails import message_for
from accounts.mailing.outbox import is_flood
from accounts.models import Mail, User
from accounts.sessions import Pair
from accounts.tasks import send_ordered_mail


@dataclass(frozen=True)
class SignIn:
    user: User
    pair: Pair
    known_devices: str  # the new value of the browser's device cookie


def register(email: str, password: str, *, address: str) -> User:
    """Make an inactive account and order its activation mail. Raises RegistrationRefused, and then makes neither."""
    counted = throttling.registrations.take(address)
    user = User(email=email, is_active=False, awaits_activation=True)
    try:
        passwords.check_strength(password, user)
        user.password = make_password(password)
        with transaction.atomic():
            user.save()
            order_mail(Mail.Kind.ACTIVATION, user.email)
    except (PasswordRefused, IntegrityError) as error:
        counted.give_back()
        raise RegistrationRefused from error
    return user


def activate(uid: str, token: str) -> None:
    """Activate the account that a mail's link names. Raises LinkRefused, also for a link that was used before."""
    user = links.user_of_link(uid, token, links.activation)
    waiting = User.objects.filter(pk=user.pk, is_active=False, awaits_activation=True)
    if not waiting.update(is_active=True, awaits_activation=False):
        raise LinkRefused


def resend_activation(email: str, *, address: str) -> None:
    """Order the mail. As with a reset, the account is looked up when the mail is sent."""
    throttling.resends.take(address)
    order_mail(Mail.Kind.ACTIVATION, normalised(email))


def sign_in(email: str, password: str, *, address: str, agent: str, known_devices: str = "", code: str = "") -> SignIn:
    """Open a session. Raises SignInRefused after the same work, whatever was wrong (OWASP ASVS 5.0 6.3.8).

    `known_devices` is the browser's device cookie. Only failures count against the limits (accounts/tries.py; raises
    TooManyTries). A reached limit affects neither existing sessions nor a password reset. Where the password is right
    and the account has a second factor, `code` must be too; raises CodeMissing, CodeRefused.
    """
    account = normalised(email)
    with tries.counted(account, address=address, known_devices=known_devices):
        user = User.objects.filter(email=account).first() if account else None
        is_right = passwords.is_right(user, password)
        if user is None or not is_right or not user.is_active:
            raise SignInRefused
    has_second_factor = second_factor.is_on(user)
    if has_second_factor:
        if not code:
            raise CodeMissing
        with tries.counted(account, address=address, known_devices=known_devices, code_of=user.pk):
            second_factor.check(user, code)
    return enter(user, agent=agent, known_devices=known_devices, has_second_factor=has_second_factor)


def enter(
    user: User, *, agent: str, known_devices: str, has_second_factor: bool, proved_at: datetime | None = None
) -> SignIn:
    """Open a session for somebody who has proved who they are; `proved_at` as in `sessions.open_session`.

    Raises SignInRefused where the account was deleted or deactivated meanwhile.
    """
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=True).update(last_login=timezone.now()):
            raise SignInRefused
        pair = sessions.open_session(user, agent=agent, has_second_factor=has_second_factor, proved_at=proved_at)
    known_devices = devices.remember(known_devices, user.email, has_second_factor=has_second_factor)
    return SignIn(user, pair, known_devices)


def request_password_reset(email: str, *, address: str, site: str = "") -> None:
    """Order the mail. The account is looked up when it is sent, so neither answer nor time tells if there is one.

    `site` is the origin of the admin that was asked, if it was the admin.
    """
    throttling.resets.take(address)
    order_mail(Mail.Kind.PASSWORD_RESET, normalised(email), site=site)


def reset_password(uid: str, token: str, password: str, *, address: str) -> None:
    """Set the password of the user that a mail's link names, end all their sessions and tell them by mail.

    Raises LinkRefused (also for the slower of two requests that use one link at the same time) and PasswordRefused.
    """
    user = links.user_of_link(uid, token, *links.NEW_PASSWORD)
    passwords.check_strength(password, user)
    hashed = make_password(password)
    with transaction.atomic():
        unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        if not unchanged.update(password=hashed):
            raise LinkRefused
        sessions.end_sessions_of(user)
        order_mail(Mail.Kind.PASSWORD_CHANGED, user.email)
    tries.forgive(user.email, address=address)


def order_mail(kind: str, address: str, *, site: str = "", user: User | None = None) -> Mail:
    """Insert a mail and wake the sender after the commit. A queue that is down only delays the mail.

    `user` is whom the mail is about, where it goes to an address that isn't theirs (yet, or any more).
    """
    mail = Mail.objects.create(kind=kind, address=address, site=site, user=user)
    transaction.on_commit(partial(send_ordered_mail, mail.pk), robust=True)
    return mail


def send_again(mail: Mail) -> None:
    """Order a mail once more, or send it now if it still waits. Raises MailRefused.

    Its words and its link are made anew, and THROTTLE_MAILS counts it.
    """
    with transaction.atomic():
        if Mail.objects.filter(pk=mail.pk, sent_at=None).update(due_at=timezone.now()):
            transaction.on_commit(partial(send_ordered_mail, mail.pk), robust=True)
            return
        again = order_mail(mail.kind, mail.address, site=mail.site, user=mail.user)
        if message_for(again) is None:
            raise MailRefused("nobody should get this mail any more.")
        if is_flood(again):
            raise MailRefused("this address got as many mails of this kind as THROTTLE_MAILS allows.")
