"""Wake-ups: sent after the commit, never after a rollback, and no failure where the queue is down."""

import pytest
from django.db import transaction
from huey.contrib.djhuey import HUEY
from redis.exceptions import ConnectionError as RedisAway

from hls import lifecycle
from hls.models import State, Transcode
from hls.tests.factories import TranscodeFactory

pytestmark = pytest.mark.usefixtures("stop_flag")


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that reach the queue."""
    names: list[str] = []
    monkeypatch.setattr(HUEY, "enqueue", lambda task: names.append(type(task).__name__))
    return names


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit_and_not_before(enqueued: list[str]) -> None:
    with transaction.atomic():
        lifecycle.submit("videos/a.mp4")
        assert enqueued == []
    assert enqueued == ["work"]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_wakes_no_worker(enqueued: list[str]) -> None:
    with transaction.atomic():
        lifecycle.submit("videos/a.mp4")
        transaction.set_rollback(True)
    assert enqueued == []
    assert not Transcode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_down_loses_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(task: object) -> None:
        raise RedisAway("connection refused")

    monkeypatch.setattr(HUEY, "enqueue", away)
    transcode = lifecycle.submit("videos/a.mp4")
    lifecycle.cancel(transcode)
    lifecycle.retry(transcode)
    assert Transcode.objects.get().state == State.QUEUED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ask", [lifecycle.retry, lambda transcode: lifecycle.replace(transcode, "videos/b.mp4")])
def test_everything_that_makes_work_wakes_a_worker(enqueued: list[str], ask: object) -> None:
    transcode = TranscodeFactory.create(failed=True)
    ask(transcode)  # type: ignore[operator]
    assert enqueued == ["work"]
