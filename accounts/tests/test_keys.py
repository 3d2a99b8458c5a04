"""API keys: what they open, how they end, and that nothing else of a request counts beside them."""

import hashlib
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import cookies, keys
from accounts.models import ApiKey, Scope, User
from accounts.tests.factories import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.api")]

EVIL = "https://evil.example.net"


def key_for(*scopes: str, **fields: Any) -> str:
    return keys.make(name="Importer", scopes=scopes or (Scope.VIDEOS_READ,), **fields)[1]


def ask(client: Client, key: str, path: str = "read/", *, method: str = "GET", **headers: str) -> Any:
    return client.generic(method, f"/api/{path}", headers={"Authorization": f"Bearer {key}"} | headers)


def said(response: Any) -> tuple[int, str, str]:
    return response.status_code, response.json()["detail"], response.headers["WWW-Authenticate"]


def test_key_is_kept_as_a_hash_of_256_random_bits(db: None) -> None:
    first, second = key_for(), key_for()
    row = ApiKey.objects.latest("pk")
    assert re.fullmatch(rf"vfk_{row.pk}_[0-9a-f]{{64}}", second)
    assert first.partition("_")[2] != second.partition("_")[2]
    secret = second.rpartition("_")[2]
    assert row.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(ApiKey.objects.values())


def test_key_opens_what_its_scope_says_and_is_nobody(client: Client, db: None) -> None:
    answer = ask(client, key_for(Scope.VIDEOS_READ, Scope.TRACKS_WRITE))
    assert (answer.status_code, answer.json()) == (200, {"user": None, "staff": True, "has_session": False})
    assert ask(client, key_for(Scope.TRACKS_WRITE), "write-or-tracks/").status_code == 200


def test_missing_scope_is_named(client: Client, db: None) -> None:
    key = key_for(Scope.UPLOADS_WRITE)
    assert said(ask(client, key)) == (
        403,
        "This API key has not the scope videos:read.",
        'Bearer realm="videoflix", error="insufficient_scope", scope="videos:read"',
    )
    either = ask(client, key, "write-or-tracks/")
    assert either.json()["detail"] == "This API key has not the scope videos:write or tracks:write."


@pytest.mark.parametrize("gate", ["viewer", "reader", "staff"])
def test_gate_that_names_no_scope_is_closed_to_every_key(client: Client, db: None, gate: str) -> None:
    answer = ask(client, key_for(*Scope.values), f"{gate}/")
    assert said(answer)[:2] == (403, "API keys can't be used here.")


def bad_keys(good: str) -> dict[str, str]:
    start, _, secret = good.rpartition("_")
    return {
        "other secret": f"{start}_{'0' * 64}",
        "truncated": good[:-1],
        "longer": f"{good}0",
        "upper case": f"{start}_{secret.upper()}" if secret != secret.upper() else f"{start}_{'A' * 64}",
        "unknown id": f"vfk_99999999_{secret}",
        "id of another spelling": f"vfk_0{good.removeprefix('vfk_')}",
        "huge id": f"vfk_{'9' * 30}_{secret}",
        "no id": f"vfk__{secret}",
        "prefix alone": "vfk_",
        "not ascii": f"{start}_{'ü' * 64}",
        "arabic digits": f"vfk_\u0661_{secret}",
        "another line": f"{good}\tx",
        "ten kilobytes": f"{start}_{'a' * 10_000}",
        "the hash": f"{start}_{hashlib.sha256(secret.encode()).hexdigest()}",
    }


@pytest.mark.parametrize("kind", sorted(bad_keys("vfk_1_a")))
def test_bad_key_is_refused_even_where_a_good_cookie_is_sent(client: Client, ada: User, kind: str) -> None:
    client.cookies[cookies.ACCESS] = signed_in(ada)[1].access
    assert said(ask(client, bad_keys(key_for())[kind])) == (
        401,
        "This API key is unknown.",
        'Bearer realm="videoflix", error="invalid_token", error_description="This API key is unknown."',
    )


def test_key_of_another_installation_is_unknown(client: Client, db: None) -> None:
    foreign = key_for()
    ApiKey.objects.update(secret_hash=keys.hash_of("of another installation, whose key has the same id"))
    assert said(ask(client, foreign))[1] == "This API key is unknown."


