"""`/metrics`: who may read it, and what it contains."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from accounts.models import Mail
from hls.models import State, Transcode, Worker
from project.health import probes

pytestmark = pytest.mark.django_db(transaction=True)

type Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(client: Client) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_this_machine_may_ask(client: Client) -> None:
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200


def test_other_machines_may_not(client: Client) -> None:
    answer = client.get("/metrics", REMOTE_ADDR="192.0.2.1")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "videoflix" not in answer.text


def test_proxy_on_this_machine_speaks_for_others(client: Client) -> None:
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 401


def test_token_opens_it_from_anywhere_and_only_the_right_one(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "0123456789abcdef"

    def ask(token: str) -> int:
        return client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"Authorization": f"Bearer {token}"}).status_code

    assert ask("0123456789abcdef") == 200
    assert ask("0123456789abcdeX") == 401
    assert ask("") == 401


def test_no_token_opens_nothing_when_none_is_set(client: Client) -> None:
    answer = client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"Authorization": "Bearer "})

    assert answer.status_code == 401


def test_request_is_counted_under_its_route_and_not_its_address(client: Client) -> None:
    name = "videoflix_http_request_duration_seconds_count"
    labels = {"method": "GET", "route": "api/activate/<uidb64>/<token>/", "status": "400"}
    before = scrape(client).get((name, frozenset(labels.items())), 0)

    client.get("/api/activate/MQ/secret-token/")
    client.get("/nowhere/secret-path")
    samples = scrape(client)

    assert value(samples, name, **labels) == before + 1
    assert value(samples, name, method="GET", route="(none)", status="404") >= 1
    assert not [key for key in samples if "secret-token" in str(key) or "secret-path" in str(key)]


def test_strange_methods_share_one_label(client: Client) -> None:
    client.generic("BREW", "/")

    name = "videoflix_http_request_duration_seconds_count"
    assert value(scrape(client), name, method="(other)", route="", status="405") >= 1


def test_facts_are_read_at_each_request(client: Client) -> None:
    now = timezone.now()
    Transcode.objects.create(source="a", queued_at=now - timedelta(minutes=5))
    Transcode.objects.create(source="b", queued_at=now)
    Transcode.objects.create(source="c", queued_at=now, state=State.FAILED)
    Worker.objects.create(host="h", hostname="h", pid=1, pid_started="1", slots=1, started_at=now, last_seen=now)
    Mail.objects.create(kind=Mail.Kind.ACTIVATION, address="a@example.com", created_at=now - timedelta(seconds=90))
    Mail.objects.create(kind=Mail.Kind.ACTIVATION, address="b@example.com", sent_at=now)

    samples = scrape(client)

    states = {state: value(samples, "videoflix_transcodes", state=state) for state in State.values}
    assert states == {"queued": 2, "processing": 0, "ready": 0, "failed": 1, "cancelled": 0}
    assert value(samples, "videoflix_oldest_queued_film_seconds") == pytest.approx(300, abs=10)
    assert value(samples, "videoflix_workers") == 1
    assert value(samples, "videoflix_mails_waiting") == 1
    assert value(samples, "videoflix_oldest_mail_seconds") == pytest.approx(90, abs=10)
    assert value(samples, "videoflix_encode_speed_ratio") == 0
    for folder in ("data", "uploads", "hls"):
        assert value(samples, "videoflix_disk_free_bytes", folder=folder) > 1_000_000
    assert value(samples, "videoflix_up", part="database") == value(samples, "videoflix_up", part="queue") == 1


def test_part_that_fails_is_0_and_the_rest_is_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise probes.ProbeFailed("not reachable")

    monkeypatch.setattr(probes, "queue", refuse)

    samples = scrape(client)

    assert value(samples, "videoflix_up", part="queue") == 0
    assert value(samples, "videoflix_up", part="database") == 1
    assert "videoflix_queue_tasks" not in {name for name, _ in samples}
    assert value(samples, "videoflix_disk_free_bytes", folder="data") > 0
