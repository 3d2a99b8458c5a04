"""Frontends on the developer's own machine may use the API as long as nobody has set up anything else."""

import subprocess
import sys

import pytest
import structlog
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

HERE = [
    "http://localhost:4200",
    "http://localhost:5173",
    "http://127.0.0.1:5500",
    "http://127.0.0.1:4200",
    "http://[::1]:5173",
    "https://localhost:8443",
    "http://localhost",
]
ELSEWHERE = [
    "http://localhost.example.net:4200",
    "http://192.168.1.7:4200",
    "http://127.0.0.1.example.net",
    "http://app.localhost.example.net",
    "http://0.0.0.0:4200",
    "file://localhost",
    "null",
]
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def login(client: Client, origin: str) -> int:
    body = {"email": "ada@example.com", "password": PASSWORD}
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    return client.post("/api/login/", body, content_type="application/json", headers=headers).status_code


@pytest.mark.parametrize("origin", HERE)
def test_any_frontend_on_this_machine_signs_in(client: Client, ada: User, settings: Settings, origin: str) -> None:
    settings.WELCOMES_THIS_MACHINE = True
    preflight = client.options("/api/login/", headers={"Origin": origin} | ASKING)
    assert preflight["Access-Control-Allow-Origin"] == origin
    assert preflight["Access-Control-Allow-Credentials"] == "true"
    assert login(client, origin) == 200


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_frontend_of_another_machine_is_refused(client: Client, ada: User, settings: Settings, origin: str) -> None:
    settings.WELCOMES_THIS_MACHINE = True
    assert "Access-Control-Allow-Origin" not in client.options("/api/login/", headers={"Origin": origin} | ASKING)
    assert login(client, origin) == 403


@pytest.mark.parametrize("origin", HERE)
def test_frontends_on_this_machine_are_refused_where_something_is_set_up(
    client: Client, ada: User, settings: Settings, origin: str
) -> None:
    settings.WELCOMES_THIS_MACHINE = False
    assert login(client, origin) == 403


def test_a_refused_page_is_logged_in_one_line_for_its_preflight_and_for_its_request(
    client: Client, settings: Settings
) -> None:
    settings.WELCOMES_THIS_MACHINE = False
    for method, headers in (("OPTIONS", ASKING), ("POST", {})):
        with structlog.testing.capture_logs() as logged:
            client.generic(method, "/api/login/", headers={"Origin": HERE[0]} | headers)
        [line] = [line for line in logged if line["event"] == "origin refused"]
        assert (line["origin"], line["path"]) == (HERE[0], "/api/login/")
        assert "CSRF_TRUSTED_ORIGINS" in line["hint"]


@pytest.mark.parametrize(
    ("variables", "is_welcome"),
    [
        ({}, True),
        ({"ALLOWED_HOSTS": "api.example.com"}, False),
        ({"ALLOWED_HOSTS": "localhost"}, False),
        ({"CSRF_TRUSTED_ORIGINS": "https://app.example.com"}, False),
    ],
)
def test_only_an_installation_with_default_settings_allows_this_machine(
    variables: dict[str, str], is_welcome: bool
) -> None:
    code = "from project import settings; print(settings.WELCOMES_THIS_MACHINE)"
    environment = {"ENV_FILE": "", "DATA_DIR": "/tmp/none", **variables}  # nothing is written
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(is_welcome)


def sign_in_from(client: Client, origin: str, host: str, **headers: str) -> tuple[int, dict[str, object]]:
    body = {"email": "ada@example.com", "password": PASSWORD}
    sent = {"Origin": origin, "Host": host, "Sec-Fetch-Site": "cross-site"} | headers
    answer = client.post("/api/login/", body, content_type="application/json", headers=sent)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:5173", "localhost:8000"),
        ("http://localhost:5173", "127.0.0.1:8000"),
        ("http://[::1]:5173", "localhost:8000"),
        ("http://127.0.0.1:5173", "[::1]:8000"),
    ],
)
def test_page_on_the_other_name_is_told_that_its_cookies_would_be_lost(
    client: Client, ada: User, settings: Settings, origin: str, host: str
) -> None:
    settings.WELCOMES_THIS_MACHINE = True
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    status, told = sign_in_from(client, origin, host)
    assert status == 403
    assert "two sites" in str(told["detail"])
    assert client.cookies.keys() == set()
    assert sign_in_from(client, origin, host, **{"X-Token-Transport": "body"})[0] == 200  # needs no cookie


@pytest.mark.parametrize(
    ("origin", "host", "site"),
    [
        ("http://localhost:5173", "localhost:8000", "same-site"),
        ("http://127.0.0.1:5173", "127.0.0.1:8000", "same-site"),
        ("http://127.0.0.1:5173", "localhost:8000", ""),  # no browser of today
        ("http://localhost:5173", "api.example.com", "cross-site"),
    ],
)
def test_no_other_page_is_told_so(
    client: Client, ada: User, settings: Settings, origin: str, host: str, site: str
) -> None:
    settings.WELCOMES_THIS_MACHINE = True
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "api.example.com"]
    assert sign_in_from(client, origin, host, **{"Sec-Fetch-Site": site})[0] == 200


def test_origin_that_can_not_be_read_is_as_if_absent(client: Client, ada: User, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    told = sign_in_from(client, "http://[::1", "localhost:8000", Authorization="Bearer of-an-app")
    assert told[0] == 200


def test_cookies_for_other_sites_are_kept_on_the_other_name_too(client: Client, ada: User, settings: Settings) -> None:
    settings.WELCOMES_THIS_MACHINE = True
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    settings.JWT_COOKIE_SAMESITE, settings.SECURE_COOKIES = "None", True
    assert sign_in_from(client, "http://127.0.0.1:5173", "localhost:8000")[0] == 200
