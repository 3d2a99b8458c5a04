"""Odd headers: refused in the API's own shape or ignored, never a 500."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory

from accounts.tests.factories import UserFactory, signed_in
from library.tests.factories import AdministratorFactory
from library.tests.videos import Player, published

pytestmark = pytest.mark.django_db

ODD = (
    "",
    " ",
    "\u00e9",
    "\x00",
    "\x7f",
    "%00",
    '"',
    "'; DROP TABLE library_video; --",
    "http://[",
    "http://[::1",
    "https://evil.example:99999999",
    "null",
    "-1",
    "9" * 5000,
    "a" * 5000,
    ",,,;;;===",
    "Bearer",
    "Bearer \u00e9.\u00e9.\u00e9",
    "Bearer " + "." * 50,
    "Bearer e30.e30.e30",
    "bytes=-",
    "bytes=" + "9" * 5000 + "-",
    "bytes=" + "0-1," * 500,
    "W/",
    "*",
)


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.HLS_ROOT = tmp_path / "hls"


@pytest.fixture
def browser() -> Player:
    """A viewer's, which would raise what the server would log."""
    _, pair = signed_in(UserFactory.create())
    client = Player(raise_request_exception=False)
    client.cookies["access_token"] = pair.access
    client.cookies["refresh_token"] = pair.refresh
    return client


def answers_in_shape(response: Any) -> bool:
    if response.status_code < 400:
        return True
    return bool(response.status_code < 500 and response["Content-Type"].startswith("application/json"))


READING = (
    *("Range", "If-Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "Accept", "Accept-Language"),
    *("Authorization", "Origin", "Referer", "X-Request-ID", "X-Forwarded-For", "User-Agent", "Content-Type", "Cookie"),
)


@pytest.mark.parametrize("name", READING)
def test_an_odd_header_does_not_harm_reading(browser: Player, name: str) -> None:
    video = published()
    paths = ("", f"{video.pk}/480p/index.m3u8", f"{video.pk}/480p/segment_000.ts")
    for value in ODD:
        for path in paths:
            response = browser.get(f"/api/video/{path}", headers={name: value})
            assert answers_in_shape(response), (path, value, response.status_code)


NUMBER = "9" * 20
GARBAGE = (
    *(
        "",
        "x",
        ",",
        "-1",
        "0",
        NUMBER,
        "9" * 5000,
        "1e999",
        "\xb2",
        "\x00",
        "\xff",
        '"',
        '",',
        "W/",
        "*",
        "=",
        ";;q=",
        "[::",
    ),
    *(f"Mon, 01 Jan {NUMBER} 00:00:00 GMT", f"Mon, 01 Jan 2020 00:00:00 +{NUMBER}", "Mon, 01 Jan 0000 99:99:99 GMT"),
    *("bytes=", "bytes=x-y", f"bytes={NUMBER}0-1", "gzip;q=x", f"gzip;q={NUMBER}", "fe80::1%x", "chunked", "identity"),
)
DATES = ("If-Modified-Since", "If-Unmodified-Since", "If-Range")
TAGS = ("If-Match", "If-None-Match")
NUMBERS = ("Content-Length", "Range", "Upload-Length", "Upload-Offset", "Upload-Defer-Length")
LISTS = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Cookie", "Transfer-Encoding"),
    *("X-Playback-Address", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"),
    *("Upload-Metadata", "Upload-Concat", "Upload-Checksum", "Tus-Resumable", "X-HTTP-Method-Override"),
    *("Access-Control-Request-Method", "Access-Control-Request-Headers"),
)
REACHING_ROWS = ("Cookie", "X-Forwarded-For", "Upload-Metadata", "Upload-Concat")
GARBLED = (*DATES, *TAGS, *NUMBERS, *LISTS) if connection.vendor == "sqlite" else REACHING_ROWS


class Stack:
    """Everything that a request passes in a web process, from gunicorn's WSGI environment on."""

    def __init__(self, cookies: str) -> None:
        self._player = Player(raise_request_exception=False)
        self._cookies = cookies
        self.status = 0
        self.headers: dict[str, str] = {}

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", kind: str = "") -> bytes:
        environ = RequestFactory().generic(method, path, body, kind).environ
        environ["HTTP_COOKIE"] = self._cookies
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_LENGTH" else f"HTTP_{key}"] = value
        response = self._player.request(**environ)
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.items()}
        sent: bytes = response.sent
        return sent


@pytest.fixture
def stack(client: Client, settings: Any) -> Stack:
    """With the cookies of somebody who is signed in everywhere, behind a proxy that is believed."""
    settings.TRUSTED_PROXIES, settings.USE_X_FORWARDED_HOST = 1, False
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    dora = AdministratorFactory.create()
    client.force_login(dora)
    _, pair = signed_in(dora)
    sent = {name: morsel.value for name, morsel in client.cookies.items()} | {"access_token": pair.access}
    return Stack("; ".join(f"{name}={value}" for name, value in sent.items()))


