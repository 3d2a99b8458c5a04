"""The queue's side of the library."""

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from hls.periodic import MINUTELY, in_turn
from library import upkeep


@db_periodic_task(crontab(minute="*"), priority=50)
def sweep_uploads() -> None:
    in_turn(upkeep.TASK, MINUTELY, upkeep.sweep_minutely)
