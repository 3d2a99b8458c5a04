"""A frontend on another site than the API's, in a browser that refuses the cookies of third parties."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import Page
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import ADMIN, web_server
from project.tests.browser import chromium, frontend, needs_chromium
from project.tests.installation import free_port

pytestmark = [
    pytest.mark.services,
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="cookies are the same on every database"),
]

STRICT = "--test-third-party-cookie-phaseout"
BODY = {"email": ADMIN["DJANGO_SUPERUSER_EMAIL"], "password": ADMIN["DJANGO_SUPERUSER_PASSWORD"]}
IN_BODY = """([path, body]) => call(path, {
  method: "POST",
  credentials: "omit",
  headers: { "Content-Type": "application/json", "X-Token-Transport": "body" },
  body: JSON.stringify(body),
})"""
LIST_AS = "(access) => call('/api/video/', { credentials: 'omit', headers: { Authorization: `Bearer ${access}` } })"


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Page]:
    """On http://localhost, calling an API on http://127.0.0.1: two sites, and both safe enough for secure cookies."""
    port = free_port()
    variables = {
        "SECURE_COOKIES": "True",
        "JWT_COOKIE_SAMESITE": "None",
        "CSRF_TRUSTED_ORIGINS": f"http://localhost:{port}",
    }
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        api = stack.enter_context(web_server(tmp_path_factory.mktemp("api"), **variables))
        stack.enter_context(frontend(tmp_path_factory.mktemp("page"), port, api))
        opened = stack.enter_context(chromium(STRICT)).new_page()
        opened.goto(f"http://localhost:{port}/")
        yield opened
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)


def status(page: Page, script: str) -> int:
    found: int = page.evaluate(f"{script}.then((answer) => answer.status)")
    return found


def test_cookies_sign_in_stay_and_go(page: Page) -> None:
    assert status(page, "call('/api/video/')") == 401
    assert page.evaluate("(body) => post('/api/login/', body)", BODY)["status"] == 200
    assert status(page, "call('/api/video/')") == 200
    assert status(page, "call('/api/token/refresh/', { method: 'POST' })") == 200
    kept = {str(cookie.get("name")): cookie for cookie in page.context.cookies()}
    assert {"access_token", "refresh_token", "csrftoken", "device_token"} <= set(kept)
    assert status(page, "call('/api/logout/', { method: 'POST' })") == 200
    assert status(page, "call('/api/video/')") == 401
    assert not {"access_token", "refresh_token"} & {str(cookie.get("name")) for cookie in page.context.cookies()}


def test_tokens_in_bodies_need_no_cookie(page: Page) -> None:
    page.context.clear_cookies()
    signed_in = page.evaluate(IN_BODY, ["/api/login/", BODY])["body"]
    renewed = page.evaluate(IN_BODY, ["/api/token/refresh/", {"refresh": signed_in["refresh"]}])["body"]
    assert page.evaluate(LIST_AS, renewed["access"])["status"] == 200
    assert page.evaluate(IN_BODY, ["/api/logout/", {"refresh": renewed["refresh"]}])["status"] == 200
    assert page.evaluate(LIST_AS, renewed["access"])["status"] == 401
    assert page.context.cookies() == []
