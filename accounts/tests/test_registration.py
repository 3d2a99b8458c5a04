"""Registering, and the link that activates an account."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import upkeep
from accounts.mailing import links
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "Please check your input and try again."}
DEAD_LINK = {"detail": "This link is invalid or has expired."}


def form(email: str = "dora@example.com", password: str = PASSWORD, again: str | None = None) -> dict[str, str]:
    return {"email": email, "password": password, "confirmed_password": password if again is None else again}


def link_path(url: str, endpoint: str) -> str:
    query = parse_qs(urlsplit(url).query)
    return f"/api/{endpoint}/{query['uid'][0]}/{query['token'][0]}/"


def test_registering_makes_an_inactive_account_and_orders_its_mail(post: Post) -> None:
    response = post("register/", form("Dora@Example.com"))
    user = User.objects.get()
    assert response.status_code == 201
    assert response.json()["user"] == {"id": user.pk, "email": "dora@example.com"}
    assert (user.username, user.is_active, user.awaits_activation) == ("dora@example.com", False, True)
    assert list(Mail.objects.values_list("kind", "address")) == [("activation", "dora@example.com")]
    assert not response.cookies


def test_token_in_the_answer_gives_no_access(post: Post, client: Client) -> None:
    token = post("register/", form()).json()["token"]
    uid = urlsplit(links.activation_url(User.objects.get())).query.split("&")[0].removeprefix("uid=")
    assert client.get(f"/api/activate/{uid}/{token}/").status_code == 400
    assert post(f"password_confirm/{uid}/{token}/", {"new_password": "x" * 20, "confirm_password": "x" * 20}).json()
    assert not User.objects.get().is_active


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.COM"])
def test_known_email_and_weak_password_answer_alike(post: Post, ada: User, email: str) -> None:
    """OWASP ASVS 5.0 6.3.8, as far as an answer of 201 or 400 allows."""
    known = post("register/", form(email))
    weak = post("register/", form("new@example.com", "password1"))
    assert (known.status_code, known.json()) == (weak.status_code, weak.json()) == (400, REFUSED)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "password", ["short1!", "password123", "dora@example.com", "aaaaaaaa", "qwertyuiop"], ids=lambda text: text
)
def test_short_common_or_similar_password_is_refused(post: Post, password: str) -> None:
    """OWASP ASVS 5.0 6.2.1, 6.2.4."""
    assert post("register/", form(password=password)).json() == REFUSED


@pytest.mark.parametrize("password", ["🦊🌊🪨🌲🦉🌙⛰️🔥", "ünïcödé wörds", "  spaces around  ", "x7" * 64])
def test_unicode_and_128_characters_work_as_typed(post: Post, password: str) -> None:
    """OWASP ASVS 5.0 6.2.5, 6.2.8, 6.2.9: any character, at least 64 of them, unchanged."""
    assert post("register/", form(password=password)).status_code == 201
    User.objects.update(is_active=True)
    assert post("login/", {"email": "dora@example.com", "password": password}).status_code == 200
    assert post("login/", {"email": "dora@example.com", "password": password.strip() + "!"}).status_code == 401


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (form(email="no address"), {"email": ["Enter a valid e-mail address."]}),
        (form(email="a@b\x00.com"), {"email": ["Enter a valid e-mail address."]}),
        (form(again="something else 5"), {"confirmed_password": ["The passwords don't match."]}),
        ({"password": PASSWORD, "confirmed_password": PASSWORD}, {"email": ["This field is required."]}),
        (form() | {"email": 5}, {"email": ["Input should be a valid string."]}),
    ],
)
def test_wrong_field_is_named(post: Post, body: object, wrong: object) -> None:
    response = post("register/", body)
    assert (response.status_code, response.json()) == (400, wrong)


def test_password_over_128_characters_is_refused_without_repeating_it(post: Post) -> None:
    response = post("register/", form(password="x7" * 65))
    assert response.status_code == 400
    assert response.json()["password"] == ["String should have at most 128 characters."]
    assert b"x7x7" not in response.content


def test_unknown_field_is_ignored(post: Post) -> None:
    assert post("register/", form() | {"is_staff": True, "is_active": True}).status_code == 201
    assert not User.objects.filter(is_staff=True).exists()
    assert not User.objects.filter(is_active=True).exists()


def test_activation_link_works_once(client: Client, post: Post, bob: User) -> None:
    """OWASP ASVS 5.0 6.4.1: initial links expire and are single use."""
    path = link_path(links.activation_url(bob), "activate")
    assert post("login/", {"email": bob.email, "password": PASSWORD}).status_code == 401
    first, second = client.get(path), client.get(path)
    assert (first.status_code, first.json()) == (200, {"message": "Account successfully activated."})
    assert (second.status_code, second.json()) == (400, DEAD_LINK)
    assert post("login/", {"email": bob.email, "password": PASSWORD}).status_code == 200


def test_a_mail_scanner_that_sends_head_does_not_use_the_link_up(client: Client, bob: User) -> None:
    path = link_path(links.activation_url(bob), "activate")
    assert client.head(path).status_code == 405
    bob.refresh_from_db()
    assert not bob.is_active
    assert client.get(path).status_code == 200


def test_expired_activation_link_is_refused(client: Client, bob: User) -> None:
    path = link_path(links.activation_url(bob), "activate")
    with time_machine.travel(timezone.now() + settings.ACTIVATION_LIFETIME + timedelta(minutes=1)):
        assert client.get(path).json() == DEAD_LINK
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("change", [{"email": "other@example.com"}, {"password": "new"}, {"awaits_activation": False}])
def test_activation_link_is_invalid_after_a_new_email_a_new_password_or_deactivation(
    client: Client, bob: User, change: object
) -> None:
    path = link_path(links.activation_url(bob), "activate")
    User.objects.filter(pk=bob.pk).update(**change)  # type: ignore[arg-type]
    assert client.get(path).json() == DEAD_LINK


@pytest.mark.parametrize("uid", ["MQ", "AAAA", "%00", "9" * 200, "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"])
@pytest.mark.parametrize("token", ["x", "1-2", "zzzzzzzzzzzzzz-abc", "-", "a" * 5000])
def test_made_up_link_is_refused(client: Client, bob: User, uid: str, token: str) -> None:
    assert client.get(f"/api/activate/{uid}/{token}/").json() == DEAD_LINK


def test_account_nobody_confirmed_frees_its_address_after_a_week(post: Post, bob: User, ada: User) -> None:
    with time_machine.travel(timezone.now() + settings.UNCONFIRMED_ACCOUNTS_KEPT + timedelta(hours=1)):
        upkeep.remove_expired()
        assert list(User.objects.all()) == [ada]
        assert post("register/", form(bob.email)).status_code == 201


def test_link_leads_to_the_frontend_whatever_the_host_header_says(settings: Settings, bob: User) -> None:
    settings.FRONTEND_BASE_URL = "https://videos.example.com"
    assert links.activation_url(bob).startswith("https://videos.example.com/pages/auth/activate.html?uid=")
