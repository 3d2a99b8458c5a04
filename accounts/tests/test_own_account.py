"""What people change of their own account without their password, and where they are signed in."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import cookies, keys
from accounts.auth import by_access_token
from accounts.models import Scope, Session, User
from accounts.sessions import Pair, end_session
from accounts.tests.factories import UserFactory, signed_in

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
OWN = (
    ("get", ""),
    ("patch", ""),
    ("delete", ""),
    ("post", "password/"),
    ("post", "email/"),
    ("get", "sessions/"),
    ("delete", "sessions/5f0c6b1e-3f0e-4a38-9b57-8e2f6b0f2f0a/"),
    ("get", "export/"),
    ("get", "progress/1/"),
    ("put", "progress/1/"),
    ("delete", "progress/1/"),
    ("get", "continue-watching/"),
    ("get", "list/"),
    ("get", "list/1/"),
    ("put", "list/1/"),
    ("delete", "list/1/"),
)


def enter(client: Client, user: User, agent: str = "A test") -> tuple[Session, Pair]:
    session, pair = signed_in(user, agent=agent)
    client.cookies[cookies.ACCESS] = pair.access
    client.cookies[cookies.REFRESH] = pair.refresh
    return session, pair


@pytest.fixture
def session(client: Client, ada: User) -> Session:
    """Ada's, in whose browser the client is."""
    return enter(client, ada)[0]


def edit(client: Client, **fields: object) -> Any:
    return client.patch("/api/me/", fields, content_type="application/json")


@pytest.mark.parametrize(("method", "path"), OWN)
def test_what_is_somebodys_own_is_for_nobody_else_and_for_no_key(client: Client, method: str, path: str) -> None:
    _, key = keys.make(name="Importer", scopes=list(Scope))
    refused = {"Bearer x": 401, "Bearer vfk_1_secret": 401, f"Bearer {key}": 403}
    for authorization, status in refused.items():
        headers = {"Authorization": authorization}
        answer = getattr(client, method)(f"/api/me/{path}", {}, content_type="application/json", headers=headers)
        assert answer.status_code == status
    answer = getattr(client, method)(f"/api/me/{path}", {}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Please sign in."})


@pytest.mark.parametrize(("method", "path"), [own for own in OWN if own[0] != "get"])
def test_other_sites_change_nothing(client: Client, session: Session, method: str, path: str) -> None:
    """OWASP ASVS 5.0 3.5.1."""
    answer = getattr(client, method)(
        f"/api/me/{path}",
        {},
        content_type="application/json",
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403


def test_sign_in_to_the_admin_needs_djangos_token_to_change_anything(carol: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(carol)
    assert edit(client, first_name="Carol").status_code == 403
    client.get("/admin/")
    token = client.cookies["csrftoken"].value
    answer = client.patch(
        "/api/me/", {"first_name": "Carol"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert (answer.status_code, answer.json()["first_name"]) == (200, "Carol")


def test_names_and_language_are_kept_and_given_back(client: Client, session: Session, ada: User) -> None:
    answer = edit(client, first_name=" Ada ", last_name="Łovelace", language="pt_br", email="x@example.com", id=7)
    kept = {"first_name": "Ada", "last_name": "Łovelace", "language": "pt-BR", "email": ada.email, "id": ada.pk}
    assert answer.status_code == 200
    assert {**answer.json(), **kept} == answer.json() == client.get("/api/me/").json()

    assert edit(client, language="", first_name=None).json()["language"] == ""
    assert edit(client).json()["first_name"] == "Ada"  # what is left out stays
    assert edit(client, language="eng").json()["language"] == "en"


@pytest.mark.parametrize(
    "fields",
    [
        {"first_name": "x" * 151},
        {"first_name": "a\nb"},
        {"last_name": "a\x00b"},
        {"last_name": "\ud800"},
        {"last_name": "a\u2028b"},
        {"last_name": "a\u202eb"},
        {"first_name": "a\u2066b"},
        {"last_name": 7},
        {"language": "klingonese-language"},
        {"language": "x" * 36},
        {"language": "en\x00"},
        {"language": "und-"},
        {"language": ["en"]},
    ],
)
def test_names_and_languages_that_are_none_are_refused(
    client: Client, session: Session, fields: dict[str, object]
) -> None:
    answer = edit(client, **fields)
    assert (answer.status_code, set(answer.json())) == (400, set(fields))


@pytest.mark.parametrize(
    "name",
    [
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian, with a zero-width non-joiner
        "\u5c71\u7530\u3000\u592a\u90ce",  # an ideographic space
        "\u0915\u094d\u200d\u0937",  # Devanagari, with a zero-width joiner
        "Jean\u00a0Luc",
        "Kim \U0001f469\u200d\U0001f680",
    ],
)
def test_names_of_any_script_are_kept(client: Client, session: Session, name: str) -> None:
    assert edit(client, first_name=name).json()["first_name"] == name


@pytest.mark.parametrize("body", ["[]", "[null]", "7", "null", '"x"', ""])
def test_only_an_object_is_taken(client: Client, session: Session, body: str) -> None:
    assert client.patch("/api/me/", body, content_type="application/json").status_code == 400


def test_sessions_are_listed_with_their_devices(client: Client, ada: User, bob: User) -> None:
    other, _ = signed_in(ada, last_used_at=timezone.now() - timedelta(hours=1), agent=FIREFOX)
    session, _ = enter(client, ada)
    for changes in ({"revoked_at": timezone.now()}, {"expires_at": timezone.now()}, {"password_mark": "before"}):
        signed_in(ada, **changes)
    signed_in(UserFactory.create())

    answer = client.get("/api/me/sessions/")

    assert answer["Cache-Control"] == "private, no-store"
    listed = answer.json()
    assert [(one["id"], one["device"], one["is_current"]) for one in listed] == [
        (str(session.pk), "A test", True),
        (str(other.pk), "Firefox on Windows", False),
    ]
    assert set(listed[0]) == {"id", "device", "first_seen_at", "last_seen_at", "expires_at", "is_current"}


def test_session_on_another_device_is_ended_at_once(client: Client, session: Session, ada: User) -> None:
    other, pair = signed_in(ada)
    assert client.delete(f"/api/me/sessions/{other.pk}/").status_code == 204
    assert by_access_token(pair.access) is None
    assert [one["id"] for one in client.get("/api/me/sessions/").json()] == [str(session.pk)]
    assert client.delete(f"/api/me/sessions/{other.pk}/").status_code == 404  # it has ended


def test_ending_ones_own_session_signs_out(client: Client, session: Session) -> None:
    answer = client.delete(f"/api/me/sessions/{session.pk}/")
    assert (answer.status_code, answer.cookies[cookies.ACCESS].value) == (204, "")
    assert answer.cookies[cookies.REFRESH].value == ""
    assert client.get("/api/me/").status_code == 401


def test_nobody_ends_sessions_of_others(client: Client, session: Session, carol: User) -> None:
    theirs, pair = signed_in(carol)
    for wrong in (theirs.pk, uuid4(), "x", "1", "../../logout"):
        assert client.delete(f"/api/me/sessions/{wrong}/").status_code == 404
    assert by_access_token(pair.access) is not None


def test_ended_session_changes_nothing(client: Client, session: Session) -> None:
    end_session(session.pk)
    for method, path in OWN:
        assert getattr(client, method)(f"/api/me/{path}", {}, content_type="application/json").status_code == 401
