"""How often somebody may try: counters shared by all web processes, in Redis or else in our database.

The database serves the embedded setup, where several web processes share SQLite and nothing else: Django's
file cache can't count atomically, and memory is each process's own.
"""

import ipaddress
import time
from dataclasses import dataclass
from functools import cache

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from redis.exceptions import RedisError

from accounts.clock import CLOCKS_DIFFER
from accounts.errors import TooManyTries
from accounts.models import Tally

log = structlog.get_logger("videoflix.throttling")

REDIS_DIFFERS_S = 0.01  # our clock and Redis', which counts whole milliseconds
ANSWER_WITHIN_S = 1.0  # a sign-in asks six times: where Redis hangs, its user waits six seconds, not thirty


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

    def give_back(self, key: str, *, left_s: float) -> None:
        """The same as `RedisCounters.give_back`."""
        now = time.time()
        running = Tally.objects.filter(key=key, count__gt=0, expires_at__gt=now, expires_at__lte=now + left_s)
        running.update(count=F("count") - 1)

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        return Tally.objects.all().delete()[0]

    def clear(self, key: str) -> None:
        Tally.objects.filter(key=key).delete()


class RedisCounters(RedisStorage):
    """`limits`' fixed windows in Redis, from which a counted try can be taken back."""

    GIVE_BACK = """
    if (tonumber(redis.call("get", KEYS[1])) or 0) > 0 and redis.call("pttl", KEYS[1]) <= tonumber(ARGV[1]) then
        redis.call("decr", KEYS[1])
    end
    """

    def give_back(self, key: str, *, left_s: float) -> None:
        """Count one less if the window ends within `left_s` seconds: one that ends later began after the try."""
        try:
            self.storage.eval(self.GIVE_BACK, 1, self.prefixed_key(key), int(1000 * left_s))
        except RedisError as error:
            raise StorageError(error) from error


@cache
def counters() -> RedisCounters | DatabaseStorage:
    if not settings.REDIS_URL:
        return DatabaseStorage()
    return RedisCounters(
        settings.REDIS_URL,
        wrap_exceptions=True,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
    )


@dataclass(frozen=True)
class Taken:
    """A try that has been counted."""

    key: str
    period_s: int  # of the limit: how long its window can still run
    at: float  # seconds of the monotonic clock

    def give_back(self) -> None:
        """Take the try off its counter, unless its window is over."""
        left_s = self.period_s - (time.monotonic() - self.at) + REDIS_DIFFERS_S
        try:
            counters().give_back(self.key, left_s=left_s)
        except StorageError as error:
            log.warning("throttle storage unreachable", reason=error.__cause__ or error)


class Throttle:
    """One limit such as "10/5minutes", named by its setting and counted separately for each subject.

    A try is counted before it is made, in one atomic step, so that tries made at the same time can't exceed the limit.
    If the storage can't be reached, every try passes: signing in without a limit is better than not at all.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting

    @property
    def limit(self) -> RateLimitItem:
        return parse(getattr(settings, self.setting))

    def take(self, subject: str) -> Taken:
        """Count a try, or raise TooManyTries if the limit is reached. Refused tries don't count."""
        key, period_s = self._key(subject), self.limit.get_expiry()
        try:
            number = counters().incr(key, period_s)
            taken = Taken(key, period_s, time.monotonic())  # the window has begun by now: it ends within its period
            if number <= self.limit.amount:
                return taken
            ends_at = counters().get_expiry(key)
            if ends_at > time.time() + period_s + CLOCKS_DIFFER.total_seconds():  # a clock that was ahead has begun it
                counters().clear(key)
                return self.take(subject)
        except StorageError as error:
            log.warning("throttle storage unreachable", reason=error.__cause__ or error)
            return Taken(key, period_s, time.monotonic())
        taken.give_back()
        raise TooManyTries(max(1, round(ends_at - time.time() + 0.5)))

    def forget(self, subject: str) -> None:
        try:
            counters().clear(self._key(subject))
        except StorageError as error:
            log.warning("throttle storage unreachable", reason=error.__cause__ or error)

    def _key(self, subject: str) -> str:
        """The counter's key. It holds a keyed hash, because subjects are addresses of people and machines."""
        hashed = salted_hmac("accounts.throttling", subject, algorithm="sha256").hexdigest()
        return self.limit.key_for(self.setting, hashed)


registrations = Throttle("THROTTLE_REGISTER_ADDRESS")
resends = Throttle("THROTTLE_RESEND_ADDRESS")
resets = Throttle("THROTTLE_RESET_ADDRESS")


def without_port(address: str) -> str:
    """The address alone: some balancers add the client's port, which differs for each connection."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def client_address(request: HttpRequest) -> str:
    """The client's IP address, or its /64 network for IPv6. X-Forwarded-For is believed for TRUSTED_PROXIES proxies.

    Each proxy appends the address it was called from, so the address that our outermost proxy saw is that many places
    from the right. The client may have made up anything further left.
    """
    address = request.META.get("REMOTE_ADDR", "")
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if len(seen) >= proxies:
            address = without_port(seen[-proxies])
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
