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
