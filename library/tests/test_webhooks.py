"""Events become rows in the change's own transaction, and are sent until somebody has taken them."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook

from hls import claims, events, failing, lifecycle
from hls.core.errors import Code, TranscodeError
from hls.events import EngineEvent
from hls.models import State, Transcode
from hls.tests.racing import deleted_once_claimed, is_waiting_for_a_lock
from library import videos
from library.models import Video, WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.tests.factories import VideoFactory
from library.tests.receivers import Receiver, receiver, status
from library.tests.tracks import put
from library.tests.videos import make_viewer, published, sign_in
from library.webhooks import dispatching, outbox, posting, sending, services
from library.webhooks.dispatching import Dispatcher
from library.webhooks.models import DeliveryState, Happening

pytestmark = pytest.mark.django_db


@pytest.fixture
def hook(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as found:
        yield found


def endpoint(hook: Receiver, *names: str) -> WebhookEndpoint:
    return services.add(hook.url, list(names))


def deliver_all() -> None:
    """One attempt of each delivery that is due."""
    for delivery_id in list(sending.due().values_list("pk", flat=True)):
        delivery = sending.claim(delivery_id)
        assert delivery is not None
        sending.attempt(delivery)


def told() -> list[str]:
    return list(WebhookEvent.objects.order_by("happened_at").values_list("name", flat=True))


def only() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def test_nothing_is_written_where_nobody_listens(settings: Settings) -> None:
    VideoFactory.create(ready=True).delete()
    assert told() == []


def test_event_is_signed_as_the_library_verifies_it(hook: Receiver) -> None:
    made = endpoint(hook)
    published(title="Prélude").delete()
    deliver_all()
    (sent,) = hook.received
    data = Webhook(made.secret).verify(sent.body, sent.headers)
    assert (data["type"], data["data"]["title"], data["data"]["status"]) == ("video.deleted", "Prélude", "ready")
    event = WebhookEvent.objects.get()
    assert sent.headers["webhook-id"] == event.pk
    assert (only().state, only().status, only().attempts) == (DeliveryState.DELIVERED, 204, 1)


def test_times_are_utc_with_z(hook: Receiver) -> None:
    """As in the API: ISO 8601 with `Z`, not `+00:00`."""
    endpoint(hook)
    video = VideoFactory.create(ready=True)
    Transcode.objects.update(state=State.FAILED, error_code=Code.TIMEOUT, retry_at=timezone.now())
    Video.objects.get(pk=video.pk).delete()
    deliver_all()
    said = json.loads(hook.received[0].body)
    told = [said["timestamp"], said["data"]["created_at"], said["data"]["error"]["retry_at"]]
    assert [text[-1] for text in told] == ["Z", "Z", "Z"]
    assert [datetime.fromisoformat(text).utcoffset() for text in told] == [timedelta(0)] * 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one transaction after the other")
def test_deleted_webhook_takes_no_change_back(hook: Receiver) -> None:
    """A change had an event for it when it was deleted: its commit then failed, by the foreign key."""
    made = endpoint(hook)
    video = VideoFactory.create(ready=True)
    has_told, deleting = threading.Event(), []

    def remove() -> None:
        has_told.wait(10)
        services.remove(made.pk)
        connection.close()

    with ThreadPoolExecutor() as pool:
        removal = pool.submit(remove)
        with transaction.atomic():
            outbox.tell(Happening.VIDEO_READY, lambda: {"id": video.pk})
            Video.objects.filter(pk=video.pk).update(title="Changed")
            has_told.set()
            deleting.append(is_waiting_for_a_lock())
        removal.result(timeout=10)
    assert deleting == [True]
    assert Video.objects.get().title == "Changed"
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_life_of_a_video_is_told(hook: Receiver) -> None:
    endpoint(hook)
    video = videos.save_new(Video(title="Harbour at Dawn", video_file="videos/a.mp4"))
    transcode = Transcode.objects.get(pk=video.transcode_id)
    events.tell_playable(transcode)
    events.tell_playable(transcode)
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    own = claims.owned_transcode(*found)
    failing.fail_transcode(own, transcode, TranscodeError(Code.NO_VIDEO, "none"), may_pass=False)
    video.video_file = "videos/b.mp4"
    videos.save_replaced(Video.objects.get(pk=video.pk))
    events.tell(EngineEvent.READY, video.transcode_id)
    Video.objects.filter(pk=video.pk).delete()
    names = ["created", "playable", "failed", "replaced", "ready", "deleted"]
    assert told() == [f"video.{name}" for name in names]
    error = WebhookEvent.objects.get(name="video.failed").data["error"]
    assert (error["code"], error["retry_at"]) == ("no_video", None)


def test_texts_are_told(hook: Receiver) -> None:
    endpoint(hook, "track.ready", "track.failed")
    make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    video = published()
    put(sign_in(Client(), "dora@example.com"), video, language="eng")
    event = WebhookEvent.objects.get()
    assert (event.name, event.data["video_id"], event.data["language"]) == ("track.ready", video.pk, "en")


def test_change_that_is_rolled_back_is_not_told(hook: Receiver) -> None:
    endpoint(hook)
    with transaction.atomic():
        videos.save_new(Video(title="Harbour at Dawn", video_file="videos/a.mp4"))
        assert told() == ["video.created"]
        transaction.set_rollback(True)
    assert (told(), WebhookDelivery.objects.count()) == ([], 0)


def test_endpoint_gets_what_it_has_chosen(hook: Receiver) -> None:
    endpoint(hook, "video.ready")
    video = published()
    events.tell(EngineEvent.PLAYABLE, video.transcode_id)
    events.tell(EngineEvent.READY, video.transcode_id)
    assert told() == ["video.ready"]


def test_refused_event_comes_again_by_the_schedule_and_is_parked(hook: Receiver) -> None:
    hook.answer = lambda request: status(request, 500, b"not now")
    services.send_test(endpoint(hook).pk)
    pauses = []
    while only().state == DeliveryState.WAITING:
        deliver_all()
        pauses.append(round((only().due_at - timezone.now()).total_seconds() / 5) * 5)
        WebhookDelivery.objects.update(due_at=timezone.now())
    assert pauses == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 0]
    assert (only().state, only().status, only().answer) == (DeliveryState.PARKED, 500, "not now")
    assert len({sent.headers["webhook-id"] for sent in hook.received}) == 1
    hook.answer = lambda request: status(request, 200)
    assert services.send_again(WebhookDelivery.objects.all()) == 1
    deliver_all()
    assert only().state == DeliveryState.DELIVERED
    assert len({sent.headers["webhook-id"] for sent in hook.received}) == 1


def test_410_switches_the_endpoint_off(hook: Receiver) -> None:
    hook.answer = lambda request: status(request, 410)
    made = endpoint(hook)
    services.send_test(made.pk)
    deliver_all()
    made.refresh_from_db()
    assert (made.is_active, "410" in made.switched_off_because) == (False, True)
    published().delete()
    assert (told(), sending.due().count()) == (["webhook.test"], 0)


def test_redirect_is_not_followed(hook: Receiver) -> None:
    hook.answer = lambda request: status(request, 302, Location=hook.url)
    services.send_test(endpoint(hook).pk)
    deliver_all()
    assert (len(hook.received), only().status, only().state) == (1, 302, DeliveryState.WAITING)


def endless(request: Any) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 100_000)


def test_endless_answer_is_read_no_further_than_its_beginning(hook: Receiver) -> None:
    hook.answer = endless
    services.send_test(endpoint(hook).pk)
    deliver_all()
    assert (only().state, only().answer) == (DeliveryState.DELIVERED, "x" * posting.MOST_OF_ANSWER)


def silent(request: Any) -> None:
    request.rfile.read()


def continuing(request: Any) -> None:
    while True:
        request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("answer", [silent, continuing], ids=["silent", "100 for ever"])
def test_host_that_hangs_is_given_up(
    hook: Receiver, answer: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "ANSWER_S", 0.3)
    hook.answer = answer
    services.send_test(endpoint(hook).pk)
    deliver_all()
    assert (only().state, only().error) == (DeliveryState.WAITING, "There was no answer in time.")


def test_host_that_hears_nothing_is_said(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    services.send_test(services.add("http://127.0.0.1:9/hook", []).pk)
    deliver_all()
    assert only().error == "There was no answer: ConnectionRefusedError."


def test_two_secrets_sign_while_they_are_exchanged(hook: Receiver) -> None:
    made = endpoint(hook)
    old = made.secret
    made = services.rotate(made.pk)
    services.send_test(made.pk)
    deliver_all()
    for secret in (old, made.secret):
        Webhook(secret).verify(hook.received[0].body, hook.received[0].headers)
    WebhookEndpoint.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
    services.forget_old()
    made.refresh_from_db()
    assert (made.secrets_at(timezone.now()), made.old_secret) == ([made.secret], "")


def test_attempt_that_was_killed_is_made_again_and_does_not_count(hook: Receiver) -> None:
    services.send_test(endpoint(hook).pk)
    assert sending.claim(only().pk) is not None
    assert (sending.claim(only().pk), sending.due().count()) == (None, 0)
    WebhookDelivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    deliver_all()
    assert (only().state, only().attempts) == (DeliveryState.DELIVERED, 1)


def test_answer_of_a_lost_claim_is_not_written(hook: Receiver) -> None:
    services.send_test(endpoint(hook).pk)
    stale = sending.claim(only().pk)
    assert stale is not None
    WebhookDelivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    deliver_all()
    hook.answer = lambda request: status(request, 500)
    sending.attempt(stale)
    assert only().state == DeliveryState.DELIVERED


def test_old_events_are_forgotten(hook: Receiver) -> None:
    services.send_test(endpoint(hook).pk)
    WebhookEvent.objects.update(happened_at=timezone.now() - services.KEPT_FOR - timedelta(days=1))
    services.forget_old()
    assert WebhookDelivery.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_endpoints_that_hang_delay_no_other(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatching, "ENDS_WITHIN_S", 60.0)  # no thread outlives the test
    release: list[Any] = []

    def wait(request: Any) -> None:
        release.append(request)
        request.rfile.read()

    with receiver() as slow:
        slow.answer = wait
        for number in range(10):
            stuck = services.add(f"{slow.url}/{number}", [])
            for _ in range(3):
                services.send_test(stuck.pk)
        dispatcher = Dispatcher()
        dispatcher.begin()
        until(lambda: len(slow.received) >= 8)
        services.send_test(endpoint(hook).pk)
        dispatcher.wake()
        until(lambda: len(hook.received) == 1)
        assert not WebhookDelivery.objects.filter(endpoint__url__startswith=slow.url, attempts__gt=0).exists(), (
            "none gave up yet"
        )
        assert max(Counter(sent.path for sent in slow.received).values()) <= 2
        for request in release:
            request.connection.close()
        dispatcher.end()


@pytest.mark.django_db(transaction=True)
def test_machine_that_lets_no_thread_start_delays_webhooks_and_ends_none(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CLAIMED_FOR", timedelta(0))  # what could not be sent is due again at once
    start, refused = threading.Thread.start, threading.Event()

    def start_others(thread: threading.Thread) -> None:
        if thread.name == "webhook" and not refused.is_set():
            refused.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    services.send_test(endpoint(hook).pk)
    dispatcher = Dispatcher()
    dispatcher.begin()
    assert refused.wait(30)
    dispatcher.wake()
    until(lambda: len(hook.received) == 1)
    dispatcher.end()


@pytest.mark.parametrize("gone", [WebhookEndpoint, WebhookEvent])
def test_delivery_that_is_deleted_while_it_is_claimed_is_let_go(
    hook: Receiver, gone: type[WebhookEndpoint | WebhookEvent]
) -> None:
    services.send_test(endpoint(hook).pk)
    delivery_id = only().pk
    with deleted_once_claimed(gone):
        assert sending.claim(delivery_id) is None


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    ends_at = timezone.now() + timedelta(seconds=seconds)
    while not holds():
        assert timezone.now() < ends_at


def test_payload_is_json_with_three_fields(hook: Receiver) -> None:
    endpoint(hook)
    published().delete()
    deliver_all()
    sent = json.loads(hook.received[0].body)
    assert list(sent) == ["type", "timestamp", "data"]
    assert set(sent["data"]) == {
        *("id", "external_id", "title", "category", "is_published", "created_at", "status", "duration", "error")
    }


def test_every_event_that_is_promised_can_be_chosen() -> None:
    assert [str(name) for name in Happening] == [
        *(f"video.{name}" for name in ("created", "playable", "ready", "failed", "replaced", "deleted")),
        *(f"track.{name}" for name in ("ready", "failed")),
    ]


def test_given_up_replacement_is_no_failure_of_the_outbox(hook: Receiver) -> None:
    endpoint(hook)
    transcode = VideoFactory.create(failed=True).transcode
    lifecycle.retry(transcode)
    assert (transcode.state, told()) == (State.QUEUED, [])
