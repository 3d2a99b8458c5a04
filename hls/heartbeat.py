"""A worker's heart: says that it lives, takes back what dead workers held, and puts idle slots to work.

One thread for each worker process. It makes the queue's losses harmless: whatever waits in the rows is found within
seconds, whether its wake-up arrived or not, and whichever host it went to. A database that is away, be it when the
worker starts, is asked again with the next beat.
"""

import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error as DatabaseUnavailable
from django.db import close_old_connections, connections
from django.utils import timezone
from redis.exceptions import RedisError

from hls import claims, upkeep
from hls.models import Worker

log = structlog.get_logger("videoflix.hls")

BEAT_EVERY_S = 2.0
GIVE_BACK_S = 10.0

_lock = threading.Lock()
_worker: Worker | None = None
_thread: threading.Thread | None = None
_stopped = threading.Event()
_hands: list[threading.Thread] = []


def this_worker() -> Worker | None:
    """This process's row; None where its heart has not reached the database yet, or where it has none."""
    return _worker


def begin(work_off: Callable[[], None], slots: threading.Semaphore) -> None:
    """Start this process's heart; once a process. It can't fail: huey would swallow that."""
    global _thread
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=beat_on, args=(work_off, slots), name="heartbeat", daemon=True)
            _thread.start()


def show_oneself() -> None:
    """Say that this process lives; where its row is not there, or not any more, it is made."""
    global _worker
    now = timezone.now()
    if _worker is None or not Worker.objects.filter(pk=_worker.pk).update(last_seen=now):
        _worker = register()


def register() -> Worker:
    now = timezone.now()
    worker, _ = Worker.objects.update_or_create(
        host=this_host(),
        pid=os.getpid(),
        pid_started=started(os.getpid()),
        defaults={
            "hostname": socket.gethostname()[:100],
            "slots": settings.HLS_WORKERS,
            "started_at": now,
            "last_seen": now,
        },
    )
    return worker


def this_host() -> str:
    """Machine, boot and pid namespace; a pid means something only within all three."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    parts = [
        socket.gethostname(),
        boot.read_text().strip() if boot.exists() else "",
        str(namespace.stat().st_ino) if namespace.exists() else "",
    ]
    return ":".join(parts)[:200]


def started(pid: int) -> str:
    """When the kernel started this process, in its own units; empty for a process that is gone (or on no Linux)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def is_dead(worker: Worker) -> bool:
    """Whether a worker of this host is surely gone; False where that can't be known."""
    return bool(worker.pid_started) and worker.host == this_host() and started(worker.pid) != worker.pid_started


def beat_on(work_off: Callable[[], None], slots: threading.Semaphore) -> None:
    while not _stopped.is_set():
        close_old_connections()
        try:
            show_oneself()
            beat(work_off, slots)
        except (DatabaseUnavailable, RedisError, sqlite3.Error, OSError) as error:
            log.warning("heartbeat missed", reason=type(error).__name__)
        _stopped.wait(BEAT_EVERY_S)
    close_old_connections()


def beat(work_off: Callable[[], None], slots: threading.Semaphore) -> None:
    upkeep.take_back_dead([worker for worker in Worker.objects.filter(host=this_host()) if is_dead(worker)])
    upkeep.take_back_lapsed()
    upkeep.retry_due()
    if slots.acquire(blocking=False):
        slots.release()
        if claims.is_work_waiting():
            put_to_work(work_off)


def put_to_work(work_off: Callable[[], None]) -> None:
    """Work in a thread of this process, which the heart keeps an eye on."""

    def hand() -> None:
        try:
            work_off()
        finally:
            connections.close_all()

    _hands[:] = [thread for thread in _hands if thread.is_alive()]
    thread = threading.Thread(target=hand, name="hand", daemon=True)
    _hands.append(thread)
    thread.start()


def end() -> None:
    """Stop beating, wait until the chunks at hand are given back, and sign off: the end of an orderly stop."""
    _stopped.set()
    for thread in [_thread, *_hands]:
        if thread:
            thread.join(GIVE_BACK_S)
    if _worker:
        Worker.objects.filter(pk=_worker.pk).delete()
