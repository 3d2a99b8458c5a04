"""gunicorn as configured: threads that stay with a connection for a moment, and proxies that only Django believes."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from gunicorn.workers import gthread

from project import threads
from project.tests.edge import free_port, wait_until_open
from project.threads import STAYS_MS, StayingWorker, asks_again

FILES = 128  # to begin with

type Connection = tuple[socket.socket, socket.socket]


@pytest.fixture
def connection() -> Iterator[Connection]:
    """The server's end and the client's."""
    server, client = socket.socketpair()
    with server, client:
        yield server, client


def test_client_that_sends_at_once_is_heard(connection: Connection) -> None:
    server, client = connection
    client.sendall(b"GET")
    assert asks_again(server)


def test_client_that_goes_away_is_noticed(connection: Connection) -> None:
    server, client = connection
    client.close()
    assert asks_again(server)


def test_silent_client_is_waited_for_only_a_moment(connection: Connection) -> None:
    began = time.monotonic()
    assert not asks_again(connection[0])
    assert STAYS_MS / 1000 <= time.monotonic() - began < 2


type Worker = Callable[[list[object]], tuple[Any, list[object]]]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker whose requests end as the list says; what it has not got to stays in the list."""

    def make(results: list[object]) -> tuple[Any, list[object]]:
        monkeypatch.setattr(gthread.ThreadWorker, "handle", lambda self, conn: results.pop(0))
        found = StayingWorker.__new__(StayingWorker)
        found.alive = True
        return found, results

    return make


def test_thread_stays_until_the_connection_is_over(worker: Worker, connection: Connection) -> None:
    connection[1].sendall(b"never read, so always there")
    staying, left = worker([True, True, False, True])
    assert staying.handle(SimpleNamespace(sock=connection[0])) is False
    assert left == [True]


def test_silent_connection_goes_back_to_be_watched(worker: Worker, connection: Connection) -> None:
    staying, left = worker([True, False])
    assert staying.handle(SimpleNamespace(sock=connection[0])) is True
    assert left == [False]


def test_connection_without_a_first_byte_goes_back_as_gunicorn_says(worker: Worker, connection: Connection) -> None:
    connection[1].sendall(b"late")
    staying, left = worker([gthread._DEFER, False])
    assert staying.handle(SimpleNamespace(sock=connection[0])) is gthread._DEFER
    assert left == [False]


def test_client_that_never_pauses_gives_the_thread_back(
    worker: Worker, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "STAYS_AT_MOST_S", 0.2)
    connection[1].sendall(b"never read, so always there")
    staying, left = worker([True] * 1_000_000)
    began = time.monotonic()
    assert staying.handle(SimpleNamespace(sock=connection[0])) is True
    assert 0.2 <= time.monotonic() - began < 5
    assert 2 < len(left) < 1_000_000 - 2


def test_worker_that_stops_stays_with_nobody(worker: Worker, connection: Connection) -> None:
    connection[1].sendall(b"more")
    staying, left = worker([True, False])
    staying.alive = False
    assert staying.handle(SimpleNamespace(sock=connection[0])) is True
    assert left == [False]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """gunicorn with our configuration, one process of two threads, and an application that tells what it was asked."""
    port = free_port()
    folder = tmp_path_factory.mktemp("data")
    own = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(folder), "ENV_FILE": ""}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.tests.echo"]
    environment = os.environ | own | {"WEB_WORKERS": "1", "WEB_THREADS": "2"}
    few = f'ulimit -S -n {FILES}; exec "$@"'
    with subprocess.Popen(
        ["/bin/sh", "-c", few, "sh", *command], cwd=settings.BASE_DIR, env=environment, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_until_open(port, server)
            yield "127.0.0.1", port
        finally:
            server.terminate()
            assert server.wait(20) == 0


def asked(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def told(connected: socket.socket, count: int = 1) -> list[dict[str, str | None]]:
    """What the application says to so many requests, in order."""
    received = b""
    while received.count(b"}") < count:
        part = connected.recv(65_536)
        assert part, received
        received += part
    return [json.loads(answer[answer.index(b"{") :] + b"}") for answer in received.split(b"}")[:count]]


def test_requests_of_one_connection_are_answered_in_any_rhythm(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connected:
        for number, pause_s in enumerate((0, 0, 0.1, 0, 0.1)):
            time.sleep(pause_s)
            connected.sendall(asked(f"/{number}"))
            assert told(connected)[0]["PATH_INFO"] == f"/{number}"


def test_requests_that_are_sent_together_are_answered_in_turn(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(asked("/a") + asked("/b") + asked("/c", "Connection: close"))
        assert [answer["PATH_INFO"] for answer in told(connected, 3)] == ["/a", "/b", "/c"]
        assert connected.recv(1) == b""


def test_threads_are_free_for_more_connections_than_there_are(address: tuple[str, int]) -> None:
    connections = [socket.create_connection(address, timeout=20) for _ in range(8)]
    for turn in range(3):
        for number, connected in enumerate(connections):
            connected.sendall(asked(f"/{turn}/{number}"))
        for number, connected in enumerate(connections):
            assert told(connected)[0]["PATH_INFO"] == f"/{turn}/{number}"
    for connected in connections:
        connected.close()


def test_more_clients_may_be_idle_than_the_system_allows_files_to_begin_with(address: tuple[str, int]) -> None:
    idle = [socket.create_connection(address, timeout=20) for _ in range(3 * FILES)]
    for connected in idle:
        connected.sendall(asked("/idle"))
        assert told(connected)[0]["PATH_INFO"] == "/idle"
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(asked("/one/more"))
        assert told(connected)[0]["PATH_INFO"] == "/one/more"
    for connected in idle:
        connected.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /api/video/\xff/secret HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /secret HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
        (b"secret /secret\r\n\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nsecret\r\n\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\0\r\n\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nHost: secret\r\n\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: secret\r\n\r\n", 501),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nExpect: secret\r\n\r\n", 417),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\n" + b"secret: x\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_cannot_be_read_is_refused_in_json_and_not_repeated(
    address: tuple[str, int], request_bytes: bytes, status: int
) -> None:
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(request_bytes)
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"Content-Type: application/json" in head
    assert json.loads(body).keys() == {"detail"}
    assert b"secret" not in received


def test_gunicorn_takes_a_client_at_no_word_about_itself(address: tuple[str, int]) -> None:
    """What a proxy may say is for USE_X_FORWARDED_PROTO; a path prefix it may not say at all."""
    headers = ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off", "Script_Name: /evil", "Script-Name: /evil")
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(asked("/evil/path", *headers))
        [answer] = told(connected)
    assert answer["wsgi.url_scheme"] == "http"
    assert (answer["SCRIPT_NAME"], answer["PATH_INFO"]) == ("", "/evil/path")
    assert answer["HTTP_X_FORWARDED_PROTO"] == "https", "left for Django to judge"
