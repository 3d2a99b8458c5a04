"""Signing in and out, and what the cookies look like."""

import io
import logging
import time
from statistics import median

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from structlog.stdlib import ProcessorFormatter

from accounts import cookies, services, tokens
from accounts.errors import SignInRefused, TokenRefused
from accounts.mailing import links
from accounts.models import Session, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, signed_in
from accounts.tests.test_registration import link_path

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "Unable to log in with these credentials."}


def test_right_password_signs_in_whatever_the_case_of_the_email(post: Post, ada: User) -> None:
    response = post("login/", {"email": "ADA@Example.com", "password": PASSWORD})
    assert response.status_code == 200
    assert response.json() == {"detail": "Login successful", "user": {"id": ada.pk, "username": "ada@example.com"}}
    ada.refresh_from_db()
    assert ada.last_login is not None


def test_cookies_are_http_only_and_as_configured(post: Post, ada: User, settings: Settings) -> None:
    """OWASP ASVS 5.0 3.3.1, 3.3.2, 3.3.4."""
    settings.SECURE_COOKIES, settings.JWT_COOKIE_SAMESITE = True, "None"
    response = post("login/", {"email": ada.email, "password": PASSWORD})
    for name, lifetime_s in ((cookies.ACCESS, 30 * 60), (cookies.REFRESH, 7 * 24 * 3600)):
        cookie = response.cookies[name]
        assert cookie["httponly"]
        assert cookie["secure"]
        assert cookie["samesite"] == "None"
        assert cookie["path"] == "/"
        assert 0 <= lifetime_s - int(cookie["max-age"]) < 5


def test_answer_with_a_token_forbids_storing(post: Post, ada: User) -> None:
    """RFC 6749 section 5.1, OWASP ASVS 5.0 14.3.2."""
    form = {"email": "dora@example.com", "password": PASSWORD, "confirmed_password": PASSWORD}
    answers = [
        post("register/", form),
        post("login/", {"email": ada.email, "password": PASSWORD}),
        post("token/refresh/"),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [answer.get("Cache-Control") for answer in answers] == ["no-store"] * 3


def test_readable_csrftoken_cookie_comes_with_signing_in(post: Post, ada: User) -> None:
    cookie = post("login/", {"email": ada.email, "password": PASSWORD}).cookies["csrftoken"]
    assert cookie.value
    assert not cookie["httponly"]


def test_signing_in_leaves_the_token_of_open_forms_in_the_admin_as_it_is(post: Post, client: Client, ada: User) -> None:
    """Otherwise every open form would be refused with 403, and its input lost."""
    client.get("/admin/login/")
    before = client.cookies["csrftoken"].value
    post("login/", {"email": ada.email, "password": PASSWORD})
    assert client.cookies["csrftoken"].value == before


def test_unknown_wrong_and_inactive_answer_alike(post: Post, ada: User, bob: User) -> None:
    """OWASP ASVS 5.0 6.3.8."""
    answers = [
        post("login/", {"email": email, "password": password})
        for email, password in (("nobody@example.com", PASSWORD), (ada.email, "wrong"), (bob.email, PASSWORD))
    ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(401, REFUSED)] * 3
    assert not any(answer.cookies for answer in answers)


def test_unknown_wrong_and_inactive_cost_the_same(ada: User, bob: User) -> None:
    """OWASP ASVS 5.0 6.3.8: the same queries, and one hash each, so the same time."""
    cases = [("nobody@example.com", PASSWORD), (ada.email, "wrong"), (bob.email, PASSWORD)]
    queries: list[list[str]] = []
    cpu_s: list[list[float]] = [[], [], []]
    for turn in range(6):
        for number, (email, password) in enumerate(cases):
            began = time.process_time()
            with CaptureQueriesContext(connection) as captured, pytest.raises(SignInRefused):
                services.sign_in(email, password, address=f"198.51.100.{number}", agent="")
            if turn:
                cpu_s[number].append(time.process_time() - began)
                queries.append([query["sql"].split(" ")[0] for query in captured.captured_queries])
    assert queries.count(queries[0]) == len(queries)
    medians = [median(times) for times in cpu_s]
    assert max(medians) < 1.6 * min(medians)


def test_nothing_secret_reaches_the_log(post: Post, client: Client, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """OWASP ASVS 5.0 16.2.5."""
    logged = io.StringIO()
    [handler] = [each for each in logging.getLogger().handlers if isinstance(each.formatter, ProcessorFormatter)]
    monkeypatch.setattr(handler, "stream", logged)
    monkeypatch.setattr("sys.stderr", logged)  # where the lines of requests go
    link = link_path(links.password_reset_url(ada), "password_confirm").removeprefix("/api/")
    secrets = [PASSWORD, "wrong one 8", "quite another 7", link.split("/")[2]]
    post("login/", {"email": ada.email, "password": "wrong one 8"})
    signed_in_answer = post("login/", {"email": ada.email, "password": PASSWORD})
    refreshed = post("token/refresh/")
    for answer in (signed_in_answer, refreshed):
        secrets += [answer.cookies[name].value for name in (cookies.ACCESS, cookies.REFRESH)]
    client.get(f"/api/activate/MQ/{link.split('/')[2]}/")
    post(link, {"new_password": "quite another 7", "confirm_password": "quite another 7"})
    post("logout/")
    assert "/api/login/" in logged.getvalue()
    assert not [secret for secret in secrets if secret in logged.getvalue()]


def test_signing_in_again_ends_the_session_this_browser_had(post: Post, ada: User) -> None:
    """OWASP ASVS 5.0 7.2.4."""
    post("login/", {"email": ada.email, "password": PASSWORD})
    post("login/", {"email": ada.email, "password": PASSWORD})
    assert Session.objects.live().count() == 1
    assert Session.objects.count() == 2


def test_logout_ends_the_session_and_clears_the_cookies(post: Post, ada: User) -> None:
    """OWASP ASVS 5.0 7.4.1: the access token stops working at once, too."""
    post("login/", {"email": ada.email, "password": PASSWORD})
    response = post("logout/")
    assert response.status_code == 200
    assert response.json() == {"detail": "Logout successful! All tokens will be deleted. Refresh token is now invalid."}
    assert {response.cookies[name].value for name in (cookies.ACCESS, cookies.REFRESH)} == {""}
    assert not Session.objects.live().exists()


@pytest.mark.parametrize("token", [None, "forged", "ended"])
def test_logout_without_a_live_session_is_refused_but_clears_the_cookies(
    client: Client, post: Post, ada: User, token: str | None
) -> None:
    _, pair = signed_in(ada)
    if token == "ended":
        token = pair.refresh
        Session.objects.end()
    if token:
        client.cookies[cookies.REFRESH] = token
    response = post("logout/")
    assert response.status_code == 400
    assert list(response.json()) == ["detail"]
    assert {response.cookies[name].value for name in (cookies.ACCESS, cookies.REFRESH)} == {""}


def test_access_token_is_no_refresh_token_and_the_other_way_round(ada: User) -> None:
    """OWASP ASVS 5.0 9.2.2: a token is taken for its own purpose only."""
    session, pair = signed_in(ada)
    assert tokens.read_access(pair.access).session_id == session.pk
    for reader, token in ((tokens.read_access, pair.refresh), (tokens.read_refresh, pair.access)):
        with pytest.raises(TokenRefused):
            reader(token)
