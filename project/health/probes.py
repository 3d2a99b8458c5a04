"""Probes of the parts that Videoflix needs. Each runs in a thread with a deadline, so that no part can make us hang."""

import os
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
from huey.contrib.djhuey import HUEY
from huey.storage import RedisStorage
from redis.exceptions import RedisError, ResponseError

from hls import clock
from hls.binary import ffmpeg_path
from hls.core.errors import TranscodeError
from hls.core.process import Bounds, run
from hls.errors import NotOurs
from hls.store.interface import StoreFailed
from hls.stores import ask_bucket
from library import upkeep

log = structlog.get_logger("videoflix.health")

LEAST_FREE_BYTES = 1_000_000  # a database needs some, even where DISK_RESERVE_MB is 0
DEADLINE_S = 2.0
VERSION = re.compile(r"ffmpeg version (?P<name>n?(?P<number>\d+(\.\d+)*)?\S*)")  # n9.0.2-1, 7.1.1-1+b1, N-118-gabc
WORKER_SILENCE = timedelta(seconds=30)

type Probe = Callable[[], str]  # returns what to show, such as "ok", or raises ProbeFailed


class ProbeFailed(Exception):
    """A part can't do its work. The message may be shown to anybody."""


class RunningProbe(threading.Thread):
    """A probe in a thread of its own, for which nobody has to wait."""

    def __init__(self, part: str, probe: Probe) -> None:
        super().__init__(name=f"probe-{part}", daemon=True)
        self.part = part
        self.probe = probe
        self.answer = "no answer"
        self.is_ok = False

    def run(self) -> None:
        try:
            self.answer = self.probe()
            self.is_ok = True
        except ProbeFailed as failure:
            self.answer = str(failure)
            log.warning("part fails", part=self.part, reason=str(failure.__cause__ or failure))
        finally:
            connections.close_all()


_pending: dict[str, RunningProbe] = {}
_lock = threading.Lock()


def run_all(probes: Mapping[str, Probe]) -> dict[str, RunningProbe]:
    """Run the probes at once. A part without an answer after DEADLINE_S fails, and isn't probed again meanwhile."""
    with _lock:
        for part, probe in probes.items():
            if part not in _pending or not _pending[part].is_alive():
                _pending[part] = RunningProbe(part, probe)
                _pending[part].start()
        running = {part: _pending[part] for part in probes}
    deadline = time.monotonic() + DEADLINE_S
    for probe_thread in running.values():
        probe_thread.join(max(deadline - time.monotonic(), 0))
    return running


def database() -> str:
    """Whether it can be written to, too: a standby still answers, as after a failover."""
    connection = connections["default"]
    try:
        with connection.cursor() as cursor:
            is_postgresql = connection.vendor == "postgresql"
            cursor.execute("SELECT current_setting('transaction_read_only')" if is_postgresql else "SELECT 'off'")
            is_read_only = cursor.fetchone() == ("on",)
    except DatabaseUnavailable as error:
        raise ProbeFailed("not reachable") from error
    if is_read_only:
        raise ProbeFailed("read-only")
    return "ok"


def queue() -> str:
    """Whether tasks can be put into it, too: a Redis that is full, or that can't write to its disk, still answers."""
    try:
        queue_depth()
        if isinstance(HUEY.storage, RedisStorage):
            HUEY.storage.put_data("probe", b"written")
    except ResponseError as error:
        raise ProbeFailed("takes no tasks") from error
    except (RedisError, sqlite3.Error, OSError) as error:
        raise ProbeFailed("not reachable") from error
    return "ok"


def queue_depth() -> int:
    """Tasks that wait for a worker; those scheduled for later don't count."""
    depth: int = HUEY.storage.queue_size()
    return depth


def ffmpeg() -> str:
    """The version of ffmpeg. Raises ProbeFailed if there is none."""
    try:
        return ffmpeg_version(ffmpeg_path())
    except TranscodeError as error:
        raise ProbeFailed("missing") from error


@cache
def ffmpeg_version(path: Path) -> str:
    ended = run([str(path), "-version"], bounds=Bounds(timeout_s=DEADLINE_S))
    version = VERSION.match(ended.stdout)
    if ended.returncode or not version:
        raise ProbeFailed("broken")
    return version["number"] or version["name"]


def disk() -> str:
    if any(os.statvfs(folder).f_flag & os.ST_RDONLY for folder in folders().values()):
        raise ProbeFailed("read-only")
    if min(free_bytes().values()) < max(settings.DISK_RESERVE_BYTES, LEAST_FREE_BYTES):
        raise ProbeFailed("nearly full")
    return "ok"


def free_bytes() -> dict[str, int]:
    return {name: shutil.disk_usage(folder).free for name, folder in folders().items()}


def folders() -> dict[str, Path]:
    """What is written to, by name: uploads and served videos may be on disks of their own. Each of them is there."""
    places = {"data": settings.DATA_DIR, "uploads": settings.MEDIA_ROOT, "hls": settings.HLS_ROOT}
    return {name: Path(place if Path(place).exists() else settings.DATA_DIR) for name, place in places.items()}


def files() -> str:
    """Whether the files belong to this database. Raises ProbeFailed if they are another installation's."""
    try:
        doubts = upkeep.doubts()
    except StoreFailed as error:
        raise ProbeFailed("bucket not reachable") from error
    except (DatabaseUnavailable, OSError) as error:
        raise ProbeFailed("not known") from error
    if doubts:
        raise ProbeFailed("of another installation") from NotOurs(" ".join(doubts))
    return "ok"


def bucket() -> str:
    """Whether the bucket answers. Raises ProbeFailed with a sentence, which holds no address and no secret."""
    try:
        ask_bucket()
    except StoreFailed as error:
        raise ProbeFailed(str(error.strerror)) from error
    return "ok"


def worker() -> str:
    try:
        is_there = clock.seen_within(WORKER_SILENCE).exists()
    except DatabaseUnavailable as error:
        raise ProbeFailed("not known") from error
    if not is_there:
        raise ProbeFailed("none is running")
    return "ok"
