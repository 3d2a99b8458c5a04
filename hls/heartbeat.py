"""The worker process: its row, its slots, and the heartbeat that makes every loss of a wake-up harmless.

One thread of each worker process does this every BEAT_EVERY_S:

1. Write the time into the process's row; make the row where there is none.
2. Take back what dead worker processes of this host held.
3. Take back what has not been renewed in time, on whichever host.
4. Queue failed transcodes again whose retry is due.
5. Once an hour, remove what killed workers have left on this machine's disk, where the store is elsewhere, and what it
   has fetched of sources that no video has any more.
6. Let awaited sources be brought (hls.sources.awaited), in threads that take no slot.
7. Where a slot is free and work is waiting, start a thread that works until nothing is left. Where all slots are taken,
   the same goes for the express lane and urgent work: a new video's first seconds wait for no other video's chunk.

So whatever waits in the rows is found within seconds, whether its wake-up arrived or not. A database that can't be
reached is tried again with the next beat; that also holds while the worker starts, and for a machine that has no memory
or no thread left.
"""

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error as DatabaseUnavailable
from django.db import close_old_connections, connections
from django.utils import timezone
from redis.exceptions import RedisError

from hls import claims, steps, upkeep
from hls.boot import this_boot
from hls.core.errors import NO_ROOM, in_one_line
from hls.models import Worker
from hls.sources import awaited, sweeping

log = structlog.get_logger("videoflix.hls")

BEAT_EVERY_S = 2.0
GIVE_BACK_S = 10.0
TIDIES_EVERY_S = 3600.0


class WorkerProcess:
    """This process as a worker: begin() starts its heartbeat, work_off() uses one of its slots, end() stops it."""

    def __init__(self, *, slots: int) -> None:
        self.row: Worker | None = None  # None until the heartbeat has reached the database, and where there is none
        self.slots = slots
        self.free_slots = threading.BoundedSemaphore(slots)
        self.express_lane = threading.BoundedSemaphore(1)  # one more, for urgent work alone
        self.is_stopped = threading.Event()
        self._begin_lock = threading.Lock()
        self._heartbeat: threading.Thread | None = None
        self._working: list[threading.Thread] = []
        self._tidies_at = 0.0

    def begin(self) -> None:
        """Start the heartbeat. Only the first call does: huey calls it in each of its threads."""
        with self._begin_lock:
            if self._heartbeat is None:
                heartbeat = threading.Thread(target=self.keep_beating, name="heartbeat", daemon=True)
                heartbeat.start()
                self._heartbeat = heartbeat

    def keep_beating(self) -> None:
        """Beat until end() is called. Outages cost a beat; any other exception ends the thread."""
        while not self.is_stopped.is_set():
            close_old_connections()
            try:
                self.update_row()
                self.beat()
            except (DatabaseUnavailable, RedisError, sqlite3.Error, OSError, *NO_ROOM) as error:
                log.warning("heartbeat missed", reason=in_one_line(error))
            self.is_stopped.wait(BEAT_EVERY_S)
        close_old_connections()

    def update_row(self) -> None:
        """Say that this process is alive; make its row where it is not there, or no longer."""
        if self.row is None or not Worker.objects.filter(pk=self.row.pk).update(last_seen=timezone.now()):
            self.row = register(slots=self.slots)

    def beat(self) -> None:
        """Steps 2 to 7."""
        upkeep.take_back_dead([worker for worker in Worker.objects.filter(host=this_host()) if is_dead(worker)])
        upkeep.take_back_lapsed()
        upkeep.retry_due()
        if time.monotonic() >= self._tidies_at:
            self._tidies_at = time.monotonic() + TIDIES_EVERY_S
            upkeep.erase_own_leftovers()
            sweeping.sweep()
        awaited.here.look(self.row)
        if is_free(self.free_slots):
            is_waiting = claims.is_work_waiting()
        else:
            is_waiting = is_free(self.express_lane) and claims.is_urgent_work_waiting()
        if is_waiting:
            self.start_working()

    def start_working(self) -> None:
        """Work in a thread of this process, which end() waits for."""
        self._working = [thread for thread in self._working if thread.is_alive()]
        thread = threading.Thread(target=self.work_in_thread, name="work", daemon=True)
        thread.start()
        self._working.append(thread)

    def work_in_thread(self) -> None:
        try:
            self.work_off()
        except DatabaseUnavailable as error:  # the next beat looks again
            log.warning("work left", reason=in_one_line(error))
        finally:
            connections.close_all()

    def work_off(self) -> None:
        """Plan, encode chunks and finish, one after the other, until nothing is left.

        Without a free slot, do urgent work in the express lane; if that is taken too, do nothing. The next chunk is
        taken here and not through the queue, where another host might take the wake-up and have no slot for it.
        """
        if self.free_slots.acquire(blocking=False):
            self._work_off(steps.do_next, self.free_slots)
        elif self.express_lane.acquire(blocking=False):
            self._work_off(steps.do_urgent, self.express_lane)

    def _work_off(self, do: Callable[[Worker | None], bool], taken: threading.BoundedSemaphore) -> None:
        try:
            while do(self.row):
                close_old_connections()
        finally:
            taken.release()

    def end(self) -> None:
        """Stop the heartbeat, wait until running work has been given back, and delete the row: an orderly stop."""
        self.is_stopped.set()
        for thread in [self._heartbeat, *self._working, *awaited.here.threads]:
            if thread:
                thread.join(GIVE_BACK_S)
        if self.row:
            Worker.objects.filter(pk=self.row.pk).delete()


def is_free(semaphore: threading.BoundedSemaphore) -> bool:
    if not semaphore.acquire(blocking=False):
        return False
    semaphore.release()
    return True


def register(*, slots: int) -> Worker:
    """This process's row; the same one where the answer to an earlier registration was lost."""
    now = timezone.now()
    worker, _ = Worker.objects.update_or_create(
        host=this_host(),
        pid=os.getpid(),
        pid_started=started(os.getpid()),
        defaults={
            "hostname": socket.gethostname()[:100],
            "slots": slots,
            "started_at": now,
            "last_seen": now,
        },
    )
    return worker


def this_host() -> str:
    """Machine, boot and pid namespace: a pid is unique only within all three."""
    namespace = Path("/proc/self/ns/pid")
    parts = [
        socket.gethostname(),
        this_boot(),
        str(namespace.stat().st_ino) if namespace.exists() else "",
    ]
    return ":".join(parts)[:200]


def started(pid: int) -> str:
    """When the kernel started a process, in ticks since boot; "" where it is gone or there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def is_dead(worker: Worker) -> bool:
    """Whether a worker's process is known to have ended. False for other hosts, where that can't be known."""
    return bool(worker.pid_started) and worker.host == this_host() and started(worker.pid) != worker.pid_started


this_process = WorkerProcess(slots=settings.HLS_WORKERS)
