"""Refreshing, reuse, lifetimes, and what ends a session."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import cookies, sessions, tokens, upkeep
from accounts.auth import by_access_token
from accounts.errors import TokenRefused
from accounts.models import Mail, Session, User
from accounts.sessions import fingerprint
from accounts.tests.conftest import Post
from accounts.tests.factories import signed_in

pytestmark = pytest.mark.django_db

AFTER_THE_GRACE = settings.REFRESH_GRACE + timedelta(seconds=1)


def is_alive(access: str) -> bool:
    return by_access_token(access) is not None


def test_refresh_replaces_both_tokens_and_answers_with_the_access_token(client: Client, post: Post, ada: User) -> None:
    """RFC 9700 section 4.14.2."""
    _, pair = signed_in(ada)
    client.cookies[cookies.REFRESH] = pair.refresh
    response = post("token/refresh/")
    assert response.status_code == 200
    assert response.json() == {"detail": "Token refreshed", "access": response.cookies[cookies.ACCESS].value}
    assert response.cookies[cookies.REFRESH].value != pair.refresh
    assert is_alive(response.json()["access"])


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "multipart/form-data; boundary=x"])
def test_refresh_needs_no_body_and_no_content_type(client: Client, ada: User, content_type: str) -> None:
    client.cookies[cookies.REFRESH] = signed_in(ada)[1].refresh
    response = client.generic("POST", "/api/token/refresh/", b"", content_type=content_type)
    assert response.status_code == 200


def test_refresh_without_a_cookie_is_a_400_and_with_a_bad_one_a_401(client: Client, post: Post, ada: User) -> None:
    assert post("token/refresh/").status_code == 400
    client.cookies[cookies.REFRESH] = signed_in(ada)[1].access
    response = post("token/refresh/")
    assert (response.status_code, response.json()) == (401, {"detail": "The token is invalid or has expired."})


def test_every_refresh_gives_another_token(ada: User) -> None:
    _, pair = signed_in(ada)
    seen = {pair.refresh}
    for _ in range(5):
        pair = sessions.refresh(pair.refresh)
        seen.add(pair.refresh)
    assert len(seen) == 6


def test_replaced_token_within_the_grace_gets_the_current_one(ada: User) -> None:
    """Two tabs refresh at once, a third refreshes with what the first got: all end with the one current token."""
    session, first = signed_in(ada)
    second = sessions.refresh(first.refresh)
    third = sessions.refresh(second.refresh)
    for late in (sessions.refresh(first.refresh), sessions.refresh(second.refresh)):
        assert tokens.read_refresh(late.refresh) == tokens.read_refresh(third.refresh)
        assert is_alive(late.access)
    session.refresh_from_db()
    assert session.current_hash == fingerprint(tokens.read_refresh(third.refresh).token_id)


def test_reused_token_after_the_grace_ends_the_session(ada: User) -> None:
    """OWASP ASVS 5.0 10.4.5; RFC 9700 section 4.14.2."""
    _, first = signed_in(ada)
    _, elsewhere = signed_in(ada)
    second = sessions.refresh(first.refresh)
    with time_machine.travel(timezone.now() + AFTER_THE_GRACE):
        with pytest.raises(TokenRefused):
            sessions.refresh(first.refresh)
        with pytest.raises(TokenRefused):
            sessions.refresh(second.refresh)
        assert not is_alive(second.access)
        assert is_alive(elsewhere.access)


def test_long_replaced_token_is_reuse_even_if_the_session_was_just_refreshed(ada: User) -> None:
    _, first = signed_in(ada)
    second = sessions.refresh(first.refresh)
    with time_machine.travel(timezone.now() + AFTER_THE_GRACE):
        third = sessions.refresh(second.refresh)
        with pytest.raises(TokenRefused):
            sessions.refresh(first.refresh)
        assert not is_alive(third.access)


def test_refresh_ids_are_stored_hashed(ada: User) -> None:
    """OWASP ASVS 5.0 11.4: nobody who reads the table can refresh."""
    session, first = signed_in(ada)
    second = sessions.refresh(first.refresh)
    row = str(Session.objects.filter(pk=session.pk).values().get())
    for pair in (first, second):
        assert tokens.read_refresh(pair.refresh).token_id not in row


def test_session_slides_for_seven_days_and_ends_after_thirty(ada: User) -> None:
    """OWASP ASVS 5.0 7.3.1, 7.3.2: an inactivity timeout and an absolute one."""
    start = timezone.now()
    session, pair = signed_in(ada)
    for day in (6, 12, 18, 24):
        with time_machine.travel(start + timedelta(days=day)):
            pair = sessions.refresh(pair.refresh)
    session.refresh_from_db()
    assert abs(session.expires_at - start - timedelta(days=30)) < timedelta(seconds=5)
    with time_machine.travel(start + timedelta(days=30, minutes=1)), pytest.raises(TokenRefused):
        sessions.refresh(pair.refresh)


def test_session_unused_for_seven_days_is_over(ada: User) -> None:
    _, pair = signed_in(ada)
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)), pytest.raises(TokenRefused):
        sessions.refresh(pair.refresh)


def test_access_token_expires_after_thirty_minutes(ada: User) -> None:
    _, pair = signed_in(ada)
    with time_machine.travel(timezone.now() + timedelta(minutes=29)):
        assert is_alive(pair.access)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert not is_alive(pair.access)


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("quite another 7")
    user.save()


def change_password_past_the_model(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password="argon2$made-elsewhere")


def end_all(user: User) -> None:
    sessions.end_sessions_of(user)


def delete(user: User) -> None:
    user.delete()


@pytest.mark.parametrize("end", [deactivate, change_password, change_password_past_the_model, end_all, delete])
def test_access_and_refresh_token_stop_working_at_once(ada: User, end: Any) -> None:
    """OWASP ASVS 5.0 7.4.1, 7.4.2, 7.4.3."""
    _, pair = signed_in(ada)
    assert is_alive(pair.access)
    end(ada)
    assert not is_alive(pair.access)
    with pytest.raises(TokenRefused):
        sessions.refresh(pair.refresh)


def test_session_stays_ended_when_the_user_is_activated_again(ada: User) -> None:
    _, pair = signed_in(ada)
    deactivate(ada)
    ada.is_active = True
    ada.save()
    assert not is_alive(pair.access)


def test_changepassword_command_ends_sessions_and_tells_the_owner(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pair = signed_in(ada)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "quite another 7")
    call_command("changepassword", ada.email, verbosity=0)
    assert not is_alive(pair.access)
    assert list(Mail.objects.values_list("kind", "address")) == [("password_changed", ada.email)]


def test_plain_save_leaves_sessions_alone(ada: User) -> None:
    _, pair = signed_in(ada)
    ada.first_name = "Ada"
    ada.save()
    assert is_alive(pair.access)
    assert not Mail.objects.exists()


def test_expired_and_ended_sessions_are_removed(ada: User) -> None:
    signed_in(ada, expires_at=timezone.now() - timedelta(minutes=1))
    signed_in(ada, revoked_at=timezone.now() - timedelta(days=2))
    live, _ = signed_in(ada)
    upkeep.remove_expired()
    assert list(Session.objects.all()) == [live]


@pytest.mark.parametrize(("ahead_s", "is_good"), [(1, True), (9, True), (60, False)])
def test_token_of_a_host_whose_clock_is_a_little_ahead_is_taken(ada: User, ahead_s: int, is_good: bool) -> None:
    """RFC 7519 sections 4.1.5 and 4.1.6; RFC 8725 sets no leeway."""
    with time_machine.travel(timezone.now() + timedelta(seconds=ahead_s), tick=False):
        _, pair = signed_in(ada)
    assert is_alive(pair.access) is is_good
    if is_good:
        assert is_alive(sessions.refresh(pair.refresh).access)


def test_token_stops_working_the_second_it_expires(ada: User) -> None:
    """The leeway is for clocks that are ahead; no token is valid longer because of it."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        _, pair = signed_in(ada)
    with time_machine.travel(now + timedelta(minutes=30, seconds=1), tick=False):
        assert not is_alive(pair.access)
        tokens._verified.cache.clear()
        assert not is_alive(pair.access)
    with time_machine.travel(now + timedelta(days=7, seconds=1), tick=False), pytest.raises(TokenRefused):
        sessions.refresh(pair.refresh)
