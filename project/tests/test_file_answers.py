"""The answers to what players fetch most: every header, no needless query, a log line, and what nobody gets."""

import errno
import io
import json
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import auth
from accounts.models import Session, User
from hls.core import names
from library.delivery import places
from library.models import Video
from library.tests.videos import PASSWORD, Player, make_viewer, published, segment_bytes, serve_version, sign_in
from project.health import metrics
from project.logs import logging_config

pytestmark = pytest.mark.django_db

ORIGIN = "https://app.example.com"
NAMES = (
    "480p/segment_000.ts",
    "1080p/segment_001.ts?v=1",
    "480p/segment_001.ts/",
    "480p/index.m3u8",
    "720p/iframes.m3u8?v=1",
    "master.m3u8",
    "storyboard.vtt",
    "storyboard_00.jpg",
    "storyboard_00.jpg/",
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; form-action 'self'; "
    "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'"
)
EXPOSED = (
    "X-Total-Count, Retry-After, ETag, Content-Range, Accept-Ranges, X-Request-ID, Location, Tus-Version, "
    "Tus-Resumable, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Length, Upload-Offset, "
    "Upload-Metadata, Upload-Expires, X-Video-ID, Upload-Defer-Length, Upload-Concat"
)
ALWAYS = {
    "accept-ranges": "bytes",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
}
OF_BYTES = {"vary": "origin", "cache-control": "private, max-age=31536000, immutable"}
OF_TEXT = {"vary": "Accept-Encoding, origin", "cache-control": "private, max-age=5"}
TYPES = {
    ".ts": "video/MP2T",
    ".jpg": "image/jpeg",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".vtt": "text/vtt; charset=utf-8",
}
OF_ORIGIN = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": EXPOSED,
}


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> None:
    settings.HLS_ROOT = tmp_path / "hls"
    settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]


@pytest.fixture
def video(db: None) -> Video:
    return published()


@pytest.fixture
def player(video: Video) -> Player:
    """Ada, who watches already: her leave and the video's place are known to this process."""
    make_viewer()
    player = sign_in(Player())
    player.get(f"/api/video/{video.pk}/master.m3u8")
    for name in NAMES:
        assert player.get(f"/api/video/{video.pk}/{name}").status_code == 200
    return player


@pytest.fixture
def television(player: Player) -> Player:
    """What a player by itself has: the video's playback cookie and nothing else."""
    return with_cookies(playback_token=player.cookies["playback_token"].value)


def with_cookies(**cookies: str) -> Player:
    player = Player(raise_request_exception=False)
    for name, value in cookies.items():
        player.cookies[name] = value
    return player


VARIANTS: list[tuple[str, dict[str, str]]] = [
    ("GET", {}),
    ("HEAD", {}),
    ("HEAD", {"Range": "bytes=0-1"}),
    ("GET", {"Range": "bytes=1-2"}),
    ("GET", {"Range": "bytes=-3", "If-Range": '"other"'}),
    ("GET", {"If-None-Match": "*"}),
    ("GET", {"Accept-Encoding": "gzip"}),
    ("GET", {"Origin": ORIGIN}),
]


def file_of(video: Video, name: str, *, is_gzip: bool) -> Path:
    """Where the file lies that this name means."""
    path = name.partition("?")[0].rstrip("/").replace("1080p", "720p")
    found = Path(str(places.published(video.pk, 1).place)) / path
    return found.with_name(f"{found.name}.gz") if is_gzip else found


def queries(name: str) -> int:
    """What an answer asks of the database once the viewer and the version are known."""
    return 1 if name == names.MASTER else 0  # its tracks may have changed


def is_text(name: str) -> bool:
    return ".m3u8" in name or ".vtt" in name


