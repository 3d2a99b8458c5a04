"""The accounts' periodic tasks, each done by one worker at a time. Accounts itself may not import the engine."""

from datetime import timedelta

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from accounts import upkeep
from accounts.mailing import outbox
from accounts.mailing.sending import sender
from accounts.tasks import URGENT
from hls.periodic import MINUTELY, in_turn

HOURLY = timedelta(minutes=50)


@db_periodic_task(crontab(minute="*"), priority=URGENT)
def send_due_mails() -> None:
    """Send what a lost queue or a killed worker left unsent: Huey delivers a task at most once."""
    sender.do(lambda: in_turn("send due mails", MINUTELY, lambda lease: outbox.send_due(lease.go_on)))


@db_periodic_task(crontab(minute="17"))
def remove_expired() -> None:
    in_turn("remove what has expired", HOURLY, lambda lease: upkeep.remove_expired())
