"""A machine's clock was hours ahead and is set right while all runs: nothing waits for the hours to pass again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from accounts.mailing import outbox
from accounts.models import Mail
from hls import claims, clock, upkeep
from hls.models import ChunkState, State, Worker
from hls.periodic import MINUTELY, in_turn
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory
from library.admin.progress import standstill_text
from library.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.webhooks import sending
from project.health import probes
from project.health.probes import ProbeFailed

pytestmark = pytest.mark.django_db

AHEAD = timedelta(hours=5)


@pytest.fixture
def ahead() -> Iterator[time_machine.Traveller]:
    """The clock, five hours ahead until it is moved."""
    with time_machine.travel(timezone.now() + AHEAD) as traveller:
        yield traveller


def set_back(traveller: time_machine.Traveller) -> None:
    traveller.move_to(timezone.now() - AHEAD)


def test_task_of_each_minute_is_done_in_the_next_one(ahead: time_machine.Traveller) -> None:
    times: list[int] = []
    assert in_turn("sweep", MINUTELY, lambda lease: times.append(1))
    set_back(ahead)
    assert in_turn("sweep", MINUTELY, lambda lease: times.append(2))
    assert not in_turn("sweep", MINUTELY, lambda lease: times.append(3))
    assert times == [1, 2]


def test_chunk_whose_worker_was_lost_is_taken_back_after_one_lease(ahead: time_machine.Traveller) -> None:
    chunk = ChunkFactory.create(transcode=TranscodeFactory.create(processing=True))
    assert claims.claim_chunk(WorkerFactory.create(host="elsewhere"))
    set_back(ahead)
    clock.bring_back()
    chunk.refresh_from_db()
    assert chunk.lease_until is not None
    assert chunk.lease_until <= claims.lease_end()
    ahead.shift(settings.HLS_LEASE_S + 1)
    upkeep.take_back_lapsed()
    chunk.refresh_from_db()
    assert (chunk.state, chunk.losses) == (ChunkState.WAITING, 1)


def test_chunk_that_is_being_made_stays_its_workers(ahead: time_machine.Traveller) -> None:
    ChunkFactory.create(transcode=TranscodeFactory.create(processing=True))
    found = claims.claim_chunk(WorkerFactory.create())
    assert found
    set_back(ahead)
    clock.bring_back()
    upkeep.take_back_lapsed()
    assert claims.owned_chunk(*found).exists()


def test_what_was_put_off_is_done_and_what_is_put_off_now_waits(ahead: time_machine.Traveller) -> None:
    transcode = TranscodeFactory.create(processing=True)
    soon = timezone.now() + timedelta(seconds=10)
    then = ChunkFactory.create(transcode=transcode, not_before=soon)
    failed = TranscodeFactory.create(state=State.FAILED, retry_at=soon)
    set_back(ahead)
    later = timezone.now() + timedelta(seconds=500)
    now = ChunkFactory.create(transcode=transcode, index=1, not_before=later)
    clock.bring_back()
    upkeep.retry_due()
    for row in (then, now, failed):
        row.refresh_from_db()
    assert claims.waiting_chunks().filter(claims.is_due(timezone.now())).get() == then
    assert now.not_before == later
    assert failed.state == State.QUEUED


def test_worker_that_has_ended_since_is_not_told_to_be_alive(ahead: time_machine.Traveller) -> None:
    WorkerFactory.create(last_seen=timezone.now())
    assert probes.worker() == "ok"
    set_back(ahead)
    with pytest.raises(ProbeFailed, match="none is running"):
        probes.worker()
    assert standstill_text() == "No worker is running, so this stands still until one is started."


def test_row_of_a_worker_that_has_ended_is_forgotten_in_time(ahead: time_machine.Traveller) -> None:
    WorkerFactory.create(last_seen=timezone.now())
    set_back(ahead)
    clock.bring_back()
    assert Worker.objects.get().last_seen <= timezone.now()


def test_mail_that_was_put_off_is_sent_and_a_pause_of_now_lasts(ahead: time_machine.Traveller) -> None:
    kinds = {"kind": Mail.Kind.PASSWORD_RESET, "address": "ada@example.com"}
    new = Mail.objects.create(**kinds, due_at=timezone.now())
    tried = Mail.objects.create(**kinds, attempts=1, due_at=timezone.now() + outbox.BACKOFF[0])
    set_back(ahead)
    pauses = Mail.objects.create(**kinds, attempts=9, due_at=timezone.now() + outbox.BACKOFF[-1])
    outbox.bring_back()
    assert set(outbox.due()) == {new, tried}
    assert pauses.due_at > timezone.now() + timedelta(hours=2)


def test_webhook_that_was_put_off_is_sent_and_a_pause_of_now_lasts(ahead: time_machine.Traveller) -> None:
    event = WebhookEvent.objects.create(name="test", data={})

    def delivery(**columns: object) -> WebhookDelivery:
        endpoint = WebhookEndpoint.objects.create(url="https://example.com/")
        return WebhookDelivery.objects.create(event=event, endpoint=endpoint, **columns)

    then = timezone.now()
    tried = delivery(attempts=1, due_at=then + sending.SCHEDULE[1])
    killed = delivery(due_at=then, claimed_until=then + sending.CLAIMED_FOR)
    set_back(ahead)
    delivery(attempts=6, due_at=timezone.now() + sending.SCHEDULE[6])
    sending.bring_back()
    assert set(sending.due()) == {tried, killed}
