"""Every worker starts a periodic task, and one worker does it."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from hls import renewal
from hls.models import PeriodicTask
from hls.periodic import MINUTELY, in_turn
from hls.renewal import LeaseRenewal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stop_flag")]


def done(times: list[int]) -> bool:
    return in_turn("sweep", MINUTELY, lambda lease: times.append(1))


def test_a_task_is_done_once_a_minute_however_many_workers_start_it() -> None:
    times: list[int] = []
    begin = timezone.now()
    for minute in range(3):
        for worker in range(4):
            with time_machine.travel(begin + timedelta(minutes=minute, milliseconds=100 * worker)):
                assert done(times) is (worker == 0)
    assert len(times) == 3


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_that_start_at_once_one_does_it() -> None:
    barrier = threading.Barrier(8)
    times: list[int] = []

    def start() -> None:
        barrier.wait()
        try:
            done(times)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 1


def test_no_other_worker_begins_while_one_is_at_it() -> None:
    begun_by_another: list[bool] = []

    def work(lease: LeaseRenewal) -> None:
        with time_machine.travel(timezone.now() + timedelta(seconds=55)):
            lease.go_on()  # the lease is renewed
        with time_machine.travel(timezone.now() + timedelta(seconds=100)):
            begun_by_another.append(done([]))

    assert in_turn("sweep", MINUTELY, work)
    assert begun_by_another == [False]


def test_the_task_of_a_killed_worker_is_done_by_another_once_its_lease_has_lapsed() -> None:
    def killed(lease: LeaseRenewal) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        in_turn("sweep", MINUTELY, killed)
    PeriodicTask.objects.update(lease_token="dead", lease_until=timezone.now() + timedelta(seconds=60))
    with time_machine.travel(timezone.now() + timedelta(seconds=59)):
        assert not done([])
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert done([])


def test_a_worker_that_was_thought_dead_stops_and_leaves_the_row_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "RENEW_EVERY_S", 0)
    steps: list[int] = []

    def work(lease: LeaseRenewal) -> None:
        for step in range(3):
            lease.go_on()
            steps.append(step)
            PeriodicTask.objects.update(lease_token="another's")

    assert not in_turn("sweep", MINUTELY, work)
    assert (steps, PeriodicTask.objects.get().lease_token) == ([0], "another's")
