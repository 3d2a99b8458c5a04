"""`manage.py serve`: everything in the foreground; what `make run` starts."""

import errno
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from accounts.models import User
from hls.core.errors import TranscodeError
from library.errors import LibraryError
from project import listening
from project.first_start import Administrator, NoDatabase, add_demo, one_at_a_time, prepare, wants_demo
from project.health.checks import ENGINE
from project.supervisor import Program, Supervisor, answers, say

LISTENS = "Listening at: "  # as gunicorn's line begins, once the port is its own
RENEW = ".venv/bin/python manage.py changepassword"


class Command(BaseCommand):
    help = "Run web server and queue worker in the foreground, after migrations. Ctrl-C stops both."

    def handle(self, *arguments: Any, **options: Any) -> None:
        self.check(tags=[ENGINE], include_deployment_checks=True)
        check_folder(settings.DATA_DIR)
        for address in listening.addresses(settings.HOST):
            check_port(address, settings.PORT)
        say("Preparing the database …")
        try:
            made = prepare()
        except NoDatabase as error:
            raise CommandError(str(error)) from error
        make_demo_video_once()
        banner = describe(made)
        connections.close_all()
        say("Starting web server and worker …")
        address = listening.reachable(settings.HOST)
        code = Supervisor(programs()).run(
            is_up=lambda: answers(address, settings.PORT, "/api/health/"), announce=lambda: say(banner)
        )
        say("Stopped." if code == 0 else "Stopped after a failure.")
        sys.exit(code)


def make_demo_video_once() -> None:
    """On a first start, and once even if two start together. Serving goes on if it fails; a line says so."""
    with one_at_a_time(DEFAULT_DB_ALIAS):
        if wants_demo():
            make_demo_video()


def make_demo_video() -> None:
    say("Making a short demo video …")
    try:
        add_demo()
    except (TranscodeError, LibraryError) as error:
        say(f"There is no demo video: {error}")


def programs() -> list[Program]:
    python, folder = sys.executable, settings.BASE_DIR
    return [
        Program("web", (python, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi"), folder, LISTENS),
        Program("worker", (python, "manage.py", "worker"), folder),
    ]


def check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(f"DATA_DIR can't be used: {folder} can't be written ({error.strerror}).") from error


def check_port(address: str, port: int) -> None:
    """Raise CommandError if the port is taken, before anything starts: gunicorn would try for five seconds."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        reason = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
        where = f"HOST {address}, PORT {port}"
        raise CommandError(f"Can't listen on {where}: {reason}. Set another PORT or HOST.") from error


def describe(made: Administrator | None) -> str:
    """The lines printed after the start: where everything is, and how to sign in."""
    site = listening.site(settings.HOST, settings.PORT)
    mailer = settings.MAILERS["default"]["OPTIONS"]
    mail = f"sent through {mailer['host']}:{mailer['port']}" if "host" in mailer else f"files in {mailer['folder']}"
    return "\n".join(
        (
            "",
            "  Videoflix is running.",
            "",
            f"  Site      {site}/",
            *([f"  Watch     {site}/watch/ ({way_to_watch()})"] if settings.REFERENCE_FRONTEND else []),
            f"  Admin     {site}/admin/",
            f"  API docs  {site}/api/docs",
            f"  Health    {site}/api/health/",
            f"  Frontends {frontends()}",
            "",
            f"  Mail      {mail}",
            f"  Data      {settings.DATA_DIR}",
            "",
            "  Ctrl-C stops everything.",
            "",
            f"  Login     {login(made)}",  # last, as requests' lines soon follow
            *((f"            Lost it? {RENEW} {made.username}",) if made else ()),
            "",
        )
    )


def way_to_watch() -> str:
    """How to get in at once: staff are viewers, too."""
    administrator = first_administrator()
    if administrator is None or not administrator.email:
        return "register there"
    return f"sign in with {administrator.email} and the admin's password, or register"


def frontends() -> str:
    """Who may call the API from a browser."""
    if settings.WELCOMES_THIS_MACHINE:
        return "any on this machine, whatever the port"
    return ", ".join(settings.CSRF_TRUSTED_ORIGINS) or "none from elsewhere (CSRF_TRUSTED_ORIGINS)"


def login(made: Administrator | None) -> str:
    if made and made.new_password:
        return f"{made.username}, password {made.new_password} (shown only this once)"
    if made:
        return f"{made.username}, with the password from DJANGO_SUPERUSER_PASSWORD"
    administrator = first_administrator()
    if administrator is None:
        return "no active administrator; make one with: .venv/bin/python manage.py createsuperuser"
    name = administrator.get_username()
    return f"{name} (forgot the password? {RENEW} {name})"


def first_administrator() -> User | None:
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
