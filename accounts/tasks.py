"""What the queue does for people: mails at once. Rounds and tidying are in project.tasks, one worker at a time."""

from huey.contrib.djhuey import HUEY, db_task

from accounts.sending import sender

URGENT = 100  # before any transcode: somebody is waiting for this mail


@db_task(priority=URGENT)
def send_mail(mail_id: int) -> None:
    sender.send(mail_id)


@HUEY.on_shutdown()
def finish_mail() -> None:
    sender.end()
