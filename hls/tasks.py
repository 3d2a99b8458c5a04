"""The queue's side of the engine: wake-ups, nothing else. What there is to do stands in the rows."""

import threading

from django.conf import settings
from django.db import close_old_connections, transaction
from huey import crontab
from huey.contrib.djhuey import HUEY, db_periodic_task, db_task

from hls import heartbeat, steps, upkeep
from hls.periodic import MINUTELY, in_turn

slots = threading.BoundedSemaphore(settings.HLS_WORKERS)


def work_off() -> None:
    """Plan, encode chunks and finish, one after the other, until there is nothing left or all slots are taken.

    A chunk follows the last one without a detour through the queue, where another host might take the wake-up and have
    no slot for it.
    """
    if not slots.acquire(blocking=False):
        return
    try:
        while steps.do_next(heartbeat.this_worker()):
            close_old_connections()
    finally:
        slots.release()


@db_task(priority=1)
def work() -> None:
    """Somebody has put work into the rows."""
    work_off()


def wake_after_commit() -> None:
    """Wake a worker once the rows are there. A queue that is down is no failure: workers look for themselves too."""
    transaction.on_commit(work, robust=True)


@db_periodic_task(crontab(minute="*"), priority=50)
def keep_house() -> None:
    in_turn(upkeep.TASK, MINUTELY, upkeep.keep_house)


@HUEY.on_startup()
def begin_pulse() -> None:
    heartbeat.begin(work_off, slots)
