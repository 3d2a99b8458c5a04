"""Behaviour that only shows with several server processes and real connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import ADMIN, web_server

pytestmark = pytest.mark.services

BODY = {"email": ADMIN["DJANGO_SUPERUSER_EMAIL"], "password": ADMIN["DJANGO_SUPERUSER_PASSWORD"]}


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    with django_db_blocker.unblock():
        with web_server(tmp_path_factory.mktemp("served")) as address:
            yield address
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def server(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api", timeout=60, follow_redirects=False) as client:
        yield client


def signed_in(client: httpx.Client) -> dict[str, str]:
    response = client.post("/login/", json=BODY)
    assert response.status_code == 200
    return dict(response.cookies)


def token_id(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["jti"])


def is_signed_in(client: httpx.Client, access: str) -> bool:
    return client.get("/video/", headers={"Authorization": f"Bearer {access}"}).status_code == 200


def test_hundred_parallel_refreshes_end_with_one_token_and_no_tab_signed_out(server: httpx.Client) -> None:
    """RFC 9700 section 4.14.2, OWASP ASVS 5.0 10.4.5: rotation that parallel tabs survive."""
    start = signed_in(server)
    server.cookies.clear()

    def tab(_: int) -> httpx.Response:
        # Each tab has its own client, so they share only the cookie they start with.
        with httpx.Client(base_url=server.base_url, timeout=60, cookies=start) as client:
            return client.post("/token/refresh/")

    with ThreadPoolExecutor(100) as pool:
        tabs = list(pool.map(tab, range(100)))
    assert {answer.status_code for answer in tabs} == {200}
    assert len({token_id(answer.cookies["refresh_token"]) for answer in tabs}) == 1
    assert token_id(tabs[0].cookies["refresh_token"]) != token_id(start["refresh_token"])
    assert all(is_signed_in(server, answer.json()["access"]) for answer in tabs[:: 100 // 10])
    server.cookies.update(tabs[99].cookies)
    assert server.post("/token/refresh/").status_code == 200


def test_tabs_that_share_a_cookie_jar_and_refresh_all_the_time_stay_signed_in(server: httpx.Client) -> None:
    server.cookies.update(signed_in(server))

    def tab(_: int) -> list[int]:
        return [server.post("/token/refresh/").status_code for _ in range(8)]

    with ThreadPoolExecutor(12) as pool:
        statuses = [status for seen in pool.map(tab, range(12)) for status in seen]
    assert set(statuses) == {200}
    final = server.post("/token/refresh/")
    assert final.status_code == 200
    assert is_signed_in(server, final.json()["access"])


@pytest.mark.parametrize("path", ["/login", "/login/"])
def test_both_spellings_answer_without_a_redirect(server: httpx.Client, path: str) -> None:
    assert server.post(path, json=BODY).status_code == 200


def test_oversized_body_is_a_413_that_arrives(server: httpx.Client) -> None:
    response = server.post("/login/", content=b"x" * 3_000_000, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (413, {"detail": "The request is too large."})


def test_hundred_wrong_passwords_at_once_get_no_more_answers_than_the_limit(server: httpx.Client) -> None:
    """OWASP ASVS 5.0 6.3.1: tries count before they are answered, in whichever process."""

    def guess(number: int) -> int:
        with httpx.Client(base_url=server.base_url, timeout=60) as client:
            return client.post("/login/", json={"email": "guessed@example.com", "password": f"{number}"}).status_code

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(guess, range(100)))
    assert (statuses.count(401), statuses.count(429)) == (10, 90)
