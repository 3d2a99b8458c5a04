"""The worker's lease: it makes a lost wake-up harmless."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from hls import heartbeat
from hls.models import Chunk, ChunkState, Worker
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def put_to_work(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """How often the heart put this process to work."""
    calls: list[object] = []
    monkeypatch.setattr(heartbeat, "put_to_work", calls.append)
    return calls


def nothing() -> None:
    """Work that is not wanted here."""


def test_waiting_work_is_found_without_a_wake_up(put_to_work: list[object]) -> None:
    TranscodeFactory.create()
    heartbeat.beat(nothing, threading.Semaphore(1))
    assert put_to_work == [nothing]


def test_without_a_free_slot_nothing_is_begun(put_to_work: list[object]) -> None:
    TranscodeFactory.create()
    heartbeat.beat(nothing, threading.Semaphore(0))
    assert put_to_work == []


def test_without_work_nothing_is_begun_and_the_slot_stays_free(put_to_work: list[object]) -> None:
    slots = threading.BoundedSemaphore(1)
    heartbeat.beat(nothing, slots)
    assert put_to_work == []
    assert slots.acquire(blocking=False)


def test_a_beat_takes_back_what_has_lapsed() -> None:
    chunk = ChunkFactory.create(lapsed=True)
    heartbeat.beat(nothing, threading.Semaphore(0))
    assert Chunk.objects.get(pk=chunk.pk).state == ChunkState.WAITING


def test_a_beat_says_that_this_worker_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = WorkerFactory.create(last_seen=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(heartbeat, "_worker", worker)
    heartbeat.show_oneself()
    assert (timezone.now() - Worker.objects.get().last_seen).total_seconds() < 5


def test_a_worker_whose_row_is_gone_makes_itself_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a restore, or after a day without a database."""
    monkeypatch.setattr(heartbeat, "_worker", None)
    heartbeat.show_oneself()
    first = heartbeat.this_worker()
    Worker.objects.all().delete()
    heartbeat.show_oneself()
    assert heartbeat.this_worker() == Worker.objects.get() != first


def test_a_registration_whose_answer_was_lost_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        monkeypatch.setattr(heartbeat, "_worker", None)
        heartbeat.show_oneself()
    assert heartbeat.this_worker() == Worker.objects.get()


def test_hands_at_work_are_waited_for_before_the_worker_signs_off(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = WorkerFactory.create()
    monkeypatch.setattr(heartbeat, "_worker", worker)
    monkeypatch.setattr(heartbeat, "_stopped", threading.Event())
    given_back = threading.Event()
    order: list[str] = []

    def give_back_slowly() -> None:
        given_back.wait(5)
        order.append("given back")

    heartbeat.put_to_work(give_back_slowly)
    threading.Timer(0.3, given_back.set).start()
    heartbeat.end()
    order.append("signed off")
    assert order == ["given back", "signed off"]
    assert not Worker.objects.exists()


def test_a_process_that_is_gone_has_no_start_time() -> None:
    assert heartbeat.started(2**22 + 1) == ""