def test_key_is_taken_from_the_header_alone(client: Client, db: None) -> None:
    key = key_for()
    for name in ("key", "api_key", "token", "access_token", "Authorization"):
        assert client.get("/api/read/", {name: key}).status_code == 401
        client.cookies[name] = key
    client.cookies[cookies.ACCESS] = key
    assert client.get("/api/read/").status_code == 401
    assert client.get("/api/read/", headers={"X-API-Key": key, "Authorization": key}).status_code == 401


def test_revoked_key_is_refused_from_the_next_request_on(client: Client, db: None) -> None:
    key = key_for()
    assert ask(client, key).status_code == 200
    assert len(keys.revoke(ApiKey.objects.all())) == 1
    assert said(ask(client, key))[:2] == (401, "This API key was revoked.")
    assert keys.revoke(ApiKey.objects.all()) == [], "the moment of the first time stays"


def test_expired_key_is_refused_at_once(client: Client, db: None) -> None:
    key = key_for(expires_at=timezone.now() + timedelta(hours=1))
    assert ask(client, key).status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    assert said(ask(client, key))[:2] == (401, "This API key has expired.")


def test_only_who_has_the_secret_is_told_of_a_keys_end(client: Client, db: None) -> None:
    key = key_for()
    keys.revoke(ApiKey.objects.all())
    assert said(ask(client, key[:-1] + ("0" if key[-1] != "0" else "1")))[1] == "This API key is unknown."


def test_last_use_is_written_at_most_once_a_minute(
    client: Client, django_assert_num_queries: Any, settings: Settings
) -> None:
    key = key_for()
    assert ApiKey.objects.get().last_used_at is None
    ask(client, key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        keys.read(key)
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=1))
    ask(client, key)
    assert ApiKey.objects.filter(last_used_at__gt=first).exists()


def test_key_needs_no_origin_and_no_cookie_is_looked_at(client: Client, carol: User) -> None:
    """A browser adds no `Authorization` by itself, so no foreign page can send this in somebody's name."""
    client.force_login(carol)
    client.cookies[cookies.ACCESS] = signed_in(carol)[1].access
    key = key_for()
    foreign = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    assert ask(client, key, method="POST", **foreign).json()["user"] is None
    assert client.post("/api/read/", headers=foreign).status_code == 403
    assert ask(client, key_for(Scope.STATS_READ)).status_code == 403, "Carol's own rights don't help her key"
    assert ask(client, "", method="POST", **foreign).status_code == 403


def test_each_key_has_its_own_limit(client: Client, settings: Settings) -> None:
    settings.THROTTLE_KEY = "2/minute"
    key, other = key_for(), key_for()
    assert [ask(client, key).status_code for _ in range(3)] == [200, 200, 429]
    assert 0 < int(ask(client, key)["Retry-After"]) <= 60
    assert ask(client, other).status_code == 200
    assert ask(client, f"{key[:-1]}!").status_code == 401, "guesses are nobody's requests"


def test_what_players_fetch_counts_towards_no_limit(client: Client, settings: Settings) -> None:
    settings.THROTTLE_KEY = "1/hour"
    key = key_for()
    answers = [ask(client, key, "play/7/segment.ts") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert not answers[0].cookies, "a program goes on with its key"
    assert ask(client, key_for(Scope.VIDEOS_WRITE), "play/7/segment.ts").status_code == 403


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("3s", timedelta(seconds=3)),
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_period_is_counted_from_now(text: str, after: timedelta) -> None:
    before = timezone.now()
    assert before + after <= keys.moment(text) <= timezone.now() + after


def test_time_without_an_offset_is_one_of_the_time_zone(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert keys.moment("2999-07-01T12:00").astimezone(UTC) == datetime(2999, 7, 1, 10, tzinfo=UTC)
    assert keys.moment("2999-07-01T12:00Z") == datetime(2999, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "90", "0d", "-1d", "1y", "999999w9", "2020-01-01", "999999w", "\u0663d"])
def test_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write a time|is over"):
        keys.moment(text)


def test_key_of_one_second_ends_by_itself(client: Client, db: None) -> None:
    ends_at = keys.moment("1s")
    key = key_for(expires_at=ends_at)
    assert ask(client, key).status_code == 200
    while timezone.now() < ends_at:
        time.sleep(max(0.0, (ends_at - timezone.now()).total_seconds()))
    assert ask(client, key).status_code == 401
