"""gunicorn as configured: threads that stay with a connection for a moment, and proxies that only Django believes."""

import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
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


def asked(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


HEADERS = [("HOST", "localhost")]
HALF = asked("/halved")[:-2]


@dataclass(eq=False)
class Conn:
    """As gunicorn's."""

    sock: socket.socket
    parser: Any = field(default_factory=lambda: SimpleNamespace(unreader=SimpleNamespace()))

    def close(self) -> None:
        self.sock.close()


type Worker = Callable[[list[object]], tuple[Any, list[object]]]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker whose requests end as the list says; what it has not got to stays in the list."""

    def make(results: list[object]) -> tuple[Any, list[object]]:
        monkeypatch.setattr(gthread.ThreadWorker, "handle", lambda self, conn: results.pop(0))
        found = StayingWorker.__new__(StayingWorker)
        found.alive, found.beginning = True, {}
        return found, results

    return make


def test_thread_stays_until_the_connection_is_over(worker: Worker, connection: Connection) -> None:
    connection[1].sendall(asked("/never/read"))
    staying, left = worker([True, True, False, True])
    assert staying.handle(Conn(connection[0])) is False
    assert left == [True]


def test_silent_connection_goes_back_to_be_watched(worker: Worker, connection: Connection) -> None:
    staying, left = worker([True, False])
    assert staying.handle(Conn(connection[0])) is True
    assert left == [False]


def test_half_a_head_goes_back_to_be_watched_and_later_reads_wait_for_no_more_than_a_byte(
    worker: Worker, connection: Connection
) -> None:
    connection[1].sendall(HALF)
    staying, left = worker([True, False])
    assert staying.handle(Conn(connection[0])) is True
    assert left == [False]
    assert connection[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


def test_connection_without_a_first_byte_goes_back_as_gunicorn_says(worker: Worker, connection: Connection) -> None:
    connection[1].sendall(b"late")
    staying, left = worker([gthread._DEFER, False])
    assert staying.handle(Conn(connection[0])) is gthread._DEFER
    assert left == [False]


def test_client_that_never_pauses_gives_the_thread_back(
    worker: Worker, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "STAYS_AT_MOST_S", 0.2)
    connection[1].sendall(asked("/never/read"))
    staying, left = worker([True] * 1_000_000)
    began = time.monotonic()
    assert staying.handle(Conn(connection[0])) is True
    assert 0.2 <= time.monotonic() - began < 5
    assert 2 < len(left) < 1_000_000 - 2


def test_worker_that_stops_stays_with_nobody(worker: Worker, connection: Connection) -> None:
    connection[1].sendall(asked("/more"))
    staying, left = worker([True, False])
    staying.alive = False
    assert staying.handle(Conn(connection[0])) is True
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


@pytest.mark.parametrize(
    "options", ["close", "TE, close", "Close , te", "keep-alive, close", "te\r\nConnection: close"]
)
def test_connection_ends_for_a_client_that_asks_for_it_among_other_things(
    address: tuple[str, int], options: str
) -> None:
    with socket.create_connection(address, timeout=10) as connected:
        connected.sendall(asked("/last", f"Connection: {options}"))
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
    assert b"Connection: close" in received
    assert b"/last" in received


def test_connection_goes_on_for_a_client_that_names_something_else(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as connected:
        connected.sendall(asked("/first", "Connection: te, closed") + asked("/second", "Connection: close"))
        assert [answer["PATH_INFO"] for answer in told(connected, 2)] == ["/first", "/second"]


def test_threads_are_free_for_more_connections_than_there_are(address: tuple[str, int]) -> None:
    connections = [socket.create_connection(address, timeout=20) for _ in range(8)]
    for turn in range(3):
        for number, connected in enumerate(connections):
            connected.sendall(asked(f"/{turn}/{number}"))
        for number, connected in enumerate(connections):
            assert told(connected)[0]["PATH_INFO"] == f"/{turn}/{number}"
    for connected in connections:
        connected.close()


def test_clients_that_stay_after_their_last_answer_keep_nobody_waiting(address: tuple[str, int]) -> None:
    """gunicorn would wait two seconds for each, one after the other, and answer nobody meanwhile."""
    staying = [socket.create_connection(address, timeout=20) for _ in range(30)]
    for connected in staying:
        connected.sendall(asked("/last", "Connection: close"))
        assert told(connected)[0]["PATH_INFO"] == "/last"
    with socket.create_connection(address, timeout=20) as other:
        other.sendall(asked("/other"))
        assert told(other)[0]["PATH_INFO"] == "/other"
    for connected in staying:
        with connected:
            assert connected.recv(1) == b""


@pytest.mark.parametrize("connection_header", ["close", "keep-alive"])
def test_answer_reaches_a_client_that_first_sends_all_of_a_large_body(
    address: tuple[str, int], connection_header: str
) -> None:
    """As browsers do. The application answers at the head, and reads none of it."""
    large = 32_000_000
    with socket.create_connection(address, timeout=20) as connected:
        head = f"POST /refused HTTP/1.1\r\nHost: localhost\r\nConnection: {connection_header}\r\n"
        connected.sendall(f"{head}Content-Length: {large}\r\n\r\n".encode())
        for _ in range(large // 1_000_000):
            connected.sendall(b"x" * 1_000_000)
        assert told(connected)[0]["PATH_INFO"] == "/refused"


def body_of(size: int, *, is_chunked: bool) -> tuple[str, bytes]:
    """The header that tells its length, and the body as it is sent."""
    content = b"x" * size
    if not is_chunked:
        return f"Content-Length: {size}", content
    chunk = f"{size:x}\r\n".encode() + content + b"\r\n" if size else b""
    return "Transfer-Encoding: chunked", chunk + b"0\r\n\r\n"


@pytest.mark.parametrize("expectation", ["", "Expect: 100-continue\r\n"])
@pytest.mark.parametrize(("version", "is_chunked"), [("1.1", False), ("1.1", True), ("1.0", False)])
@pytest.mark.parametrize("size", [0, 100, 60_000, 65_536, 100_000, 10_000_000])
def test_answer_before_the_body_was_read_says_whether_the_connection_goes_on(
    address: tuple[str, int], size: int, version: str, expectation: str, *, is_chunked: bool
) -> None:
    """The next request comes right behind the body."""
    told_length, body = body_of(size, is_chunked=is_chunked)
    head = f"POST /refused HTTP/{version}\r\nHost: localhost\r\nConnection: keep-alive\r\n{expectation}{told_length}"
    with socket.create_connection(address, timeout=20) as connected:
        sending = threading.Thread(
            target=connected.sendall, args=(head.encode() + b"\r\n\r\n" + body + asked("/next", "Connection: close"),)
        )
        sending.start()
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
        sending.join()
    first, _, rest = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"").partition(b"}")
    says_close = b"Connection: close" in first
    assert says_close is not (b"Connection: keep-alive" in first)
    assert says_close is (b"/next" not in rest)
    assert size > 1000 or not says_close, "what is little and there is read"


def test_body_that_never_comes_keeps_no_thread_after_the_answer(address: tuple[str, int]) -> None:
    """There are two threads."""
    halting = [socket.create_connection(address, timeout=20) for _ in range(4)]
    began = time.monotonic()
    for connected in halting:
        connected.sendall(b"POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nsome of it")
        answer = connected.recv(65_536)
        assert b"Connection: close" in answer
    assert time.monotonic() - began < 2
    for connected in halting:
        connected.close()


@pytest.fixture
def watching(connection: Connection) -> Iterator[tuple[Any, Any]]:
    """A worker without anything else to do, and a connection of it that is over."""
    watching = StayingWorker.__new__(StayingWorker)
    watching.answered, watching.pending_conns, watching.alive, watching.nr_conns = {}, deque(), True, 1
    watching.worker_connections, watching.beginning = 2, {}
    with selectors.DefaultSelector() as watching.poller:
        yield watching, Conn(connection[0])


def over(result: object) -> Future[object]:
    found: Future[object] = Future()
    found.set_result(result)
    return found


def test_connection_that_is_over_is_closed_when_the_client_closes_it(
    watching: tuple[Any, Any], connection: Connection
) -> None:
    worker, conn = watching
    worker.finish_request(conn, over(False))
    assert connection[1].recv(1) == b"", "nothing more will come"
    connection[1].sendall(b"the rest of what was refused")
    worker.wait_for_and_dispatch_events(timeout=5)
    assert worker.nr_conns == 1
    connection[1].close()
    worker.wait_for_and_dispatch_events(timeout=5)
    assert (worker.nr_conns, worker.answered, connection[0].fileno()) == (0, {}, -1)


def test_connection_is_closed_at_once_when_the_client_has_gone_before(watching: tuple[Any, Any]) -> None:
    worker, conn = watching
    conn.sock.close()
    worker.finish_request(conn, over(False))
    assert (worker.nr_conns, worker.answered) == (0, {})


@pytest.mark.parametrize("is_alive", [True, False])
def test_client_that_never_closes_is_left_after_a_while_and_sooner_at_the_end(
    watching: tuple[Any, Any], connection: Connection, monkeypatch: pytest.MonkeyPatch, *, is_alive: bool
) -> None:
    worker, conn = watching
    now = time.monotonic()
    monkeypatch.setattr(threads, "monotonic", lambda: now)
    worker.finish_request(conn, over(False))
    worker.alive = is_alive
    now += (threads.LEFT_OPEN_S if is_alive else threads.LEFT_OPEN_AT_END_S) - 1
    worker.murder_pending()
    assert worker.nr_conns == 1
    now += 2
    worker.murder_pending()
    assert (worker.nr_conns, worker.answered, connection[0].fileno()) == (0, {}, -1)


def test_clients_that_send_nothing_or_half_a_head_keep_no_thread(address: tuple[str, int]) -> None:
    """There are two threads."""
    halting = [socket.create_connection(address, timeout=20) for _ in range(12)]
    for connected in halting[::2]:
        connected.sendall(asked("/whole"))
        assert told(connected)[0]["PATH_INFO"] == "/whole"
    for connected in halting[3:]:
        connected.sendall(HALF)
    with socket.create_connection(address, timeout=threads.LONGEST_HEAD_S - 5) as other:
        other.sendall(asked("/other"))
        assert told(other)[0]["PATH_INFO"] == "/other"
    for connected in halting:
        connected.close()


@pytest.mark.parametrize("before", [b"", asked("/before")])
def test_head_that_comes_in_pieces_is_answered(address: tuple[str, int], before: bytes) -> None:
    with socket.create_connection(address, timeout=20) as connected:
        if before:
            connected.sendall(before)
            assert told(connected)[0]["PATH_INFO"] == "/before"
        for part in (HALF[:1], HALF[1:], b"X-Other: 1\r\n", b"\r", b"\n"):
            connected.sendall(part)
            time.sleep(0.1)
        assert told(connected)[0]["PATH_INFO"] == "/halved"


def test_longer_head_than_usual_is_answered(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(asked("/long", *(f"X-{number}: {'x' * 4000}" for number in range(5))))
        assert told(connected)[0]["PATH_INFO"] == "/long"


def test_client_that_ends_within_a_head_is_left_at_once(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=threads.LONGEST_HEAD_S - 5) as connected:
        connected.sendall(HALF)
        time.sleep(0.1)
        connected.shutdown(socket.SHUT_WR)
        assert connected.recv(1) == b""


def test_heads_that_never_end_keep_threads_for_a_quarter_of_a_minute(address: tuple[str, int]) -> None:
    """gunicorn reads the half together with the whole one before it, and has a thread wait for the rest."""
    halting = [socket.create_connection(address, timeout=20) for _ in range(2)]
    for connected in halting:
        connected.sendall(asked("/whole") + HALF)
        assert told(connected)[0]["PATH_INFO"] == "/whole"
    time.sleep(0.5)
    with socket.create_connection(address, timeout=threads.LONGEST_HEAD_S + 30) as other:
        other.sendall(asked("/other"))
        assert told(other)[0]["PATH_INFO"] == "/other"
    for connected in halting:
        connected.close()


def test_head_that_takes_long_is_given_up_and_none_that_has_ended(
    watching: tuple[Any, Any], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, conn = watching
    worker.beginning[conn] = time.monotonic() - threads.LONGEST_HEAD_S + 5
    worker.murder_pending()
    connection[0].setblocking(False)
    with pytest.raises(BlockingIOError):
        connection[0].recv(1)
    worker.beginning[conn] -= 6
    worker.murder_pending()
    assert connection[0].recv(1) == b""
    monkeypatch.setattr(gthread.ThreadWorker, "handle_request", lambda self, req, conn: True)
    assert worker.handle_request(SimpleNamespace(headers=HEADERS, uri="/", version=(1, 1)), conn) is True
    assert worker.beginning == {}


def test_clients_that_never_close_keep_nobody_out(watching: tuple[Any, Any], connection: Connection) -> None:
    worker, conn = watching
    worker.finish_request(conn, over(False))
    worker.nr_conns = worker.worker_connections
    worker.murder_pending()
    assert (worker.nr_conns, worker.answered, connection[0].fileno()) == (1, {}, -1)


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
        (b"GET /secret\r\n", 400),
        (b"GET /secret HTTP/1.1\nHost: localhost\n\n", 400),
        (b"GET /secret HTTP/9.9\r\nHost: loc", 400),
        (b"secret\r\nHost: localhost\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nsecret\r\n\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\0\r\n\r\n", 400),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\nHost: secret\r\n\r\n", 400),
        (b"GET /api/health/ HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"CONNECT secret:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
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


@pytest.mark.parametrize(
    ("head", "version"),
    [
        (b"GET /api/health/ HTTP/1.0\r\n\r\n", b"HTTP/1.0"),
        (b"GET http://localhost/api/health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"HTTP/1.1"),
        (b"GET /api/health/ HTTP/1.2\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"HTTP/1.1"),
    ],
)
def test_what_http_allows_is_answered_in_a_version_that_there_is(
    address: tuple[str, int], head: bytes, version: bytes
) -> None:
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(head)
        received = b"".join(iter(lambda: connected.recv(65_536), b""))
    assert received.startswith(version + b" 200 ")
    assert b'"/api/health/"' in received


def test_gunicorn_takes_a_client_at_no_word_about_itself(address: tuple[str, int]) -> None:
    """What a proxy may say is for USE_X_FORWARDED_PROTO; a path prefix it may not say at all."""
    headers = ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off", "Script_Name: /evil", "Script-Name: /evil")
    with socket.create_connection(address, timeout=20) as connected:
        connected.sendall(asked("/evil/path", *headers))
        [answer] = told(connected)
    assert answer["wsgi.url_scheme"] == "http"
    assert (answer["SCRIPT_NAME"], answer["PATH_INFO"]) == ("", "/evil/path")
    assert answer["HTTP_X_FORWARDED_PROTO"] == "https", "left for Django to judge"
