"""Webhooks over the API and in the admin: added, changed, tried, and read by those who may."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import keys
from hls.tests.racing import after_reading
from library.errors import FieldsRefused
from library.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.tests.receivers import Receiver, receiver, status
from library.tests.test_webhooks import deliver_all
from library.tests.videos import make_viewer, sign_in
from library.webhooks import services
from library.webhooks.models import DeliveryState

pytestmark = pytest.mark.django_db

URL = "https://example.org/hook"


@pytest.fixture
def staff() -> Client:
    make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    return sign_in(Client(), "dora@example.com")


@pytest.fixture
def hook(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as found:
        yield found


def send(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    sent = "" if body is None else json.dumps(body)
    return client.generic(method, f"/api/webhooks/{path}", sent, content_type="application/json")


def test_webhook_is_added_read_changed_and_deleted(staff: Client) -> None:
    answer = send(staff, "POST", "", {"url": URL, "events": ["video.ready"]})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made["secret"].startswith("whsec_")
    (listed,) = send(staff, "GET", "").json()
    assert listed == {name: made[name] for name in listed}
    assert "secret" not in listed
    changed = send(staff, "PATCH", f"{made['id']}/", {"events": [], "is_active": False}).json()
    assert (changed["events"], changed["is_active"], changed["url"]) == ([], False, URL)
    assert send(staff, "DELETE", f"{made['id']}/").status_code == 204
    assert send(staff, "PATCH", f"{made['id']}/", {"events": []}).status_code == 404


@pytest.mark.parametrize(
    ("verb", "answered"),
    [
        ("view", {"GET": 200}),
        ("add", {"POST": 201}),
        ("change", {"GET": 200, "PATCH": 200, "rotate": 200, "test": 202}),
        ("delete", {"DELETE": 204}),
    ],
)
def test_staff_do_over_the_api_what_they_may_do_in_the_admin(verb: str, answered: dict[str, int]) -> None:
    person = make_viewer("dora@example.com", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename=f"{verb}_webhookendpoint"))
    client, made = sign_in(Client(), person.email), services.add(URL, [], None)
    tried = {
        "GET": send(client, "GET", ""),
        "POST": send(client, "POST", "", {"url": URL, "events": []}),
        "PATCH": send(client, "PATCH", f"{made.pk}/", {"events": []}),
        "rotate": send(client, "POST", f"{made.pk}/rotate/"),
        "test": send(client, "POST", f"{made.pk}/test/"),
        "DELETE": send(client, "DELETE", f"{made.pk}/"),
    }
    assert {name: answer.status_code for name, answer in tried.items()} == dict.fromkeys(tried, 403) | answered


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": URL, "events": ["video.watched"]}, "events"),
        ({"events": []}, "url"),
    ],
)
def test_wrong_field_is_named(staff: Client, body: dict[str, Any], name: str) -> None:
    answer = send(staff, "POST", "", body)
    assert (answer.status_code, list(answer.json())) == (400, [name])
    assert not WebhookEndpoint.objects.exists()


def test_viewers_and_strangers_see_none(db: None) -> None:
    services.add(URL, [])
    make_viewer()
    for client, expected in ((Client(), 401), (sign_in(Client()), 403)):
        assert send(client, "GET", "").status_code == expected
        assert send(client, "POST", "", {"url": URL}).status_code == expected


def test_secret_is_rotated_and_a_test_is_sent(staff: Client, hook: Receiver) -> None:
    made = send(staff, "POST", "", {"url": hook.url, "events": ["video.ready"]}).json()
    rotated = send(staff, "POST", f"{made['id']}/rotate/").json()
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"]
    answer = send(staff, "POST", f"{made['id']}/test/")
    assert answer.status_code == 202
    deliver_all()
    assert hook.received[0].headers["webhook-id"] == answer.json()["id"]


def test_webhook_that_is_switched_off_gets_no_test_that_is_never_sent(staff: Client, at_admin: Client) -> None:
    """It was promised with 202, and came with what else had waited once the webhook was switched on."""
    made = services.edit(services.add(URL, []).pk, {"is_active": False})
    answer = send(staff, "POST", f"{made.pk}/test/")
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])
    told = at_admin.post(f"/admin/library/webhookendpoint/{made.pk}/send_test/", follow=True).content.decode()
    assert answer.json()["detail"] in told
    assert "on its way" not in told
    assert not WebhookEvent.objects.exists()


def test_secret_of_a_rotation_that_was_as_quick_stays(staff: Client) -> None:
    """The change wrote the row as it had read it: the new secret then signed nothing."""
    made = services.add(URL, [])
    rotated: list[str] = []
    with after_reading(WebhookEndpoint, lambda: rotated.append(services.rotate(made.pk).secret)):
        assert send(staff, "PATCH", f"{made.pk}/", {"events": ["video.failed"]}).status_code == 200
    row = WebhookEndpoint.objects.get()
    assert (row.secret, row.old_secret, row.events) == (rotated[0], made.secret, ["video.failed"])


def test_event_that_is_named_twice_is_kept_once(staff: Client) -> None:
    names = ["video.ready", "video.failed", "video.ready"]
    made = send(staff, "POST", "", {"url": URL, "events": names}).json()
    changed = send(staff, "PATCH", f"{made['id']}/", {"events": names[1:] + names}).json()
    assert (made["events"], changed["events"]) == (names[:2], ["video.failed", "video.ready"])


def test_change_leaves_alone_what_it_does_not_name(staff: Client) -> None:
    made = services.add(URL, [])

    def answer_410() -> None:
        WebhookEndpoint.objects.update(is_active=False, switched_off_because="It answered 410.", url=f"{URL}/2")

    with after_reading(WebhookEndpoint, answer_410):
        answer = send(staff, "PATCH", f"{made.pk}/", {"events": ["video.failed"]}).json()
    assert (answer["is_active"], answer["switched_off_because"]) == (False, "It answered 410.")
    assert (answer["url"], answer["events"]) == (f"{URL}/2", ["video.failed"])


@pytest.mark.parametrize(("method", "rest"), [("PATCH", ""), ("DELETE", ""), ("POST", "rotate/"), ("POST", "test/")])
def test_webhook_that_was_just_deleted_does_not_come_back(staff: Client, method: str, rest: str) -> None:
    made = services.add(URL, [])
    with after_reading(WebhookEndpoint, lambda: services.remove(made.pk)):
        answer = send(staff, method, f"{made.pk}/{rest}", {"events": []} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookEvent.objects.exists()


def test_refused_event_is_not_repeated(staff: Client) -> None:
    answer = send(staff, "POST", "", {"url": URL, "events": ["<b>my secret</b>"]})
    assert "secret" not in answer.content.decode()
    assert answer.json()["events"][0].startswith("There is no such event. There are: video.created, ")


def test_number_of_webhooks_is_bound(staff: Client, at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_ENDPOINTS", 1)
    services.add(URL, [])
    assert send(staff, "POST", "", {"url": URL}).json() == {"url": [services.FULL]}
    form = at_admin.post("/admin/library/webhookendpoint/add/", {"url": URL, "is_active": "on"})
    assert services.FULL in form.content.decode()
    assert WebhookEndpoint.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_number_of_webhooks_is_bound_where_many_are_added_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_ENDPOINTS", 3)
    services.add(URL, [])
    together = threading.Barrier(8, timeout=30)

    def add(number: int) -> bool:
        together.wait()
        try:
            with after_reading(WebhookEndpoint, lambda: time.sleep(0.2)):
                services.add(f"{URL}/{number}", [])
        except FieldsRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(add, range(8)))
    assert sum(added) == 2
    assert WebhookEndpoint.objects.count() == 3


def test_switched_on_again_it_gets_what_has_waited(staff: Client, hook: Receiver) -> None:
    hook.answer = lambda request: status(request, 410)
    made = services.add(hook.url, [])
    services.send_test(made.pk)
    deliver_all()
    hook.answer = lambda request: status(request, 200)
    changed = send(staff, "PATCH", f"{made.pk}/", {"is_active": True}).json()
    assert (changed["is_active"], changed["switched_off_because"]) == (True, "")
    services.send_again(WebhookDelivery.objects.all())
    deliver_all()
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED


def test_admin_adds_one_and_shows_its_secret(at_admin: Client) -> None:
    at_admin.post("/admin/library/webhookendpoint/add/", {"url": URL, "events": ["video.ready"], "is_active": "on"})
    made = WebhookEndpoint.objects.get()
    assert (made.url, made.events) == (URL, ["video.ready"])
    page = at_admin.get(f"/admin/library/webhookendpoint/{made.pk}/change/").content.decode()
    assert made.secret in page
    listed = at_admin.get("/admin/library/webhookendpoint/").content.decode()
    assert made.secret not in listed


def test_admin_says_what_is_wrong_with_an_address(at_admin: Client) -> None:
    answer = at_admin.post("/admin/library/webhookendpoint/add/", {"url": "https://10.0.0.1/", "is_active": "on"})
    assert "The host is not a public one." in answer.content.decode()


def test_admin_sends_a_test_and_makes_a_new_secret(at_admin: Client) -> None:
    made = services.add(URL, [])
    for name in ("send_test", "rotate_secret"):
        address = f"/admin/library/webhookendpoint/{made.pk}/{name}/"
        assert at_admin.get(address).status_code == 200
        assert (WebhookEvent.objects.count(), WebhookEndpoint.objects.get().old_secret) == (name != "send_test", "")
        assert at_admin.post(address).status_code == 302
    assert WebhookEndpoint.objects.get().old_secret == made.secret


def test_admin_shows_what_was_answered_and_sends_it_again(at_admin: Client, hook: Receiver) -> None:
    hook.answer = lambda request: status(request, 500, b"<b>no room</b>")
    services.send_test(services.add(hook.url, []).pk)
    deliver_all()
    delivery = WebhookDelivery.objects.get()
    page = at_admin.get(f"/admin/library/webhookdelivery/{delivery.pk}/change/").content.decode()
    assert "&lt;b&gt;no room&lt;/b&gt;" in page
    chosen = {"action": "send_selected_again", "_selected_action": [delivery.pk]}
    assert b"Send it again?" in at_admin.post("/admin/library/webhookdelivery/", chosen).content
    at_admin.post("/admin/library/webhookdelivery/", {**chosen, "confirmed": "yes"})
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.WAITING, 0)


def test_key_of_the_scope_does_it_without_a_person(db: None) -> None:
    _, key = keys.make(name="Site", scopes=["webhooks:write"])
    client = Client(headers={"Authorization": f"Bearer {key}"})
    assert send(client, "POST", "", {"url": URL}).status_code == 201
    _, other = keys.make(name="Other", scopes=["videos:write"])
    answer = send(Client(headers={"Authorization": f"Bearer {other}"}), "GET", "")
    assert answer.status_code == 403
