"""Another e-mail: asked for with the password, confirmed by the new address, told to the old one."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import cookies
from accounts.mailing import outbox
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, UserFactory, signed_in

pytestmark = pytest.mark.django_db

NEW = "ada@example.org"
LINK = re.compile(r"(https?://\S+)\?uid=(\S+)&token=(\S+)")


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    """Ada's."""
    client.cookies[cookies.ACCESS] = signed_in(ada)[1].access
    return client


def ask(client: Client, email: str = NEW, password: str = PASSWORD) -> Any:
    return client.post("/api/me/email/", {"email": email, "password": password}, content_type="application/json")


def confirm(found: re.Match[str], client: Client | None = None) -> Any:
    body = {"uid": found[2], "token": found[3]}
    return (client or Client()).post("/api/me/email/confirm/", body, content_type="application/json")


def mailed() -> list[tuple[str, str]]:
    """Send what is due: the new mails' addresses and texts."""
    before = len(mail.outbox)
    outbox.send_due()
    return [(message.to[0], str(message.body)) for message in mail.outbox[before:]]


def link() -> re.Match[str]:
    """Of the one mail that is due."""
    [(_, text)] = mailed()
    found = LINK.search(text)
    assert found
    return found


def test_new_email_is_the_accounts_once_its_link_was_opened(browser: Client, post: Post, ada: User) -> None:
    answer = ask(browser, " Ada@Example.ORG ")
    assert answer.status_code == 200
    me = browser.get("/api/me/").json()
    assert (me["email"], me["new_email"]) == ("ada@example.com", NEW)
    found = link()
    assert found[1].endswith("/pages/auth/confirm_email.html")
    assert post("login/", {"email": NEW, "password": PASSWORD}).status_code == 401

    assert confirm(found).status_code == 200  # in a browser that isn't signed in

    me = browser.get("/api/me/").json()  # this session goes on
    assert (me["email"], me["new_email"]) == (NEW, "")
    ada.refresh_from_db()
    assert ada.username == NEW
    [(address, text)] = mailed()
    assert (address, NEW in text) == ("ada@example.com", False)
    assert "new e-mail" in text
    assert (
        Client().post("/api/login/", {"email": NEW, "password": PASSWORD}, content_type="application/json").status_code
        == 200
    )
    assert confirm(found).status_code == 400  # it works once


def test_answer_is_the_same_for_an_address_that_is_taken_and_its_owner_is_not_bothered(
    browser: Client, ada: User, bob: User, carol: User
) -> None:
    """OWASP ASVS 5.0 6.3.8."""
    answers = [ask(browser, address) for address in (bob.email, carol.email.upper(), "free@example.com")]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert [address for address, _ in mailed()] == ["free@example.com"]
    assert not Mail.objects.filter(address__in=(bob.email, carol.email)).exists()


def test_address_that_somebody_has_taken_meanwhile_is_refused(browser: Client, ada: User) -> None:
    ask(browser)
    found = link()
    UserFactory.create(email=NEW)
    assert confirm(found).status_code == 400
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


@pytest.mark.parametrize(
    "email", ["ada@example.com", "ADA@example.com", "no address", "", "a@b", "x" * 250 + "@example.com"]
)
def test_address_that_is_none_or_ones_own_is_refused(browser: Client, email: str) -> None:
    answer = ask(browser, email)
    assert (answer.status_code, list(answer.json())) == (400, ["email"])
    assert not Mail.objects.exists()


def test_wrong_password_asks_for_nothing(browser: Client, ada: User) -> None:
    answer = ask(browser, password="wrong")
    assert (answer.status_code, answer.json()) == (400, {"password": ["This is not your password."]})
    assert (browser.get("/api/me/").json()["new_email"], Mail.objects.count()) == ("", 0)


def test_link_ends_with_its_time_with_another_wish_and_with_another_password(browser: Client, ada: User) -> None:
    ask(browser)
    first = link()
    ask(browser, "other@example.org")
    second = link()
    assert confirm(first).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        assert confirm(second).status_code == 400
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert confirm(second).status_code == 400
    User.objects.filter(pk=ada.pk).update(is_active=True)
    ada.set_password("another quiet river")
    ada.save()
    assert confirm(second).status_code == 400
    assert User.objects.get(pk=ada.pk).email == "ada@example.com"


@pytest.mark.parametrize(
    "body", [{}, {"uid": "MQ"}, {"uid": "MQ", "token": "x"}, {"uid": "\0", "token": "\0"}, {"uid": 1}]
)
def test_link_that_is_none_is_refused(client: Client, db: None, body: dict[str, object]) -> None:
    assert client.post("/api/me/email/confirm/", body, content_type="application/json").status_code == 400


def test_link_for_something_else_is_refused(browser: Client, ada: User) -> None:
    Mail.objects.create(kind=Mail.Kind.PASSWORD_RESET, address=ada.email)
    reset = link()
    ask(browser)
    assert confirm(reset).status_code == 400
    found = link()
    wrong = Client().post(
        f"/api/password_confirm/{found[2]}/{found[3]}/",
        {"new_password": "another quiet river", "confirm_password": "another quiet river"},
        content_type="application/json",
    )
    assert wrong.status_code == 400


def test_nobody_has_mails_sent_to_many_addresses(browser: Client, settings: Settings) -> None:
    settings.THROTTLE_MAILS = "2/hour"
    for number in range(4):
        assert ask(browser, f"victim{number}@example.com").status_code == 200
        outbox.send_due()
    assert len(mail.outbox) == 2
    settings.THROTTLE_RESEND_ADDRESS = "1/hour"
    assert [ask(browser, f"other{number}@example.com").status_code for number in range(2)] == [200, 429]


def test_waiting_mail_to_the_old_address_no_longer_opens_the_account(browser: Client, ada: User) -> None:
    ask(browser)
    found = link()
    Mail.objects.create(kind=Mail.Kind.PASSWORD_RESET, address=ada.email)  # waits, as while the mail server is down
    assert confirm(found).status_code == 200
    assert [(address, "Reset" in text or "reset" in text) for address, text in mailed()] == [("ada@example.com", False)]


def test_staff_keep_their_username(client: Client, carol: User) -> None:
    client.cookies[cookies.ACCESS] = signed_in(carol)[1].access
    ask(client, "boss@example.org")
    assert confirm(link()).status_code == 200
    carol.refresh_from_db()
    assert (carol.username, carol.email) == ("carol", "boss@example.org")


def test_mail_to_confirm_is_sent_again_from_the_admin(browser: Client, carol: User) -> None:
    ask(browser)
    link()
    admin = Client()
    admin.force_login(carol)
    sent = Mail.objects.get(kind=Mail.Kind.EMAIL_CHANGE)
    admin.post(f"/admin/accounts/mail/{sent.pk}/send_again/")
    assert confirm(link()).status_code == 200
