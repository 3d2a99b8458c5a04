"""The queue's side of webhooks: it only wakes. What there is to send stands in the rows."""

from huey.contrib.djhuey import HUEY, db_task

from library.webhooks.dispatching import dispatcher

URGENT = 100  # it takes no time


@db_task(priority=URGENT)
def wake() -> None:
    dispatcher.wake()


@HUEY.on_startup()
def begin_dispatching() -> None:
    dispatcher.begin()


@HUEY.on_shutdown()
def end_dispatching() -> None:
    dispatcher.end()
