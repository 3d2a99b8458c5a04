#!/usr/bin/env python3
"""How long after its commit an event is with its receivers, while the workers are idle, encode, and have lost Redis.

    .venv/bin/python bench/webhooks.py [--events 200] [--endpoints 5]

Starts its own PostgreSQL, Redis and two workers. Half of the endpoints hang. CONTRACT: 95 of 100 within 2 s; beside it
stands how long a bare POST to the same receiver takes. Exits 1 where the bound is missed or an event is.
"""

import argparse
import http.client
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from stage import Stage, make_video

from library.tests.receivers import Receiver, receiver, status  # stage has put the checkout on the path

BOUND_S = 2.0
PATIENCE_S = 60
HANGS_S = 20
MAKE = """
import time
from library.webhooks import services
from library.webhooks.models import WebhookEndpoint
endpoints = list(WebhookEndpoint.objects.all())
for number in range({events}):
    services.send_test(endpoints[number % len(endpoints)].pk)
    time.sleep(0.03)
"""
ADD = """
from library.webhooks import services
for url in {urls}:
    services.add(url, [])
"""
HAPPENED = (
    "SELECT e.id, extract(epoch FROM e.happened_at) FROM library_webhookevent e"
    " JOIN library_webhookdelivery d ON d.event_id = e.id"
    " JOIN library_webhookendpoint p ON p.id = d.endpoint_id WHERE p.url LIKE '%/well/%'"
)
FORGET = "DELETE FROM library_webhookdelivery RETURNING id"


@dataclass
class Arrivals:
    """When each event came first, in seconds since 1970."""

    at: dict[str, float] = field(default_factory=dict)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.at.setdefault(request.headers.get("webhook-id", ""), time.time())
        if "/hangs/" in request.path:
            time.sleep(HANGS_S)
        status(request, 204)


def bare_p95_s(hook: Receiver) -> float:
    """Of a POST without anything around it."""
    took = []
    for _ in range(50):
        began = time.monotonic()
        connection = http.client.HTTPConnection(urlsplit(hook.url).netloc)
        connection.request("POST", "/bare", b"{}")
        connection.getresponse().read()
        connection.close()
        took.append(time.monotonic() - began)
    return statistics.quantiles(took, n=20)[-1]


def measure(stage: Stage, arrivals: Arrivals, events: int) -> list[float]:
    """Seconds of each event of the endpoints that answer; infinite for one that never came."""
    stage.rows(FORGET)
    made = stage.manage("shell", "--no-imports", "-c", MAKE.format(events=events))
    assert made.returncode == 0, made.stderr
    happened = {str(event): float(at) for event, at in stage.rows(HAPPENED)}
    ends_at = time.monotonic() + PATIENCE_S
    while set(happened) - set(arrivals.at) and time.monotonic() < ends_at:
        time.sleep(0.1)
    return [arrivals.at.get(event, float("inf")) - at for event, at in happened.items()]


def begin_encoding(stage: Stage) -> None:
    """Give the workers a video that lasts longer than what is measured."""
    made = stage.manage("import_video", str(stage.folder / "video.mp4"), "--title", "Long")
    assert made.returncode == 0, made.stderr
    while not stage.encoders():
        time.sleep(0.1)


def report(name: str, took: list[float], bare_s: float) -> bool:
    p95 = statistics.quantiles(took, n=20)[-1]
    ratio = f"{p95 / bare_s:.0f} times a bare POST" if p95 < float("inf") else "some never came"
    print(f"{name:18} {len(took)} events, p50 {statistics.median(took):.2f} s, p95 {p95:.2f} s ({ratio})", flush=True)
    return p95 < BOUND_S


def run(stage: Stage, events: int, endpoints: int) -> int:
    arrivals = Arrivals()
    with receiver() as hook:
        hook.answer = arrivals.answer
        stage.settings |= {"WEBHOOK_ALLOW_PRIVATE": "True"}
        make_video(stage.folder / "video.mp4", seconds=600, size="1920x1080")
        stage.set_up()
        stage.start_all()
        urls = [f"{hook.url}/{'well' if number % 2 else 'hangs'}/{number}" for number in range(endpoints * 2)]
        assert stage.manage("shell", "--no-imports", "-c", ADD.format(urls=urls)).returncode == 0
        bare_s = bare_p95_s(hook)
        outcomes = [report("idle", measure(stage, arrivals, events), bare_s)]
        begin_encoding(stage)
        outcomes.append(report("encoding", measure(stage, arrivals, events), bare_s))
        stage.kill("redis")
        outcomes.append(report("without Redis", measure(stage, arrivals, events), bare_s))
    return 0 if all(outcomes) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200, help="in all, over endpoints that answer and that hang")
    parser.add_argument("--endpoints", type=int, default=5, help="that answer; as many hang")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoflix-webhooks-") as folder:
        Path(folder).chmod(0o777)
        stage = Stage(Path(folder))
        try:
            return run(stage, arguments.events, arguments.endpoints)
        finally:
            stage.stop_all()


if __name__ == "__main__":
    sys.exit(main())