def expected(video: Video, name: str, method: str, wanted: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (all but X-Request-ID and Set-Cookie) and body of an answer, spelled out."""
    is_gzip = is_text(name) and wanted.get("Accept-Encoding") == "gzip"
    path = file_of(video, name, is_gzip=is_gzip)
    content, stat = path.read_bytes(), path.stat()
    modified = int(stat.st_mtime)
    headers = ALWAYS | (OF_TEXT if is_text(name) else OF_BYTES) | (OF_ORIGIN if "Origin" in wanted else {})
    headers |= {"etag": f'"{modified:x}-{len(content):x}"', "last-modified": formatdate(modified, usegmt=True)}
    headers |= {"content-encoding": "gzip"} if is_gzip else {}
    if wanted.get("If-None-Match") == "*":
        return 304, headers, b""
    status, size = 200, len(content)
    if method == "GET" and wanted.get("Range") == "bytes=1-2":
        status, content = 206, content[1:3]
        headers |= {"content-range": f"bytes 1-2/{size}"}
    suffix = path.with_suffix("").suffix if is_gzip else path.suffix
    headers |= {"content-type": TYPES[suffix], "content-length": str(len(content))}
    return status, headers, b"" if method == "HEAD" else content


def told(response: Any) -> dict[str, str]:
    """Without what is new each time; names in small letters, since the CORS middleware writes them so."""
    return {name.lower(): value for name, value in response.items() if name not in ("X-Request-ID", "Set-Cookie")}


@pytest.mark.parametrize("name", NAMES)
def test_answers_have_these_headers_and_no_others(television: Player, video: Video, name: str) -> None:
    granted = television.cookies["playback_token"].value
    for method, headers in VARIANTS:
        alone = with_cookies(playback_token=granted)
        response: Any = alone.generic(method, f"/api/video/{video.pk}/{name}", headers=headers)
        found = (response.status_code, told(response), response.sent)
        assert found == expected(video, name, method, headers), (method, headers)


def test_wildcard_of_allowed_origins_holds_here_too(television: Player, video: Video, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.net"]
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    for origin, is_allowed in (("https://a.example.net", True), ("https://a.example.org", False)):
        response = television.get(path, headers={"Origin": origin})
        assert response.status_code == 200
        assert ("Access-Control-Allow-Origin" in response) is is_allowed


def test_secure_request_gets_the_same_security_headers(television: Player, video: Video, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for proto, hsts in (("https", "max-age=31536000; includeSubDomains"), ("http", None)):
        response = television.get(f"/api/video/{video.pk}/480p/segment_000.ts", headers={"X-Forwarded-Proto": proto})
        assert response.get("Strict-Transport-Security") == hsts


@pytest.fixture
def address(player: Player, video: Video) -> str:
    """The path below which a player without cookies finds the video's files; its token is known to this process."""
    url = player.post(f"/api/video/{video.pk}/playback-address/").json()["url"]
    path = urlsplit(str(url)).path.removesuffix("master.m3u8")
    assert Player().get(f"{path}master.m3u8").status_code == 200
    return path


@pytest.mark.parametrize("name", NAMES)
def test_playback_address_has_the_same_headers_for_any_page(
    address: str, video: Video, name: str, django_assert_num_queries: Any
) -> None:
    for method, headers in [*VARIANTS, ("GET", {"Origin": "https://www.gstatic.com"})]:
        with django_assert_num_queries(queries(name)):
            response: Any = with_cookies(access_token="x").generic(method, f"{address}{name}", headers=headers)
        status, usual, content = expected(video, name, method, headers | {"Origin": ORIGIN})
        usual |= {"referrer-policy": "no-referrer"}
        if headers.get("Origin") != ORIGIN:
            usual["access-control-allow-origin"] = "*"
            del usual["access-control-allow-credentials"]
        assert (response.status_code, told(response), response.sent) == (status, usual, content), (method, headers)
        assert "Set-Cookie" not in response
        assert not response.cookies


def test_token_of_an_address_is_no_cookie_and_a_cookie_no_token(address: str, video: Video, television: Player) -> None:
    token, cookie = address.split("/")[3], television.cookies["playback_token"].value
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    assert with_cookies(playback_token=token).get(path).status_code == 401
    assert television.get(address.replace(token, cookie) + "480p/segment_000.ts").status_code in (401, 404)


def test_nothing_but_the_tracks_is_asked_of_the_database(
    television: Player, video: Video, django_assert_num_queries: Any
) -> None:
    for name in NAMES:
        with django_assert_num_queries(queries(name)):
            assert television.get(f"/api/video/{video.pk}/{name}").status_code == 200


def test_access_token_alone_costs_one_query(player: Player, video: Video, django_assert_num_queries: Any) -> None:
    """An app without cookies of its own, or a player's first request."""
    token = player.cookies["access_token"].value
    for credentials in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"access_token={token}"}):
        for name in NAMES:
            with django_assert_num_queries(1 + queries(name)):
                response = Player().get(f"/api/video/{video.pk}/{name}", headers=credentials)
            assert (response.status_code, told(response), response.sent) == expected(video, name, "GET", {})


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "Bearer nonsense"])
def test_unreadable_authorization_opens_nothing_and_shadows_nothing(video: Video, player: Player, header: str) -> None:
    path, headers = f"/api/video/{video.pk}/master.m3u8", {"Authorization": header}
    assert Player().get(path, headers=headers).status_code == 401
    access = with_cookies(access_token=player.cookies["access_token"].value)
    assert access.get(path, headers=headers).status_code == 200


