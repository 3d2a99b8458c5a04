"""Which pages may send unsafe requests, and which may read the answers."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import cookies, origins
from accounts.models import User
from accounts.tests.factories import PASSWORD, signed_in

pytestmark = pytest.mark.django_db

APP = "https://app.example.com"
EVIL = "https://evil.example.net"
UNSAFE = [
    "register/",
    "login/",
    "token/refresh/",
    "logout/",
    "password_reset/",
    "activation/resend/",
    "password_confirm/a/b/",
    "uploads/",
]


@pytest.fixture(autouse=True)
def allowed_app(settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [APP]
    settings.WELCOMES_THIS_MACHINE = False


def login(client: Client, **headers: str) -> int:
    body = {"email": "ada@example.com", "password": PASSWORD}
    return client.post("/api/login/", body, content_type="application/json", headers=headers).status_code


@pytest.mark.parametrize("path", UNSAFE)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Origin": EVIL},
        {"Origin": "null"},
    ],
)
def test_foreign_page_is_refused_everywhere(client: Client, path: str, method: str, headers: dict[str, str]) -> None:
    """OWASP ASVS 5.0 3.5.1, 3.5.3."""
    response = client.generic(method, f"/api/{path}", b"{}", content_type="application/json", headers=headers)
    assert (response.status_code, response.json()) == (403, {"detail": origins.REFUSAL})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": APP},
        {"Sec-Fetch-Site": "same-site", "Origin": APP},
        {"Origin": APP},
        {"Origin": "http://testserver"},
    ],
)
def test_own_page_allowed_page_and_scripts_pass(client: Client, ada: User, headers: dict[str, str]) -> None:
    assert login(client, **headers) == 200


def test_own_origin_counts_with_its_scheme(client: Client, ada: User) -> None:
    assert login(client, Origin="https://testserver") == 403
    response = client.post(
        "/api/login/",
        {"email": ada.email, "password": PASSWORD},
        content_type="application/json",
        headers={"Origin": "https://testserver"},
        secure=True,
    )
    assert response.status_code == 200


def test_bearer_token_is_exempt_only_without_cookies(client: Client, ada: User) -> None:
    _, pair = signed_in(ada)
    headers = {"Origin": EVIL, "Authorization": f"Bearer {pair.access}"}
    assert client.post("/api/nothing/", headers=headers).status_code == 404
    client.cookies[cookies.ACCESS] = pair.access
    assert client.post("/api/nothing/", headers=headers).status_code == 403


def test_reading_is_not_affected(client: Client) -> None:
    assert client.get("/api/openapi.json", headers={"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}).status_code == 200


def preflight(client: Client, origin: str, *, path: str = "login/", method: str = "POST") -> dict[str, str]:
    response = client.options(
        f"/api/{path}",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert response.status_code == 200
    return {name.lower(): value for name, value in response.items()}


@pytest.mark.parametrize(
    ("path", "method"), [("login/", "POST"), ("video/", "GET"), ("video/1/720p/index.m3u8", "GET")]
)
def test_preflight_of_an_allowed_origin_is_answered_with_credentials(client: Client, path: str, method: str) -> None:
    answer = preflight(client, APP, path=path, method=method)
    assert answer["access-control-allow-origin"] == APP
    assert answer["access-control-allow-credentials"] == "true"
    allowed = {name.strip() for name in answer["access-control-allow-headers"].split(",")}
    assert {"content-type", "x-csrftoken", "authorization", "range"} <= allowed


def test_foreign_origin_gets_no_cors_headers(client: Client) -> None:
    assert not [name for name in preflight(client, EVIL) if name.startswith("access-control")]
    response = client.get("/api/openapi.json", headers={"Origin": EVIL})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_allowed_origin_can_read_answers_and_errors(client: Client) -> None:
    for path in ("openapi.json", "nothing/"):
        response = client.get(f"/api/{path}", headers={"Origin": APP})
        assert response["Access-Control-Allow-Origin"] == APP
        assert response["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://app.example.org", True),
        ("https://a.b.example.org", True),
        ("https://example.org", True),
        ("http://app.example.org", False),
        ("https://app.example.org:8443", False),
        ("https://evilexample.org", False),
        ("https://app.example.org.evil.net", False),
        ("https://evil.net/.example.org", False),
        ("https://evil.net#.example.org", False),
        ("https://[.example.org", False),
        ("null", False),
    ],
)
def test_wildcard_holds_for_every_check_alike(
    client: Client, ada: User, settings: Settings, origin: str, is_allowed: bool
) -> None:
    """The API's rule, CORS, and Django's own check for the admin's forms."""
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.org"]
    assert login(client, Origin=origin) == (200 if is_allowed else 403)
    read = client.get("/api/openapi.json", headers={"Origin": origin})
    assert read.get("Access-Control-Allow-Origin") == (origin if is_allowed else None)
    if is_allowed:
        assert preflight(client, origin)["access-control-allow-origin"] == origin
    page = Client(enforce_csrf_checks=True)
    page.get("/admin/login/")
    form = {"username": "x", "password": "x", "csrfmiddlewaretoken": page.cookies["csrftoken"].value}
    assert page.post("/admin/login/", form, headers={"Origin": origin}).status_code == (200 if is_allowed else 403)


def test_pages_outside_the_api_can_not_be_read_from_other_origins(client: Client) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": APP})
