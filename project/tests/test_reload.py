"""New code or settings by a graceful reload: no request is dropped."""

import http.client
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from project.tests.prepared import place_prepared
from project.tests.serving import Running, children, free_port, serve, wait_until

pytestmark = [pytest.mark.services, pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")]

CLIENTS = 4
EACH = 50  # answers before the reload, and as many after it, however long a busy machine takes for them


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[int, Running]]:
    place_prepared(tmp_path)
    (tmp_path / "demo-video-was-made").touch()
    port = free_port()
    running = serve(tmp_path, port, WEB_WORKERS="2", WEB_THREADS="4")
    try:
        running.wait_for("Ctrl-C stops everything")
        yield port, running
    finally:
        running.end()


def test_reload_under_load_drops_no_request(site: tuple[int, Running]) -> None:
    port, running = site
    web = children(running.process.pid)["web"]
    before = set(grandchildren(web))
    answered: list[int] = []
    failures: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                answered.append(status_of("/", port))
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))

    def wait_for_more() -> None:
        wanted = len(answered) + EACH
        wait_until(lambda: len(answered) >= wanted or bool(failures), what="more answers", timeout_s=120)

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        wait_for_more()
        os.kill(web, signal.SIGHUP)
        wait_until(lambda: not before & set(grandchildren(web)), what="the old processes' end", timeout_s=120)
        wait_for_more()
    finally:
        is_over.set()
        for client in clients:
            client.join()

    assert failures == []
    assert set(answered) == {200}
    assert len(grandchildren(web)) == 2


def status_of(path: str, port: int) -> int:
    """A request over a connection of its own, without urllib's TLS set-up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def grandchildren(web: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{web}/task/{web}/children").read_text().split()]
