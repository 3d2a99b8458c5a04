"""What an operator does with the edge: TLS of its own, another proxy in front, and logs that may be shown to others."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from project.tests.certificates import make_certificate
from project.tests.edge import free_port, nginx, nginx_binary

pytestmark = [pytest.mark.edge, pytest.mark.skipif(nginx_binary() is None, reason="no nginx found")]

LINK = "/api/activate/MQ/c1a2b3-very-secret-token/"


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers it was sent: what Django behind the edge gets to see."""

    def do_GET(self) -> None:
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_tls_of_the_edge_is_the_file_we_ship_and_django_is_told(tmp_path: Path) -> None:
    port = free_port()
    shipped = (settings.BASE_DIR / "deploy" / "tls.conf").read_text()
    tls = shipped.replace("8443", f"127.0.0.1:{port}").replace("/etc/nginx/tls", str(tmp_path / "certificate"))
    make_certificate(tmp_path / "certificate")
    trusted = ssl.create_default_context(cafile=str(tmp_path / "certificate" / "fullchain.pem"))

    with echo() as upstream, nginx(tmp_path / "nginx", upstream=upstream, data=tmp_path, tls=tls) as plain:
        secret = httpx.get(f"https://localhost:{port}/api/video/", verify=trusted).json()
        open_ = httpx.get(f"{plain}/api/video/").json()

    assert (secret["X-Forwarded-Proto"], open_["X-Forwarded-Proto"]) == ("https", "http")


def test_plain_request_at_the_port_for_tls_is_refused_in_json(tmp_path: Path) -> None:
    port = free_port()
    shipped = (settings.BASE_DIR / "deploy" / "tls.conf").read_text()
    tls = shipped.replace("8443", f"127.0.0.1:{port}").replace("/etc/nginx/tls", str(tmp_path / "certificate"))
    make_certificate(tmp_path / "certificate")

    with nginx(tmp_path / "nginx", upstream="127.0.0.1:9", data=tmp_path, tls=tls):
        response = httpx.get(f"http://localhost:{port}/api/video/")

    assert (response.status_code, response.headers["Content-Type"]) == (400, "application/json")
    assert response.json().keys() == {"detail"}


def test_proxy_in_front_that_ends_tls_is_believed_only_when_we_say_so(tmp_path: Path) -> None:
    claims = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    with echo() as upstream:
        with nginx(tmp_path / "alone", upstream=upstream, data=tmp_path) as edge:
            alone = httpx.get(f"{edge}/api/video/", headers=claims).json()
        with nginx(tmp_path / "behind", upstream=upstream, data=tmp_path, scheme="https") as edge:
            behind = httpx.get(f"{edge}/api/video/", headers=claims).json()

    assert (alone["X-Forwarded-Proto"], behind["X-Forwarded-Proto"]) == ("http", "https")
    assert behind["X-Forwarded-For"] == "192.0.2.7, 127.0.0.1"  # so TRUSTED_PROXIES=2


def test_links_in_mails_stay_out_of_the_log_of_errors_too(tmp_path: Path) -> None:
    with nginx(tmp_path / "nginx", upstream="127.0.0.1:9", data=tmp_path) as edge:
        assert httpx.get(f"{edge}{LINK}").status_code == 503
    logged = "".join((tmp_path / "nginx" / name).read_text() for name in ("access.log", "error.log"))

    assert '"path":"/api/activate/***","status":503' in logged
    assert '"upstream_status":"502' in logged
    assert "very-secret-token" not in logged


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/video/7/480p/segment_000.ts", 503),
        ("GET", "/api/video/7/thumbnail.jpg", 503),
        ("POST", "/admin/anything.jpg", 413),
    ],
)
def test_refusal_is_json_whatever_the_address_ends_with(tmp_path: Path, method: str, path: str, status: int) -> None:
    """The image's own nginx.conf knows types by their endings, as Debian's does."""
    types = "types { image/jpeg jpg; video/mp2t ts; }"
    with nginx(tmp_path / "nginx", upstream="127.0.0.1:9", data=tmp_path, more=types) as edge:
        response = httpx.request(method, f"{edge}{path}", content=bytes(2_000_000) if method == "POST" else None)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    assert response.json().keys() == {"detail"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/video/", 503),
        ("GET", "/api/video/7/480p/segment_000.ts", 503),
        ("GET", "/api/play/abc/video/7/480p/segment_000.ts", 503),
        ("POST", "/api/video/", 413),
        ("TRACE", "/api/video/", 405),
    ],
)
def test_page_of_another_origin_may_read_refusals_of_the_edges_own(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    """hls.js takes what it may not read for no answer at all, and a page can't say what is wrong."""
    headers = {"Origin": "https://app.example.com", "Cookie": "playback_token=abc"}
    with nginx(tmp_path / "nginx", upstream="127.0.0.1:9", data=tmp_path) as edge:
        body = bytes(2_000_000) if method == "POST" else None
        refused = httpx.request(method, f"{edge}{path}", headers=headers, content=body)
        plain = httpx.request(method, f"{edge}{path}", content=body)
    assert refused.status_code == status
    assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert refused.headers["Access-Control-Allow-Credentials"] == "true"
    assert refused.headers["Cache-Control"] == "no-store"
    assert status != 503 or refused.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert "Access-Control-Allow-Origin" not in plain.headers
