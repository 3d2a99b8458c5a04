"""How often somebody may try: counters shared by all web processes, in Redis or else in our database.

The database serves the embedded setup, where several web processes share SQLite and nothing else: Django's
file cache can't count atomically, and memory is each process's own.
"""

import ipaddress
import time
from functools import cache
from typing import cast

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from accounts.errors import TooManyTries
from accounts.models import Tally

log = structlog.get_logger("videoflix.throttling")


class DatabaseStorage(Storage):
    """`limits`' fixed windows as rows, counted by conditional UPDATEs."""

    STORAGE_SCHEME = ["database"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return DatabaseError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        with transaction.atomic():
            running = Tally.objects.filter(key=key, expires_at__gt=now)
            if not running.update(count=F("count") + amount):
                tally, is_new = Tally.objects.select_for_update().get_or_create(
                    key=key, defaults={"count": amount, "expires_at": now + expiry}
                )
                if not is_new and not running.update(count=F("count") + amount):
                    Tally.objects.filter(pk=tally.pk).update(count=amount, expires_at=now + expiry)
            return self.get(key)

    def get(self, key: str) -> int:
        return Tally.objects.filter(key=key, expires_at__gt=time.time()).values_list("count", flat=True).first() or 0

    def get_expiry(self, key: str) -> float:
        return Tally.objects.filter(key=key).values_list("expires_at", flat=True).first() or time.time()

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        return Tally.objects.all().delete()[0]

    def clear(self, key: str) -> None:
        Tally.objects.filter(key=key).delete()


@cache
def limiter() -> FixedWindowRateLimiter:
    storage = storage_from_string(settings.REDIS_URL, wrap_exceptions=True) if settings.REDIS_URL else DatabaseStorage()
    return FixedWindowRateLimiter(cast(Storage, storage))


class Throttle:
    """One limit by the name of its setting, such as "10/5minutes", counted for each subject apart.

    A storage that can't be reached lets everybody through: people rather sign in unthrottled than not at all.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting

    @property
    def limit(self) -> RateLimitItem:
        return parse(getattr(settings, self.setting))

    def ask(self, subject: str) -> None:
        """Raises TooManyTries when the limit is reached; doesn't count."""
        try:
            if limiter().test(self.limit, *self._key(subject)):
                return
            reset_at, _ = limiter().get_window_stats(self.limit, *self._key(subject))
        except StorageError as error:
            log.warning("throttle storage unreachable", error=type(error).__name__)
            return
        raise TooManyTries(max(1, round(reset_at - time.time() + 0.5)))

    def count(self, subject: str) -> None:
        try:
            limiter().hit(self.limit, *self._key(subject))
        except StorageError as error:
            log.warning("throttle storage unreachable", error=type(error).__name__)

    def forget(self, subject: str) -> None:
        try:
            limiter().clear(self.limit, *self._key(subject))
        except StorageError as error:
            log.warning("throttle storage unreachable", error=type(error).__name__)

    def _key(self, subject: str) -> tuple[str, str]:
        """Subjects are addresses of people and machines: only their keyed hash is kept."""
        return self.setting, salted_hmac("accounts.throttling", subject, algorithm="sha256").hexdigest()


failed_sign_ins_of_account = Throttle("THROTTLE_SIGN_IN_ACCOUNT")
failed_sign_ins_from_address = Throttle("THROTTLE_SIGN_IN_ADDRESS")
registrations = Throttle("THROTTLE_REGISTER_ADDRESS")
resets = Throttle("THROTTLE_RESET_ADDRESS")


def client_address(request: HttpRequest) -> str:
    """Who sent this, an IPv6 network counting as one; X-Forwarded-For counts only from TRUSTED_PROXIES proxies.

    Each proxy appends the address it was called from, so the one that the outermost of ours saw stands that many
    places from the right. Anything further left the client may have made up.
    """
    address = request.META.get("REMOTE_ADDR", "")
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if len(seen) >= proxies:
            address = seen[-proxies]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
