"""Single sign-on against a real provider on loopback: who comes in, as whom, and what is refused."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.sessions.models import Session as AdminSession
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django_otp.oath import TOTP
from pytest_django import Settings
from time_machine import TimeMachineFixture

from accounts import cookies
from accounts.admin_sign_in import second_factor
from accounts.models import Mail, Session, User
from accounts.single_sign_on import provider_requests
from accounts.single_sign_on.oidc_pages import own_url
from accounts.tests.factories import PASSWORD, UserFactory, signed_in
from accounts.tests.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEY_ID,
    Provider,
    never_greeting,
    running_provider,
)
from accounts.tests.single_sign_on import BEGIN, CALLBACK, VIDEO, come, error_of, way_back
from hls.tests.racing import after_reading

pytestmark = pytest.mark.django_db


def test_new_viewer_gets_an_account_and_a_session_like_any_other(client: Client, provider: Provider) -> None:
    answer = come(client)

    assert (answer.status_code, answer["Location"]) == (302, VIDEO)
    eve = User.objects.get()
    assert (eve.email, eve.username, eve.is_staff, eve.is_active) == ("eve@example.com", "eve@example.com", False, True)
    assert not eve.has_usable_password()
    assert eve.last_login
    assert answer.cookies[cookies.ACCESS]["httponly"]
    assert cookies.REFRESH in answer.cookies
    assert "csrftoken" in answer.cookies
    assert Session.objects.get().user == eve
    assert client.get("/api/me/").json()["email"] == "eve@example.com"
    assert client.post("/api/token/refresh/").status_code == 200
    assert client.post("/api/logout/").status_code == 200
    assert not Session.objects.get().is_live
    assert client.get("/api/me/").status_code == 401
    assert client.get("/admin/").status_code == 302


def test_next_time_the_subject_counts_and_nothing_else(client: Client, provider: Provider) -> None:
    come(client)
    eve = User.objects.get()
    mallory = UserFactory.create(email="mallory@example.com")
    provider.person |= {"email": "mallory@example.com", "email_verified": False}

    assert come(Client())["Location"] == VIDEO

    assert set(Session.objects.values_list("user", flat=True)) == {eve.pk}
    assert mallory.pk != eve.pk


def test_session_that_the_browser_had_ends(client: Client, provider: Provider) -> None:
    come(client)
    come(client)

    assert sorted(session.is_live for session in Session.objects.all()) == [False, True]


def test_subject_of_another_issuer_is_somebody_else(client: Client, provider: Provider, settings: Settings) -> None:
    come(client)
    with running_provider() as other:
        settings.OIDC = replace(settings.OIDC, issuer=other.issuer)
        other.person |= {"email": "other@example.com"}
        come(Client())

    assert User.objects.count() == 2


def test_confirmed_account_is_joined_by_a_verified_email_and_keeps_its_password(
    client: Client, ada: User, provider: Provider
) -> None:
    provider.person |= {"email": "ADA@example.com"}

    assert come(client)["Location"] == VIDEO

    assert Session.objects.get().user == ada
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.parametrize("said", [False, None, "false", 0, "yes", []])
def test_email_that_is_not_verified_joins_nobody_and_makes_nobody(
    client: Client, ada: User, provider: Provider, said: object
) -> None:
    for email in (ada.email, "new@example.com"):
        provider.person |= {"email": email, "email_verified": said}
        assert error_of(come(client)) == "email_unverified"

    assert not Session.objects.exists()
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 1


@pytest.mark.parametrize("email", [None, "", "no address", "a@b", "x" * 250 + "@example.com", 7])
def test_odd_emails_make_nobody(client: Client, provider: Provider, email: object) -> None:
    provider.person |= {"email": email}

    assert error_of(come(client)) == "email_unverified"


def test_registration_nobody_confirmed_goes_to_the_owner_of_the_address_without_what_a_stranger_set(
    client: Client, bob: User, provider: Provider
) -> None:
    """A stranger may have registered it, and wait for its owner to come."""
    session, _ = signed_in(bob)
    provider.person |= {"email": bob.email}

    assert come(client)["Location"] == VIDEO

    bob.refresh_from_db()
    assert bob.is_active
    assert not bob.awaits_activation
    assert not bob.has_usable_password()
    session.refresh_from_db()
    assert not session.is_live


def test_deactivated_accounts_are_refused(client: Client, ada: User, provider: Provider) -> None:
    provider.person |= {"email": ada.email}
    User.objects.update(is_active=False)
    assert error_of(come(client)) == "account_inactive"
    User.objects.update(is_active=True)
    come(client)
    User.objects.update(is_active=False)
    assert error_of(come(Client())) == "account_inactive"
    assert Session.objects.count() == 1


def test_staff_are_connected_by_their_password_once_and_not_by_an_email(
    client: Client, carol: User, provider: Provider
) -> None:
    provider.person |= {"email": carol.email}
    assert error_of(come(client)) == "password_needed"
    refused = come(client, **{"for": "admin"})
    assert refused["Location"].startswith("/admin/login/")
    assert "password this once" in client.get(refused["Location"]).content.decode()
    assert not SocialAccount.objects.exists()

    client.post("/admin/login/", {"username": "carol", "password": PASSWORD})

    assert SocialAccount.objects.get().user == carol
    other = Client()
    assert come(other, **{"for": "admin", "next": "/admin/accounts/user/"})["Location"] == "/admin/accounts/user/"
    assert other.get("/admin/accounts/user/").status_code == 200
    assert come(Client())["Location"] == VIDEO


def test_nobody_else_who_signs_in_next_is_connected(client: Client, carol: User, provider: Provider) -> None:
    provider.person |= {"email": carol.email}
    come(client)
    UserFactory.create(email="dan@example.com", staff=True)

    client.post("/admin/login/", {"username": "dan@example.com", "password": PASSWORD})

    assert not SocialAccount.objects.exists()


def test_who_was_to_be_connected_is_forgotten_after_ten_minutes(
    client: Client, carol: User, provider: Provider, time_machine: TimeMachineFixture
) -> None:
    provider.person |= {"email": carol.email}
    come(client, **{"for": "admin"})
    time_machine.move_to(time.time() + 660)

    client.post("/admin/login/", {"username": "carol", "password": PASSWORD})

    assert client.get("/admin/").status_code == 200
    assert not SocialAccount.objects.exists()


def test_viewers_come_into_no_admin(client: Client, ada: User, provider: Provider) -> None:
    provider.person |= {"email": ada.email}
    refused = come(client, **{"for": "admin"})

    assert "may not use the admin" in client.get(refused["Location"]).content.decode()
    assert client.get("/admin/").status_code == 302
    assert not Session.objects.exists()


@pytest.fixture
def connected(carol: User, provider: Provider) -> list[str]:
    """Carol is connected, and has a second factor: her recovery codes."""
    SocialAccount.objects.create(provider=provider.issuer, uid="eve-1", user=carol)
    key = second_factor.new_key()
    new = second_factor.NewKey(key)
    code = TOTP(bytes.fromhex(key))
    return second_factor.switch_on(carol, new, f"{code.token():06d}")


def test_second_factor_is_asked_for_all_the_same(client: Client, carol: User, connected: list[str]) -> None:
    code = "/admin/second-factor/code/"
    assert come(client, **{"for": "admin"})["Location"] == code
    assert client.get("/admin/").status_code == 302
    assert client.post(code, {"code": connected[0]})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200

    viewer = Client()
    assert come(viewer)["Location"] == code
    assert viewer.get("/api/me/").status_code == 401
    assert viewer.get("/admin/second-factor/").status_code == 302
    assert viewer.post(code, {"code": "000000"}).status_code == 200
    assert viewer.post(code, {"code": connected[1]})["Location"] == VIDEO
    assert Session.objects.get().has_second_factor
    assert viewer.get("/api/webhooks/").status_code == 200
    assert viewer.get("/admin/").status_code == 302
    assert viewer.get(code).status_code == 302, "once"


def test_who_is_deactivated_while_the_code_is_checked_begins_again(
    client: Client, carol: User, connected: list[str]
) -> None:
    code = "/admin/second-factor/code/"
    assert come(client)["Location"] == code
    with after_reading(User, lambda: User.objects.update(is_active=False)):
        assert client.post(code, {"code": connected[0]})["Location"] == "/admin/login/"
    assert not Session.objects.exists()


def test_where_it_is_required_staff_without_one_set_it_up(
    client: Client, carol: User, provider: Provider, settings: Settings
) -> None:
    settings.ADMIN_REQUIRE_2FA = True
    SocialAccount.objects.create(provider=provider.issuer, uid="eve-1", user=carol)

    assert come(client, **{"for": "admin"})["Location"] == "/admin/second-factor/"
    assert client.get("/admin/").status_code == 302
    assert come(Client())["Location"] == VIDEO, "as a viewer"


OTHERS_KEY = generate_private_key(65537, 2048)
FORGED: dict[str, dict[str, Any]] = {
    "signed by another": {"signed_by": OTHERS_KEY},
    "not signed": {"algorithm": "none"},
    "key of another id": {"key_id": "2025"},
    "signed with the client's secret": {"algorithm": "HS256", "signed_by": CLIENT_SECRET * 2},
    "expired": {"id_claims": {"exp": int(time.time()) - 60}},
    "without an end": {"id_claims": {"exp": None}},
    "with an end that is no moment": {"id_claims": {"exp": float("inf")}},
    "of no moment": {"id_claims": {"iat": float("inf")}},
    "from the future": {"id_claims": {"iat": int(time.time()) + 3600}},
    "another issuer": {"id_claims": {"iss": "https://id.example.com"}},
    "another audience": {"id_claims": {"aud": "another"}},
    "no audience": {"id_claims": {"aud": None}},
    "for several": {"id_claims": {"aud": [CLIENT_ID, "another"]}},
    "issued to another": {"id_claims": {"azp": "another"}},
    "another nonce": {"id_claims": {"nonce": "another"}},
    "no nonce": {"id_claims": {"nonce": None}},
    "nobody": {"id_claims": {"sub": None}},
    "endless subject": {"id_claims": {"sub": "x" * 500}},
    "number": {"id_claims": {"sub": 7}},
    "no keys": {"keys": {"keys": []}},
    "odd keys": {"keys": {"keys": [{"kty": "RSA", "kid": KEY_ID}]}},
    "list of keys": {"keys": [1, 2]},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_tokens_that_are_not_ours_are_refused(client: Client, provider: Provider, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(provider, name, value)

    assert error_of(come(client)) == "refused"
    assert not User.objects.exists()
    assert not Session.objects.exists()


def test_public_key_is_no_secret_to_sign_with(client: Client, provider: Provider) -> None:
    """The old confusion of algorithms: HS256 with the public key's text."""
    public = provider.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    provider.signed_by, provider.algorithm = public.hex(), "HS256"

    assert error_of(come(client)) == "refused"


