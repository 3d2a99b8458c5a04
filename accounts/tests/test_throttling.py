"""Limits on tries: for accounts and addresses, shared by all processes, without effect on the owner's sessions."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory
from limits.storage import RedisStorage
from pytest_django import Settings

from accounts import cookies, services, throttling, tries
from accounts.errors import RegistrationRefused, TooManyTries
from accounts.models import Tally, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, signed_in

pytestmark = pytest.mark.django_db


def sign_in(post: Post, email: str, password: str = "wrong", **options: Any) -> Any:
    return post("login/", {"email": email, "password": password}, **options)


def counters() -> list[str]:
    """The names of all counters, wherever they are kept."""
    storage = throttling.counters()
    if isinstance(storage, RedisStorage):
        return [key.decode() for key in storage.storage.scan_iter("LIMITS*")]
    return list(Tally.objects.values_list("key", flat=True))


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_eleventh_failure_of_an_account_is_refused_known_or_not(post: Post, ada: User, email: str) -> None:
    """OWASP ASVS 5.0 6.3.1."""
    assert [sign_in(post, email.upper()).status_code for _ in range(10)] == [401] * 10
    response = sign_in(post, email, PASSWORD)
    assert (response.status_code, response.json()) == (429, {"detail": "Too many attempts. Please try again later."})
    assert 0 < int(response["Retry-After"]) <= 300


def test_account_opens_again_after_the_window_each_time(post: Post, ada: User, settings: Settings) -> None:
    settings.THROTTLE_SIGN_IN_ACCOUNT = "2/2seconds"
    for _ in range(2):
        assert [sign_in(post, ada.email).status_code for _ in range(3)] == [401, 401, 429]
        time.sleep(int(sign_in(post, ada.email)["Retry-After"]))
    assert sign_in(post, ada.email, PASSWORD).status_code == 200


def test_successes_do_not_count(post: Post, client: Client, ada: User) -> None:
    for _ in range(12):
        assert sign_in(post, ada.email, PASSWORD).status_code == 200
        client.cookies.clear()
    assert [sign_in(post, ada.email).status_code for _ in range(11)] == [401] * 10 + [429]


def test_failures_are_counted_for_the_address_over_all_accounts(post: Post, ada: User, settings: Settings) -> None:
    settings.THROTTLE_SIGN_IN_ADDRESS = "3/5minutes"
    for number in range(3):
        assert sign_in(post, f"nobody{number}@example.com").status_code == 401
    assert sign_in(post, ada.email, PASSWORD).status_code == 429
    assert sign_in(post, ada.email, PASSWORD, REMOTE_ADDR="198.51.100.9").status_code == 200


def test_locked_account_keeps_its_sessions_and_can_be_reset(client: Client, post: Post, ada: User) -> None:
    """OWASP ASVS 5.0 6.3.1: no lock-out of the owner."""
    _, pair = signed_in(ada)
    for _ in range(11):
        sign_in(post, ada.email)
    client.cookies[cookies.REFRESH] = pair.refresh
    assert post("token/refresh/").status_code == 200
    assert post("password_reset/", {"email": ada.email}).status_code == 200
    assert post("logout/").status_code == 200


def test_resets_and_registrations_are_limited_by_address(post: Post, settings: Settings) -> None:
    settings.THROTTLE_RESET_ADDRESS = settings.THROTTLE_REGISTER_ADDRESS = "2/hour"
    resets = [post("password_reset/", {"email": f"a{number}@example.com"}) for number in range(3)]
    forms = [
        {"email": f"a{number}@example.com", "password": PASSWORD, "confirmed_password": PASSWORD} for number in range(3)
    ]
    registrations = [post("register/", form) for form in forms]
    assert [response.status_code for response in resets] == [200, 200, 429]
    assert [response.status_code for response in registrations] == [201, 201, 429]
    assert 0 < int(resets[2]["Retry-After"]) <= 3600


def test_thirty_accounts_an_hour_are_made_at_one_address_and_refused_ones_do_not_count(
    settings: Settings,
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    def register(email: str, password: str = PASSWORD) -> None:
        services.register(email, password, address="198.51.100.9")

    for number in range(30):
        with pytest.raises(RegistrationRefused):
            register(f"viewer{number}@example.com", "password")
        register(f"viewer{number}@example.com")
    with pytest.raises(TooManyTries):
        register("viewer30@example.com")
    assert User.objects.count() == 30


def test_admins_login_form_counts_too_and_says_so(client: Client, post: Post, carol: User) -> None:
    for _ in range(10):
        page = client.post("/admin/login/", {"username": "carol", "password": "wrong"}).content.decode()
        assert "Too many" not in page
    page = client.post("/admin/login/", {"username": "carol", "password": PASSWORD}).content.decode()
    assert "Too many attempts. Please try again later. Wait 5 minutes." in page
    assert "_auth_user_id" not in client.session


def test_counters_hold_no_addresses(post: Post) -> None:
    sign_in(post, "nobody@example.com", REMOTE_ADDR="198.51.100.9")
    keys = " ".join(counters())
    assert keys
    assert "nobody" not in keys
    assert "198.51" not in keys


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_time_do_not_exceed_the_limit_and_each_can_be_given_back() -> None:
    """Atomic on SQLite, PostgreSQL and Redis: no count is lost between threads or between giving back and taking."""

    def attempt(number: int) -> bool:
        try:
            taken = tries.at_address.take("ada 198.51.100.9")
        except TooManyTries:
            return False
        finally:
            connection.close()
        if number % 2:
            taken.give_back()
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(attempt, range(40)))
    assert throttling.counters().get(tries.at_address._key("ada 198.51.100.9")) == sum(passed[::2]) <= 10
    assert sum(attempt(number) for number in range(0, 40, 2)) + sum(passed[::2]) == 10


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.5", "192.0.2.1"),
        (1, "203.0.113.5", "203.0.113.5"),
        (1, "1.1.1.1, 203.0.113.5", "203.0.113.5"),
        (2, "1.1.1.1, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        (2, "203.0.113.5", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "made up", "unknown"),
        (1, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.5", "203.0.113.5"),
        (1, "203.0.113.5:50123", "203.0.113.5"),
        (1, "[2001:db8:1:2:3::4]:50123", "2001:db8:1:2::/64"),
        (1, "[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
    ],
)
def test_client_address_is_what_the_outermost_trusted_proxy_saw(
    settings: Settings, rf: RequestFactory, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": forwarded})
    assert throttling.client_address(request) == expected


def set_clock_back_by_hours() -> None:
    """What a counter's row, or its key in Redis, looks like when the clock that it was made by was five hours ahead."""
    storage = throttling.counters()
    if isinstance(storage, RedisStorage):
        for key in storage.storage.scan_iter("LIMITS*"):
            storage.storage.expire(key, 5 * 3600)
    else:
        Tally.objects.update(expires_at=F("expires_at") + 5 * 3600)


