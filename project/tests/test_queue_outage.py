"""The worker's log while its queue can't be reached: one line a minute with the reason, and every error of a task."""

import json
import logging
import time
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisAway

from project.once_a_minute import OnceAMinute
from project.queue_outage import LOGGERS, shorten
from project.tests.installation import Installation, free_port, stop, wait_for

ASKED_FOR_S = 4.0


def test_queue_that_is_away_does_not_fill_the_log(tmp_path: Path) -> None:
    """It was 15 tracebacks a second: 3.6 GB a day from each worker."""
    port = free_port()
    installation = Installation(tmp_path, environment={"REDIS_LOCATION": f"redis://127.0.0.1:{port}/1"})
    installation.prepare()
    worker = installation.start("worker")
    try:
        wait_for(lambda: "queue unreachable" in installation.log("worker"), seconds=60, what="the line of the outage")
        time.sleep(ASKED_FOR_S)
    finally:
        stop(worker)

    lines = [json.loads(line) for line in installation.log("worker").splitlines()]
    told = [line for line in lines if line["logger"] in LOGGERS]
    assert len(told) == 1
    assert told[0]["level"] == "error"
    assert f"ConnectionError: Error 111 connecting to 127.0.0.1:{port}" in told[0]["event"]
    assert "exception" not in told[0]


def test_mail_that_is_due_is_sent_while_the_queue_is_away(tmp_path: Path) -> None:
    """As everything else that is done each minute: a Redis that is full may stay so for days."""
    installation = Installation(tmp_path, environment={"REDIS_LOCATION": f"redis://127.0.0.1:{free_port()}/1"})
    installation.prepare()
    order = "Mail.objects.create(kind=Mail.Kind.PASSWORD_RESET, address='boss@example.com')"
    installation.shell(f"from accounts.models import Mail; {order}")
    worker = installation.start("worker")
    try:
        wait_for(installation.mails, seconds=120, what="the mail")
    finally:
        stop(worker)

    assert [mail["To"] for mail in installation.mails()] == ["boss@example.com"]


def record(message: str, error: Exception) -> logging.LogRecord:
    return logging.LogRecord(LOGGERS[0], logging.ERROR, __file__, 1, message, (), (type(error), error, None))


def test_outage_is_told_again_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("project.once_a_minute.time.monotonic", lambda: now[0])
    said_once = OnceAMinute(shorten)

    told = []
    for now[0] in (1000.0, 1000.1, 1059.0, 1060.0, 1061.0):
        told.append(said_once.filter(record("Error reading from queue", RedisAway("refused"))))

    assert told == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Unhandled error during execution of task %s.", OSError("no space left on device")),
        ("Error reading from queue", KeyError("task")),
    ],
)
def test_other_errors_keep_their_tracebacks_each_time(message: str, error: Exception) -> None:
    said_once = OnceAMinute(shorten)

    for _ in range(2):
        line = record(message, error)
        assert said_once.filter(line)
        assert line.exc_info
