"""Headers that no honest client sends: refused or ignored in the API's own shape, never a 500."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.tests.factories import UserFactory, signed_in
from library.tests.films import Player, published

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
