"""What the edge needs of Django to keep segments of subtitles: checks, and texts with a viewer's own headers."""

import gzip
import socket
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ORIGIN = "https://app.example.com"
TEXT = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\nHello\n"
OTHER_REVISION = "8"  # it has none of that number, and tells another text
FOLDERS = {"ada": "hls/7/1", "bob": "hls/7/1", "newcomer": ""}  # of a yes, by playback cookie; "": nothing is told


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]


class TextServer(ThreadingHTTPServer):
    """Answers the edge as Django does, and remembers what it was asked; its connections stay open until it ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TextAnswer)
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.is_refusing = False

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connected, client = super().get_request()
        self.connections.append(connected)
        return connected, client

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connected in self.connections:
            with suppress(OSError):  # it has ended already
                connected.shutdown(socket.SHUT_RDWR)


class TextAnswer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TextServer

    def do_GET(self) -> None:
        self.server.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
        cookie = self.headers.get("Cookie", "").removeprefix("playback_token=")
        is_known = cookie in FOLDERS or self.headers.get("X-Playback-Address") == "a-token"
        if self.path.startswith("/api/playback/check"):
            self.check(FOLDERS.get(cookie, "hls/7/1") if is_known else None)
        elif not is_known or self.server.is_refusing:
            self.tell(401, {}, b'{"detail": "from Django"}')
        else:
            self.text()

    do_HEAD = do_PUT = do_GET

    def check(self, folder: str | None) -> None:
        if folder is None:
            return self.tell(401, {}, b"{}")
        told = {"X-Video-Folder": folder} if folder else {}
        if self.headers.get("Origin") == ORIGIN:
            told["Access-Control-Allow-Origin"] = ORIGIN
        return self.tell(204, told)

    def text(self) -> None:
        address = urlsplit(self.path)
        revision = parse_qs(address.query).get("r", [""])[-1]  # as Django, which takes the last one
        if revision == "9" or "?" in address.path:
            return self.tell(404, {}, b'{"detail": "from Django"}')
        body = f"{TEXT}{revision}".encode()
        is_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        told = {
            "Content-Type": "text/vtt; charset=utf-8",
            "ETag": f'"{revision}{"-gzip" if is_gzip else ""}"',
            "Cache-Control": "no-store" if revision == OTHER_REVISION else "private, max-age=5",
            "Set-Cookie": "playback_token=a-secret; Path=/",
            "Vary": "Accept-Encoding, Cookie, origin",
            "Access-Control-Allow-Origin": "https://of-another-viewer.example",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "X-Other",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        if is_gzip:
            told["Content-Encoding"] = "gzip"
        return self.tell(200, told, gzip.compress(body) if is_gzip else body)

    def tell(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        told = {"X-Request-ID": self.headers.get("X-Request-ID", ""), "X-Frame-Options": "DENY", **headers}
        for name, value in told.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass
