"""What stands for the password of somebody who has none: that they have just signed in again by single sign-on.

1. They are sent to the provider with `?again=1` (accounts/single_sign_on/oidc_pages.py). It is told to ask who they
   are, even if they are signed in there, and comes back with the time at which it did (`auth_time`, OpenID Connect
   Core 2).
2. The new session remembers that time. For PROOF_LIFETIME it counts as the password, in that session alone.

A provider that tells no such time is believed to have asked. Whoever can't sign in again has the mail of a forgotten
password, by which they choose a first one.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.errors import ProofMissing
from accounts.models import Session, User

PROOF_LIFETIME = timedelta(minutes=10)
SIGN_IN_AGAIN = "You have no password here. Sign in again by single sign-on: that counts for 10 minutes."
CHOOSE_ONE = "You have no password. Ask for the mail of a forgotten password, and choose one."


def is_fresh(proved_at: float | None) -> bool:
    """Whether a proof at this Unix time still counts."""
    return proved_at is not None and timezone.now().timestamp() - proved_at < PROOF_LIFETIME.total_seconds()


def proved_until(user: User, session_id: UUID | None) -> datetime | None:
    """Until when this session's sign-in counts as a password; None where it doesn't, or where there is a password."""
    if session_id is None or user.has_usable_password():
        return None
    session = Session.objects.filter(pk=session_id, user=user).first()
    until = session.proved_at + PROOF_LIFETIME if session is not None and session.proved_at else None
    return until if until is not None and until > timezone.now() else None


def check(user: User, session_id: UUID | None, *, field: str) -> None:
    """For an account without a password. Raises ProofMissing, which names the field where a password would stand."""
    if proved_until(user, session_id) is None:
        raise ProofMissing(field, SIGN_IN_AGAIN if settings.OIDC else CHOOSE_ONE)
