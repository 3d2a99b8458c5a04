"""Staff are invited by mail, and choose a password on the admin's own page, as they do after forgetting one."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.mailing import outbox
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"
NEW = {"password": "a quiet river at 7", "again": "a quiet river at 7"}


@pytest.fixture
def admin(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def invite(admin: Client, email: str, **fields: str) -> User:
    body = {"email": email, "usable_password": "false", **fields}
    assert admin.post(f"{USERS}add/", body).status_code == 302
    return User.objects.get(email=email)


def mailed_link() -> str:
    outbox.send_due()
    [found] = re.findall(r"https?://\S+", str(mail.outbox[-1].body))
    return str(found)


def page_of(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def test_invited_member_of_the_staff_chooses_a_password_and_signs_in(admin: Client, client: Client) -> None:
    user = invite(admin, "eve@example.com", is_staff="on")
    assert (user.is_active, user.is_staff, user.has_usable_password()) == (True, True, False)
    link = mailed_link()
    assert link.startswith("http://testserver/admin/new-password/?uid=")
    assert mail.outbox[-1].subject == "You are invited to Videoflix"
    assert "in its admin" in str(mail.outbox[-1].body)

    shown = client.get(page_of(link))
    assert (shown.status_code, shown["Cache-Control"].count("no-store")) == (200, 1)
    assert "eve@example.com" in shown.content.decode()
    answer = client.post(page_of(link), NEW, follow=True)
    assert answer.redirect_chain == [("/admin/login/", 302)]
    assert "Your password is set" in answer.content.decode()
    entered = client.post("/admin/login/", {"username": "eve@example.com", "password": NEW["password"]})
    assert (entered.status_code, entered["Location"]) == (302, "/admin/")


def test_invitation_works_once_and_expires(admin: Client, client: Client) -> None:
    invite(admin, "eve@example.com", is_staff="on")
    link = mailed_link()
    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=5)):
        assert client.get(page_of(link)).status_code == 400
    assert client.post(page_of(link), NEW).status_code == 302
    again = client.post(page_of(link), NEW)
    assert again.status_code == 400
    assert "invalid or has expired" in again.content.decode()
    assert "Ask for a new link" in again.content.decode()


def test_invited_viewer_is_led_to_the_frontend_and_its_api(admin: Client, client: Client, settings: Settings) -> None:
    user = invite(admin, "vera@example.com")
    link = mailed_link()
    assert link.startswith(f"{settings.FRONTEND_BASE_URL}/{settings.FRONTEND_RESET_PATH}?uid=")
    uid, token = (value.partition("=")[2] for value in urlsplit(link).query.split("&"))
    body = {"new_password": NEW["password"], "confirm_password": NEW["password"]}
    answer = client.post(f"/api/password_confirm/{uid}/{token}/", body, content_type="application/json")
    assert answer.status_code == 200
    user.refresh_from_db()
    assert user.check_password(NEW["password"])


def test_invitation_is_in_the_history_and_can_be_sent_again(admin: Client, ada: User) -> None:
    user = invite(admin, "eve@example.com", is_staff="on")
    admin.post(USERS, {"action": "invite_again", "_selected_action": [user.pk, ada.pk]})
    assert list(Mail.objects.values_list("kind", "address")) == [("invitation", "eve@example.com")] * 2
    assert LogEntry.objects.filter(object_id=user.pk, change_message="Invited by mail.").count() == 2


def test_invitation_is_not_sent_to_somebody_who_has_a_password_by_now(admin: Client, client: Client) -> None:
    user = invite(admin, "eve@example.com")
    user.set_password(PASSWORD)
    user.save()
    outbox.send_due()
    assert [message.subject for message in mail.outbox] == ["Your Videoflix password was changed"]


def test_only_superusers_invite_staff(client: Client) -> None:
    clerk = UserFactory.create(email="clerk@example.com", staff=True)
    clerk.user_permissions.set(
        clerk.user_permissions.model.objects.filter(codename__in=["view_user", "add_user", "change_user"])
    )
    client.force_login(clerk)
    assert not invite(client, "eve@example.com", is_staff="on").is_staff


def test_sign_in_leads_to_a_new_password_by_mail(client: Client, carol: User) -> None:
    assert 'href="/admin/forgotten-password/"' in client.get("/admin/login/").content.decode()
    assert client.get("/admin/forgotten-password/").status_code == 200
    answer = client.post("/admin/forgotten-password/", {"email": "Carol@Example.com"}, follow=True)
    assert answer.redirect_chain == [("/admin/login/", 302)]
    assert "is on its way" in answer.content.decode()
    link = mailed_link()
    assert link.startswith("http://testserver/admin/new-password/")
    assert client.post(page_of(link), NEW).status_code == 302
    carol.refresh_from_db()
    assert carol.check_password(NEW["password"])


def test_reset_asked_in_the_api_leads_to_the_frontend(post: Post, carol: User, settings: Settings) -> None:
    post("password_reset/", {"email": carol.email})
    assert mailed_link().startswith(settings.FRONTEND_BASE_URL)


def test_nobody_learns_who_has_an_account(client: Client, carol: User) -> None:
    shown = [
        client.post("/admin/forgotten-password/", {"email": email}, follow=True).content.decode()
        for email in (carol.email, "nobody@example.com")
    ]
    without_token = [re.sub(r'value="\w{64}"|nonce="[^"]+"', "", page) for page in shown]
    assert without_token[0] == without_token[1]
    outbox.send_due()
    assert [message.to for message in mail.outbox] == [[carol.email]]


def test_resets_are_limited_at_one_address(client: Client, settings: Settings) -> None:
    settings.THROTTLE_RESET_ADDRESS = "2/hour"
    answers = [client.post("/admin/forgotten-password/", {"email": "x@example.com"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 200]
    assert "Too many attempts" in answers[-1].content.decode()
    assert Mail.objects.count() == 2


def test_weak_or_mistyped_password_is_explained(admin: Client, client: Client) -> None:
    invite(admin, "eve@example.com", is_staff="on")
    link = page_of(mailed_link())
    weak = client.post(link, {"password": "12345678", "again": "12345678"}).content.decode()
    assert "too common" in weak
    assert "match" in client.post(link, NEW | {"again": "something else 7"}).content.decode()
    assert client.post(link, NEW).status_code == 302


def test_link_leads_home_where_any_host_is_served(client: Client, carol: User, settings: Settings) -> None:
    """Otherwise whoever asks could have the link lead to a host of their own."""
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/admin/forgotten-password/", {"email": carol.email}, headers={"host": "evil.example.com"})
    assert mailed_link().startswith(f"{settings.SITE}/admin/new-password/")