def test_token_without_a_key_id_is_checked_with_the_only_key(client: Client, provider: Provider) -> None:
    provider.key_id = None
    assert come(client)["Location"] == VIDEO
    provider.signed_by = OTHERS_KEY
    assert error_of(come(client)) == "refused"


def test_email_of_the_userinfo_endpoint_is_taken_if_it_speaks_of_the_same_person(
    client: Client, provider: Provider
) -> None:
    provider.person = {"sub": "eve-1"}
    provider.userinfo = {"sub": "somebody", "email": "eve@example.com", "email_verified": True}
    assert error_of(come(client)) == "refused"
    provider.userinfo["sub"] = "eve-1"
    assert come(client)["Location"] == VIDEO
    assert User.objects.get().email == "eve@example.com"


def test_way_back_works_once_in_the_browser_that_began_and_not_too_late(
    client: Client, provider: Provider, time_machine: Any
) -> None:
    back = way_back(client)
    elsewhere = Client().get(back)
    assert (elsewhere.status_code, "begun in another browser" in elsewhere.content.decode()) == (400, True)
    assert client.get(back)["Location"] == VIDEO
    assert client.get(back).status_code == 400
    late = way_back(client)
    time_machine.move_to(time.time() + 660)
    assert client.get(late).status_code == 400
    for odd in ("", "?state=", "?state=x&code=y", "?code=y", "?error=access_denied"):
        assert client.get(f"{CALLBACK}{odd}").status_code == 400


