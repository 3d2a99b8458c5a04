"""Mails: stored first, then sent by the queue, in text and HTML."""

import re
import smtplib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone
from huey.contrib.djhuey import HUEY
from pytest_django import Settings

from accounts import services, tasks
from accounts.mailing import links, outbox
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LINK = re.compile(r"https?://\S+")


def order(kind: Mail.Kind, address: str, **columns: Any) -> Mail:
    return Mail.objects.create(kind=kind, address=address, **columns)


def messages() -> list[EmailMultiAlternatives]:
    return [message for message in mail.outbox if isinstance(message, EmailMultiAlternatives)]


class DeadServer:
    """A mail server that refuses with a message that must not be stored."""

    def __init__(self) -> None:
        self.tries = 0

    def send(self, *args: object) -> None:
        self.tries += 1
        raise smtplib.SMTPServerDisconnected("lost while sending token=abc-secret")


@pytest.fixture
def dead_server(monkeypatch: pytest.MonkeyPatch) -> DeadServer:
    server = DeadServer()
    monkeypatch.setattr("django.core.mail.EmailMessage.send", server.send)
    return server


def test_activation_mail_holds_the_working_link_in_text_and_html(bob: User) -> None:
    with time_machine.travel(timezone.now(), tick=False):  # a link holds the second in which it was made
        outbox.send(order(Mail.Kind.ACTIVATION, bob.email).pk)
        expected = links.activation_url(bob)
    [message] = messages()
    assert message.to == [bob.email]
    assert message.subject == "Confirm your e-mail for Videoflix"
    [link] = LINK.findall(str(message.body))
    assert link == expected
    html = str(message.alternatives[0][0])
    assert f'href="{link.replace("&", "&amp;")}"' in html
    assert "3 days" in html
    assert "3 days" in str(message.body)


def test_reset_mail_goes_to_an_active_user_only(ada: User, bob: User) -> None:
    gone = UserFactory.create(is_active=False)
    for address in (ada.email, bob.email, gone.email, "nobody@example.com"):
        outbox.send(order(Mail.Kind.PASSWORD_RESET, address).pk)
    sent = [(message.to, message.subject) for message in mail.outbox]
    assert sent == [
        ([ada.email], "Reset your Videoflix password"),
        ([bob.email], "Confirm your e-mail for Videoflix"),
    ]
    assert Mail.objects.count() == 2


def test_mail_is_a_valid_message_a_client_can_show(ada: User) -> None:
    outbox.send(order(Mail.Kind.PASSWORD_RESET, ada.email).pk)
    message = mail.outbox[0].message()
    assert isinstance(message, Message)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert message["Auto-Submitted"] == "auto-generated"
    html = str(messages()[0].alternatives[0][0])
    assert "<script" not in html
    assert "<img" not in html


def test_mail_is_sent_once_however_often_it_is_asked_for(ada: User) -> None:
    ordered = order(Mail.Kind.PASSWORD_RESET, ada.email)
    for _ in range(3):
        outbox.send(ordered.pk)
    outbox.send_due()
    assert len(mail.outbox) == 1


def test_failed_server_is_tried_again_later_and_its_message_is_not_stored(ada: User, dead_server: DeadServer) -> None:
    ordered = order(Mail.Kind.PASSWORD_RESET, ada.email)
    start = timezone.now()
    for minutes in (0, 0, 2, 3, 10):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            outbox.send_due()
    ordered.refresh_from_db()
    assert (dead_server.tries, ordered.attempts, ordered.sent_at) == (3, 3, None)
    assert ordered.error == "SMTPServerDisconnected"


@pytest.mark.parametrize("address", ['"\x0b"@example.com', "a@\u2028x.example", f"a@{'\u00fc' * 60}.example"])
def test_mail_to_an_address_that_no_message_can_have_holds_up_no_other(ada: User, address: str) -> None:
    UserFactory.create(email=address)
    bad = order(Mail.Kind.PASSWORD_RESET, address, due_at=timezone.now() - timedelta(minutes=1))
    good = order(Mail.Kind.PASSWORD_RESET, ada.email)
    outbox.send_due()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.sent_at is None
    assert bad.error
    assert bad.due_at > timezone.now()
    assert good.sent_at
    assert [message.to for message in messages()] == [[ada.email]]


def test_mail_whose_sender_was_killed_is_due_again(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered = order(Mail.Kind.PASSWORD_RESET, ada.email)

    def killed(*args: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", killed)
        with pytest.raises(SystemExit):
            outbox.send(ordered.pk)
    outbox.send_due()
    assert not mail.outbox
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        outbox.send_due()
    assert len(mail.outbox) == 1


def test_queue_that_is_down_does_not_fail_the_request(
    post: Post, ada: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def down(*args: object, **options: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(HUEY.storage, "enqueue", down)
    with django_capture_on_commit_callbacks() as callbacks:
        assert post("password_reset/", {"email": ada.email}).status_code == 200
    assert len(callbacks) == 1
    outbox.send_due()
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_request_commits_and_wakes_the_queue_even_if_that_is_down(
    post: Post, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def down(*args: object, **options: object) -> None:
        asked.append(args)
        raise ConnectionError

    monkeypatch.setattr(HUEY.storage, "enqueue", down)
    assert post("password_reset/", {"email": ada.email}).status_code == 200
    assert len(asked) == 1
    assert Mail.objects.count() == 1


def test_no_address_gets_more_mails_than_the_limit(ada: User) -> None:
    for _ in range(7):
        outbox.send(order(Mail.Kind.PASSWORD_RESET, ada.email).pk)
    assert len(mail.outbox) == 5
    with time_machine.travel(timezone.now() + timedelta(hours=1, minutes=1)):
        outbox.send(order(Mail.Kind.PASSWORD_RESET, ada.email).pk)
    assert len(mail.outbox) == 6


def test_old_mails_are_removed(ada: User) -> None:
    now = timezone.now()
    order(Mail.Kind.PASSWORD_RESET, ada.email, sent_at=now - timedelta(days=8))
    order(Mail.Kind.PASSWORD_RESET, ada.email, created_at=now - timedelta(days=2))
    recent = order(Mail.Kind.PASSWORD_RESET, ada.email, sent_at=now - timedelta(days=1))
    outbox.remove_old()
    assert list(Mail.objects.all()) == [recent]


def test_registering_and_resetting_wake_the_sender(
    post: Post, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(services, "send_ordered_mail", woken.append)
    user = UserFactory.create()
    with django_capture_on_commit_callbacks(execute=True):
        services.request_password_reset(user.email, address="198.51.100.1")
    assert woken == [Mail.objects.get().pk]


def test_mail_goes_before_any_other_task() -> None:
    assert tasks.send_ordered_mail.s(1).priority == tasks.URGENT == 100


@pytest.mark.django_db(transaction=True)
def test_mails_that_are_sent_at_the_same_time_do_not_exceed_the_limit(ada: User, settings: Settings) -> None:
    settings.THROTTLE_MAILS = "3/hour"
    ordered = [order(Mail.Kind.PASSWORD_RESET, ada.email).pk for _ in range(12)]

    def send(mail_id: int) -> None:
        outbox.send(mail_id)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, reversed(ordered)))
    assert len(mail.outbox) == 3
    assert Mail.objects.count() == 3
