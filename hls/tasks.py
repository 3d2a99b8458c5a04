"""The queue's side of the engine: it only wakes workers. What there is to do stands in the rows."""

from django.db import transaction
from huey import crontab
from huey.contrib.djhuey import HUEY, db_periodic_task, db_task

from hls import clock, upkeep
from hls.heartbeat import this_process
from hls.periodic import MINUTELY, in_turn
from hls.sources import awaited


@db_task(priority=1)
def work() -> None:
    """Do what has been put into the rows."""
    awaited.here.look(this_process.row)
    this_process.work_off()


def wake_after_commit() -> None:
    """Wake a worker once the rows are committed. A queue that is down is no failure: workers look at the rows too."""
    transaction.on_commit(work, robust=True)


@db_periodic_task(crontab(minute="*"), priority=50)
def keep_house() -> None:
    in_turn("bring times back", MINUTELY, lambda lease: clock.bring_back())
    in_turn(upkeep.TASK, MINUTELY, upkeep.keep_house)


@HUEY.on_startup()
def begin_heartbeat() -> None:
    this_process.begin()