def test_code_of_another_journey_is_refused_by_pkce(client: Client, provider: Provider) -> None:
    theirs = parse_qs(urlsplit(way_back(Client())).query)["code"][0]
    state = parse_qs(urlsplit(way_back(client)).query)["state"][0]

    assert error_of(client.get(f"{CALLBACK}?{urlencode({'code': theirs, 'state': state})}")) == "refused"


@pytest.mark.parametrize(("told", "code"), [("access_denied", "cancelled"), ("server_error", "refused")])
def test_refusal_of_the_provider_leads_back_with_a_code(
    client: Client, provider: Provider, told: str, code: str
) -> None:
    provider.refuses = told
    answer = come(client, next=VIDEO, back="/watch/sign-in?next=%2Fvideo%2F7")

    assert answer["Location"] == f"/watch/sign-in?next=%2Fvideo%2F7&error={code}"


@pytest.mark.parametrize("where", ["down", "500", "no JSON", "a list", "half a document", "of another issuer"])
def test_provider_that_does_not_answer_is_said_in_a_sentence(
    client: Client, provider: Provider, settings: Settings, where: str
) -> None:
    match where:
        case "down":
            settings.OIDC = replace(settings.OIDC, issuer="http://127.0.0.1:9")
        case "500":
            provider.status = 500
        case "no JSON":
            provider.body = b"<html>"
        case "a list":
            provider.body = b"[1]"
        case "half a document":
            provider.body = json.dumps({"issuer": provider.issuer}).encode()
        case _:
            provider.document = {"issuer": "https://id.example.com"}

    assert error_of(client.get(f"{BEGIN}?next={VIDEO}")) == "unavailable"
    refused = client.get(f"{BEGIN}?for=admin")
    assert "be reached at the moment" in client.get(refused["Location"]).content.decode()


