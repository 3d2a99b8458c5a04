"""What an installation needs before it can serve: tables, an administrator, and on a first start something to play."""

import fcntl
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from accounts.models import goes_by
from hls.binary import ffmpeg_path
from hls.core.demo import make_demo
from library.models import FirstCategory, Video
from library.videos import add_video
from project.database import check_reachable, why_unusable
from project.demo_tracks import add_demo_tracks

LOCK = 8_615_309  # any number, the same in every process that asks PostgreSQL for it
DEFAULT_USERNAME = "admin"
DEFAULT_EMAIL = "admin@example.com"
DEMO_TITLE = "Colours and clock"
DEMO_DESCRIPTION = "Thirty seconds of moving colours with a clock and a tone, made by ffmpeg at the first start."


@dataclass(frozen=True)
class Administrator:
    username: str
    new_password: str | None  # to be shown once; None if DJANGO_SUPERUSER_PASSWORD set it


class NoDatabase(Exception):
    """The message says in one line where the database should be and why it can't be used."""


def prepare() -> Administrator | None:
    """Bring the database up to date and make the administrator if none is there; safe to run twice at once.

    Returns the administrator made just now, or None. Raises NoDatabase.
    """
    try:
        check_reachable()
        call_command("migrate", verbosity=0, interactive=False)
        with one_at_a_time(DEFAULT_DB_ALIAS):
            return make_administrator()
    except OperationalError as error:
        raise NoDatabase(why_unusable(error)) from error


@contextmanager
def one_at_a_time(database: str) -> Iterator[None]:
    """Let one process in at a time: PostgreSQL has a lock for it; with SQLite a file in DATA_DIR is locked."""
    if connections[database].vendor == "postgresql":
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    else:
        folder = Path(settings.DATA_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "prepare.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def make_administrator() -> Administrator | None:
    """The one that DJANGO_SUPERUSER_* describes, or else `admin` where there is no administrator at all."""
    users = get_user_model().objects
    username = settings.SUPERUSER_USERNAME
    if username is None and users.filter(is_superuser=True).exists():
        return None
    username = username or DEFAULT_USERNAME
    email = settings.SUPERUSER_EMAIL or DEFAULT_EMAIL
    if users.filter(goes_by(username) | goes_by(email)).exists():
        return None
    new_password = None if settings.SUPERUSER_PASSWORD else secrets.token_urlsafe(12)
    users.create_superuser(username, email, settings.SUPERUSER_PASSWORD or new_password)
    return Administrator(username, new_password)


def wants_demo() -> bool:
    """True on a first start only: a demo video that somebody has deleted doesn't come back."""
    return not demo_marker().exists() and not Video.objects.exists()


def add_demo() -> None:
    """Make the demo video and queue its transcode; raises TranscodeError or FileRefused, and is tried again then."""
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="demo-") as folder:
        video = Path(folder) / "demo.mp4"
        make_demo(ffmpeg_path(), video)
        added = add_video(video, title=DEMO_TITLE, category=FirstCategory.TUTORIAL, description=DEMO_DESCRIPTION)
    add_demo_tracks(added)
    remember_who_added(added)
    demo_marker().touch()


def remember_who_added(video: Video) -> None:
    """Begin the video's history in the admin, in the name of the first administrator."""
    administrator = get_user_model().objects.filter(is_superuser=True).order_by("pk").first()
    if administrator:
        LogEntry.objects.log_actions(
            user_id=administrator.pk,
            queryset=[video],
            action_flag=ADDITION,
            change_message="Made at the first start.",
        )


def demo_marker() -> Path:
    return Path(settings.DATA_DIR) / "demo-video-was-made"
