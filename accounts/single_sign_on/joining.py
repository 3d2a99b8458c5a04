"""From an identity at the provider to a user here.

1. An identity that has been here before, the same subject of the same issuer, is that user. Nothing else counts then.
2. A new one is found by its e-mail, if the provider says that it is verified. Here an e-mail is verified by the link of
   the activation mail, or by the staff who made the account: an active account has one.
3. An account that waits for its activation may be anybody's, who wrote down somebody else's address: whoever proves now
   that the address is theirs gets it, and the password that was chosen is gone with every session and link.
4. Staff are never joined by their e-mail: a provider that verifies badly would open the admin. They sign in with their
   password once more (accounts/admin_sign_in/sign_in_steps.py), and are connected by that.
5. Nobody has the address: a new viewer, without a password.

Nobody becomes staff here, and inactive accounts are refused.
"""

import structlog
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import mailboxes, sessions
from accounts.errors import AccountInactive, EmailUnverified, IdentityRefused, PasswordNeeded
from accounts.models import User, goes_by
from accounts.single_sign_on.oidc import Identity

log = structlog.get_logger("videoflix.accounts")


def user_of(identity: Identity) -> User:
    """Raises AccountInactive, EmailUnverified, PasswordNeeded; IdentityRefused where two come at once and differ."""
    user = connected(identity)
    if user is None:
        try:
            with transaction.atomic():
                user = found_or_new(identity)
                connect(identity, user)
        except IntegrityError as error:  # the same click twice
            user = connected(identity)
            if user is None:
                raise IdentityRefused("its e-mail was taken meanwhile") from error
    if not user.is_active:
        raise AccountInactive
    return user


def connected(identity: Identity) -> User | None:
    return User.objects.filter(socialaccount__provider=identity.issuer, socialaccount__uid=identity.subject).first()


def connect(identity: Identity, user: User) -> None:
    SocialAccount.objects.create(provider=identity.issuer, uid=identity.subject, user=user)
    log.info("single sign-on connected", user_id=user.pk)


def connect_unless_done(identity: Identity, user: User) -> None:
    if connected(identity) is None:
        connect(identity, user)


def found_or_new(identity: Identity) -> User:
    check_email(identity)
    user = User.objects.select_for_update().filter(goes_by(identity.email)).first()
    if user is None:
        user = User(email=identity.email, password=make_password(None))
        user.save()
        return user
    if user.is_staff or user.is_superuser:
        raise PasswordNeeded(user.pk)
    if not user.is_active and user.awaits_activation:
        take_over(user)
    if not user.is_active:
        raise AccountInactive
    return user


def check_email(identity: Identity) -> None:
    try:
        mailboxes.check(identity.email)
    except ValidationError as error:
        raise EmailUnverified from error
    if not identity.is_email_verified:
        raise EmailUnverified


def take_over(user: User) -> None:
    """Give a registration that nobody has confirmed to the owner of its address."""
    user.password, user.is_active, user.awaits_activation = make_password(None), True, False
    user.first_name = user.last_name = ""
    user.save()
    sessions.end_sessions_of(user)
