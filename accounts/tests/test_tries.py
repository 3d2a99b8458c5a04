"""Where tries are counted: nobody is locked out by somebody else's tries, and no browser may guess for ever."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import cookies, devices, throttling, tries
from accounts.models import Tally, User
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

ELSEWHERE = "198.51.100.9"


def sign_in(client: Client, email: str, password: str = "wrong", *, address: str = "127.0.0.1") -> Any:
    body = {"email": email, "password": password}
    return client.post("/api/login/", body, content_type="application/json", REMOTE_ADDR=address)


def exhaust(email: str, *, address: str = ELSEWHERE) -> None:
    stranger = Client()
    while sign_in(stranger, email, address=address).status_code == 401:
        pass


def test_nobody_locks_another_out_from_elsewhere(ada: User) -> None:
    exhaust(ada.email)
    assert sign_in(Client(), ada.email, PASSWORD, address=ELSEWHERE).status_code == 429
    assert sign_in(Client(), ada.email, PASSWORD).status_code == 200


def test_account_that_is_guessed_from_everywhere_is_closed_to_unknown_browsers(ada: User, settings: Settings) -> None:
    settings.THROTTLE_SIGN_IN_ACCOUNT = "3/hour"
    known = Client()
    assert sign_in(known, ada.email, PASSWORD).status_code == 200
    for number in range(3):
        assert sign_in(Client(), ada.email, address=f"203.0.113.{number}").status_code == 401
    assert sign_in(Client(), ada.email, PASSWORD).status_code == 429
    assert sign_in(known, ada.email, PASSWORD).status_code == 200
    assert sign_in(Client(), "somebody@example.com").status_code == 401


def test_browser_that_signed_in_before_is_not_locked_out_by_guesses_at_its_own_address(ada: User) -> None:
    """As behind the one address of an office or a phone network."""
    known = Client()
    sign_in(known, ada.email, PASSWORD)
    exhaust(ada.email, address="127.0.0.1")
    assert sign_in(Client(), ada.email, PASSWORD).status_code == 429
    assert sign_in(known, ada.email, PASSWORD).status_code == 200


def test_known_browser_is_limited_in_its_own_tries(ada: User) -> None:
    known = Client()
    sign_in(known, ada.email, PASSWORD)
    assert [sign_in(known, ada.email).status_code for _ in range(11)] == [401] * 10 + [429]
    assert sign_in(known, ada.email, PASSWORD).status_code == 429
    assert sign_in(Client(), ada.email, PASSWORD).status_code == 200, "what it did wrong counts for it alone"


def test_browser_is_known_for_the_accounts_it_signed_in_to_and_no_other(ada: User) -> None:
    own = UserFactory.create(email="mallory@example.com")
    known = Client()
    sign_in(known, own.email, PASSWORD)
    exhaust(ada.email, address="127.0.0.1")
    assert sign_in(known, ada.email, PASSWORD).status_code == 429
    cookie = known.cookies[cookies.DEVICE].value
    assert devices.device_of(cookie, own.email)
    assert devices.device_of(cookie, ada.email) is None


def test_admins_form_and_api_know_the_same_browsers(client: Client, carol: User) -> None:
    client.post("/admin/login/", {"username": carol.email, "password": PASSWORD})
    assert "_auth_user_id" in client.session
    exhaust(carol.email, address="127.0.0.1")
    assert sign_in(Client(), carol.email, PASSWORD).status_code == 429
    assert sign_in(client, carol.email, PASSWORD).status_code == 200
    client.post("/admin/logout/")
    client.post("/admin/login/", {"username": carol.email, "password": PASSWORD})
    assert "_auth_user_id" in client.session


def test_device_cookie_is_signed_lasts_and_names_nobody(ada: User, settings: Settings) -> None:
    settings.SECURE_COOKIES = True
    cookie = sign_in(Client(), ada.email, PASSWORD).cookies[cookies.DEVICE]
    assert (cookie["httponly"], cookie["secure"], cookie["path"], cookie["samesite"]) == (True, True, "/", "Lax")
    assert cookie["max-age"] == 365 * 24 * 3600
    assert set(devices.read(cookie.value)) == {devices.mark_of(ada.email)}  # a keyed hash of the name
    assert devices.read(cookie.value[:-1] + ("a" if cookie.value[-1] != "a" else "b")) == {}


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "x" * 10_000, "W10:1:x"])
def test_odd_device_cookie_is_no_cookie(client: Client, ada: User, cookie: str) -> None:
    client.cookies[cookies.DEVICE] = cookie
    assert devices.device_of(cookie, ada.email) is None
    assert sign_in(client, ada.email, PASSWORD).status_code == 200


def test_wrong_password_makes_no_known_browser(ada: User) -> None:
    assert cookies.DEVICE not in sign_in(Client(), ada.email).cookies


def test_browser_of_many_accounts_stays_known_for_the_last_ones() -> None:
    cookie = ""
    for number in range(7):
        cookie = devices.remember(cookie, f"viewer{number}@example.com")
    assert [bool(devices.device_of(cookie, f"viewer{number}@example.com")) for number in range(7)] == [False] * 2 + [
        True
    ] * 5
    assert len(cookie) < devices.MAX_LENGTH
    assert devices.device_of(devices.remember(cookie, "viewer4@example.com"), "viewer4@example.com") != (
        devices.device_of(cookie, "viewer4@example.com")
    )


def test_try_that_ends_in_an_error_of_ours_does_not_count(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> bool:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr("accounts.passwords.is_right", broken)
        for _ in range(12):
            assert sign_in(Client(), ada.email).status_code == 500
    assert sign_in(Client(), ada.email, PASSWORD).status_code == 200


def test_what_one_limit_refuses_takes_nothing_from_the_others(ada: User, settings: Settings) -> None:
    """Otherwise somebody who keeps trying at one account would lock out everybody at the same address."""
    settings.THROTTLE_SIGN_IN, settings.THROTTLE_SIGN_IN_ADDRESS = "2/hour", "3/hour"
    assert [sign_in(Client(), ada.email).status_code for _ in range(5)] == [401, 401, 429, 429, 429]
    assert sign_in(Client(), "bob@example.com").status_code == 401


def test_window_that_began_later_loses_nothing_to_what_is_given_back() -> None:
    taken = tries.at_address.take("ada")
    throttling.counters().give_back(taken.key, left_s=200)
    assert throttling.counters().get(taken.key) == 1, "it ends in 300 s: not the window of a try 100 s ago"
    taken.give_back()
    taken.give_back()
    assert throttling.counters().get(taken.key) == 0
    assert not Tally.objects.filter(count__lt=0).exists()
