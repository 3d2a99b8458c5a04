"""Who is signed in, for a frontend that can't read its cookies."""

from typing import Any

import pytest
from django.test import Client

from accounts import cookies
from accounts.models import User
from accounts.sessions import end_sessions_of
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, signed_in

pytestmark = pytest.mark.django_db


def described(user: User) -> dict[str, Any]:
    joined_at = user.date_joined.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    texts = {"new_email": "", "first_name": "", "last_name": "", "language": ""}
    proof = {"has_password": True, "proved_until": None}
    return {"id": user.pk, "email": user.email, **texts, "is_staff": user.is_staff, "joined_at": joined_at, **proof}


def test_nobody_is_signed_in_without_credentials(client: Client) -> None:
    answer = client.get("/api/me/")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Please sign in."})


def test_reload_after_signing_in_tells_who_it_is(client: Client, post: Post, ada: User) -> None:
    post("login/", {"email": ada.email, "password": PASSWORD})

    answer = client.get("/api/me/")

    assert (answer.status_code, answer.json()) == (200, described(ada))
    assert answer["Cache-Control"] == "no-store"
    post("logout/")
    assert client.get("/api/me/").status_code == 401


@pytest.mark.parametrize("path", ["/api/me/", "/api/me"])
def test_bearer_and_cookie_are_taken_with_and_without_the_last_slash(client: Client, ada: User, path: str) -> None:
    _, pair = signed_in(ada)
    assert client.get(path, headers={"Authorization": f"Bearer {pair.access}"}).json() == described(ada)
    client.cookies[cookies.ACCESS] = pair.access
    assert client.get(path).json() == described(ada)
    assert client.head(path).status_code == 200


def test_staff_signed_in_to_the_admin_alone_are_named(client: Client, carol: User) -> None:
    client.force_login(carol)
    assert client.get("/api/me/").json() == described(carol)


def test_viewer_whose_session_was_ended_is_nobody(client: Client, ada: User) -> None:
    _, pair = signed_in(ada)
    client.cookies[cookies.ACCESS] = pair.access
    end_sessions_of(ada)
    assert client.get("/api/me/").status_code == 401