def test_provider_that_goes_down_meanwhile(client: Client, provider: Provider) -> None:
    back = way_back(client)
    provider.status = 503

    assert error_of(client.get(back)) == "unavailable"


def test_provider_that_hangs_is_given_up_in_time(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.hangs = Event()
    monkeypatch.setattr(provider_requests, "SILENCE_S", 0.5)
    begun = time.monotonic()

    assert error_of(client.get(f"{BEGIN}?next={VIDEO}")) == "unavailable"

    assert time.monotonic() - begun < 5
    provider.hangs.set()


@pytest.mark.parametrize("part", ["headers", "body"])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"])
def test_provider_that_sends_byte_by_byte_is_given_up_in_time(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch, path: str, part: str
) -> None:
    provider.person = {"sub": "eve-1"}
    back = way_back(client)
    provider.drips = f"{part} {path}"
    monkeypatch.setattr(provider_requests, "TOTAL_S", 0.5)
    begun = time.monotonic()

    assert error_of(client.get(back)) == "unavailable"

    assert time.monotonic() - begun < 5


def test_provider_whose_handshake_never_ends_is_given_up_in_time(
    client: Client, provider: Provider, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_requests, "TOTAL_S", 0.5)
    begun = time.monotonic()
    with never_greeting() as issuer:
        settings.OIDC = replace(settings.OIDC, issuer=issuer)

        assert error_of(client.get(f"{BEGIN}?next={VIDEO}")) == "unavailable"

        assert time.monotonic() - begun < 5


def test_provider_that_is_given_up_leaves_no_thread_and_no_connection(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_requests, "TOTAL_S", 0.2)
    provider.drips = "body /.well-known/openid-configuration"
    before = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]

    assert error_of(client.get(f"{BEGIN}?next={VIDEO}")) == "unavailable"

    provider.drips = ""
    monkeypatch.setattr(provider_requests, "TOTAL_S", 30)
    assert come(client)["Location"] == VIDEO
    waiting = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for thread in waiting:
        thread.join(5)
    assert [thread for thread in waiting if thread.is_alive()] == before


def test_provider_that_sends_without_end_is_given_up(client: Client, provider: Provider) -> None:
    provider.body = b'{"issuer": "' + b"x" * (2 << 20) + b'"}'

    assert error_of(client.get(f"{BEGIN}?next={VIDEO}")) == "unavailable"


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("/watch/video/7?x=1#y", True),
        ("http://testserver/admin/", True),
        ("https://app.example.com/films/x", True),
        ("https://app.example.com/films", True),
        ("https://app.example.com/other/", False),
        ("https://app.example.com/filmsandmore", False),
        ("https://app.example.com/films/../other", False),
        ("https://app.example.com/films/%2e%2E/other", False),
        ("https://app.example.com/films/.%2e/other", False),
        ("https://app.example.com/films\\..\\other", False),
        ("https://app.example.com/films/.\t./other", False),
        ("http://app.example.com/films/x", False),
        ("https://app.example.com.evil.example/films/", False),
        ("https://app.example.com@evil.example/films/", False),
        ("//evil.example/films/", False),
        ("/\\evil.example", False),
        ("javascript:alert(1)", False),
        ("https://evil.example/", False),
        ("", False),
    ],
)
def test_browsers_are_sent_on_to_our_own_addresses_alone(rf: Any, settings: Settings, url: str, is_ours: bool) -> None:
    settings.FRONTEND_BASE_URL = "https://app.example.com/films"

    assert own_url(rf.get("/"), url) == (url if is_ours else "")


