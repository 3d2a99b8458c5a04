"""Periodic tasks of the accounts, which know no workers: here one worker at a time does them."""

from datetime import timedelta

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from accounts import outbox, upkeep
from accounts.sending import sender
from accounts.tasks import URGENT
from hls.periodic import MINUTELY, in_turn

HOURLY = timedelta(minutes=50)


@db_periodic_task(crontab(minute="*"), priority=URGENT)
def send_due_mails() -> None:
    """Huey delivers at most once: what a lost queue or a killed worker left behind is sent from here."""
    sender.do(lambda: in_turn("send due mails", MINUTELY, lambda lease: outbox.send_due(lease.go_on)))


@db_periodic_task(crontab(minute="17"))
def remove_expired() -> None:
    in_turn("remove what has expired", HOURLY, lambda lease: upkeep.remove_expired())
