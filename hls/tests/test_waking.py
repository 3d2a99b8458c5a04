"""Wake-ups: sent once the rows are there, never when they are rolled back, and no failure where the queue is down."""

import threading

import pytest
from django.db import transaction
from huey.contrib.djhuey import HUEY
from redis.exceptions import ConnectionError as RedisAway

from hls import lifecycle, steps, tasks
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
def test_what_is_rolled_back_wakes_nobody(enqueued: list[str]) -> None:
    with transaction.atomic():
        lifecycle.submit("videos/a.mp4")
        transaction.set_rollback(True)
    assert enqueued == []
    assert not Transcode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_down_costs_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
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


def free(slots: threading.BoundedSemaphore) -> bool:
    if slots.acquire(blocking=False):
        slots.release()
        return True
    return False


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> threading.BoundedSemaphore:
    one = threading.BoundedSemaphore(1)
    monkeypatch.setattr(tasks, "slots", one)
    return one


def test_a_worker_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch, slots: threading.Semaphore) -> None:
    left = [True, True, False]
    monkeypatch.setattr(steps, "do_next", lambda worker: left.pop(0))
    monkeypatch.setattr(tasks, "close_old_connections", lambda: None)
    tasks.work_off()
    assert left == []


def test_a_wake_up_without_a_free_slot_does_nothing(
    monkeypatch: pytest.MonkeyPatch, slots: threading.BoundedSemaphore
) -> None:
    monkeypatch.setattr(steps, "do_next", lambda worker: pytest.fail("all slots were taken"))
    with slots:
        tasks.work_off()
    assert free(slots)


def test_a_slot_is_given_back_whatever_happens(
    monkeypatch: pytest.MonkeyPatch, slots: threading.BoundedSemaphore
) -> None:
    def broken(worker: object) -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr(steps, "do_next", broken)
    with pytest.raises(OSError, match="disk"):
        tasks.work_off()
    assert free(slots)
