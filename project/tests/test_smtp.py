"""With EMAIL_HOST set, mails reach a real SMTP server."""

import asyncio
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import tasks as account_tasks
from accounts.mailing import outbox
from accounts.mailing.sending import Sender
from accounts.models import Mail, User
from project import tasks
from project.env import BASE_DIR
from project.tests.serving import clean_environment, free_port


class SmtpInbox(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.is_busy = False

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.is_busy:
            return "451 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)


@pytest.fixture
def inbox() -> Iterator[tuple[SmtpInbox, int]]:
    inbox = SmtpInbox()
    loop = asyncio.new_event_loop()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), loop=loop)
    controller.start()
    yield inbox, controller.port
    controller.stop()
    if not loop.is_closed():
        loop.close()


def send(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "sendtestemail", "ada@example.com"],
        cwd=BASE_DIR,
        env=clean_environment(DATA_DIR=str(folder), **variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_mail_arrives_at_the_smtp_server_that_the_settings_name(inbox: tuple[SmtpInbox, int], tmp_path: Path) -> None:
    box, port = inbox

    ended = send(
        tmp_path, EMAIL_HOST="127.0.0.1", EMAIL_PORT=str(port), DEFAULT_FROM_EMAIL="Videoflix <videos@example.com>"
    )

    assert ended.returncode == 0, ended.stderr
    [message] = box.messages
    assert message["To"] == "ada@example.com"
    assert message["From"] == "Videoflix <videos@example.com>"
    assert not (tmp_path / "mail").exists()


def test_mail_is_a_file_while_no_smtp_server_is_named(inbox: tuple[SmtpInbox, int], tmp_path: Path) -> None:
    box, _ = inbox

    assert send(tmp_path).returncode == 0

    assert len(list((tmp_path / "mail").glob("*.eml"))) == 1
    assert box.messages == []


@pytest.fixture
def registered(inbox: tuple[SmtpInbox, int], settings: Settings, client: Client) -> Mail:
    """The mail to somebody who has just registered, with a real server to send it through."""
    options = {"host": "127.0.0.1", "port": inbox[1], "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    form = {"email": "ada@example.com", "password": "a quiet river at 5", "confirmed_password": "a quiet river at 5"}
    assert client.post("/api/register/", form, content_type="application/json").status_code == 201
    mail: Mail = Mail.objects.get()
    return mail


@pytest.mark.django_db
def test_link_that_arrives_opens_the_account(inbox: tuple[SmtpInbox, int], registered: Mail, client: Client) -> None:
    outbox.send(registered.pk)

    [message] = inbox[0].messages
    assert message["To"] == "ada@example.com"
    [text] = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    body = text.get_payload(decode=True)
    assert isinstance(body, bytes)
    found = re.search(r"uid=(\w+)&token=([\w-]+)", body.decode())
    assert found
    assert client.get(f"/api/activate/{found[1]}/{found[2]}/").status_code == 200
    assert User.objects.get().is_active


@pytest.mark.django_db
def test_mail_that_a_busy_server_refuses_is_sent_later_and_once(inbox: tuple[SmtpInbox, int], registered: Mail) -> None:
    box, _ = inbox
    box.is_busy = True
    outbox.send(registered.pk)
    registered.refresh_from_db()
    assert (registered.sent_at, registered.error) == (None, "SMTPRecipientsRefused")
    assert registered.due_at > timezone.now()

    box.is_busy = False
    Mail.objects.update(due_at=timezone.now())
    outbox.send(registered.pk)
    outbox.send(registered.pk)

    assert [message["To"] for message in box.messages] == ["ada@example.com"]
    registered.refresh_from_db()
    assert registered.sent_at
    assert registered.error == ""


@contextmanager
def mute_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that accepts connections and never answers: its port, and the connections so far."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(listener.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], accepted
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in accepted:
        connection.close()


TIMEOUT_S = 1
PATIENT_S = 60  # more than the busiest machine takes for what has to be done before


@pytest.fixture
def mute(settings: Settings) -> Iterator[list[socket.socket]]:
    """The connections to a mail server that never answers."""
    with mute_server() as (port, accepted):
        options = {"host": "127.0.0.1", "port": port, "timeout": TIMEOUT_S}
        settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
        yield accepted


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    """A sender like a worker's own."""
    one = Sender()
    monkeypatch.setattr(account_tasks, "sender", one)
    monkeypatch.setattr(tasks, "sender", one)
    yield one
    one.end()


def is_idle(sender: Sender) -> bool:
    """Wait until all work given to it so far is done."""
    done = threading.Event()
    sender.do(done.set)
    return done.wait(10 * TIMEOUT_S)


def due_mails(number: int) -> list[Mail]:
    user = User.objects.create_user(username="ada@example.com", email="ada@example.com", password="a quiet river at 5")
    row = {"kind": Mail.Kind.PASSWORD_RESET, "address": user.email}
    return Mail.objects.bulk_create(Mail(**row) for _ in range(number))


@pytest.mark.django_db
def test_a_round_ends_at_its_first_failed_connection(mute: list[socket.socket]) -> None:
    due_mails(150)
    outbox.send_due()
    assert len(mute) == 1
    assert list(Mail.objects.exclude(attempts=0).values_list("attempts", "error")) == [(1, "SMTPServerDisconnected")]


@pytest.mark.django_db(transaction=True)
def test_a_mute_mail_server_holds_up_no_thread_of_the_queue(
    mute: list[socket.socket], settings: Settings, sender: Sender
) -> None:
    """All that 150 mails and ten minutes of rounds ask of the queue's threads is done before the server times out."""
    settings.MAILERS["default"]["OPTIONS"]["timeout"] = PATIENT_S
    for mail in due_mails(150):
        account_tasks.send_ordered_mail.call_local(mail.pk)
    for _ in range(10):
        tasks.send_due_mails.call_local()
    assert not Mail.objects.exclude(error="").exists()

    done = threading.Event()
    sender.do(done.set)
    while not done.wait(0.05):
        hang_up(mute)
    assert len(mute) == 2, "one mail, and one round that began with another"


def hang_up(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):  # hung up before
            connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.django_db(transaction=True)
def test_mails_go_out_from_the_mail_thread_even_when_one_is_refused(
    inbox: tuple[SmtpInbox, int], settings: Settings, sender: Sender
) -> None:
    options = {"host": "127.0.0.1", "port": inbox[1], "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    inbox[0].is_busy = True
    first, *others = due_mails(3)
    account_tasks.send_ordered_mail.call_local(first.pk)
    assert is_idle(sender)
    inbox[0].is_busy = False
    for mail in others:
        account_tasks.send_ordered_mail.call_local(mail.pk)
    assert is_idle(sender)
    assert len(inbox[0].messages) == 2


@pytest.mark.django_db
def test_mail_that_smtp_cannot_send_holds_up_no_other(inbox: tuple[SmtpInbox, int], settings: Settings) -> None:
    options = {"host": "127.0.0.1", "port": inbox[1], "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    odd, *_ = due_mails(2)
    User.objects.create_user(username="größe@example.com", email="größe@example.com", password="a quiet river at 5")
    Mail.objects.filter(pk=odd.pk).update(address="größe@example.com")

    outbox.send_due()

    assert [message["To"] for message in inbox[0].messages] == ["ada@example.com"]
    assert Mail.objects.get(pk=odd.pk).error == "ValueError"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_unexpected_error_does_not_end_the_sending_of_mails(sender: Sender) -> None:
    def fail() -> None:
        raise ValueError("of one mail")

    sender.do(fail)
    thread = next(thread for thread in threading.enumerate() if thread.name == "mail")
    thread.join(TIMEOUT_S)
    assert is_idle(sender)
