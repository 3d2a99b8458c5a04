"""Edge cases of links, mails, counters and sign-ins: hostile ids, last seconds, accounts that change meanwhile."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode

from accounts import services, upkeep
from accounts.backends import UsernameOrEmailBackend, find
from accounts.errors import LinkRefused, RegistrationRefused
from accounts.mailing import links, outbox
from accounts.mailing.mails import in_words, message_for
from accounts.models import Mail, Session, User
from accounts.tests.factories import PASSWORD, UserFactory, signed_in
from accounts.throttling import DatabaseStorage

pytestmark = pytest.mark.django_db


def uid(text: str | bytes) -> str:
    return urlsafe_base64_encode(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "!",
        "A",
        uid(""),
        uid("x"),
        uid("0"),
        uid("-1"),
        uid("1e3"),
        uid("9" * 30),
        uid("9" * 5000),
        uid(b"\xff"),
        "\u00e9",
    ],
)
def test_a_link_with_an_odd_id_is_refused_and_no_more(ada: User, hostile: str) -> None:
    with pytest.raises(LinkRefused):
        links.user_of_link(hostile, links.password_reset.make_token(ada), links.password_reset)


@pytest.mark.parametrize(
    "token", ["", "-", "a-b", "zzzzzzzzzzzzzz-" + "0" * 32, "0-" + "a" * 32, "\u00e9-\u00e9", "x" * 5000]
)
def test_a_link_with_an_odd_token_is_refused_and_no_more(ada: User, token: str) -> None:
    with pytest.raises(LinkRefused):
        links.user_of_link(uid(str(ada.pk)), token, links.password_reset)


def test_a_link_holds_until_its_last_second(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = links.password_reset.make_token(ada)
    now = links.password_reset._now()
    lifetime = links.password_reset.lifetime
    for age, is_good in ((lifetime - timedelta(seconds=2), True), (lifetime + timedelta(seconds=2), False)):
        monkeypatch.setattr(links.password_reset, "_now", lambda age=age: now + age)
        assert links.password_reset.check_token(ada, token) is is_good


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "1 hour"), (24, "24 hours"), (47, "47 hours"), (48, "2 days"), (168, "7 days")]
)
def test_lifetimes_are_written_in_words(hours: int, words: str) -> None:
    assert in_words(timedelta(hours=hours)) == words


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Mail.Kind.ACTIVATION, {"is_active": True}),
        (Mail.Kind.ACTIVATION, {"awaits_activation": False}),
        (Mail.Kind.PASSWORD_RESET, {"awaits_activation": False}),
        (Mail.Kind.ACTIVATION, {"email": "elsewhere@example.com"}),
    ],
)
def test_a_mail_that_nobody_should_get_any_more_is_not_sent(bob: User, kind: str, change: dict[str, Any]) -> None:
    """The account may have changed between the order and the sending."""
    ordered = Mail.objects.create(kind=kind, address=bob.email, due_at=timezone.now())
    User.objects.filter(pk=bob.pk).update(**change)
    assert message_for(ordered) is None
    outbox.send(ordered.pk)
    assert mail.outbox == []
    assert not Mail.objects.exists()


def test_sending_a_mail_that_was_sent_or_does_not_exist_does_nothing(ada: User) -> None:
    ordered = Mail.objects.create(
        kind=Mail.Kind.PASSWORD_CHANGED, address=ada.email, due_at=timezone.now(), sent_at=timezone.now()
    )
    outbox.send(ordered.pk)
    outbox.send(ordered.pk + 1)
    assert mail.outbox == []
    ordered.refresh_from_db()
    assert ordered.attempts == 0


@pytest.mark.parametrize("name", ["carol", "CAROL", "carol@example.com", "Carol@Example.COM"])
def test_the_admins_form_finds_by_either_name_in_any_case(carol: User, name: str) -> None:
    assert UsernameOrEmailBackend().authenticate(None, username=name, password=PASSWORD) == carol


def test_a_name_is_looked_up_as_a_username_before_an_email() -> None:
    UserFactory.create(email="shared@example.com", username="other", staff=True)
    owner = UserFactory.create(email="owner@example.com", username="shared@example.com", staff=True)
    assert find("SHARED@example.com") == owner


@pytest.mark.parametrize("name", ["m\u0130mi", "M\u0130M\u0130"])
def test_no_spelling_of_a_name_has_tries_of_its_own(name: str) -> None:
    """On PostgreSQL each of these found her, and each could be guessed at as often as the name itself."""
    UserFactory.create(username="mimi", email="mimi@example.com", superuser=True)
    assert find(name) is None


@pytest.mark.parametrize(("username", "password"), [(None, PASSWORD), ("", PASSWORD), ("carol", None), ("carol", "")])
def test_an_empty_sign_in_is_refused(carol: User, username: str | None, password: str | None) -> None:
    assert UsernameOrEmailBackend().authenticate(None, username=username, password=password) is None


def test_an_inactive_administrator_is_not_let_in(carol: User) -> None:
    User.objects.filter(pk=carol.pk).update(is_active=False)
    assert UsernameOrEmailBackend().authenticate(None, username="carol", password=PASSWORD) is None


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com"])
def test_a_known_email_is_not_registered_again(ada: User, email: str) -> None:
    with pytest.raises(RegistrationRefused):
        services.register(email, "another quiet river", address="192.0.2.1")
    assert User.objects.count() == 1
    assert not Mail.objects.exists()


def test_an_account_is_activated_by_only_one_of_two_uses_of_its_link(bob: User) -> None:
    token = links.activation.make_token(bob)
    services.activate(uid(str(bob.pk)), token)
    with pytest.raises(LinkRefused):
        services.activate(uid(str(bob.pk)), token)
    bob.refresh_from_db()
    assert (bob.is_active, bob.awaits_activation) == (True, False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_700_000_000.0]
    monkeypatch.setattr("accounts.throttling.time.time", lambda: now[0])
    return now


def test_a_window_counts_until_it_ends_and_then_begins_anew(clock: list[float]) -> None:
    storage = DatabaseStorage()
    assert [storage.incr("a", 60), storage.incr("a", 60, 5), storage.incr("b", 60)] == [1, 6, 1]
    clock[0] += 59
    assert (storage.get("a"), storage.get_expiry("a")) == (6, 1_700_000_060.0)
    clock[0] += 1
    assert storage.get("a") == 0
    assert storage.incr("a", 60) == 1
    assert storage.get_expiry("a") == 1_700_000_120.0


def test_one_counter_is_cleared_or_all_are(clock: list[float]) -> None:
    storage = DatabaseStorage()
    for key in ("a", "b", "c"):
        storage.incr(key, 60)
    storage.clear("a")
    assert [storage.get(key) for key in ("a", "b", "c")] == [0, 1, 1]
    assert (storage.reset(), storage.get("b")) == (2, 0)
    assert (storage.get_expiry("b"), storage.check()) == (clock[0], True)


def test_upkeep_removes_what_has_expired_and_nothing_else(ada: User, bob: User, settings: Any) -> None:
    now = timezone.now()
    live, _ = signed_in(ada)
    signed_in(ada, expires_at=now - timedelta(seconds=1))
    signed_in(ada, revoked_at=now - timedelta(days=2))
    young, _ = signed_in(ada, revoked_at=now - timedelta(hours=1))
    upkeep.remove_expired()
    assert set(Session.objects.all()) == {live, young}, "an ended session is kept for a day: its reuse is noticed"
    assert User.objects.filter(pk=bob.pk).exists()
    User.objects.filter(pk__in=[ada.pk, bob.pk]).update(
        date_joined=now - settings.UNCONFIRMED_ACCOUNTS_KEPT - timedelta(seconds=1)
    )
    upkeep.remove_expired()
    assert list(User.objects.all()) == [ada]
