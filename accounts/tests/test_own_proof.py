"""What somebody without a password proves themselves with: they have just signed in again by single sign-on."""

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP
from pytest_django import Settings
from time_machine import TimeMachineFixture

from accounts import cookies
from accounts.admin_sign_in import second_factor
from accounts.models import Mail, Session, User
from accounts.single_sign_on import oidc
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.identity_provider import Provider
from accounts.tests.single_sign_on import VIDEO, come, error_of

pytestmark = pytest.mark.django_db

ACCOUNT = "/watch/account"
AGAIN = {"again": "1", "next": ACCOUNT, "back": ACCOUNT}
SIGN_IN_AGAIN = ["You have no password here. Sign in again by single sign-on: that counts for 10 minutes."]
NEW = {"new_password": "another quiet river", "confirm_password": "another quiet river"}


def send(client: Client, method: str, path: str, **body: str) -> Any:
    return getattr(client, method)(f"/api/me/{path}", body, content_type="application/json")


def attempts(client: Client) -> list[Any]:
    """Everything that asks for the password."""
    return [
        send(client, "post", "password/", old_password="", **NEW),
        send(client, "post", "email/", email="new@example.com", password=""),
        send(client, "delete", "", password=""),
    ]


@pytest.fixture
def eve(client: Client, provider: Provider) -> User:
    """She has come by single sign-on, and is signed in."""
    come(client)
    return User.objects.get(email="eve@example.com")


def test_sign_in_alone_is_no_proof(client: Client, eve: User) -> None:
    """The provider may have let her pass without a question, and somebody else may sit at her browser."""
    me = client.get("/api/me/").json()
    assert (me["has_password"], me["proved_until"]) == (False, None)

    told = [(answer.status_code, answer.json()) for answer in attempts(client)]

    assert told == [(400, {field: SIGN_IN_AGAIN}) for field in ("old_password", "password", "password")]
    assert User.objects.get() == eve
    assert not Mail.objects.exists()


def test_who_has_signed_in_again_deletes_the_account(client: Client, eve: User) -> None:
    assert come(client, **AGAIN)["Location"] == ACCOUNT
    assert client.get("/api/me/").json()["proved_until"]

    assert send(client, "delete", "", password="").status_code == 204

    assert not User.objects.exists()


def test_who_has_signed_in_again_changes_the_email_and_chooses_a_password(client: Client, eve: User) -> None:
    come(client, **AGAIN)

    assert send(client, "post", "email/", email="new@example.com", password="").status_code == 200
    assert send(client, "post", "password/", old_password="", **NEW).status_code == 200

    eve.refresh_from_db()
    assert (eve.new_email, eve.check_password(NEW["new_password"])) == ("new@example.com", True)
    me = client.get("/api/me/").json()
    assert (me["has_password"], me["proved_until"]) == (True, None)
    wrong = send(client, "delete", "", password="")
    assert (wrong.status_code, wrong.json()) == (400, {"password": ["This is not your password."]})
    assert send(client, "delete", "", password=NEW["new_password"]).status_code == 204


def test_first_password_has_to_be_a_good_one(client: Client, eve: User) -> None:
    come(client, **AGAIN)

    answer = send(client, "post", "password/", old_password="", new_password="12345678")

    assert (answer.status_code, list(answer.json())) == (400, ["new_password"])


def test_proof_counts_for_ten_minutes_in_its_own_session_alone(
    client: Client, eve: User, time_machine: TimeMachineFixture
) -> None:
    elsewhere = Client()
    come(elsewhere)
    come(client, **AGAIN)
    assert [answer.status_code for answer in attempts(elsewhere)] == [400, 400, 400]
    client.post("/api/token/refresh/")
    begun = timezone.now()
    time_machine.move_to(begun + timedelta(minutes=9))
    assert send(client, "post", "email/", email="new@example.com", password="").status_code == 200
    time_machine.move_to(begun + timedelta(minutes=11))

    assert [answer.status_code for answer in attempts(client)] == [400, 400, 400]


def test_provider_that_was_asked_and_says_when_it_did_is_believed(
    client: Client, eve: User, provider: Provider
) -> None:
    provider.id_claims = {"auth_time": int(time.time()) - 3600}
    assert error_of(come(client, **AGAIN)) == "not_asked"
    assert not [answer for answer in attempts(client) if answer.status_code != 400]

    provider.id_claims = {"auth_time": int(time.time()) - 60}
    come(client)
    assert client.get("/api/me/").json()["proved_until"], "it has asked a minute ago"


