"""The way in front of Django: the same answers as Django gives, no query, and everything odd left to Django."""

import errno
import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import RequestFactory
from django.utils import timezone

from accounts import sessions
from accounts.models import Session, User
from library.delivery import places
from library.delivery.files import Part
from library.models import Video
from library.tests.videos import PASSWORD, Player, make_viewer, published, segment_bytes, serve_version, sign_in
from project.express import Express, Headers
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


class Answered:
    """What came out, and whether Django was asked."""

    def __init__(self, path: str, cookie: str, method: str = "GET", **headers: str) -> None:
        self.went_on = False
        self.status = 0
        self.headers: dict[str, str] = {}
        environ = RequestFactory(headers=headers).generic(method, path).environ
        environ |= {"HTTP_COOKIE": cookie, "wsgi.file_wrapper": lambda body, size: self.read(body)}
        self.content = b"".join(Express(self.django)(environ, self.start))

    def django(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.went_on = True
        return []

    def start(self, status: str, headers: Headers) -> None:
        self.status = int(status[:3])
        self.headers = dict(headers)
        assert len(headers) == len(self.headers), "a header twice"

    def read(self, body: Part) -> list[bytes]:
        try:
            return [body.read()]
        finally:
            body.close()


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HLS_ROOT = tmp_path / "hls"
    settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]
    yield
    places.memory.clear()


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
def cookie(player: Player) -> str:
    return f"playback_token={player.cookies['playback_token'].value}"


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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("method", "headers"), VARIANTS)
def test_answer_is_the_one_django_gives(
    player: Player, video: Video, cookie: str, name: str, method: str, headers: dict[str, str]
) -> None:
    path = f"/api/video/{video.pk}/{name}"
    answered = Answered(path, cookie, method, **headers)
    response: Any = player.generic(method, path, headers=headers)
    assert not answered.went_on
    assert (answered.status, answered.content) == (response.status_code, response.sent)
    assert comparable(answered.headers.items()) == comparable(response.items())


def test_wildcard_of_allowed_origins_holds_here_too(player: Player, video: Video, cookie: str, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.net"]
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    assert Answered(path, cookie, Origin="https://a.example.net").headers["Access-Control-Allow-Origin"]
    assert Answered(path, cookie, Origin="https://a.example.org").went_on


def comparable(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Without what is new each time; names in small letters, since the CORS middleware writes them so."""
    return {name.lower(): value for name, value in headers if name not in ("X-Request-ID", "Set-Cookie")}


def test_secure_request_gets_the_same_security_headers(
    player: Player, video: Video, cookie: str, settings: Any
) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    fresh = Player()  # the middleware reads these settings when it is made
    fresh.cookies = player.cookies
    for proto, is_told in (("https", True), ("http", False)):
        answered = Answered(path, cookie, **{"X-Forwarded-Proto": proto})
        response = fresh.get(path, headers={"X-Forwarded-Proto": proto})
        assert answered.headers.get("Strict-Transport-Security") == response.get("Strict-Transport-Security")
        assert ("Strict-Transport-Security" in answered.headers) == is_told


@pytest.fixture
def address(player: Player, video: Video) -> str:
    """The path below which a player without cookies finds the video's files; its token is known to this process."""
    url = player.post(f"/api/video/{video.pk}/playback-address/").json()["url"]
    path = urlsplit(str(url)).path.removesuffix("master.m3u8")
    assert Player().get(f"{path}master.m3u8").status_code == 200
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("method", "headers"), [*VARIANTS, ("GET", {"Origin": "https://www.gstatic.com"})])
def test_playback_address_is_answered_as_django_does(
    address: str, name: str, method: str, headers: dict[str, str], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answered = Answered(f"{address}{name}", "access_token=x", method, **headers)
    response: Any = Player().generic(method, f"{address}{name}", headers=headers)
    assert not answered.went_on
    assert (answered.status, answered.content) == (response.status_code, response.sent)
    assert comparable(answered.headers.items()) == comparable(response.items())
    assert "Set-Cookie" not in answered.headers


def test_token_of_an_address_is_no_cookie_and_a_cookie_no_token(address: str, video: Video, cookie: str) -> None:
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    token = address.split("/")[3]
    assert Answered(path, f"playback_token={token}").went_on
    assert Answered(address.replace(token, cookie.partition("=")[2]) + "480p/segment_000.ts", cookie).went_on


def test_nothing_is_asked_of_the_database(video: Video, cookie: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        for name in NAMES:
            assert Answered(f"/api/video/{video.pk}/{name}", cookie).status == 200


def test_access_token_alone_costs_one_query(player: Player, video: Video, django_assert_num_queries: Any) -> None:
    """An app without cookies of its own, or a player's first request."""
    token = player.cookies["access_token"].value
    for credentials in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"access_token={token}"}):
        for name in NAMES:
            path = f"/api/video/{video.pk}/{name}"
            with django_assert_num_queries(1):
                answered = Answered(path, credentials.get("Cookie", ""), **credentials)
            response: Any = Player().get(path, headers=credentials)
            assert (answered.status, answered.content) == (200, response.sent)
            assert comparable(answered.headers.items()) == comparable(response.items())


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "Bearer nonsense"])
def test_unreadable_authorization_goes_on_to_django(video: Video, player: Player, header: str) -> None:
    access = f"access_token={player.cookies['access_token'].value}"
    assert Answered(f"/api/video/{video.pk}/master.m3u8", access, Authorization=header).went_on