@pytest.mark.parametrize("name", GARBLED)
def test_garbage_in_a_header_is_never_our_mistake(stack: Stack, name: str) -> None:
    """Through the middleware, the API and the admin."""
    video = f"/api/video/{published().pk}"
    asked = [
        ("GET", path, b"", "") for path in ("/api/video/", f"{video}/master.m3u8/", f"{video}/480p/segment_000.ts")
    ]
    asked += [("GET", path, b"", "") for path in (f"{video}/thumbnail.jpg", "/admin/login/")]
    asked += [("HEAD", f"{video}/480p/index.m3u8", b"", ""), ("OPTIONS", "/api/uploads/", b"", "")]
    asked += [("GET", "/static/library/progress.js", b"", ""), ("GET", f"{video}/480p/index.m3u8", b"", "")]
    asked += [("POST", "/api/login/", b"{}", "application/json"), ("POST", "/api/token/refresh/", b"", "")]
    asked += [("POST", "/api/uploads/", b"ab", "application/offset+octet-stream")]
    stack.ask("GET", f"{video}/480p/index.m3u8", {})
    for value in GARBAGE:
        for method, path, body, kind in asked:
            stack.ask(method, path, {"Tus-Resumable": "1.0.0", "Upload-Length": "2", name: value}, body, kind)
            assert stack.status < 500, (method, path, value)
            is_json = stack.headers.get("content-type", "").startswith("application/json")
            assert stack.status < 400 or is_json or not path.startswith("/api/"), (method, path, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("If-Unmodified-Since", f"Mon, 01 Jan {NUMBER} 00:00:00 GMT"),
        ("If-Unmodified-Since", "never"),
        ("If-Modified-Since", f"Mon, 01 Jan {NUMBER} 00:00:00 GMT"),
        ("If-Match", "no tag"),
        ("If-None-Match", "no tag"),
        ("Range", "bytes=x"),
        ("Range", "bytes=0-1;2-3"),
        ("Accept-Encoding", "gzip;;q=;,"),
        ("Accept", "///"),
    ],
)
@pytest.mark.parametrize("path", ["480p/segment_000.ts", "480p/index.m3u8", "480p/index.m3u8/", "thumbnail.jpg"])
def test_a_header_that_can_not_be_understood_is_as_if_absent(stack: Stack, path: str, name: str, value: str) -> None:
    address = f"/api/video/{published().pk}/{path}"
    plain = stack.ask("GET", address, {})
    assert stack.status == 200
    odd = stack.ask("GET", address, {name: value})
    assert (stack.status, len(odd) > 0) == (200, True)
    assert name == "Accept-Encoding" or odd == plain


@pytest.mark.parametrize("name", ["Authorization", "Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"])
def test_garbage_that_says_who_asks_for_figures_is_refused_or_ignored(stack: Stack, name: str) -> None:
    for value in GARBAGE:
        stack.ask("GET", "/metrics", {name: value})
        assert stack.status in {200, 401}, value


WRITING = ("Authorization", "Origin", "Referer", "Sec-Fetch-Site", "Content-Type", "X-CSRFToken", "X-Forwarded-For")


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("path", ["login/", "token/refresh/"])
def test_an_odd_header_does_not_harm_writing(browser: Player, name: str, path: str) -> None:
    for value in ODD:
        response = browser.generic("POST", f"/api/{path}", b"{}", "application/json", headers={name: value})
        assert answers_in_shape(response), (path, value, response.status_code)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "playback_token", "csrftoken", "sessionid"])
def test_an_odd_cookie_opens_nothing_and_breaks_nothing(name: str) -> None:
    video = published()
    for value in ODD:
        client = Client(raise_request_exception=False)
        client.cookies[name] = value
        for path in ("video/", f"video/{video.pk}/480p/segment_000.ts"):
            assert client.get(f"/api/{path}").status_code == 401, (name, value)
        for path in ("token/refresh/", "logout/"):
            response = client.generic("POST", f"/api/{path}")
            assert response.status_code in (400, 401), (name, value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"1e999",
        b"\xff\xfe",
        b'{"email": null, "password": null}',
        b'{"email": {}, "password": []}',
        b'{"email": "a@b.c\\u0000", "password": "\\u0000"}',
        b'{"email": "\\ud800@example.com", "password": "\\udfff"}',
        b'{"email": "' + b"a" * 10_000 + b'@example.com", "password": "x"}',
        b"[" * 5000,
    ],
)
@pytest.mark.parametrize("path", ["login/", "register/", "password_reset/", "password_confirm/MQ/a-b/"])
def test_an_odd_body_is_an_input_error(path: str, body: bytes) -> None:
    client = Client(raise_request_exception=False)
    response = client.generic("POST", f"/api/{path}", body, "application/json")
    assert 400 <= response.status_code < 500, response.content[:300]
    assert response["Content-Type"].startswith("application/json")
    assert set(response.json()) <= {
        "detail",
        "email",
        "password",
        "confirmed_password",
        "new_password",
        "confirm_password",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/api/video/%00/",
        "/api/video/1/%2e%2e/segment_000.ts",
        "/api/video/1/480p/segment_%30%30%30%00.ts",
        "/api/video/" + "9" * 400 + "/",
        "/api/video/-1/",
        "/api/video/1/480p/" + "a" * 3000 + ".ts",
        "/api/video/?search=%00%ff%25_%27",
        "/api/video/?category=%00",
        "/api/video/?limit=" + "9" * 400,
        "/api/video/?offset=-1",
        "/api/activate/%00/%00/",
        "/api/activate/" + "A" * 3000 + "/a-b/",
        "/api/uploads/not-a-uuid/",
    ],
)
def test_an_odd_address_is_refused_in_shape(browser: Player, path: str) -> None:
    assert answers_in_shape(browser.get(path))


@pytest.mark.parametrize("key", ['"\\000abcdefgh"', '"\\377\\376abcdefgh"', "\u00e9" * 32, "a" * 32, "a" * 5000])
@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/api/video/", "/api/video/1/master.m3u8", "/api/me/"])
def test_cookie_that_is_no_key_of_a_session_is_as_if_absent(client: Client, path: str, key: str) -> None:
    """Quoted values of cookies can spell any character by its octal number."""
    expected = client.get(path).status_code
    assert expected in (200, 302, 401)
    assert client.get(path, headers={"Cookie": f"sessionid={key}"}).status_code == expected
