"""A worker process: its heartbeat makes a lost wake-up harmless, and its slots bound what it does at once."""

import os
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisAway
from structlog.testing import capture_logs

from hls import heartbeat, steps
from hls.heartbeat import WorkerProcess
from hls.models import Chunk, ChunkState, Worker
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory


class CountingProcess(WorkerProcess):
    """Counts how often its heartbeat started a thread that works."""

    def __init__(self) -> None:
        super().__init__(slots=1)
        self.started = 0

    def start_working(self) -> None:
        self.started += 1


@pytest.mark.django_db
def test_waiting_work_is_found_without_a_wake_up() -> None:
    TranscodeFactory.create()
    process = CountingProcess()
    process.beat()
    assert process.started == 1


@pytest.mark.django_db
def test_without_a_free_slot_what_is_urgent_is_begun_once() -> None:
    TranscodeFactory.create()
    process = CountingProcess()
    with process.free_slots:
        process.beat()
        assert process.started == 1
        with process.express_lane:
            process.beat()
    assert process.started == 1


@pytest.mark.django_db
def test_without_a_free_slot_later_chunks_wait() -> None:
    ChunkFactory.create(index=3)
    process = CountingProcess()
    with process.free_slots:
        process.beat()
        assert process.started == 0
    process.beat()
    assert process.started == 1


@pytest.mark.django_db
def test_without_work_nothing_is_begun_and_the_slot_stays_free() -> None:
    process = CountingProcess()
    process.beat()
    assert process.started == 0
    assert heartbeat.is_free(process.free_slots)


@pytest.mark.django_db
def test_a_beat_takes_back_what_has_lapsed() -> None:
    chunk = ChunkFactory.create(lapsed=True)
    process = CountingProcess()
    with process.free_slots:
        process.beat()
    assert Chunk.objects.get(pk=chunk.pk).state == ChunkState.WAITING


@pytest.mark.django_db
def test_a_heartbeat_writes_the_time_into_its_row() -> None:
    process = WorkerProcess(slots=1)
    process.row = WorkerFactory.create(last_seen=timezone.now() - timedelta(hours=1))
    process.update_row()
    assert (timezone.now() - Worker.objects.get().last_seen).total_seconds() < 5


@pytest.mark.django_db
def test_a_worker_whose_row_is_gone_makes_itself_another() -> None:
    """As after a restore, or after a day without a database."""
    process = WorkerProcess(slots=1)
    process.update_row()
    first = process.row
    Worker.objects.all().delete()
    process.update_row()
    assert process.row == Worker.objects.get() != first


@pytest.mark.django_db
def test_a_registration_whose_answer_was_lost_is_taken_up() -> None:
    processes = [WorkerProcess(slots=3) for _ in range(2)]
    for process in processes:
        process.update_row()
    assert [process.row for process in processes] == [Worker.objects.get()] * 2
    assert Worker.objects.get().slots == 3


@pytest.mark.django_db
def test_running_work_is_waited_for_before_the_worker_signs_off() -> None:
    given_back = threading.Event()
    order: list[str] = []

    class SlowProcess(WorkerProcess):
        def work_off(self) -> None:
            given_back.wait(5)
            order.append("given back")

    process = SlowProcess(slots=1)
    process.row = WorkerFactory.create()
    process.start_working()
    threading.Timer(0.3, given_back.set).start()
    process.end()
    order.append("signed off")
    assert order == ["given back", "signed off"]
    assert not Worker.objects.exists()


@pytest.mark.django_db
def test_a_process_registers_once_and_signs_off() -> None:
    begun: list[int] = []

    class BegunProcess(WorkerProcess):
        def keep_beating(self) -> None:
            begun.append(1)

    process = BegunProcess(slots=1)
    for _ in range(2):
        process.begin()
        process.update_row()
    assert process.row is not None
    assert list(Worker.objects.all()) == [process.row]
    assert not heartbeat.is_dead(process.row)
    process.end()
    assert begun == [1]
    assert not Worker.objects.exists()