def test_database_that_fails_is_django_s_to_report(
    video: Video, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "HOLDER", "SELECT %s, %s FROM nowhere")
    access = f"access_token={player.cookies['access_token'].value}"
    assert Answered(f"/api/video/{video.pk}/master.m3u8", access).went_on


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
    path, token = f"/api/video/{video.pk}/master.m3u8", f"access_token={player.cookies['access_token'].value}"
    assert Answered(path, token).status == 200
    end(Session.objects.get())
    assert Answered(path, token).went_on
    assert Player().get(path, headers={"Cookie": token}).status_code == 401


@pytest.mark.parametrize("same_site", ["Lax", "None"])
def test_playlist_renews_the_leave_as_django_does(
    player: Player, video: Video, cookie: str, settings: Any, same_site: str
) -> None:
    settings.SECURE_COOKIES, settings.JWT_COOKIE_SAMESITE = same_site == "None", same_site
    for name in ("master.m3u8", "480p/index.m3u8", "480p/iframes.m3u8?v=1"):
        path = f"/api/video/{video.pk}/{name}"
        renewed = Answered(path, cookie).headers["Set-Cookie"]
        granted = player.get(path).cookies["playback_token"].OutputString()
        assert [part.partition("=")[0] for part in renewed.split("; ")] == [
            part.partition("=")[0] for part in granted.split("; ")
        ]
        assert f"Path=/api/video/{video.pk}/" in renewed
        assert ("Partitioned" in renewed) is (same_site == "None")
    assert "Set-Cookie" not in Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie).headers


@pytest.mark.parametrize(
    ("method", "name", "headers"),
    [
        ("POST", "480p/segment_000.ts", {}),
        ("OPTIONS", "480p/segment_000.ts", {"Origin": ORIGIN}),
        ("GET", "480p/index.m3u8/", {}),
        ("GET", "master.m3u8/", {}),
        ("GET", "storyboard.vtt/", {}),
        ("GET", "480p/segment_000.ts//", {}),
        ("GET", "480p/segment_002.ts", {}),
        ("GET", "480p/segment_0000.ts", {}),
        ("GET", "480p/segment_000.ts%00", {}),
        ("GET", "480p/..%2fsegment_000.ts", {}),
        ("GET", "360p/segment_000.ts", {}),
        ("GET", "storyboard_01.jpg", {}),
        ("GET", "480p/segment_000.ts?v=2", {}),
        ("GET", "480p/segment_000.ts?v=01", {}),
        ("GET", "480p/segment_000.ts?v=1&x=1", {}),
        ("GET", "480p/segment_000.ts", {"Range": "bytes=99999-"}),
        ("GET", "480p/segment_000.ts", {"If-Match": '"another"'}),
        ("GET", "480p/segment_000.ts", {"Origin": "https://evil.example"}),
        ("GET", "thumbnail.jpg", {}),
        ("GET", "", {}),
    ],
)
def test_whatever_is_odd_goes_on_to_django(
    video: Video, cookie: str, method: str, name: str, headers: dict[str, str]
) -> None:
    answered = Answered(f"/api/video/{video.pk}/{name}", cookie, method, **headers)
    assert answered.went_on
    assert answered.status == 0


@pytest.mark.parametrize("wrong", ["", "playback_token=", "playback_token=x", "access_token=x", "x" * 9000, "=;=;;\0"])
def test_unknown_cookies_go_on_to_django(video: Video, cookie: str, wrong: str) -> None:
    assert Answered(f"/api/video/{video.pk}/480p/segment_000.ts", wrong).went_on


def test_leave_of_another_video_goes_on_to_django(player: Player, video: Video, cookie: str) -> None:
    other = published(title="Another")
    player.get(f"/api/video/{other.pk}/480p/segment_000.ts")
    assert places.remembered(other.pk, 1)
    assert Answered(f"/api/video/{other.pk}/480p/segment_000.ts", cookie).went_on


