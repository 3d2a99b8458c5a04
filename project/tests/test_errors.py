"""Every error below /api/ is JSON in one of two shapes, and says nothing it shouldn't."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from accounts import services
from accounts.tests.conftest import forget_everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    yield
    forget_everything()


LOGIN = {"email": "ada@example.com", "password": "wrong"}


def is_in_shape(body: Any) -> bool:
    """{"detail": "one sentence"} or {"<field>": ["sentence", …], …}."""
    if set(body) == {"detail"} and isinstance(body["detail"], str):
        return bool(body["detail"].endswith("."))
    return bool(body) and all(
        isinstance(sentences, list) and sentences and all(sentence.endswith(".") for sentence in sentences)
        for sentences in body.values()
    )


def send(client: Client, content: bytes, *, path: str = "login/", kind: str = "application/json") -> Any:
    return client.generic("POST", f"/api/{path}", content, content_type=kind)


BAD_BODIES = {
    "nothing": b"",
    "malformed": b'{"email": "ada@exa',
    "not utf-8": b'{"email": "\xff\xfe", "password": "x"}',
    "a list": b"[1, 2]",
    "a string": b'"email"',
    "a number": b"5",
    "null": b"null",
    "duplicate keys": b'{"email": "a@example.com", "email": "b@example.com", "password": "x"}',
    "deep": b'{"email": ' + b"[" * 100_000 + b"]" * 100_000 + b', "password": "x"}',
    "NaN": b'{"email": NaN, "password": "x"}',
    "huge number": b'{"email": ' + b"9" * 10_000 + b', "password": "x"}',
    "wrong types": b'{"email": {"$gt": ""}, "password": [true]}',
    "null byte": b'{"email": "a\\u0000@example.com", "password": "x\\u0000"}',
    "half a surrogate pair": b'{"email": "\\ud800@example.com", "password": "\\udfff"}',
    "long e-mail": json.dumps({"email": "a" * 900_000 + "@example.com", "password": "x"}).encode(),
    "long everything": json.dumps(dict.fromkeys(("email", "password", "new_password"), "x" * 200000)).encode(),
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "video/"),
        ("GET", "video/7/480p/segment_000.ts"),
        ("GET", "playback/check?video=7"),
        ("POST", "login/"),
        ("GET", "uploads/"),
    ],
)
def test_refusal_says_what_would_be_accepted(client: Client, method: str, path: str) -> None:
    """RFC 9110 15.5.2; a challenge for which no browser opens a password window."""
    response = client.generic(method, f"/api/{path}", json.dumps(LOGIN), content_type="application/json")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="videoflix"')
    assert not client.get("/api/nowhere/").has_header("WWW-Authenticate")


@pytest.mark.parametrize(
    "path", ["login/", "register/", "activation/resend/", "password_reset/", "password_confirm/MQ/a-b/"]
)
@pytest.mark.parametrize("kind", BAD_BODIES)
def test_bad_input_is_a_400_in_shape(client: Client, path: str, kind: str) -> None:
    """OWASP ASVS 5.0 2.2.1, 4.1.5, 16.5.1."""
    response = send(client, BAD_BODIES[kind], path=path)
    assert response.status_code == 400
    assert is_in_shape(response.json())
    assert len(response.content) < 600


def test_wrong_types_are_named_field_by_field(client: Client) -> None:
    answer = send(client, BAD_BODIES["wrong types"]).json()
    assert answer == {"email": ["Input should be a valid string."], "password": ["Input should be a valid string."]}


def test_input_is_never_echoed(client: Client) -> None:
    marked = {"email": "marker-7f3a", "password": "marker-7f3a", "confirmed_password": "marker-7f3b"}
    for path in ("register/", "password_reset/"):
        assert b"marker" not in send(client, json.dumps(marked).encode(), path=path).content
    assert b"marker" not in client.get("/api/video/marker-7f3a/").content
    assert b"marker" not in client.get("/api/marker-7f3a").content


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json", "", "nonsense"])
def test_other_content_type_is_a_415_in_shape(client: Client, kind: str) -> None:
    """OWASP ASVS 5.0 3.5.2: what a form on a foreign page can send is no JSON request."""
    response = send(client, json.dumps(LOGIN).encode(), kind=kind)
    assert (response.status_code, is_in_shape(response.json())) == (415, True)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_content_type_is_taken_in_any_spelling(client: Client, kind: str) -> None:
    assert send(client, json.dumps(LOGIN).encode(), kind=kind).status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/", "/api", "/api/nothing", "/api/nothing/", "/api/login/more/", "/api/%00", "/api//"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_path_is_a_404_in_shape(client: Client, path: str, method: str) -> None:
    response = client.generic(method, path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(("method", "path"), [("GET", "login/"), ("DELETE", "video/"), ("PUT", "token/refresh")])
def test_wrong_method_is_a_405_in_shape_that_names_the_right_ones(client: Client, method: str, path: str) -> None:
    response = client.generic(method, f"/api/{path}")
    assert (response.status_code, is_in_shape(response.json())) == (405, True)
    assert response["Allow"]


def test_unauthenticated_is_a_401_in_shape(client: Client) -> None:
    response = client.get("/api/video/")
    assert (response.status_code, response.json()) == (401, {"detail": "Please sign in."})


def test_oversized_body_is_a_413_in_shape(client: Client) -> None:
    response = send(client, b"{" + b" " * 1_000_001)
    assert (response.status_code, response.json()) == (413, {"detail": "The request is too large."})


@pytest.mark.parametrize("debug", [True, False])
def test_unexpected_error_is_a_500_in_shape_without_its_reason(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    """OWASP ASVS 5.0 16.5.1: no stack trace, whatever DEBUG says."""

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("the reason, with a secret")

    settings.DEBUG = debug
    monkeypatch.setattr(services, "sign_in", broken)
    client.raise_request_exception = False
    response = send(client, json.dumps(LOGIN).encode())
    assert response.status_code == 500
    assert is_in_shape(response.json())
    assert b"reason" not in response.content
    assert b"Traceback" not in response.content


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/video/", 401),
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/login/", 405),
        ("GET", "/api/video/1/480p/segment_000.ts", 401),
        ("POST", "/api/login/", 400),
    ],
)
def test_no_cache_keeps_an_error(client: Client, method: str, path: str, status: int) -> None:
    """A cache in between may by itself keep 404, 405, 410, 414 and 501 that say nothing of it (RFC 9110, 15.1)."""
    response = client.generic(method, path, b"{}", content_type="application/json")
    assert (response.status_code, response.headers["Cache-Control"]) == (status, "no-store")


def test_error_outside_the_api_layer_is_json_too(client: Client) -> None:
    response = client.post("/api/login/", headers={"Origin": "http://evil.example.net"})
    assert response.status_code == 403
    assert "CSRF_TRUSTED_ORIGINS" in response.json()["detail"]


def test_pages_outside_the_api_keep_their_html(client: Client) -> None:
    response = client.get("/nothing/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_every_route_answers_with_and_without_its_slash_and_never_redirects(client: Client) -> None:
    paths = sorted({path for path in api_paths() if path})
    assert len(paths) > 10
    for path in paths:
        spellings = {f"/api/{path.rstrip('/')}", f"/api/{path.rstrip('/')}/"}
        answers = {client.get(spelling).status_code for spelling in spellings}
        assert len(answers) == 1, path
        assert answers <= {200, 400, 401, 404, 405, 503}, path


def api_paths() -> list[str]:
    """Every route of the API with its variables filled in."""
    [api] = [entry for entry in get_resolver().url_patterns if str(entry.pattern) == "api/"]
    values = {"<uidb64>": "MQ", "<token>": "a-b"}
    found = []
    for entry in api.url_patterns:  # type: ignore[union-attr]
        route = str(entry.pattern)
        for variable, value in values.items():
            route = route.replace(variable, value)
        found.append(route)
    return [route for route in found if "<" not in route]
