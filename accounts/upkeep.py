"""Removing rows that nobody needs any more."""

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session as AdminSession
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.mailing import outbox
from accounts.models import Mail, Session, Tally, User

log = structlog.get_logger("videoflix.accounts")

KEPT_ENDED = timedelta(days=1)


def remove_expired() -> None:
    """Remove ended sessions, old mails and counters, and accounts whose e-mail was not confirmed in time.

    Removing such an account frees the address for its owner, in case somebody else typed it. An account is kept as
    long as a link that was mailed for it still works.
    """
    now = timezone.now()
    ended = Q(expires_at__lte=now) | Q(revoked_at__lte=now - KEPT_ENDED)
    mailed = Mail.objects.filter(address=OuterRef("email"), sent_at__gt=now - settings.ACTIVATION_LIFETIME)
    unconfirmed = User.objects.filter(
        ~Exists(mailed), awaits_activation=True, date_joined__lt=now - settings.UNCONFIRMED_ACCOUNTS_KEPT
    )
    removed = {
        "sessions": Session.objects.filter(ended).delete()[0],
        "admin_sessions": AdminSession.objects.filter(expire_date__lt=now).delete()[0],
        "mails": outbox.remove_old(),
        "tallies": Tally.objects.filter(expires_at__lt=time.time()).delete()[0],
        "unconfirmed_accounts": unconfirmed.delete()[0],
    }
    if any(removed.values()):
        log.info("removed", **removed)
