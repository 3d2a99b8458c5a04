"""With EMAIL_HOST set, mails reach a real SMTP server."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from project.env import BASE_DIR
from project.tests.serving import free_port
from project.tests.test_env import clean_environment


class Inbox(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    inbox = Inbox()
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


def test_mail_arrives_at_the_smtp_server_that_the_settings_name(inbox: tuple[Inbox, int], tmp_path: Path) -> None:
    box, port = inbox

    ended = send(
        tmp_path, EMAIL_HOST="127.0.0.1", EMAIL_PORT=str(port), DEFAULT_FROM_EMAIL="Videoflix <films@example.com>"
    )

    assert ended.returncode == 0, ended.stderr
    [message] = box.messages
    assert message["To"] == "ada@example.com"
    assert message["From"] == "Videoflix <films@example.com>"
    assert not (tmp_path / "mail").exists()


def test_mail_is_a_file_while_no_smtp_server_is_named(inbox: tuple[Inbox, int], tmp_path: Path) -> None:
    box, _ = inbox

    assert send(tmp_path).returncode == 0

    assert len(list((tmp_path / "mail").glob("*.eml"))) == 1
    assert box.messages == []
