"""The administrator and the demo video of a first start, and the lines printed at its end."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from hls import heartbeat
from hls.models import Worker
from library.models import Video
from library.tests.factories import VideoFactory
from project.first_start import Administrator, demo_marker, make_administrator, wants_demo
from project.management.commands import serve

pytestmark = pytest.mark.django_db

CHOSEN = "a quiet river at 5"


@pytest.fixture(autouse=True)
def _first_start(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.SUPERUSER_USERNAME = settings.SUPERUSER_EMAIL = settings.SUPERUSER_PASSWORD = None
    settings.MAILERS = {"default": {"BACKEND": "project.mail.EmlBackend", "OPTIONS": {"folder": tmp_path / "mail"}}}


def test_administrator_without_settings_gets_a_password_that_works() -> None:
    made = make_administrator()

    assert made
    assert made.username == "admin"
    assert made.new_password
    user = authenticate(username="admin", password=made.new_password)
    assert user
    assert user.is_superuser
    assert make_administrator() is None


def test_administrator_that_was_asked_for_keeps_the_password_that_was_chosen(settings: Settings) -> None:
    settings.SUPERUSER_USERNAME, settings.SUPERUSER_EMAIL, settings.SUPERUSER_PASSWORD = "boss", "b@example.com", CHOSEN

    assert make_administrator() == Administrator("boss", new_password=None)
    assert authenticate(username="b@example.com", password=CHOSEN)
    settings.SUPERUSER_PASSWORD = "another quiet river"
    assert make_administrator() is None
    assert authenticate(username="boss", password=CHOSEN)


def test_second_administrator_is_made_only_when_asked_for(settings: Settings) -> None:
    UserFactory.create(superuser=True, username="first", email="first@example.com")

    assert make_administrator() is None
    settings.SUPERUSER_USERNAME, settings.SUPERUSER_EMAIL = "second", "second@example.com"
    made = make_administrator()
    assert made
    assert made.new_password


def test_viewer_with_that_address_is_not_made_an_administrator(settings: Settings) -> None:
    UserFactory.create(email="boss@example.com")
    settings.SUPERUSER_USERNAME, settings.SUPERUSER_EMAIL, settings.SUPERUSER_PASSWORD = "boss", "Boss@example.com", "x"

    assert make_administrator() is None
    assert not User.objects.filter(is_superuser=True).exists()


def test_demo_video_is_wanted_once_and_only_where_there_is_no_video() -> None:
    assert wants_demo()
    video = VideoFactory.create()
    assert not wants_demo()
    video.delete()
    demo_marker().touch()
    assert not wants_demo()  # somebody has deleted it


def test_demo_video_that_can_not_be_made_is_a_line_and_tried_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.FFMPEG = "/nowhere/ffmpeg"

    serve.make_demo_video()

    assert "There is no demo video: " in capsys.readouterr().out
    assert not Video.objects.exists()
    assert wants_demo()


@pytest.mark.django_db(transaction=True)
def test_two_first_starts_at_once_make_one_demo_video(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make() -> None:
        made.append(1)
        time.sleep(0.2)  # ffmpeg takes longer
        demo_marker().touch()

    def start() -> None:
        serve.make_demo_video_once()
        connections.close_all()

    monkeypatch.setattr(serve, "add_demo", make)
    starts = [threading.Thread(target=start) for _ in range(2)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert made == [1]


@pytest.mark.parametrize(
    ("host", "site"),
    [
        *(("localhost", "http://localhost:8100/"), ("127.0.0.1", "http://localhost:8100/")),
        *(("0.0.0.0", "http://localhost:8100/"), ("::", "http://localhost:8100/")),
        *(("::1", "http://[::1]:8100/"), ("192.0.2.7", "http://192.0.2.7:8100/")),
    ],
)
def test_addresses_that_are_said_can_be_opened(settings: Settings, host: str, site: str) -> None:
    settings.HOST, settings.PORT = host, 8100

    assert f"Site      {site}\n" in serve.describe(None)


def test_login_line_names_the_administrator_in_every_case() -> None:
    assert "make one with" in serve.login(None)
    UserFactory.create(superuser=True, username="gone", email="gone@example.com", is_active=False)
    assert "make one with" in serve.login(None)
    UserFactory.create(superuser=True, username="boss", email="boss@example.com")
    assert serve.login(None).startswith("boss (forgot the password?")
    assert (
        serve.login(Administrator("boss", new_password=None))
        == "boss, with the password from DJANGO_SUPERUSER_PASSWORD"
    )
    assert serve.login(Administrator("boss", new_password="x7")) == "boss, password x7 (shown only this once)"


def test_newcomer_is_told_where_to_watch_and_how_to_get_in(settings: Settings) -> None:
    settings.HOST, settings.PORT = "localhost", 8100
    assert "  Watch     http://localhost:8100/watch/ (register there)\n" in serve.describe(None)
    UserFactory.create(superuser=True, username="boss", email="boss@example.com")
    way = "sign in with boss@example.com and the admin's password, or register"
    assert f"  Watch     http://localhost:8100/watch/ ({way})\n" in serve.describe(None)
    settings.REFERENCE_FRONTEND = False
    assert "Watch" not in serve.describe(None)


def test_mail_server_is_named_where_mails_go_there(settings: Settings) -> None:
    settings.MAILERS = {"default": {"BACKEND": "x", "OPTIONS": {"host": "smtp.example.com", "port": 587}}}

    assert "Mail      sent through smtp.example.com:587\n" in serve.describe(None)


@pytest.mark.parametrize(
    ("host", "silent_for", "is_alive"),
    [(None, timedelta(seconds=3), True), (None, timedelta(minutes=2), False), ("another", timedelta(0), False)],
)
def test_container_of_a_worker_is_healthy_while_its_own_worker_is_seen(
    host: str | None, silent_for: timedelta, is_alive: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    now = timezone.now()
    row = {"hostname": "h", "pid": 1, "pid_started": "1", "slots": 1, "started_at": now, "last_seen": now - silent_for}
    Worker.objects.create(host=host or heartbeat.this_host(), **row)

    if is_alive:
        call_command("worker", "--check")
        assert "alive" in capsys.readouterr().out
    else:
        with pytest.raises(CommandError, match="No worker of this machine"):
            call_command("worker", "--check")
