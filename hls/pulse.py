"""A worker's heart: says that it lives, takes back what dead workers held, and puts idle slots to work.

One thread for each worker process. It makes the queue's losses harmless: whatever waits in the rows is found within
seconds, whether its wake-up arrived or not, and whichever host it went to.
"""

import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone
from redis.exceptions import RedisError

from hls import claims, upkeep
from hls.models import Worker

log = structlog.get_logger("videoflix.hls")

BEAT_EVERY_S = 2.0
GIVE_BACK_S = 10.0

_lock = threading.Lock()
_worker: Worker | None = None
_stopped = threading.Event()
_hands: list[threading.Thread] = []


def this_worker() -> Worker | None:
    """This process's row; None in a process that has no heart, such as a test or a management command."""
    return _worker


def begin(work_off: Callable[[], None], slots: threading.Semaphore) -> None:
    """Register this process and start its heart; once a process, however often it is called."""
    global _worker
    with _lock:
        if _worker is None:
            _worker = register()
            threading.Thread(target=beat_on, args=(work_off, slots), name="pulse", daemon=True).start()


def register() -> Worker:
    now = timezone.now()
    return Worker.objects.create(
        host=this_host(),
        hostname=socket.gethostname()[:100],
        pid=os.getpid(),
        pid_started=started(os.getpid()),
        slots=settings.HLS_WORKERS,
        started_at=now,
        last_seen=now,
    )


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
    while not _stopped.wait(BEAT_EVERY_S):
        close_old_connections()
        try:
            beat(work_off, slots)
        except (DatabaseError, RedisError, sqlite3.Error, OSError) as error:
            log.warning("heartbeat missed", reason=type(error).__name__)
    close_old_connections()


def beat(work_off: Callable[[], None], slots: threading.Semaphore) -> None:
    if _worker:
        Worker.objects.filter(pk=_worker.pk).update(last_seen=timezone.now())
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
    for thread in _hands:
        thread.join(GIVE_BACK_S)
    if _worker:
        Worker.objects.filter(pk=_worker.pk).delete()
