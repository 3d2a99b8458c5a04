"""Deleting an account, and with it everything that is kept about the person.

1. What names the account by a foreign key goes with its row, in every app: sessions, mails, progress, lists, uploads
   under way. Videos that the person has added stay, and no longer say by whom.
2. What names it otherwise goes too: mails that were ordered for its address, and sign-ins to the admin, also unfinished
   ones.
3. The admin's history stays, since it tells what was done to videos, but no longer says who: its entries belong to an
   account that stands for all deleted ones, and the person's name and addresses are taken out of its texts.
"""

import re
from collections.abc import Iterable

import structlog
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from accounts import sessions
from accounts.admin_sign_in import sign_in_steps
from accounts.errors import LastAdministrator
from accounts.models import Mail, User

PART_BEFORE, PART_AFTER = r"(?<![\w.!#$%&*+/=?^`{|}~-])", r"(?![\w-]|\.\w)"  # of a longer address
DELETED = "deleted account"  # the username of the account that stands for them, and what texts say instead of a name

log = structlog.get_logger("videoflix.accounts")


@transaction.atomic
def delete_own(user: User) -> None:
    """Delete the account of somebody who asks for it. Raises LastAdministrator if nobody else may do everything."""
    administrators = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
    if user.is_superuser and {administrator.pk for administrator in administrators} <= {user.pk}:
        raise LastAdministrator
    delete(user)


@transaction.atomic
def delete(user: User) -> None:
    User.objects.select_for_update().filter(pk=user.pk).first()  # from here on no row is added that names it
    user_id, addresses = user.pk, addresses_of(user)
    sessions.end_everywhere(user)
    sign_in_steps.forget(user)
    make_history_nameless(user, addresses)
    Mail.objects.filter(mails_of(user)).delete()
    user.delete()
    log.info("account deleted", user=user_id)


def mails_of(user: User) -> Q:
    """The condition for mails to this person: those to the address, and those to one that they had before."""
    theirs = Q(user=user)
    return theirs | Q(user=None, address=user.email) if user.email else theirs


def addresses_of(user: User) -> set[str]:
    """All addresses by which texts may call the person."""
    mailed = Mail.objects.filter(user=user).values_list("address", flat=True)
    return {user.email, user.new_email, *mailed} - {""}


def make_history_nameless(user: User, addresses: Iterable[str]) -> None:
    """Take the person out of the admin's history: as who did something, and as whom it was done to."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
    about.update(object_id=None, object_repr=DELETED, change_message="")
    for address in addresses:
        called_so = re.compile(f"{PART_BEFORE}{re.escape(address)}{PART_AFTER}", re.IGNORECASE)
        named = Q(object_repr__icontains=address) | Q(change_message__icontains=address)
        for entry in LogEntry.objects.filter(named):
            entry.object_repr = called_so.sub(DELETED, entry.object_repr)
            entry.change_message = called_so.sub(DELETED, entry.change_message)
            entry.save(update_fields=["object_repr", "change_message"])
    done = LogEntry.objects.filter(user=user)
    if done.exists():
        done.update(user=stand_in())


def stand_in() -> User:
    """The account that nobody can sign in to, for the history of those that are gone."""
    nobodys = {"is_active": False, "password": make_password(None)}
    return User.objects.get_or_create(username=DELETED, defaults=nobodys)[0]
