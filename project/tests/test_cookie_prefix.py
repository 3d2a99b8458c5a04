"""Two instances on one host that differ only in the port: a browser sends both the same cookies."""

import http.cookiejar
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import ADMIN, web_server
from project.tests.edge import nginx, nginx_binary

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="cookies are the same on every database"),
]

PREFIX = "test_"
BODY = {"email": ADMIN["DJANGO_SUPERUSER_EMAIL"], "password": ADMIN["DJANGO_SUPERUSER_PASSWORD"]}
MAKE_VIDEO = "from library.tests.videos import published; print(published(title='One').pk)"


@pytest.fixture(scope="module")
def other(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[str, Path]]:
    """The address and the folder of an instance whose cookies have a prefix."""
    folder = tmp_path_factory.mktemp("prefixed")
    with django_db_blocker.unblock():
        with web_server(folder, COOKIE_PREFIX=PREFIX, WEB_WORKERS="1") as address:
            yield address, folder
        call_command("flush", interactive=False, verbosity=0)


def names(client: httpx.Client) -> set[str]:
    return {cookie.name for cookie in client.cookies.jar}


def enter_admin(client: httpx.Client, address: str, csrf_cookie: str) -> None:
    client.get(f"{address}/admin/login/")
    form = {"username": "admin", "password": BODY["password"], "csrfmiddlewaretoken": client.cookies[csrf_cookie]}
    assert client.post(f"{address}/admin/login/", data=form).status_code == 302


def test_every_cookie_has_the_prefix_and_no_other_instance_loses_its_own(other: tuple[str, Path]) -> None:
    address, _ = other
    jar = http.cookiejar.CookieJar()
    with httpx.Client(cookies=jar, timeout=30) as browser:
        of_another = dict.fromkeys(["access_token", "refresh_token", "csrftoken", "sessionid"], "of-another-port")
        for name, value in of_another.items():
            browser.cookies.set(name, value, domain="127.0.0.1", path="/")
        assert browser.post(f"{address}/api/login/", json=BODY).status_code == 200
        enter_admin(browser, address, f"{PREFIX}csrftoken")
        assert browser.get(f"{address}/admin/").status_code == 200
        assert browser.get(f"{address}/api/video/").status_code == 200
        ours = {f"{PREFIX}{name}" for name in (*of_another, "device_token")}
        assert names(browser) == ours | set(of_another)
        assert browser.post(f"{address}/api/token/refresh/").status_code == 200
        assert browser.post(f"{address}/api/logout/").status_code == 200
        assert {name: browser.cookies[name] for name in of_another} == of_another


def test_schema_names_the_cookies_as_they_are(other: tuple[str, Path]) -> None:
    schemes = httpx.get(f"{other[0]}/api/openapi.json").json()["components"]["securitySchemes"]
    found = {scheme["name"] for scheme in schemes.values() if scheme.get("in") == "cookie"}
    assert found == {f"{PREFIX}{name}" for name in ("access_token", "sessionid", "playback_token")}


def test_page_that_uploads_is_told_the_name(other: tuple[str, Path]) -> None:
    with httpx.Client(timeout=30) as browser:
        enter_admin(browser, other[0], f"{PREFIX}csrftoken")
        page = browser.get(f"{other[0]}/admin/library/video/add/").text
    assert f'data-csrf-cookie="{PREFIX}csrftoken"' in page


@pytest.mark.edge
@pytest.mark.skipif(nginx_binary() is None, reason="no nginx found")
def test_edge_asks_by_the_cookie_as_it_is_called(other: tuple[str, Path]) -> None:
    address, folder = other
    variables = {"DATA_DIR": str(folder), "DB_NAME": str(connection.settings_dict["NAME"])}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", MAKE_VIDEO]
    made = subprocess.run(
        command, env=os.environ | variables, cwd=settings.BASE_DIR, check=True, capture_output=True, text=True
    )
    video = int(made.stdout)
    with ExitStack() as stack:
        upstream = urlsplit(address).netloc
        edge = stack.enter_context(nginx(folder / "nginx", upstream=upstream, data=folder, cookie_prefix=PREFIX))
        browser = stack.enter_context(httpx.Client(base_url=edge, timeout=30))
        assert browser.post("/api/login/", json=BODY).status_code == 200
        granted = browser.get(f"/api/video/{video}/master.m3u8").cookies[f"{PREFIX}playback_token"]
        segment = f"{edge}/api/video/{video}/480p/segment_000.ts"
        answers = [
            httpx.get(segment, headers={"Cookie": f"{name}={granted}"})
            for name in (f"{PREFIX}playback_token", "playback_token")
        ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].headers["server"].startswith("nginx")
    assert "x-frame-options" not in answers[0].headers
