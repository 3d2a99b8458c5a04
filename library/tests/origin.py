"""A web server on this machine that files are fetched from: as honest, slow or hostile as a test needs it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

CONTENT = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 4_000  # a megabyte


class Request(BaseHTTPRequestHandler):
    """One request; `server.answers` says what is done with it."""

    server: "Origin"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        self.close_connection = True
        answer = self.server.answers.get(self.path)
        try:
            if answer is None:
                self.answer(404)
            else:
                answer(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        told = {"Content-Length": str(len(body)), "Content-Type": "video/mp4"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in told.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


type Answer = Callable[[Request], None]


class Origin(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.hung_up = threading.Event()
        self.scheme = "http"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.server_address[1]}{path}"

    def offers(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url(path)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses the certificate is no error here."""


@contextmanager
def origin(*, certificate: Path | None = None, key: Path | None = None) -> Iterator[Origin]:
    """A server that runs until the context ends, with TLS where it has a certificate."""
    server = Origin()
    if certificate and key:
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Ranged:
    """Gives out a file, in parts too; breaks off after `breaks_at` bytes of an answer, once."""

    content: bytes = CONTENT
    etag: str = '"one"'
    breaks_at: int | None = None
    knows_if_range: bool = True
    asked: list[str] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def __call__(self, request: Request) -> None:
        span, condition = request.headers.get("Range", ""), request.headers.get("If-Range")
        self.asked.append(span)
        is_same = condition in (None, self.etag) if self.knows_if_range else True
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span and is_same else 0
        told = {"ETag": self.etag, "Content-Length": str(len(self.content) - start)}
        if start:
            told["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        body = self.content[start:][: self.breaks_at]
        self.breaks_at = None
        self.sent.append(len(body))
        request.answer(206 if start else 200, body, **told)
