"""The cookie that lets a video go on: what it opens, how long, and what it costs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.utils import timezone

from accounts import cookies, playback, sessions
from accounts.models import Session, User
from accounts.playback import viewer_by_playback
from accounts.tests.factories import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("accounts.tests.api")]


def may_play(cookie: str, video_id: int, *, fresh: bool = False) -> bool:
    return viewer_by_playback(cookie, video_id, fresh=fresh) is not None


@pytest.fixture
def cookie(client: Client, ada: User) -> str:
    """Ada opened the playlist of video 7; her access token is gone since."""
    client.cookies[cookies.ACCESS] = signed_in(ada)[1].access
    value = client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK].value
    client.cookies.clear()
    client.cookies[cookies.PLAYBACK] = value
    return value


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the memory goes by."""
    now = [time.monotonic()]
    monkeypatch.setattr("accounts.playback.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def admins_cookie(client: Client, carol: User) -> str:
    client.force_login(carol)
    value = client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK].value
    client.cookies.clear()
    return value


def test_cookie_is_scoped_to_its_video_and_guarded_as_the_others(client: Client, ada: User, settings: Any) -> None:
    """OWASP ASVS 5.0 3.3.1 to 3.3.4."""
    settings.SECURE_COOKIES, settings.JWT_COOKIE_SAMESITE = True, "None"
    client.cookies[cookies.ACCESS] = signed_in(ada)[1].access
    granted = client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK]
    assert (granted["path"], granted["samesite"]) == ("/api/video/7/", "None")
    assert granted["httponly"]
    assert granted["secure"]
    assert int(granted["max-age"]) == playback.LIFETIME.total_seconds()


def test_video_goes_on_without_the_access_token(client: Client, cookie: str) -> None:
    assert client.get("/api/video/7/segment.ts").status_code == 200
    assert client.head("/api/video/7/segment.ts").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert client.get("/api/video/7/segment.ts").status_code == 200


def test_playlist_renews_the_leave_by_the_leave(client: Client, cookie: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=11)):
        client.cookies[cookies.PLAYBACK] = client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK].value
    with time_machine.travel(timezone.now() + timedelta(hours=20)):
        assert client.get("/api/video/7/segment.ts").status_code == 200


def test_cookie_opens_nothing_else(client: Client, cookie: str) -> None:
    assert client.get("/api/video/8/segment.ts").status_code == 401
    assert client.post("/api/video/7/segment.ts").status_code == 401
    assert client.get("/api/viewer/").status_code == 401
    client.cookies[cookies.ACCESS] = cookie
    assert client.get("/api/viewer/").status_code == 401


def test_access_token_is_no_playback_cookie(client: Client, ada: User) -> None:
    client.cookies[cookies.PLAYBACK] = signed_in(ada)[1].access
    assert client.get("/api/video/7/segment.ts").status_code == 401


@pytest.mark.parametrize(
    "value",
    ["", "x", "a:b:c", "ünïcödé", "y" * 5000, signing.dumps([7, 1, None, None], salt="elsewhere"), signing.dumps(7)],
    ids=["nothing", "a letter", "three parts", "no ASCII", "too long", "another salt", "a number"],
)
def test_forged_cookie_is_refused(value: str) -> None:
    assert not may_play(value, 7)
    assert not may_play(value, 7, fresh=True)


def test_cookie_expires_after_its_lifetime(cookie: str) -> None:
    playback.memory.clear()
    latest = timezone.now() + playback.LIFETIME + timedelta(seconds=playback.SAME_S)
    with time_machine.travel(latest + timedelta(minutes=2)):
        assert not may_play(cookie, 7)


@pytest.mark.parametrize("opened_at", ["2026-03-01T12:00:00Z", "2026-03-01T12:59:59Z"])
def test_cookie_holds_as_long_as_a_browser_keeps_it(client: Client, ada: User, opened_at: str) -> None:
    with time_machine.travel(opened_at, tick=False):
        client.cookies[cookies.ACCESS] = signed_in(ada)[1].access
        value = client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK].value
    with time_machine.travel(datetime.fromisoformat(opened_at) + playback.LIFETIME, tick=False):
        assert may_play(value, 7)


