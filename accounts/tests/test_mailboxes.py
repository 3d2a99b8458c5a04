"""Which e-mail addresses are taken: no more than mails can be sent to, each in one spelling, and all that are fit."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core import mail
from django.test import Client

from accounts.mailboxes import for_mails, normalised
from accounts.mailing import outbox
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

GROWS = "\u0130"  # two characters in small letters
LONG_HOST = ".".join(["a" * 60] * 3) + ".com"
HOSTILE = [
    f"{GROWS * 60}@{LONG_HOST}",  # more than a column holds, once it is in small letters
    f"a@{GROWS * 50}.com",
    f"a@{'b' * 64}.com",
    "\u017f@example.com",  # a long s, an i without a dot: to Django's check they are A to Z
    "\u0131@example.com",
    '"\x0b"@example.com',
    '"x\x01"@example.com',
    '"x\x7f"@example.com',
    "a@\u2028x.example",
    "=?utf-8?q?ada?=@example.com",  # in a header this is ada@example.com
    '"=?utf-8?q?x=0A?="@example.com',
    "ada@example.com, bob@example.com",
    "Ada <ada@example.com>",
]
REFUSAL = {"email": ["Enter a valid e-mail address."]}
NO_SESSIONS = {"sessions-TOTAL_FORMS": "0", "sessions-INITIAL_FORMS": "0"}


@pytest.mark.parametrize("email", HOSTILE, ids=ascii)
def test_address_that_no_mail_can_be_sent_to_is_refused(post: Post, ada: User, email: str) -> None:
    register = {"email": email, "password": PASSWORD, "confirmed_password": PASSWORD}
    asked = [("register/", register), ("password_reset/", {"email": email}), ("activation/resend/", {"email": email})]
    post("login/", {"email": ada.email, "password": PASSWORD})
    asked.append(("me/email/", {"email": email, "password": PASSWORD}))
    for path, body in asked:
        response = post(path, body)
        assert (response.status_code, response.json()) == (400, REFUSAL), path
    assert User.objects.count() == 1
    assert not Mail.objects.exists()


@pytest.mark.parametrize("email", HOSTILE, ids=ascii)
def test_admins_pages_refuse_it_too(admin: Client, ada: User, email: str) -> None:
    forgotten = admin.post("/admin/forgotten-password/", {"email": email})
    added = admin.post("/admin/accounts/user/add/", {"email": email, "usable_password": "false"})
    fields = {"email": email, "username": ada.username, "is_active": "on", **NO_SESSIONS}
    edited = admin.post(f"/admin/accounts/user/{ada.pk}/change/", fields)
    assert [page.status_code for page in (forgotten, added, edited)] == [200, 200, 200]
    assert "error" in forgotten.text
    assert not Mail.objects.exists()
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_address_longer_than_its_column_is_refused_on_the_page_for_forgotten_passwords(client: Client) -> None:
    response = client.post("/admin/forgotten-password/", {"email": f"{'a' * 100}@{LONG_HOST}"})
    assert response.status_code == 200
    assert not Mail.objects.exists()


@pytest.mark.parametrize(
    "email", ['"ada lovelace"@example.com', '"@"@example.com', "a'b@example.com", "a+b%c@example.com", "a@[127.0.0.1]"]
)
def test_odd_addresses_that_mails_reach_are_taken(post: Post, email: str) -> None:
    email = email.replace(" ", "\\ ")
    body = {"email": email, "password": PASSWORD, "confirmed_password": PASSWORD}
    assert post("register/", body).status_code == 201
    assert User.objects.get().email == email


@pytest.mark.parametrize("email", ["\u212aate@example.com", " KATE@example.com"], ids=ascii)
def test_an_address_in_other_letters_is_taken_in_the_admin_too(admin: Client, ada: User, email: str) -> None:
    """U+212A, the Kelvin sign, is a k in small letters: to Python, but not to every database."""
    User.objects.create_user("kate@example.com", "kate@example.com", PASSWORD)
    fields = {"email": email, "username": ada.username, "is_active": "on", **NO_SESSIONS}
    response = admin.post(f"/admin/accounts/user/{ada.pk}/change/", fields)
    assert response.status_code == 200
    assert "This e-mail is taken." in response.text


@pytest.mark.parametrize(
    ("typed", "spelled", "sent_to"),
    [
        ("Ada@Example.COM", "ada@example.com", "ada@example.com"),
        ("ada@B\u00dcCHER.example", "ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@stra\u00dfe.example", "ada@stra\u00dfe.example", "ada@xn--strae-oqa.example"),
        ("ada@exa\u00admple.com", "ada@example.com", "ada@example.com"),
        ("ada@\uff45xample\u3002com", "ada@example.com", "ada@example.com"),
        ("ada@[127.0.0.1]", "ada@[127.0.0.1]", "ada@[127.0.0.1]"),
        ("ada@xn--ls8h.la", "ada@xn--ls8h.la", "ada@xn--ls8h.la"),  # a picture, which IDNA 2008 doesn't allow
        ("carol", "carol", "carol"),
        ("", "", ""),
    ],
    ids=ascii,
)
def test_an_address_has_one_spelling_and_one_host(typed: str, spelled: str, sent_to: str) -> None:
    assert normalised(typed) == spelled
    assert normalised(spelled) == spelled
    assert for_mails(spelled) == sent_to


def test_browsers_that_spell_the_host_otherwise_sign_in_to_the_same_account(post: Post) -> None:
    body = {"email": "ada@b\u00fccher.example", "password": PASSWORD, "confirmed_password": PASSWORD}
    assert post("register/", body).status_code == 201
    assert post("register/", body | {"email": "ada@xn--bcher-kva.example"}).status_code == 400
    User.objects.update(is_active=True)
    for email in ("ada@xn--bcher-kva.example", "ADA@B\u00dcCHER.EXAMPLE"):
        assert post("login/", {"email": email, "password": PASSWORD}).status_code == 200


def test_a_mail_goes_to_the_host_that_was_meant(post: Post) -> None:
    """By IDNA 2003 it went to strasse.example, whose owner could have chosen a password."""
    post("register/", {"email": "ada@stra\u00dfe.example", "password": PASSWORD, "confirmed_password": PASSWORD})
    outbox.send(Mail.objects.get().pk)
    [message] = mail.outbox
    assert message.to == ["ada@xn--strae-oqa.example"]
    assert message.message()["To"] == "ada@xn--strae-oqa.example"


def test_addresses_from_before_are_spelled_anew_unless_somebody_has_the_other_spelling() -> None:
    rows = [
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("Dora", "dora@xn--bcher-kva.example"),
        ("eve@xn--bcher-kva.example", "eve@xn--bcher-kva.example"),
        ("eve@b\u00fccher.example", "eve@b\u00fccher.example"),
        ("bob@example.com", "bob@example.com"),
    ]
    User.objects.bulk_create(User(username=username, email=email, is_active=True) for username, email in rows)
    Mail.objects.create(kind=Mail.Kind.PASSWORD_RESET, address="ada@xn--bcher-kva.example")
    import_module("accounts.migrations.0010_one_spelling").spell_anew(apps, None)
    assert list(User.objects.order_by("pk").values_list("username", "email")) == [
        ("ada@b\u00fccher.example", "ada@b\u00fccher.example"),
        ("Dora", "dora@b\u00fccher.example"),
        ("eve@xn--bcher-kva.example", "eve@xn--bcher-kva.example"),
        ("eve@b\u00fccher.example", "eve@b\u00fccher.example"),
        ("bob@example.com", "bob@example.com"),
    ]
    assert Mail.objects.get().address == "ada@b\u00fccher.example"