def test_database_that_fails_is_reported_in_shape(
    video: Video, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session_id: object) -> None:
        raise OperationalError

    monkeypatch.setattr(auth, "holder_of_live", fail)
    access = with_cookies(access_token=player.cookies["access_token"].value)
    response = access.get(f"/api/video/{video.pk}/master.m3u8")
    assert (response.status_code, response.json().keys(), response["Retry-After"]) == (503, {"detail"}, "5")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_needs_neither_session_nor_messages(television: Player, video: Video, name: str) -> None:
    request = television.get(f"/api/video/{video.pk}/{name}").wsgi_request
    assert [part for part in ("session", "user", "_messages") if hasattr(request, part)] == []


def ended(session: Session) -> None:
    Session.objects.end()


def expired(session: Session) -> None:
    Session.objects.update(expires_at=timezone.now())


def deactivated(session: Session) -> None:
    User.objects.update(is_active=False)


def with_another_password(session: Session) -> None:
    session.user.set_password("quite another 7")
    User.objects.update(password=session.user.password)


def deleted(session: Session) -> None:
    session.user.delete()


@pytest.mark.parametrize("end", [ended, expired, deactivated, with_another_password, deleted])
def test_access_token_opens_nothing_once_its_session_is_over(
    video: Video, player: Player, end: Callable[[Session], None]
) -> None:
    path = f"/api/video/{video.pk}/master.m3u8"
    access = with_cookies(access_token=player.cookies["access_token"].value)
    assert access.get(path).status_code == 200
    end(Session.objects.get())
    del access.cookies["playback_token"]  # which the playlist has granted
    response = access.get(path)
    assert (response.status_code, response["Vary"]) == (401, "Cookie, origin")


@pytest.mark.parametrize("same_site", ["Lax", "None"])
def test_playlist_renews_the_grant_and_nothing_else_does(
    television: Player, video: Video, settings: Any, same_site: str
) -> None:
    settings.SECURE_COOKIES, settings.JWT_COOKIE_SAMESITE = same_site == "None", same_site
    for name in NAMES:
        cookies = television.get(f"/api/video/{video.pk}/{name}").cookies
        if ".m3u8" not in name:
            assert not cookies
            continue
        parts = [part.partition("=")[0] for part in cookies["playback_token"].OutputString().split("; ")]
        secure = ["Secure", "Partitioned"] if same_site == "None" else []
        assert sorted(parts) == sorted(
            ["playback_token", "expires", "HttpOnly", "Max-Age", "Path", "SameSite", *secure]
        )
        assert cookies["playback_token"]["path"] == f"/api/video/{video.pk}/"


@pytest.mark.parametrize(
    ("method", "name", "headers", "status"),
    [
        ("POST", "480p/segment_000.ts", {}, 405),
        ("OPTIONS", "480p/segment_000.ts", {"Origin": ORIGIN}, 405),
        ("GET", "480p/index.m3u8/", {}, 200),
        ("GET", "master.m3u8/", {}, 200),
        ("GET", "storyboard.vtt/", {}, 200),
        ("GET", "480p/segment_000.ts//", {}, 404),
        ("GET", "480p/segment_002.ts", {}, 404),
        ("GET", "480p/segment_0000.ts", {}, 404),
        ("GET", "480p/segment_000.ts%00", {}, 404),
        ("GET", "480p/..%2fsegment_000.ts", {}, 404),
        ("GET", "360p/segment_000.ts", {}, 404),
        ("GET", "storyboard_01.jpg", {}, 404),
        ("GET", "480p/segment_000.ts?v=2", {}, 404),
        ("GET", "480p/segment_000.ts?v=01", {}, 200),
        ("GET", "480p/segment_000.ts?v=1&x=1", {}, 200),
        ("GET", "480p/segment_000.ts", {"Range": "bytes=99999-"}, 416),
        ("GET", "480p/segment_000.ts", {"If-Match": '"another"'}, 412),
        ("GET", "480p/segment_000.ts", {"Origin": "https://evil.example"}, 200),
        ("GET", "thumbnail.jpg", {}, 200),
        ("GET", "", {}, 401),
    ],
)
def test_whatever_is_odd_is_answered_for_what_it_is(
    television: Player, video: Video, method: str, name: str, headers: dict[str, str], status: int
) -> None:
    response = television.generic(method, f"/api/video/{video.pk}/{name}", headers=headers)
    assert response.status_code == status
    assert status < 400 or response["Content-Type"].startswith("application/json")
    assert "Access-Control-Allow-Origin" not in response or headers["Origin"] == ORIGIN


@pytest.mark.parametrize("wrong", ["", "playback_token=", "playback_token=x", "access_token=x", "x" * 9000, "=;=;;\0"])
def test_unknown_cookies_open_nothing(player: Player, video: Video, wrong: str) -> None:
    response = Player().get(f"/api/video/{video.pk}/480p/segment_000.ts", headers={"Cookie": wrong})
    assert response.status_code == 401


