"""What the queue does for people: letters at once and again each minute, and tidying each hour."""

from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from accounts import letters, tidying

URGENT = 100  # before any transcode: somebody is waiting for this mail


@db_task(priority=URGENT)
def send_letter(letter_id: int) -> None:
    letters.send(letter_id)


@db_periodic_task(crontab(minute="*"), priority=URGENT)
def send_due_letters() -> None:
    """Huey delivers at most once: what a lost queue or a killed worker left behind is sent from here."""
    for letter_id in letters.due().order_by("due_at").values_list("pk", flat=True)[:200]:
        letters.send(letter_id)


@db_periodic_task(crontab(minute="17"))
def remove_expired() -> None:
    tidying.remove_expired()