def test_foreign_next_leads_home(client: Client, provider: Provider, settings: Settings) -> None:
    settings.FRONTEND_BASE_URL = "https://app.example.com"

    assert come(client, next="https://evil.example/")["Location"] == "https://app.example.com/"


def test_what_is_kept_of_a_journey_is_gone_soon_and_the_admins_sign_in_stays(
    client: Client, admin: Client, provider: Provider
) -> None:
    """All sessions of Django are looked through where people are signed out of the admin: they are to be few."""
    viewer = Client()
    come(viewer)
    soon = timezone.now() + timedelta(minutes=11)
    assert AdminSession.objects.filter(expire_date__lt=soon).count() == 1

    come(admin)

    assert AdminSession.objects.filter(expire_date__lt=soon).count() == 1
    assert admin.get("/admin/").status_code == 200


def test_who_comes_to_the_admin_stays_signed_in(client: Client, carol: User, provider: Provider) -> None:
    SocialAccount.objects.create(provider=provider.issuer, uid="eve-1", user=carol)
    come(client, **{"for": "admin"})

    assert AdminSession.objects.get().expire_date > timezone.now() + timedelta(days=1)


def test_begun_journeys_are_limited(client: Client, provider: Provider, settings: Settings) -> None:
    settings.THROTTLE_SIGN_IN_ADDRESS = "2/minute"
    for _ in range(2):
        assert client.get(BEGIN).status_code == 302

    answer = client.get(BEGIN)
    assert (answer.status_code, "Too many attempts" in answer.content.decode()) == (429, True)


@pytest.mark.django_db(transaction=True)
def test_same_person_twice_at_once_is_one_account(provider: Provider) -> None:
    ways = [(client, way_back(client)) for client in (Client(), Client(), Client(), Client())]

    def arrive(way: tuple[Client, str]) -> str:
        try:
            return str(way[0].get(way[1])["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(arrive, ways)) == {VIDEO}
    assert User.objects.count() == SocialAccount.objects.count() == 1
    assert Session.objects.count() == 4


def test_frontends_are_told_and_the_admin_has_a_button(client: Client, provider: Provider) -> None:
    told = client.get("/api/single-sign-on/").json()
    assert told == {"name": "Example ID", "url": "http://testserver/oidc/login/"}
    page = client.get("/admin/login/?next=/admin/accounts/user/").content.decode()
    assert "Sign in with Example ID" in page
    assert 'href="/oidc/login/?for=admin&amp;next=%2Fadmin%2Faccounts%2Fuser%2F"' in page


def test_without_the_settings_there_is_nothing_of_it(client: Client) -> None:
    assert client.get("/api/single-sign-on/").json() == {"name": None, "url": None}
    assert "Sign in with" not in client.get("/admin/login/").content.decode()
    assert client.get(BEGIN).status_code == client.get(CALLBACK).status_code == 404


def test_allauth_brings_no_other_way_in_and_keeps_nothing(admin: Client, provider: Provider) -> None:
    come(Client())
    for name in ("account_login", "account_signup", "account_reset_password", "account_email", "socialaccount_signup"):
        with pytest.raises(NoReverseMatch):
            reverse(name)
    for path in ("/accounts/login/", "/accounts/", "/admin/account/emailaddress/", "/admin/socialaccount/socialapp/"):
        assert admin.get(path).status_code == 404
    assert not any(model.objects.exists() for model in (EmailAddress, SocialApp, SocialToken))
    assert SocialAccount.objects.get().extra_data == {}
    assert not Mail.objects.exists()


def test_deleting_a_person_deletes_the_connection(client: Client, provider: Provider) -> None:
    come(client)
    User.objects.get().delete()

    assert not SocialAccount.objects.exists()