@pytest.mark.parametrize("told", [None, "yesterday", float("nan"), float("inf"), [], 1e300])
def test_provider_that_tells_no_time_is_believed_to_have_asked_when_it_was_told_to(
    client: Client, eve: User, provider: Provider, told: object
) -> None:
    provider.id_claims = {"auth_time": told}
    if told != 1e300:
        come(client)
        assert client.get("/api/me/").json()["proved_until"] is None
    come(client, **AGAIN)

    assert client.get("/api/me/").json()["proved_until"]
    proved_at = Session.objects.latest("created_at").proved_at
    assert proved_at is not None
    assert proved_at <= timezone.now()


@pytest.mark.parametrize(("told", "is_proof"), [(-1e300, False), (-(10**400), False), (10**400, True)])
def test_provider_that_tells_an_impossible_time_breaks_nothing(
    client: Client, eve: User, provider: Provider, told: object, is_proof: bool
) -> None:
    """A clock that is ahead counts as now."""
    provider.id_claims = {"auth_time": told}

    assert come(client)["Location"] == VIDEO

    assert (client.get("/api/me/").json()["proved_until"] is not None) == is_proof


def test_google_is_asked_in_its_own_way() -> None:
    """Its documentation of `prompt` knows none, consent and select_account."""
    assert oidc.to_ask_again("https://accounts.google.com") == {"prompt": "select_account", "max_age": "0"}
    assert oidc.to_ask_again("https://id.example.com") == {"prompt": "login", "max_age": "0"}


def test_somebody_else_who_comes_back_is_nobody(client: Client, eve: User, provider: Provider) -> None:
    provider.person = {"sub": "dan-1", "email": "dan@example.com", "email_verified": True}

    assert error_of(come(client, **AGAIN)) == "other_account"

    assert User.objects.get() == eve, "no account was made"
    assert client.get("/api/me/").json()["email"] == "eve@example.com"
    assert Session.objects.count() == 1


def test_session_from_before_ends(client: Client, eve: User) -> None:
    come(client, **AGAIN)

    assert [session.is_live for session in Session.objects.order_by("created_at")] == [False, True]


def test_account_with_a_password_needs_that(client: Client, ada: User, provider: Provider) -> None:
    provider.person |= {"email": ada.email}
    come(client)
    come(client, **AGAIN)

    assert client.get("/api/me/").json()["proved_until"] is None
    assert [answer.status_code for answer in attempts(client)] == [400, 400, 400]
    assert send(client, "delete", "", password=PASSWORD).status_code == 204


def test_proof_goes_through_the_second_step(client: Client, provider: Provider) -> None:
    carol = UserFactory.create(email="carol@example.com", staff=True)
    SocialAccount.objects.create(provider=provider.issuer, uid="eve-1", user=carol)
    User.objects.update(password="!")
    key = second_factor.new_key()
    codes = second_factor.switch_on(carol, second_factor.NewKey(key), f"{TOTP(bytes.fromhex(key)).token():06d}")

    client.post(come(client, **AGAIN)["Location"], {"code": codes[0]})

    assert client.get("/api/me/").json()["proved_until"]
    assert send(client, "delete", "", password="").status_code == 204


def test_sign_in_to_the_admin_proves_nothing(client: Client, provider: Provider) -> None:
    carol = UserFactory.create(email="carol@example.com", staff=True)
    SocialAccount.objects.create(provider=provider.issuer, uid="eve-1", user=carol)
    User.objects.update(password="!")
    come(client, **{"for": "admin", "again": "1"})

    assert client.get("/api/me/").json()["has_password"] is False
    assert [answer.status_code for answer in attempts(client)] == [400, 400, 400]


def test_without_single_sign_on_the_mail_of_a_forgotten_password_is_named(
    client: Client, eve: User, settings: Settings
) -> None:
    settings.OIDC = None

    told = attempts(client)[2].json()

    assert told == {"password": ["You have no password. Ask for the mail of a forgotten password, and choose one."]}


def test_nobody_signed_in_may_sign_in_so_too(client: Client, provider: Provider) -> None:
    assert come(client, **AGAIN)["Location"] == ACCOUNT
    assert cookies.ACCESS in client.cookies
