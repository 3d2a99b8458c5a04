"""Which credential passes which gate."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import cookies
from accounts.models import User
from accounts.tests.factories import UserFactory, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.api")]

GATES = ["viewer", "reader", "staff"]


def status(client: Client, gate: str, token: str = "", *, method: str = "GET", **headers: str) -> int:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return client.generic(method, f"/api/{gate}/", headers=bearer | headers).status_code


@pytest.mark.parametrize("gate", GATES)
def test_nobody_is_let_in_without_credentials(client: Client, db: None, gate: str) -> None:
    assert status(client, gate) == 401


@pytest.mark.parametrize(("gate", "expected"), [("viewer", 200), ("reader", 200), ("staff", 403)])
def test_viewer_passes_by_cookie_and_by_bearer(client: Client, ada: User, gate: str, expected: int) -> None:
    _, pair = signed_in(ada)
    assert status(client, gate, pair.access) == expected
    client.cookies[cookies.ACCESS] = pair.access
    assert status(client, gate) == expected


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_bearer_is_taken_in_any_case(client: Client, ada: User, scheme: str) -> None:
    _, pair = signed_in(ada)
    assert status(client, "viewer", Authorization=f"{scheme}  {pair.access} ") == 200


@pytest.mark.parametrize("gate", GATES)
def test_staff_passes_by_token(client: Client, carol: User, gate: str) -> None:
    assert status(client, gate, signed_in(carol)[1].access) == 200


@pytest.mark.parametrize(("gate", "expected"), [("viewer", 401), ("reader", 200), ("staff", 200)])
def test_admin_session_opens_reading_and_staff_only(client: Client, carol: User, gate: str, expected: int) -> None:
    client.force_login(carol)
    assert status(client, gate) == expected


@pytest.mark.parametrize("gate", ["reader", "staff"])
def test_admin_session_of_a_mere_viewer_opens_nothing(client: Client, ada: User, gate: str) -> None:
    client.force_login(ada)
    assert status(client, gate) == 401


def test_unsafe_request_by_admin_session_needs_djangos_csrf_token(carol: User) -> None:
    """OWASP ASVS 5.0 3.5.1."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(carol)
    client.get("/admin/login/", urlconf="project.urls")
    assert status(client, "staff", method="POST") == 403
    token = "a" * 32
    client.cookies["csrftoken"] = token
    assert status(client, "staff", method="POST", **{"X-CSRFToken": token}) == 200
    assert status(client, "staff", method="POST", **{"X-CSRFToken": "b" * 32}) == 403


def test_weak_credential_does_not_shadow_a_strong_one(client: Client, ada: User, carol: User) -> None:
    """Signed in as a viewer in the frontend and as staff in the admin, in one browser."""
    client.force_login(carol)
    client.cookies[cookies.ACCESS] = signed_in(ada)[1].access
    assert status(client, "staff") == 200
    assert client.get("/api/reader/").json()["user"] == ada.pk


def test_inactive_user_passes_nothing(client: Client, ada: User) -> None:
    _, pair = signed_in(ada)
    User.objects.update(is_active=False)
    assert status(client, "viewer", pair.access) == 401


def payload_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    loaded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return loaded


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def forged(access: str, refresh: str) -> dict[str, str]:
    payload = payload_of(access)
    key = str(settings.NINJA_JWT["SIGNING_KEY"])
    past = int((timezone.now() - timedelta(minutes=1)).timestamp())

    def signed(changes: dict[str, Any], secret: str = key, algorithm: str = "HS256") -> str:
        claims = {name: value for name, value in (payload | changes).items() if value is not None}
        return jwt.encode(claims, secret, algorithm=algorithm)

    return {
        "garbage": "x.y.z",
        "empty parts": "..",
        "not ascii": "ünïcödé",
        "long": "a" * 7000,
        "alg none": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(payload)}.",
        "other key": signed({}, secret="another key that is long enough to be one"),
        "other algorithm": signed({}, algorithm="HS384"),
        "expired": signed({"exp": past}),
        "never expires": signed({"exp": None}),
        "other issuer": signed({"iss": "elsewhere"}),
        "other audience": signed({"aud": "elsewhere"}),
        "refresh as access": refresh,
        "no type": signed({"token_type": None}),
        "no session": signed({"sid": None}),
        "session that is none": signed({"sid": "1 OR 1=1"}),
        "session of a list": signed({"sid": [1]}),
        "unknown session": signed({"sid": "00000000-0000-4000-8000-000000000000"}),
        "changed payload": ".".join([access.split(".")[0], encoded(payload | {"sid": "x"}), access.split(".")[2]]),
    }


@pytest.mark.parametrize("kind", sorted(forged("a.e30.c", "")))
def test_forged_token_is_a_401_in_shape_by_cookie_and_by_bearer(client: Client, ada: User, kind: str) -> None:
    """OWASP ASVS 5.0 9.1.1, 9.1.2, 9.2.1, 9.2.2, 9.2.3."""
    _, pair = signed_in(ada)
    token = forged(pair.access, pair.refresh)[kind]
    assert status(client, "viewer", token) == 401
    client.cookies[cookies.ACCESS] = token
    assert status(client, "viewer") == 401


def test_signed_copy_of_a_good_token_is_accepted(client: Client, ada: User) -> None:
    """The control of the test above: without a forgery the token is accepted."""
    _, pair = signed_in(ada)
    copy = jwt.encode(payload_of(pair.access), str(settings.NINJA_JWT["SIGNING_KEY"]), algorithm="HS256")
    assert status(client, "viewer", copy) == 200


def test_bearer_costs_one_query(client: Client, django_assert_num_queries: Any) -> None:
    _, pair = signed_in(UserFactory.create())
    with django_assert_num_queries(1):
        assert status(client, "viewer", pair.access) == 200