def test_account_is_open_after_the_clock_was_set_back(post: Post, ada: User) -> None:
    """A try that succeeds could not be taken back from such a counter, so that ten of them were too many."""
    assert sign_in(post, ada.email).status_code == 401
    set_clock_back_by_hours()
    assert [sign_in(post, ada.email, PASSWORD).status_code for _ in range(12)] == [200] * 12
    assert [sign_in(post, ada.email).status_code for _ in range(12)].count(429) > 0


@pytest.fixture
def hanging_redis(settings: Settings) -> Iterator[socket.socket]:
    """Redis accepts connections and never answers, as when its machine is frozen."""
    settings_before = settings.REDIS_URL
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        throttling.counters.cache_clear()
        yield server
    settings.REDIS_URL = settings_before
    throttling.counters.cache_clear()


def connections(server: socket.socket) -> int:
    """How many clients have connected and not been accepted yet."""
    server.setblocking(False)
    number = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            number += 1
    return number


def test_redis_that_hangs_holds_up_a_sign_in_for_six_seconds_at_most(ada: User, hanging_redis: socket.socket) -> None:
    storage = throttling.counters()
    assert isinstance(storage, RedisStorage)
    services.sign_in(ada.email, PASSWORD, address="198.51.100.9", agent="")
    patience_s = storage.storage.connection_pool.connection_kwargs.get("socket_timeout", 5)  # or its own
    assert connections(hanging_redis) * patience_s <= 6, "each question that isn't answered is asked by a connection"
