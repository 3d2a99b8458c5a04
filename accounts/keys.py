"""API keys: `vfk_<id>_<secret>` lets a program use the API, without a person's password or session.

1. A key is made in the admin or by `manage.py key`, and shown once. Its row has the SHA-256 of the secret.
2. A request sends it as `Authorization: Bearer`. Whatever else the request has to show is not looked at: no cookie
   (accounts/origins.py) and no token.
3. Each request reads the row, so that the end of a key holds from the next request on, in all processes.
4. An endpoint names the scopes that open it (accounts/auth.py); one that names none is closed to keys.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.bearer import KEY_PREFIX
from accounts.errors import KeyRefused, ScopeMissing
from accounts.models import ApiKey, User
from accounts.throttling import Throttle

SECRET_BYTES = 32
SPELLED = re.compile(rf"{KEY_PREFIX}([1-9][0-9]{{0,17}})_([0-9a-f]{{{2 * SECRET_BYTES}}})")
LAST_USE_IS_EXACT_TO = timedelta(minutes=1)  # so that a busy key costs no write with each request
PERIOD = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

log = structlog.get_logger("videoflix.accounts")
requests = Throttle("THROTTLE_KEY")


def make(
    *, name: str, scopes: Iterable[str], expires_at: datetime | None = None, made_by: User | None = None
) -> tuple[ApiKey, str]:
    """A new key's row, and the key itself, which nobody can read again."""
    secret = secrets.token_hex(SECRET_BYTES)
    key = ApiKey.objects.create(
        name=name,
        scopes=sorted({str(scope) for scope in scopes}),
        secret_hash=hash_of(secret),
        expires_at=expires_at,
        made_by=made_by,
    )
    log.info("key made", key_id=key.pk, scopes=key.scopes)
    return key, f"{KEY_PREFIX}{key.pk}_{secret}"


def read(spelled: str) -> ApiKey:
    """The live key that is spelled so; its use is written down. Raises KeyRefused."""
    found = SPELLED.fullmatch(spelled)
    key = ApiKey.objects.filter(pk=int(found[1])).first() if found else None
    if found is None or key is None or not constant_time_compare(key.secret_hash, hash_of(found[2])):
        raise KeyRefused
    if key.revoked_at is not None:
        raise KeyRefused("This API key was revoked.")
    if key.is_expired:
        raise KeyRefused("This API key has expired.")
    note_use(key)
    return key


def check_scope(key: ApiKey, scopes: tuple[str, ...]) -> None:
    """Raises ScopeMissing unless the key has one of these."""
    if not set(scopes) & set(key.scopes):
        raise ScopeMissing(scopes)


def live(key_id: int, scope: str) -> ApiKey | None:
    """The key with this id, while it may be used for this."""
    key = ApiKey.objects.filter(pk=key_id).first()
    return key if key is not None and key.is_live and scope in key.scopes else None


def note_use(key: ApiKey) -> None:
    """Write down that it was used, unless that was done within the last minute."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at <= now - LAST_USE_IS_EXACT_TO:
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=now)


def revoke(keys: QuerySet[ApiKey]) -> list[ApiKey]:
    """End these keys for ever; returns those that were not revoked yet."""
    revoked = []
    for key in keys:
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            revoked.append(key)
            log.info("key revoked", key_id=key.pk)
    return revoked


def moment(text: str) -> datetime:
    """The moment that "90d", "3s" (from now on) or a time in ISO 8601 means. Raises ValueError, also for the past.

    A time without an offset is one of TIME_ZONE, as people read and write times here.
    """
    now = timezone.now()
    try:
        if period := PERIOD.fullmatch(text):
            return now + timedelta(**{UNITS[period[2]]: int(period[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("Write a time such as 2027-01-31T12:00Z, or a period such as 90d.") from None
    at = timezone.make_aware(at) if timezone.is_naive(at) else at
    if at <= now:
        raise ValueError("This moment is over.")
    return at


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
