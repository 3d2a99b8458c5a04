"""Whether the parts that Videoflix needs are well: each is asked with a deadline, so that a dead one can't hang us."""

import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error as DatabaseUnavailable
from django.db import connections
from django.utils import timezone
from huey.contrib.djhuey import HUEY
from redis.exceptions import RedisError

from hls.binary import ffmpeg_path
from hls.core.errors import TranscodeError
from hls.core.process import Bounds, run
from hls.errors import NotOurs
from hls.models import Worker
from library import upkeep

log = structlog.get_logger("videoflix.vitals")

DEADLINE_S = 2.0
VERSION = re.compile(r"ffmpeg version (?P<name>n?(?P<number>\d+(\.\d+)*)?\S*)")  # n9.0.2-1, 7.1.1-1+b1, N-118-gabc
WORKER_SILENCE = timedelta(seconds=30)

type Question = Callable[[], str]


class Unwell(Exception):
    """A part can't do its work; the message may be shown to anybody."""


class Asked(threading.Thread):
    """One question, asked in a thread of its own that nobody has to wait for."""

    def __init__(self, part: str, question: Question) -> None:
        super().__init__(name=f"vitals-{part}", daemon=True)
        self.part = part
        self.question = question
        self.answer = "no answer"
        self.is_well = False

    def run(self) -> None:
        try:
            self.answer = self.question()
            self.is_well = True
        except Unwell as unwell:
            self.answer = str(unwell)
            log.warning("a part is not well", part=self.part, reason=str(unwell.__cause__ or unwell))
        finally:
            connections.close_all()


_pending: dict[str, Asked] = {}
_lock = threading.Lock()


def ask(questions: Mapping[str, Question]) -> dict[str, Asked]:
    """Ask all at once; what has not answered within DEADLINE_S is not well. A part that hangs is not asked again."""
    with _lock:
        for part, question in questions.items():
            if part not in _pending or not _pending[part].is_alive():
                _pending[part] = Asked(part, question)
                _pending[part].start()
        asked = {part: _pending[part] for part in questions}
    deadline = time.monotonic() + DEADLINE_S
    for thread in asked.values():
        thread.join(max(deadline - time.monotonic(), 0))
    return asked


def database() -> str:
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseUnavailable as error:
        raise Unwell("not reachable") from error
    return "ok"


def queue() -> str:
    try:
        queue_depth()
    except (RedisError, sqlite3.Error, OSError) as error:
        raise Unwell("not reachable") from error
    return "ok"


def queue_depth() -> int:
    """Tasks that wait to be taken; those scheduled for later don't count."""
    depth: int = HUEY.storage.queue_size()
    return depth


def ffmpeg() -> str:
    """Its version. Raises Unwell where there is none."""
    try:
        return ffmpeg_version(ffmpeg_path())
    except TranscodeError as error:
        raise Unwell("missing") from error


@cache
def ffmpeg_version(path: Path) -> str:
    ended = run([str(path), "-version"], bounds=Bounds(timeout_s=DEADLINE_S))
    version = VERSION.match(ended.stdout)
    if ended.returncode or not version:
        raise Unwell("broken")
    return version["number"] or version["name"]


def disk() -> str:
    if min(free_bytes().values()) < settings.DISK_RESERVE_BYTES:
        raise Unwell("nearly full")
    return "ok"


def free_bytes() -> dict[str, int]:
    """Free space by folder: uploads and served videos may lie on disks of their own."""
    folders = {"data": settings.DATA_DIR, "uploads": settings.MEDIA_ROOT, "hls": settings.HLS_ROOT}
    return {
        name: shutil.disk_usage(folder if Path(folder).exists() else settings.DATA_DIR).free
        for name, folder in folders.items()
    }


def files() -> str:
    """Whether the data folders are this database's. Raises Unwell where they are another installation's."""
    try:
        doubts = upkeep.doubts()
    except (DatabaseUnavailable, OSError) as error:
        raise Unwell("not known") from error
    if doubts:
        raise Unwell("of another installation") from NotOurs(" ".join(doubts))
    return "ok"


def worker() -> str:
    try:
        is_there = Worker.objects.filter(last_seen__gt=timezone.now() - WORKER_SILENCE).exists()
    except DatabaseUnavailable as error:
        raise Unwell("not known") from error
    if not is_there:
        raise Unwell("none is running")
    return "ok"
