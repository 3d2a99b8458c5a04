"""People in the admin."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.auth import by_access_token
from accounts.models import Mail, Session, User
from accounts.tests.factories import PASSWORD, UserFactory, signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"


@pytest.fixture
def clerk(client: Client) -> Client:
    """A member of the staff who may change people but is no superuser."""
    user = UserFactory.create(email="clerk@example.com", staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    client.force_login(user)
    return client


def run(client: Client, action: str, *users: User) -> None:
    body = {"action": action, "_selected_action": [user.pk for user in users]}
    assert client.post(LIST, body).status_code == 302


def change_url(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def form_of(user: User, client: Client, **changes: Any) -> dict[str, Any]:
    """What a browser would post from the change page, with some fields set otherwise."""
    live = list(Session.objects.live().filter(user=user))
    fields: dict[str, Any] = {
        "email": user.email,
        "username": user.username,
        "first_name": "",
        "last_name": "",
        "is_active": "on" if user.is_active else "",
        "sessions-TOTAL_FORMS": len(live),
        "sessions-INITIAL_FORMS": len(live),
    }
    for number, session in enumerate(live):
        fields |= {f"sessions-{number}-id": str(session.pk), f"sessions-{number}-user": user.pk}
    return {name: value for name, value in (fields | changes).items() if value != ""}


@pytest.mark.parametrize("name", ["carol", "CAROL", "carol@example.com", "Carol@Example.com"])
def test_login_form_takes_username_or_email(client: Client, carol: User, name: str) -> None:
    response = client.post("/admin/login/?next=/admin/", {"username": name, "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.parametrize(
    ("name", "password"), [("carol", "wrong"), ("nobody", PASSWORD), ("ada@example.com", PASSWORD)]
)
def test_login_form_refuses_others(client: Client, carol: User, ada: User, name: str, password: str) -> None:
    assert client.post("/admin/login/", {"username": name, "password": password}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_list_shows_state_sessions_and_last_login(admin: Client, ada: User, bob: User) -> None:
    signed_in(ada)
    UserFactory.create(email="dave@example.com", is_active=False)
    page = admin.get(LIST).content.decode()
    for words in ("ada@example.com", "Active", "Awaits activation", "Deactivated", "Last login"):
        assert words in page


def test_list_says_how_long_ago_and_exactly_when(admin: Client, ada: User, bob: User) -> None:
    User.objects.filter(pk=ada.pk).update(last_login=timezone.now() - timedelta(hours=3, seconds=5))
    ada.refresh_from_db()
    page = admin.get(LIST).content.decode()
    assert ada.last_login is not None
    assert f'<time title="{ada.last_login:%Y-%m-%d %H:%M:%S} UTC">3\xa0hours ago</time>' in page
    assert "Never" in page, "Bob never signed in"


def test_mails_say_when_they_were_written_and_that_they_wait(admin: Client, bob: User) -> None:
    with time_machine.travel(timezone.now(), tick=False):  # a busy machine takes seconds for the page
        Mail.objects.create(kind=Mail.Kind.ACTIVATION, address=bob.email)
        page = admin.get("/admin/accounts/mail/").content.decode()
    assert ">now</time>" in page
    assert "Not yet" in page


@pytest.mark.parametrize(("state", "shown"), [("active", "ada@"), ("waiting", "bob@"), ("deactivated", "dave@")])
def test_list_filters_by_state(admin: Client, ada: User, bob: User, state: str, shown: str) -> None:
    UserFactory.create(email="dave@example.com", is_active=False)
    page = admin.get(LIST, {"state": state}).content.decode()
    assert [name for name in ("ada@", "bob@", "dave@") if f"{name}example.com" in page] == [shown]


def test_no_password_hash_is_on_any_screen(admin: Client, ada: User) -> None:
    hashed = ada.password
    salt, digest = hashed.split("$")[-2:]
    for path in (LIST, change_url(ada), f"{LIST}{ada.pk}/password/", f"{LIST}{ada.pk}/history/", f"{LIST}add/"):
        response = admin.get(path)
        assert response.status_code == 200, path
        page = response.content.decode()
        for secret in (hashed, salt[:6], digest[:6], "argon2", "********"):
            assert secret not in page, (path, secret)


def test_deactivating_signs_out_at_once_and_activating_lets_back_in(admin: Client, ada: User) -> None:
    """OWASP ASVS 5.0 7.4.2."""
    _, pair = signed_in(ada)
    run(admin, "deactivate", ada)
    assert by_access_token(pair.access) is None
    ada.refresh_from_db()
    assert not ada.is_active
    run(admin, "activate", ada)
    ada.refresh_from_db()
    assert ada.is_active
    assert by_access_token(pair.access) is None


def test_deactivating_a_waiting_account_makes_its_link_invalid(admin: Client, bob: User) -> None:
    run(admin, "deactivate", bob)
    bob.refresh_from_db()
    assert (bob.is_active, bob.awaits_activation) == (False, False)


def test_nobody_deactivates_themselves(admin: Client, carol: User) -> None:
    run(admin, "deactivate", carol)
    carol.refresh_from_db()
    assert carol.is_active


def test_ending_all_sessions_signs_out_in_the_api_and_in_the_admin(admin: Client, ada: User) -> None:
    """OWASP ASVS 5.0 7.4.5: administrators can terminate sessions of a user or of all."""
    boss = UserFactory.create(email="boss@example.com", superuser=True)
    _, pair = signed_in(boss)
    _, other = signed_in(ada)
    elsewhere = Client()
    elsewhere.force_login(boss)
    run(admin, "end_sessions", boss)
    assert by_access_token(pair.access) is None
    assert by_access_token(other.access) is not None
    assert elsewhere.get(LIST).status_code == 302
    assert admin.get(LIST).status_code == 200


def test_one_session_is_ended_on_the_persons_page(admin: Client, ada: User) -> None:
    _, first = signed_in(ada)
    _, second = signed_in(ada)
    page = admin.get(change_url(ada)).content.decode()
    assert page.count("A test") >= 2
    rows = list(Session.objects.live().filter(user=ada))
    response = admin.post(change_url(ada), form_of(ada, admin, **{"sessions-0-end": "on"}))
    assert response.status_code == 302
    alive = {pair.access: by_access_token(pair.access) is not None for pair in (first, second)}
    assert sorted(alive.values()) == [False, True]
    assert list(Session.objects.live().filter(user=ada)) == rows[1:]


def test_unticking_active_on_the_page_signs_out(admin: Client, ada: User) -> None:
    _, pair = signed_in(ada)
    assert admin.post(change_url(ada), form_of(ada, admin, is_active="")).status_code == 302
    assert by_access_token(pair.access) is None


@pytest.mark.parametrize("way", ["the action", "the page"])
def test_signing_in_to_the_admin_before_a_deactivation_counts_for_nothing_after_it(admin: Client, way: str) -> None:
    boss = UserFactory.create(email="boss@example.com", superuser=True)
    elsewhere = Client()
    elsewhere.force_login(boss)
    assert elsewhere.get(LIST).status_code == 200
    if way == "the action":
        run(admin, "deactivate", boss)
    else:
        rights = {"is_staff": "on", "is_superuser": "on"}
        assert admin.post(change_url(boss), form_of(boss, admin, is_active="", **rights)).status_code == 302
    run(admin, "activate", boss)
    boss.refresh_from_db()
    assert (boss.is_active, boss.is_staff) == (True, True)
    assert elsewhere.get(LIST).status_code == 302


def test_activation_mail_is_sent_again_only_to_waiting_accounts(admin: Client, ada: User, bob: User) -> None:
    run(admin, "resend_activation", ada, bob)
    assert list(Mail.objects.values_list("kind", "address")) == [("activation", bob.email)]


def test_password_set_in_the_admin_signs_out_and_tells_the_owner(admin: Client, ada: User) -> None:
    """OWASP ASVS 5.0 6.3.7, 7.4.3."""
    _, pair = signed_in(ada)
    body = {"password1": "quite another 7", "password2": "quite another 7", "usable_password": "true"}
    response = admin.post(f"{LIST}{ada.pk}/password/", body | {"set-password": "1"})
    assert response.status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("quite another 7")
    assert by_access_token(pair.access) is None
    assert list(Mail.objects.values_list("kind", "address")) == [("password_changed", ada.email)]


def test_person_added_in_the_admin_can_sign_in(admin: Client) -> None:
    body = {"email": "Eve@Example.com", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert admin.post(f"{LIST}add/", body).status_code == 302
    eve = User.objects.get(email="eve@example.com")
    assert (eve.username, eve.is_active, eve.check_password(PASSWORD)) == ("eve@example.com", True, True)
    again = admin.post(f"{LIST}add/", body)
    assert again.status_code == 200
    assert "This e-mail is taken." in again.content.decode()


def test_email_taken_by_another_is_refused_on_the_page(admin: Client, ada: User, bob: User) -> None:
    page = admin.post(change_url(bob), form_of(bob, admin, email="ADA@example.com"))
    assert page.status_code == 200
    assert "This e-mail is taken." in page.content.decode()


def test_staff_without_all_rights_can_not_touch_superusers_or_give_rights(
    clerk: Client, carol: User, ada: User
) -> None:
    """OWASP ASVS 5.0 8.2.1."""
    run(clerk, "deactivate", carol)
    carol.refresh_from_db()
    assert carol.is_active
    assert clerk.post(change_url(carol), form_of(carol, clerk, email="mine@example.com")).status_code == 403
    assert clerk.get(f"{LIST}{carol.pk}/password/").status_code == 403
    clerk.post(change_url(ada), form_of(ada, clerk, is_staff="on", is_superuser="on"))
    ada.refresh_from_db()
    assert (ada.is_staff, ada.is_superuser) == (False, False)


def test_mails_are_listed_and_can_not_be_changed(admin: Client) -> None:
    mail = Mail.objects.create(kind="activation", address="x@example.com", error="ConnectionRefusedError")
    page = admin.get("/admin/accounts/mail/").content.decode()
    assert "ConnectionRefusedError" in page
    assert admin.get(f"/admin/accounts/mail/{mail.pk}/change/").status_code == 200
    assert admin.post(f"/admin/accounts/mail/{mail.pk}/change/", {}).status_code == 403


def test_groups_have_their_page(admin: Client) -> None:
    assert admin.get("/admin/auth/group/add/").status_code == 200


def test_emails_and_usernames_are_taken_once_in_any_case(ada: User) -> None:
    for columns in ({"email": "ADA@example.com", "username": "x"}, {"email": "", "username": "ADA@EXAMPLE.COM"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.bulk_create([User(**columns)])
        with pytest.raises(ValidationError):
            User(**columns, password="x").full_clean()


def test_sessions_in_the_admin_are_counted(admin: Client, ada: User, carol: User) -> None:
    signed_in(carol)
    elsewhere = Client()
    elsewhere.force_login(carol)
    page = admin.get(LIST).content.decode()
    assert "3 (2 in the admin)" in page
    assert "3 (2 in the admin)" in admin.get(change_url(carol)).content.decode()
    carol.set_password("quite another 7")
    carol.save()
    elsewhere.force_login(carol)
    page = elsewhere.get(LIST, {"o": "4"}).content.decode()
    assert "1 (1 in the admin)" in page, "a new password has ended the others"


def test_ended_sessions_are_in_the_history(admin: Client, ada: User, bob: User) -> None:
    signed_in(ada)
    run(admin, "end_sessions", ada, bob)
    assert list(LogEntry.objects.values_list("object_id", "change_message")) == [(str(ada.pk), "Sessions ended: 1.")]


def test_sessions_of_a_person_name_their_devices_and_label_their_boxes(admin: Client, ada: User) -> None:
    signed_in(ada, agent="Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36")
    page = admin.get(change_url(ada)).content.decode()
    assert "Chrome on Windows" in page
    assert 'aria-label="End this session"' in page


def test_password_that_somebody_sets_meanwhile_outlasts_the_form(admin: Client, ada: User) -> None:
    """The form wrote the whole row as it had read it: the old password was right again."""

    def set_meanwhile(**arguments: Any) -> None:
        User.objects.filter(pk=ada.pk).update(password="new", new_email="ada@example.org")

    form = form_of(ada, admin, email="augusta@example.com", first_name="Augusta")
    with one_signal(pre_save, set_meanwhile):
        answer = admin.post(change_url(ada), form)
    assert answer.status_code == 302, answer.content
    ada.refresh_from_db()
    assert (ada.first_name, ada.email, ada.username) == ("Augusta", *["augusta@example.com"] * 2)
    assert (ada.password, ada.new_email) == ("new", "ada@example.org")


def test_name_that_somebody_sets_meanwhile_outlasts_a_new_password(admin: Client, ada: User) -> None:
    def set_meanwhile(**arguments: Any) -> None:
        User.objects.filter(pk=ada.pk).update(first_name="Augusta")

    body = {"password1": "another quiet river", "password2": "another quiet river", "usable_password": "true"}
    with one_signal(pre_save, set_meanwhile):
        assert admin.post(f"/admin/accounts/user/{ada.pk}/password/", body).status_code == 302
    ada.refresh_from_db()
    assert (ada.first_name, ada.check_password("another quiet river")) == ("Augusta", True)


@contextmanager
def one_signal(signal: Any, do: Callable[..., None]) -> Iterator[None]:
    signal.connect(do, sender=User)
    try:
        yield
    finally:
        signal.disconnect(do, sender=User)