def test_answer_holds_for_less_than_a_minute(video: Video, cookie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logout, deactivation and deletion stop new segments within 60 s."""
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    for seconds, must_ask in ((54, False), (2, True)):
        later = time.monotonic() + seconds
        monkeypatch.setattr(time, "monotonic", lambda at=later: at)
        places.place_of(video.pk, places.FIRST)
        assert Answered(path, cookie).went_on is must_ask


def test_place_is_forgotten_before_the_minute_is_over(
    video: Video, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert Answered(path, cookie).went_on


def test_replaced_video_is_seen_within_seconds(
    player: Player, video: Video, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_version(video, 2)
    later = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert Answered(f"/api/video/{video.pk}/master.m3u8", cookie).went_on
    old = Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie)
    assert old.content == segment_bytes(video.transcode_id, 1, "480p", 0)


def test_file_that_is_swept_away_goes_on_to_django(video: Video, cookie: str, settings: Any) -> None:
    (settings.HLS_ROOT / str(video.transcode_id) / "1" / "480p" / "segment_000.ts").unlink()
    assert Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie).went_on


def test_file_that_cannot_be_read_goes_on_to_django(video: Video, cookie: str, settings: Any) -> None:
    path = settings.HLS_ROOT / str(video.transcode_id) / "1" / "480p" / "segment_000.ts"
    path.unlink()
    path.mkdir()
    assert Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie).went_on


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_segment_is_sent_though_nothing_can_be_logged(
    video: Video, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    answered = Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie)
    assert (answered.status, answered.content) == (200, segment_bytes(video.transcode_id, 1, "480p", 0))


def test_administrators_playlist_goes_on_to_django_and_segments_do_not(video: Video) -> None:
    carol = make_viewer("carol@example.com", is_staff=True)
    player = Player()
    assert player.login(username=carol.username, password=PASSWORD)
    cookie = f"playback_token={player.get(f'/api/video/{video.pk}/master.m3u8').cookies['playback_token'].value}"
    player.get(f"/api/video/{video.pk}/480p/segment_000.ts")
    player.get(f"/api/video/{video.pk}/480p/segment_000.ts", headers={"Cookie": cookie})
    assert Answered(f"/api/video/{video.pk}/master.m3u8", cookie).went_on
    assert not Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie).went_on


def test_request_is_logged_and_counted_as_any_other(
    player: Player,
    video: Video,
    cookie: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = f"/api/video/{video.pk}/480p/segment_000.ts"
    caplog.clear()
    before = counted()
    player.get(path, headers={"X-Request-ID": "from-django"})
    by_django = counted()
    capsys.readouterr()
    answered = Answered(path, cookie, **{"X-Request-ID": "from-express"})
    by_express = counted()
    assert answered.headers["X-Request-ID"] == "from-express"
    (label,) = {name for name in by_django if by_django[name] != before.get(name)}
    assert by_express[label] == by_django[label] + 1
    [by_django_line] = [record.msg for record in caplog.records if record.name == "videoflix.web"]
    [line] = map(json.loads, capsys.readouterr().err.splitlines())
    assert isinstance(by_django_line, dict)
    assert line.keys() == by_django_line.keys()
    unlike = {"request_id": "from-express", "timestamp": line["timestamp"], "duration_ms": line["duration_ms"]}
    assert line == by_django_line | unlike
    assert line["timestamp"].endswith("Z")
    assert line["duration_ms"] >= 0


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 1), ("INFO", 1), ("WARNING", 0)])
def test_request_is_logged_where_the_level_says_so(
    video: Video, cookie: str, capsys: pytest.CaptureFixture[str], settings: Any, level: str, count: int
) -> None:
    settings.LOGGING = logging_config(level=level, as_json=True)
    capsys.readouterr()
    assert Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie).status == 200
    assert len(capsys.readouterr().err.splitlines()) == count


def test_request_is_logged_for_people_while_developing(
    video: Video, cookie: str, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    settings.DEBUG = True
    capsys.readouterr()
    assert Answered(f"/api/video/{video.pk}/480p/segment_000.ts", cookie).status == 200
    [line] = capsys.readouterr().err.splitlines()
    assert "request" in line
    assert f"path=/api/video/{video.pk}/480p/segment_000.ts" in line


def counted() -> dict[str, float]:
    samples = [
        sample for family in metrics.own.collect() for sample in family.samples if sample.name.endswith("_count")
    ]
    return {str(sorted(sample.labels.items())): sample.value for sample in samples}
