"""A host name that is not served: the same answer everywhere, the reason in the log, and probes that still work."""

from pathlib import Path
from typing import Any

import pytest
import structlog
from django.test import Client
from pytest_django import Settings

from accounts.tests.factories import PASSWORD
from library.tests.videos import Player, make_viewer, published, sign_in
from project import edge
from project.hosts import REFUSAL, REFUSAL_WHILE_DEVELOPING

pytestmark = pytest.mark.django_db

FOREIGN = {"Host": "foreign.example.net"}
LOGIN = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
def player(settings: Settings, tmp_path: Path) -> Player:
    settings.HLS_ROOT, settings.MEDIA_ROOT = tmp_path / "hls", tmp_path / "uploads"
    make_viewer()
    return sign_in(Player())


@pytest.mark.parametrize("debug", [False, True])
def test_every_way_in_gives_the_same_answer(player: Player, settings: Settings, debug: bool) -> None:
    """Signing in and playlists used to answer 200, lists and the admin 400."""
    settings.DEBUG = debug
    video = published().pk
    said = REFUSAL_WHILE_DEVELOPING if debug else REFUSAL
    paths = ("video/", f"video/{video}/master.m3u8", f"video/{video}/480p/segment_000.ts", "openapi.json", "nothing/")
    for path in paths:
        answer = player.get(f"/api/{path}", headers=FOREIGN)
        assert (answer.status_code, answer.json()) == (400, {"detail": said}), path
    signing_in = player.post("/api/login/", LOGIN, content_type="application/json", headers=FOREIGN)
    assert (signing_in.status_code, signing_in.json()) == (400, {"detail": said})
    assert not signing_in.cookies
    preflight = player.options("/api/login/", headers=FOREIGN | {"Access-Control-Request-Method": "POST"})
    assert (preflight.status_code, preflight.json()) == (400, {"detail": said})
    for path in ("/", "/admin/", "/admin/login/", "/static/admin/css/base.css", "/nothing"):
        page = player.get(path, headers=FOREIGN)
        assert (page.status_code, page.content.decode()) == (400, f"{said}\n"), path
        assert page["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "host", ["foreign.example.net:8000", "", "a b", "[::1", "testserver.example.net", "é", "x" * 999]
)
def test_refusal_is_logged_with_its_reason(client: Client, host: str) -> None:
    with structlog.testing.capture_logs() as logged:
        assert client.get("/api/video/", headers={"Host": host}).status_code == 400
    [line] = [line for line in logged if line["event"] == "host refused"]
    assert line["log_level"] == "warning"
    assert line["host"] == host[:255]
    assert "ALLOWED_HOSTS" in line["hint"]


def test_files_and_the_edge_s_question_are_no_exception(player: Player) -> None:
    video = published().pk
    path, question = f"/api/video/{video}/480p/segment_000.ts", f"{edge.PATH}?video={video}"
    player.get(f"/api/video/{video}/master.m3u8")
    cookie = {"Cookie": f"playback_token={player.cookies['playback_token'].value}"}
    for asked, status in ((path, 200), (question, 204)):
        assert Player().get(asked, headers=cookie).status_code == status
        assert Player().get(asked, headers=FOREIGN | cookie).status_code == 400


@pytest.mark.parametrize("host", ["192.0.2.7", "10.0.0.5:8000", "web:8000", "localhost"])
@pytest.mark.parametrize("path", ["/api/health/", "/api/health", "/api/ready/", "/metrics"])
def test_probes_know_an_address_and_no_name(client: Client, settings: Settings, path: str, host: str) -> None:
    settings.ALLOWED_HOSTS = ["api.example.com"]
    answer: Any = client.get(path, headers={"Host": host})
    assert answer.status_code in (200, 503)


def test_host_is_allowed_in_any_case_with_any_port_and_below_a_dot(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["api.example.com", ".example.org", "[::1]"]
    for host in ("API.example.com:8000", "api.example.com.", "example.org", "a.b.example.org:1", "[::1]:8000"):
        assert client.get("/api/openapi.json", headers={"Host": host}).status_code == 200, host
    for host in ("example.com", "a.api.example.com", "[::2]"):
        assert client.get("/api/openapi.json", headers={"Host": host}).status_code == 400, host
