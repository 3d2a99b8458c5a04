"""The token of a playback address: what it opens, to whom, and how long."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import addresses, sessions
from accounts.models import Session, User
from accounts.playback import ADDRESS_LIFETIME, PlaybackGrant, Viewer, viewer_by_address, viewer_by_playback
from accounts.tests.factories import signed_in

pytestmark = pytest.mark.django_db

LENGTH = timedelta(minutes=90)


def may_play(token: str, video_id: int) -> bool:
    return viewer_by_address(token, video_id, fresh=True) is not None


@pytest.fixture
def session(ada: User) -> Session:
    return Session.objects.get(pk=signed_in(ada)[0].pk)


@pytest.fixture
def token(ada: User, session: Session) -> str:
    """Ada's, for video 7."""
    return Viewer(ada.pk, ada.is_staff, session.pk).playback_token(video_id=7, length=LENGTH)[0]


def test_it_opens_its_video_and_no_other(ada: User, token: str) -> None:
    found = viewer_by_address(token, 7)
    assert found is not None
    assert (found.user_id, found.is_by_address) == (ada.pk, True)
    assert not may_play(token, 8)


def test_it_ends_six_hours_and_the_video_s_length_later(ada: User, session: Session) -> None:
    token, ends_at = Viewer(ada.pk, ada.is_staff, session.pk).playback_token(video_id=7, length=LENGTH)
    assert abs(ends_at - datetime.now(UTC) - ADDRESS_LIFETIME - LENGTH) < timedelta(seconds=5)
    with time_machine.travel(ends_at - timedelta(seconds=1), tick=False):
        assert may_play(token, 7)
    with time_machine.travel(ends_at, tick=False):
        assert not may_play(token, 7)


def test_it_never_outlasts_the_session(ada: User, session: Session, settings: Any) -> None:
    Session.objects.update(created_at=timezone.now() - settings.SESSION_LIFETIME + timedelta(hours=1))
    _, ends_at = Viewer(ada.pk, ada.is_staff, session.pk).playback_token(video_id=7, length=LENGTH)
    assert abs(ends_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=5)


def test_it_dies_with_the_session_the_account_and_the_password(ada: User, session: Session, token: str) -> None:
    assert may_play(token, 7)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert not may_play(token, 7)
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert may_play(token, 7)
    sessions.end_session(session.pk)
    assert not may_play(token, 7)


def test_what_is_remembered_of_it_is_asked_again_within_a_minute(
    session: Session, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    assert viewer_by_address(token, 7)
    sessions.end_session(session.pk)
    monkeypatch.setattr("accounts.playback.time.monotonic", lambda: now + 59)
    assert viewer_by_address(token, 7) is None


@pytest.fixture
def admin_s_token(carol: User, client: Client) -> str:
    client.force_login(carol)
    mark = sessions.mark_in_admin(carol, client.session.session_key or "")
    return Viewer(carol.pk, carol.is_staff, None, mark).playback_token(video_id=7, length=LENGTH)[0]


def test_an_administrator_s_dies_with_the_password(carol: User, admin_s_token: str) -> None:
    assert may_play(admin_s_token, 7)
    carol.set_password("another quiet river")
    carol.save()
    assert not may_play(admin_s_token, 7)


def test_an_administrator_s_dies_with_the_sign_in_to_the_admin(client: Client, admin_s_token: str) -> None:
    assert may_play(admin_s_token, 7)
    client.logout()
    assert not may_play(admin_s_token, 7)


def test_what_nobody_signed_in_has_no_mark_to_go_by(carol: User, client: Client) -> None:
    client.force_login(carol)
    assert not may_play(Viewer(carol.pk, carol.is_staff, None).playback_token(video_id=7, length=LENGTH)[0], 7)


def test_cookie_and_address_are_never_taken_for_each_other(ada: User, session: Session, token: str) -> None:
    """A cookie is renewed with each playlist; an address would be by being sent as one."""
    cookie = PlaybackGrant(7, ada.pk, str(session.pk), None).signed()
    assert viewer_by_playback(cookie, 7)
    assert viewer_by_address(cookie, 7) is None
    assert viewer_by_address(token, 7)
    assert viewer_by_playback(token, 7) is None


@pytest.mark.parametrize("spoilt", ["", ".", "a.b", "x" * 5000, "WzFd.", "\xff.\xff"])
def test_what_is_no_token_opens_nothing(spoilt: str) -> None:
    assert not may_play(spoilt, 7)


def test_a_token_that_was_changed_opens_nothing(token: str) -> None:
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert not may_play(changed, 7)


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        ("/api/play/a.b-c_D/video/7/master.m3u8", "/api/video/7/master.m3u8"),
        ("/api/play/a/video/7/480p/segment_000.ts/", "/api/video/7/480p/segment_000.ts/"),
        ("/api/play/a/video/7", None),
        ("/api/play/a/video/0/master.m3u8", None),
        ("/api/play/a/uploads/", None),
        ("/api/play/a/b/video/7/master.m3u8", None),
        ("/api/play//video/7/master.m3u8", None),
        ("/api/play/\u0661/video/7/master.m3u8", None),
    ],
)
def test_an_address_is_rewritten_to_the_video_s_own(path: str, rewritten: str | None) -> None:
    environ = {"PATH_INFO": path, "HTTP_COOKIE": "access_token=x", "HTTP_AUTHORIZATION": "Bearer x"}
    before = dict(environ)
    addresses.rewrite(environ)
    if rewritten is None:
        assert environ == before
    else:
        assert environ == {"PATH_INFO": rewritten, addresses.HEADER: path.split("/")[3]}
