"""The accounts' queue tasks: sending mails at once. Periodic rounds and upkeep are in project/tasks.py."""

from huey.contrib.djhuey import HUEY, db_task

from accounts.mailing.sending import sender

URGENT = 100  # before any transcode: somebody is waiting for this mail


@db_task(priority=URGENT)
def send_ordered_mail(mail_id: int) -> None:
    sender.send(mail_id)


@HUEY.on_shutdown()
def finish_mail() -> None:
    sender.end()
