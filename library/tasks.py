"""The queue's side of the library."""

from datetime import timedelta

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from hls.periodic import MINUTELY, in_turn
from library import upkeep
from library.webhooks import sending, services, tasks

__all__ = ["tasks"]  # Django imports this module, and with it those of webhooks

HOURLY = timedelta(minutes=50)


@db_periodic_task(crontab(minute="*"), priority=50)
def sweep_uploads() -> None:
    in_turn(upkeep.TASK, MINUTELY, upkeep.sweep_minutely)


@db_periodic_task(crontab(minute="*"))
def bring_webhooks_back() -> None:
    in_turn("bring webhooks back", MINUTELY, lambda lease: sending.bring_back())


@db_periodic_task(crontab(minute="41"))
def forget_old_webhooks() -> None:
    in_turn("forget old webhooks", HOURLY, lambda lease: services.forget_old())
