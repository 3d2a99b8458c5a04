"""What people change of their own account. For a new password or e-mail they give their password once more.

Who has no password, because they came by single sign-on, signs in again by that instead
(accounts/single_sign_on/proof.py).

A new e-mail takes three steps:

1. Ask: the wish is kept with the account, and a mail is ordered to the new address. The answer is the same whether or
   not somebody has that address; if so, the mail is dropped when it would be sent (accounts/mailing/mails.py).
2. Confirm: the mail's link makes it the account's e-mail, by one conditional UPDATE. The link works once, and no longer
   once the owner wishes for another address, or has a new password.
3. Tell: the address that the account had before gets a mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts import passwords, sessions, throttling, tries
from accounts.errors import EmailRefused, LinkRefused, TokenRefused, WrongPassword
from accounts.mailboxes import normalised
from accounts.mailing import links
from accounts.models import Mail, User, goes_by
from accounts.services import order_mail
from accounts.single_sign_on import proof


@dataclass(frozen=True)
class Caller:
    """Where a request comes from: for the counting of wrong passwords, and for a proof instead of one."""

    address: str
    known_devices: str  # the browser's device cookie
    session_id: UUID | None = None


def edit(user: User, wanted: Mapping[str, str]) -> None:
    """Set names or language, each by its field's name. Raises TokenRefused where the account was just deleted."""
    for name, value in wanted.items():
        setattr(user, name, value)
    if wanted and not User.objects.filter(pk=user.pk).update(**wanted):
        raise TokenRefused


def check_password(user: User, password: str, caller: Caller, *, field: str) -> None:
    """Raises WrongPassword, which names the field, and TooManyTries: tries count as those to sign in do.

    Where there is no password, whatever was written is not looked at. Raises ProofMissing then.
    """
    if not user.has_usable_password():
        proof.check(user, caller.session_id, field=field)
        return
    account = normalised(user.email or user.username)
    with tries.counted(account, address=caller.address, known_devices=caller.known_devices):
        if not passwords.is_right(user, password):
            raise WrongPassword(field)


def change_password(user: User, old: str, new: str, caller: Caller) -> None:
    """Set the password, end all other sessions and tell the user by mail. `user` has the new password then.

    Raises WrongPassword, also where another request has changed the password meanwhile, TooManyTries, PasswordRefused;
    ProofMissing where it would be the first one.
    """
    check_password(user, old, caller, field="old_password")
    passwords.check_strength(new, user)
    before, user.password = user.password, make_password(new)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=before, is_active=True).update(password=user.password):
            raise WrongPassword("old_password")
        sessions.end_others(user, caller.session_id)
        if user.email:
            order_mail(Mail.Kind.PASSWORD_CHANGED, user.email)


def ask_for_email(user: User, email: str, password: str, caller: Caller) -> None:
    """Raises WrongPassword, ProofMissing, TooManyTries, and EmailRefused for the address that the account has.

    Raises TokenRefused where the account was just deleted or deactivated.
    """
    check_password(user, password, caller, field="password")
    wanted = normalised(email)
    if wanted == user.email:
        raise EmailRefused
    throttling.resends.take(caller.address)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=True).update(new_email=wanted):
            raise TokenRefused
        order_mail(Mail.Kind.EMAIL_CHANGE, wanted, user=user)


def confirm_email(uid: str, token: str) -> None:
    """Raises LinkRefused, also if somebody else has the address by now."""
    user = links.user_of_link(uid, token, links.new_email)
    old, new = user.email, user.new_email
    if not user.is_active or not new or User.objects.filter(goes_by(new)).exclude(pk=user.pk).exists():
        raise LinkRefused
    username = new if user.username == old or not user.is_staff else user.username
    unchanged = User.objects.filter(pk=user.pk, email=old, new_email=new, is_active=True)
    try:
        with transaction.atomic():
            if not unchanged.update(email=new, username=username, new_email=""):
                raise LinkRefused
            if old:
                Mail.objects.filter(address=old, user=None).update(user=user)  # still theirs, for export and deletion
                order_mail(Mail.Kind.EMAIL_CHANGED, old, user=user)
    except IntegrityError as error:
        raise LinkRefused from error