class FailingProcess(WorkerProcess):
    """Each of its beats raises the error; the third one is its last."""

    def __init__(self, error: Exception) -> None:
        super().__init__(slots=1)
        self.error = error
        self.beats = 0

    def update_row(self) -> None:
        """There is no database here."""

    def beat(self) -> None:
        self.beats += 1
        if self.beats == 3:
            self.is_stopped.set()
        raise self.error


@pytest.fixture
def without_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY_S", 0.001)
    monkeypatch.setattr(heartbeat, "close_old_connections", lambda: None)


@pytest.mark.usefixtures("without_database")
@pytest.mark.parametrize(
    "error",
    [
        OperationalError("the database is away"),
        RedisAway("refused"),
        OSError("no more descriptors"),
        RuntimeError("can't start new thread"),
        MemoryError(),
    ],
)
def test_a_heartbeat_goes_on_after_an_outage(error: Exception) -> None:
    process = FailingProcess(error)
    with capture_logs() as logged:
        process.keep_beating()
    assert process.beats == 3
    assert [line["reason"] for line in logged] == [f"{type(error).__name__}: {error}".removesuffix(": ")] * 3


@pytest.mark.django_db
def test_a_process_that_could_start_no_thread_begins_later_and_ends_cleanly(monkeypatch: pytest.MonkeyPatch) -> None:
    TranscodeFactory.create()
    process = WorkerProcess(slots=1)
    process.update_row()

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", start)
        for begin in (process.begin, process.beat):
            with pytest.raises(RuntimeError):
                begin()
    begun = threading.Event()
    monkeypatch.setattr(process, "keep_beating", begun.set)
    process.begin()
    assert begun.wait(5)
    process.end()
    assert not Worker.objects.exists()


@pytest.mark.usefixtures("without_database")
def test_a_mistake_in_the_program_is_not_taken_for_an_outage() -> None:
    with pytest.raises(TypeError):
        FailingProcess(TypeError()).keep_beating()


@pytest.mark.usefixtures("without_database")
def test_a_worker_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [True, True, False]
    monkeypatch.setattr(steps, "do_next", lambda worker: left.pop(0))
    WorkerProcess(slots=1).work_off()
    assert left == []


@pytest.mark.usefixtures("without_database")
def test_a_wake_up_without_a_free_slot_does_what_is_urgent_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "do_next", lambda worker: pytest.fail("all slots were taken"))
    process, left = WorkerProcess(slots=1), [True, True, False]

    def urgent(worker: object) -> bool:
        process.work_off()  # another wake-up meanwhile
        return left.pop(0)

    monkeypatch.setattr(steps, "do_urgent", urgent)
    with process.free_slots:
        process.work_off()
    assert left == []
    assert heartbeat.is_free(process.free_slots)
    assert heartbeat.is_free(process.express_lane)


def test_work_that_the_database_ends_is_left_to_the_next_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    def do_next(worker: Worker | None) -> bool:
        raise OperationalError("terminating connection due to administrator command\nDETAIL: of a row")

    monkeypatch.setattr(steps, "do_next", do_next)
    process = WorkerProcess(slots=1)
    with capture_logs() as logged:
        process.work_in_thread()
    reason = "OperationalError: terminating connection due to administrator command"
    assert [(line["event"], line["reason"]) for line in logged] == [("work left", reason)]
    assert heartbeat.is_free(process.free_slots)


def test_a_slot_is_given_back_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(worker: object) -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr(steps, "do_next", broken)
    process = WorkerProcess(slots=1)
    with pytest.raises(OSError, match="disk"):
        process.work_off()
    assert heartbeat.is_free(process.free_slots)


def test_a_process_that_is_gone_has_no_start_time() -> None:
    assert heartbeat.started(2**22 + 1) == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "is_dead"),
    [
        ({}, False),
        ({"pid_started": "1"}, True),
        ({"pid": 2**22 + 1}, True),
        ({"pid_started": ""}, False),
        ({"host": "x"}, False),
    ],
)
def test_a_worker_is_dead_where_its_process_is_surely_gone(change: dict[str, object], is_dead: bool) -> None:
    own = {"host": heartbeat.this_host(), "pid": os.getpid(), "pid_started": heartbeat.started(os.getpid())}
    assert heartbeat.is_dead(WorkerFactory.create(**{**own, **change})) is is_dead
