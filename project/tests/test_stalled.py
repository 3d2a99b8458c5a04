"""Clients that stop reading or sending, or hardly do, over a real connection."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import stalled

SEGMENT_BYTES = 16_000_000  # more than the kernel buffers for a client


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    path = tmp_path / "segment_000.ts"
    path.write_bytes(b"x" * SEGMENT_BYTES)
    return path


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's and the client's end of a connection on which nobody waits for longer than three seconds."""
    monkeypatch.setattr(stalled, "STALLED_S", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.connect(listener.getsockname())
        server = listener.accept()[0]
        with server:
            stalled.wait_in_the_kernel(server)
            yield server, client


def test_client_that_takes_nothing_is_given_up(ends: tuple[socket.socket, socket.socket], segment: Path) -> None:
    with segment.open("rb") as opened, pytest.raises((TimeoutError, BrokenPipeError)):
        ends[0].sendfile(opened)


def test_client_that_takes_a_little_now_and_then_is_served_on(
    ends: tuple[socket.socket, socket.socket], segment: Path
) -> None:
    server, client = ends

    def crawl() -> None:
        for _ in range(10):
            client.recv(65_536)
            time.sleep(0.5)
        while client.recv(1_000_000):
            continue

    reader = threading.Thread(target=crawl)
    reader.start()
    with segment.open("rb") as opened:
        assert server.sendfile(opened) == SEGMENT_BYTES
    server.shutdown(socket.SHUT_WR)
    reader.join()


def test_client_that_sends_a_byte_at_a_time_is_given_up(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte came before anybody was tired of waiting for it, so a thread waited for as long as the client liked."""
    monkeypatch.setattr(stalled, "STALLED_S", 0.5)
    server, client = ends
    server.settimeout(3)
    body, is_over = stalled.Paced(server), threading.Event()

    def trickle() -> None:
        while not is_over.wait(0.1):
            client.send(b"x")

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        with pytest.raises(TimeoutError, match="too slowly"):
            b"".join(body.recv(1) for _ in range(20))
    finally:
        is_over.set()
        sender.join()


def test_body_may_take_as_long_as_its_bytes_need_and_the_server_itself_takes(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalled, "STALLED_S", 0.2)
    server, client = ends
    body = stalled.Paced(server)
    for _ in range(3):
        client.sendall(b"x" * 1000)
        time.sleep(0.4)
        assert body.recv(1000) == b"x" * 1000
