"""A new password, chosen by somebody who is signed in and knows the old one."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import cookies, sessions
from accounts.auth import by_access_token
from accounts.errors import TokenRefused
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, signed_in

pytestmark = pytest.mark.django_db

NEW = "another quiet river"


def change(client: Client, old: str = PASSWORD, new: str = NEW, **more: str) -> Any:
    body = {"old_password": old, "new_password": new, **more}
    return client.post("/api/me/password/", body, content_type="application/json")


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    """Ada's."""
    _, pair = signed_in(ada)
    client.cookies[cookies.ACCESS], client.cookies[cookies.REFRESH] = pair.access, pair.refresh
    return client


def test_other_sessions_end_and_this_one_goes_on(browser: Client, post: Post, ada: User) -> None:
    _, elsewhere = signed_in(ada)

    answer = change(browser, confirm_password=NEW)

    assert (answer.status_code, list(answer.json())) == (200, ["detail"])
    assert by_access_token(elsewhere.access) is None
    with pytest.raises(TokenRefused):
        sessions.refresh(elsewhere.refresh)
    assert browser.get("/api/me/").status_code == 200
    assert post("token/refresh/").status_code == 200
    assert browser.get("/api/me/").status_code == 200
    assert [one["is_current"] for one in browser.get("/api/me/sessions/").json()] == [True]
    ada.refresh_from_db()
    assert ada.check_password(NEW)
    assert [mail.kind for mail in Mail.objects.filter(address=ada.email)] == [Mail.Kind.PASSWORD_CHANGED]


def test_sign_in_to_the_admin_goes_on_in_this_browser_alone(client: Client, carol: User) -> None:
    client.force_login(carol)
    elsewhere = Client()
    elsewhere.force_login(carol)
    _, pair = signed_in(carol)

    assert change(client).status_code == 200

    assert client.get("/api/me/").status_code == 200
    assert elsewhere.get("/api/me/").status_code == 401
    assert by_access_token(pair.access) is None


def test_wrong_password_changes_nothing(browser: Client, ada: User) -> None:
    _, elsewhere = signed_in(ada)
    answer = change(browser, old="wrong")
    assert (answer.status_code, answer.json()) == (400, {"old_password": ["This is not your password."]})
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert by_access_token(elsewhere.access) is not None
    assert not Mail.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"new": "12345678"}, "new_password"),
        ({"new": "ada@example.com"}, "new_password"),
        ({"new": "short"}, "new_password"),
        ({"new": "x" * 129}, "new_password"),
        ({"confirm_password": "another"}, "confirm_password"),
        ({"old": "x" * 5000}, "old_password"),
    ],
)
def test_password_that_is_too_weak_is_refused(browser: Client, ada: User, fields: dict[str, str], wrong: str) -> None:
    answer = change(browser, **fields)
    assert (answer.status_code, list(answer.json())) == (400, [wrong])
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_wrong_passwords_are_counted_with_those_to_sign_in(
    browser: Client, post: Post, ada: User, settings: Settings
) -> None:
    """OWASP ASVS 5.0 6.3.1: who has somebody's open browser can't guess on."""
    settings.THROTTLE_SIGN_IN = "3/hour"
    assert post("login/", {"email": ada.email, "password": "wrong"}).status_code == 401
    assert change(browser, old="wrong").status_code == 400
    deletion = browser.delete("/api/me/", {"password": "wrong"}, content_type="application/json")
    assert (deletion.status_code, deletion.json()) == (400, {"password": ["This is not your password."]})
    for answer in (
        change(browser),
        post("me/email/", {"email": "new@example.com", "password": PASSWORD}),
        browser.delete("/api/me/", {"password": PASSWORD}, content_type="application/json"),
        post("login/", {"email": ada.email, "password": PASSWORD}),
    ):
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert browser.get("/api/me/").status_code == 200


def test_account_without_a_password_has_none_to_confirm_with(browser: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(password="!unusable")
    _, pair = signed_in(User.objects.get(pk=ada.pk))
    browser.cookies[cookies.ACCESS] = pair.access
    assert change(browser, old="!unusable").status_code == 400


def test_staff_without_an_email_are_sent_no_mail(client: Client) -> None:
    """It was told as sent, to nobody."""
    boss = User.objects.create_user("boss", password=PASSWORD, is_staff=True)
    _, pair = signed_in(boss)
    client.cookies[cookies.ACCESS] = pair.access
    assert change(client).status_code == 200
    boss.refresh_from_db()
    boss.set_password(PASSWORD)
    boss.save()
    assert not Mail.objects.exists()


def change_in_admin(client: Client, old: str) -> Any:
    return client.post(
        "/admin/password_change/", {"old_password": old, "new_password1": NEW, "new_password2": NEW}, follow=True
    )


def test_page_of_the_admin_lets_nobody_guess_the_old_password_for_ever(admin: Client, carol: User) -> None:
    """As with a browser that somebody has left signed in: with the password they could keep the account."""
    for _ in range(10):
        assert b"This is not your password." in change_in_admin(admin, "wrong").content
    assert b"Too many attempts." in change_in_admin(admin, PASSWORD).content
    carol.refresh_from_db()
    assert carol.check_password(PASSWORD)


def test_page_of_the_admin_changes_the_password_and_signs_out_elsewhere(admin: Client, carol: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(carol)
    _, pair = signed_in(carol)

    assert change_in_admin(admin, PASSWORD).redirect_chain == [("/admin/password_change/done/", 302)]

    carol.refresh_from_db()
    assert carol.check_password(NEW)
    assert admin.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
    assert by_access_token(pair.access) is None


def test_page_of_the_admin_says_what_to_do_without_a_password(admin: Client, carol: User) -> None:
    carol.set_unusable_password()
    carol.save()
    admin.force_login(carol)
    assert b"Ask for the mail of a forgotten password" in change_in_admin(admin, "none").content
