"""What the queue does for people: letters at once. Rounds and tidying are in project.tasks, one worker at a time."""

from huey.contrib.djhuey import HUEY, db_task

from accounts.sending import sender

URGENT = 100  # before any transcode: somebody is waiting for this mail


@db_task(priority=URGENT)
def send_letter(letter_id: int) -> None:
    sender.send(letter_id)


@HUEY.on_shutdown()
def finish_letter() -> None:
    sender.end()
