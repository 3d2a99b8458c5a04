"""Clients that keep their tokens themselves: apps, and pages on sites whose browsers refuse our cookies."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import cookies
from accounts.auth import by_access_token
from accounts.models import Session, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, signed_in

pytestmark = pytest.mark.django_db

IN_BODY = {"X-Token-Transport": "body"}
ELSEWHERE = "https://elsewhere.example.net"


@pytest.fixture
def app(client: Client) -> Post:
    def send(path: str, body: object = None, **options: Any) -> Any:
        options = {"headers": IN_BODY | options.pop("headers", {}), **options}
        return client.post(f"/api/{path}", body, content_type="application/json", **options)

    return send


def login(post: Post, **options: Any) -> Any:
    return post("login/", {"email": "ada@example.com", "password": PASSWORD}, **options)


def test_tokens_come_and_go_in_bodies_and_no_cookie_is_set(app: Post, ada: User) -> None:
    begun = login(app)
    assert begun.status_code == 200
    assert set(begun.json()) == {"detail", "user", "access", "refresh"}
    assert by_access_token(begun.json()["access"]) is not None
    renewed = app("token/refresh/", {"refresh": begun.json()["refresh"]})
    assert set(renewed.json()) == {"detail", "access", "refresh"}
    assert renewed.json()["refresh"] != begun.json()["refresh"]
    ended = app("logout/", {"refresh": renewed.json()["refresh"]})
    assert ended.status_code == 200
    assert by_access_token(renewed.json()["access"]) is None
    assert app("token/refresh/", {"refresh": renewed.json()["refresh"]}).status_code == 401
    for answer in (begun, renewed, ended):
        assert not answer.cookies
    assert [answer["Cache-Control"] for answer in (begun, renewed)] == ["no-store"] * 2


def test_without_the_header_cookies_are_set_and_no_token_is_in_the_body(post: Post, ada: User) -> None:
    answer = login(post)
    assert set(answer.json()) == {"detail", "user"}
    assert {cookies.ACCESS, cookies.REFRESH, "csrftoken"} <= set(answer.cookies)
    renewed = post("token/refresh/", {"refresh": "ignored"})
    assert renewed.status_code == 200
    assert set(renewed.json()) == {"detail", "access"}


@pytest.mark.parametrize("odd", ["", "cookie", "BODY, body", "\u00e9", "x" * 5000])
def test_another_word_in_the_header_is_as_if_it_were_absent(post: Post, ada: User, odd: str) -> None:
    assert set(login(post, headers={"X-Token-Transport": odd}).json()) == {"detail", "user"}


def test_cookies_of_the_browser_are_ignored(client: Client, app: Post, ada: User) -> None:
    _, pair = signed_in(ada)
    client.cookies[cookies.REFRESH] = pair.refresh
    assert app("token/refresh/").status_code == 400
    assert app("logout/").status_code == 400
    login(app)
    assert Session.objects.live().count() == 2
    assert client.cookies[cookies.REFRESH].value == pair.refresh


@pytest.mark.parametrize("path", ["token/refresh/", "logout/"])
@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b"", 400, {"refresh": ["This field is required."]}),
        (b"{}", 400, {"refresh": ["This field is required."]}),
        (b'{"refresh": null}', 400, {"refresh": ["Input should be a valid string."]}),
        (b'{"refresh": "' + b"x" * 5000 + b'"}', 400, {"refresh": ["String should have at most 4096 characters."]}),
        (b"[]", 400, {"refresh": ["This field is required."]}),
        (b"{", 400, {"detail": "The request can't be read."}),
        (b"\xff", 400, {"detail": "The request can't be read."}),
        (b"[" * 100_000, 400, {"detail": "The request can't be read."}),
    ],
)
def test_malformed_body_is_refused_with_what_it_lacks(
    client: Client, path: str, body: bytes, status: int, answer: object
) -> None:
    response = client.generic("POST", f"/api/{path}", body, content_type="application/json", headers=IN_BODY)
    assert (response.status_code, response.json()) == (status, answer)


def test_another_content_type_is_refused_where_a_body_is_wanted(client: Client) -> None:
    response = client.generic("POST", "/api/logout/", b"refresh=x", content_type="text/plain", headers=IN_BODY)
    assert response.status_code == 415


def test_ended_sessions_token_is_refused(app: Post) -> None:
    assert app("token/refresh/", {"refresh": "a.b.c"}).status_code == 401
    response = app("logout/", {"refresh": "a.b.c"})
    assert (response.status_code, response.json()) == (400, {"detail": "The token is invalid or has expired."})


def test_page_of_another_site_may_sign_in_only_without_cookies(client: Client, app: Post, ada: User) -> None:
    """No cookie is set, so nothing authenticates by itself, and CORS decides who may read the answer."""
    headers = {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"}
    answer = login(app, headers=headers)
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
    client.cookies["csrftoken"] = "x" * 32
    assert login(app, headers=headers).status_code == 403


def test_preflight_lets_an_allowed_page_ask_for_tokens(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    answer = client.options("/api/login/", headers=asked | {"Access-Control-Request-Headers": "x-token-transport"})
    assert "x-token-transport" in answer["Access-Control-Allow-Headers"]


def partitioned(response: Any) -> dict[str, bool]:
    return {name: bool(cookie["partitioned"]) for name, cookie in response.cookies.items()}


def test_cookies_for_other_sites_are_partitioned_and_so_is_their_deletion(
    post: Post, client: Client, ada: User, settings: Settings
) -> None:
    """CHIPS: browsers keep such a cookie separately for each site, and many refuse other cookies of third parties."""
    settings.SECURE_COOKIES = settings.CSRF_COOKIE_SECURE = True
    settings.JWT_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = "None"
    answer = login(post)
    names = [cookies.ACCESS, cookies.REFRESH, cookies.DEVICE, "csrftoken"]
    assert partitioned(answer) == dict.fromkeys(names, True)
    assert "; Partitioned" in answer.cookies[cookies.ACCESS].OutputString()
    assert partitioned(post("logout/")) == dict.fromkeys([cookies.ACCESS, cookies.REFRESH], True)


@pytest.mark.parametrize("same_site", ["Lax", "Strict"])
def test_cookies_for_our_own_site_are_not(post: Post, ada: User, settings: Settings, same_site: str) -> None:
    settings.SECURE_COOKIES, settings.JWT_COOKIE_SAMESITE = True, same_site
    answer = login(post)
    assert set(partitioned(answer).values()) == {False}
    assert "Partitioned" not in answer.cookies[cookies.ACCESS].OutputString()