def test_grant_of_another_video_opens_nothing(player: Player, television: Player, video: Video) -> None:
    other = published(title="Another")
    path = f"/api/video/{other.pk}/480p/segment_000.ts"
    assert player.get(path).status_code == 200
    assert television.get(path).status_code == 401


def test_answer_holds_for_less_than_a_minute(television: Player, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logout, deactivation and deletion stop new segments within 60 s."""
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    assert television.get(path).status_code == 200
    Session.objects.end()
    for seconds, status in ((53, 200), (3, 401)):
        later = time.monotonic() + seconds
        monkeypatch.setattr(time, "monotonic", lambda at=later: at)
        assert television.get(path).status_code == status


def test_place_is_forgotten_before_the_minute_is_over(
    television: Player, video: Video, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with django_assert_num_queries(1):
        assert television.get(path).status_code == 200


def test_replaced_video_is_seen_within_seconds(
    television: Player, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_version(video, 2)
    later = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert b"?v=2" in television.get(f"/api/video/{video.pk}/{names.MASTER}").sent
    old = television.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    assert old.sent == segment_bytes(video.transcode_id, 1, "480p", 0)


def test_file_that_is_swept_away_is_not_found(television: Player, video: Video) -> None:
    file_of(video, "480p/segment_000.ts", is_gzip=False).unlink()
    response = television.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


def test_file_that_cannot_be_read_is_an_error_in_shape(television: Player, video: Video) -> None:
    path = file_of(video, "480p/segment_000.ts", is_gzip=False)
    path.unlink()
    path.mkdir()
    response = television.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    assert (response.status_code, response.json().keys()) == (500, {"detail"})


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_segment_is_sent_though_nothing_can_be_logged(
    television: Player, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    response = television.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    assert (response.status_code, response.sent) == (200, segment_bytes(video.transcode_id, 1, "480p", 0))


def test_administrator_plays_on_by_the_playback_cookie_too(video: Video) -> None:
    carol = make_viewer("carol@example.com", is_staff=True)
    player = Player()
    assert player.login(username=carol.username, password=PASSWORD)
    granted = player.get(f"/api/video/{video.pk}/master.m3u8").cookies["playback_token"].value
    assert player.get(f"/api/video/{video.pk}/480p/segment_000.ts").status_code == 200
    alone = with_cookies(playback_token=granted)
    for name in NAMES:
        assert alone.get(f"/api/video/{video.pk}/{name}").status_code == 200
    assert "playback_token" in alone.get(f"/api/video/{video.pk}/master.m3u8").cookies


def test_request_is_logged_and_counted(television: Player, video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    before = counted()
    capsys.readouterr()
    response = television.get(path, headers={"X-Request-ID": "from-the-proxy"})
    assert response["X-Request-ID"] == "from-the-proxy"
    route = "api/video/<video_id>/<resolution>/<segment>.ts"
    label = str([("method", "GET"), ("route", route), ("status", "200")])
    assert {name for name, value in counted().items() if value != before.get(name)} == {label}
    assert counted()[label] == before.get(label, 0) + 1
    [line] = map(json.loads, capsys.readouterr().err.splitlines())
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "logger": "videoflix.web",
        "level": "info",
        "request_id": "from-the-proxy",
        "method": "GET",
        "path": path,
        "status": 200,
        "user_id": User.objects.get().pk,
        "video_id": video.pk,
    }


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 1), ("INFO", 1), ("WARNING", 0)])
def test_request_is_logged_where_the_level_says_so(
    television: Player, video: Video, capsys: pytest.CaptureFixture[str], settings: Any, level: str, count: int
) -> None:
    settings.LOGGING = logging_config(level=level, as_json=True)
    capsys.readouterr()
    assert television.get(f"/api/video/{video.pk}/480p/segment_000.ts").status_code == 200
    assert len(capsys.readouterr().err.splitlines()) == count


def test_request_is_logged_for_people_while_developing(
    television: Player, video: Video, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    settings.DEBUG = True
    capsys.readouterr()
    assert television.get(f"/api/video/{video.pk}/480p/segment_000.ts").status_code == 200
    [line] = capsys.readouterr().err.splitlines()
    assert "request" in line
    assert f"path=/api/video/{video.pk}/480p/segment_000.ts" in line


def counted() -> dict[str, float]:
    samples = [
        sample for family in metrics.own.collect() for sample in family.samples if sample.name.endswith("_count")
    ]
    return {str(sorted(sample.labels.items())): sample.value for sample in samples}