def test_playlists_within_an_hour_give_the_same_cookie(client: Client, ada: User) -> None:
    """The edge keeps its answers by cookie: a new one with each playlist would have it ask each time."""
    given = []
    for minutes in (0, 1, 59, 60):
        with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=minutes), tick=False):
            client.cookies[cookies.ACCESS] = client.cookies.get(cookies.ACCESS) or signed_in(ada)[1].access
            given.append(client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK].value)
    assert len(set(given[:3])) == 1
    assert given[3] != given[0]


def log_out(user: User) -> None:
    Session.objects.filter(user=user).end()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("quite another 7")
    user.save()


def delete(user: User) -> None:
    user.delete()


@pytest.mark.parametrize("end", [log_out, deactivate, change_password, delete])
def test_video_stops_within_a_minute_of_the_sessions_end(
    cookie: str, ada: User, clock: list[float], end: Callable[[User], None]
) -> None:
    """OWASP ASVS 5.0 7.4.1, 7.4.2."""
    assert may_play(cookie, 7)
    end(ada)
    assert not may_play(cookie, 7, fresh=True)
    clock[0] += 57
    assert not may_play(cookie, 7)


def test_session_that_expires_takes_the_cookie_along(cookie: str) -> None:
    Session.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    with time_machine.travel(timezone.now() + timedelta(hours=1, minutes=1)):
        assert not may_play(cookie, 7)


def no_longer_staff(user: User) -> None:
    User.objects.update(is_staff=False)


@pytest.mark.parametrize("end", [no_longer_staff, deactivate, change_password, delete])
def test_admins_cookie_lives_while_they_are_active_staff(
    admins_cookie: str, carol: User, end: Callable[[User], None]
) -> None:
    assert may_play(admins_cookie, 7, fresh=True)
    end(carol)
    assert not may_play(admins_cookie, 7, fresh=True)


def test_video_stops_when_who_opened_it_in_the_admin_signs_out_there(client: Client, carol: User) -> None:
    """On a shared computer the cookie is still there."""
    client.force_login(carol)
    cookie = client.get("/api/video/7/index.m3u8").cookies[cookies.PLAYBACK].value
    elsewhere = Client()
    elsewhere.force_login(carol)
    elsewhere.logout()
    assert may_play(cookie, 7, fresh=True)
    client.logout()
    assert not may_play(cookie, 7, fresh=True)


def test_all_sessions_of_an_administrator_end_with_what_they_play(admins_cookie: str, carol: User) -> None:
    sessions.end_everywhere(carol)
    assert not may_play(admins_cookie, 7, fresh=True)


def test_checking_costs_one_query_a_minute(cookie: str, clock: list[float], django_assert_num_queries: Any) -> None:
    playback.memory.clear()
    with django_assert_num_queries(1):
        for passed_s in (0, 1, 29, 20):
            clock[0] += passed_s
            assert may_play(cookie, 7)
    clock[0] += 7
    with django_assert_num_queries(1):
        assert may_play(cookie, 7)


def test_segment_request_with_a_checked_cookie_costs_no_query(
    client: Client, cookie: str, django_assert_num_queries: Any
) -> None:
    client.get("/api/video/7/segment.ts")
    with django_assert_num_queries(0):
        assert client.get("/api/video/7/segment.ts").status_code == 200


def test_remembered_answer_is_for_one_video(cookie: str) -> None:
    assert may_play(cookie, 7)
    assert not may_play(cookie, 8)


def test_refreshing_the_session_keeps_the_video_going(client: Client, cookie: str, ada: User) -> None:
    session = Session.objects.get()
    sessions.end_sessions_of(ada)
    assert not may_play(cookie, 7, fresh=True)
    Session.objects.filter(pk=session.pk).update(revoked_at=None)
    assert may_play(cookie, 7, fresh=True)
