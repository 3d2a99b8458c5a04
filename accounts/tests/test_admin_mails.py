"""Mails in the admin can be read without their secrets, and sent again."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.mailing import outbox
from accounts.models import Mail, User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

MAILS = "/admin/accounts/mail/"


def ordered(kind: Mail.Kind, user: User) -> Mail:
    return Mail.objects.create(kind=kind, address=user.email)


def shown(client: Client, entry: Mail) -> str:
    answer = client.get(f"{MAILS}{entry.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def send_again(client: Client, *mails: Mail) -> str:
    body = {"action": "send_selected_again", "_selected_action": [entry.pk for entry in mails], "confirmed": "yes"}
    return client.post(MAILS, body, follow=True).content.decode()


def test_sent_mail_is_read_as_it_was_without_its_secrets(admin: Client, ada: User) -> None:
    entry = ordered(Mail.Kind.PASSWORD_RESET, ada)
    outbox.send(entry.pk)
    [(uid, token)] = re.findall(r"uid=(\S+)&token=(\S+)", str(mail.outbox[0].body))
    ada.is_active = False  # what was sent stays readable when nobody should get it any more
    ada.save()
    page = shown(admin, entry)
    assert "Reset your Videoflix password" in page
    assert "somebody, hopefully you, asked to reset the password" in page
    assert "?uid=…&amp;token=…" in page
    assert token not in page
    assert f"uid={uid}" not in page
    entry.refresh_from_db()
    assert token not in entry.text


def test_waiting_mail_shows_what_it_would_say(admin: Client, bob: User) -> None:
    page = shown(admin, ordered(Mail.Kind.ACTIVATION, bob))
    assert "Please confirm your e-mail address" in page
    assert "token=…" in page
    assert "Written when it is sent" in page
    bob.is_active = True
    bob.save()
    assert "Nobody should get this mail any more." in shown(admin, ordered(Mail.Kind.ACTIVATION, bob))


def test_one_mail_is_sent_again_after_a_question(admin: Client, ada: User) -> None:
    entry = ordered(Mail.Kind.PASSWORD_RESET, ada)
    outbox.send(entry.pk)
    address = f"{MAILS}{entry.pk}/send_again/"
    assert f'href="{address}"' in shown(admin, entry)
    question = admin.get(address).content.decode()
    assert "Send this mail again?" in question
    assert Mail.objects.count() == 1
    assert admin.post(address).status_code == 302
    outbox.send_due()
    assert [message.to for message in mail.outbox] == [[ada.email]] * 2
    assert LogEntry.objects.get().change_message == "Sent again."


def test_several_are_sent_again_after_one_question(admin: Client, ada: User, bob: User) -> None:
    mails = [ordered(Mail.Kind.PASSWORD_RESET, ada), ordered(Mail.Kind.ACTIVATION, bob)]
    outbox.send_due()
    body = {"action": "send_selected_again", "_selected_action": [entry.pk for entry in mails]}
    assert "Send these mails again?" in admin.post(MAILS, body).content.decode()
    assert "On the way again" in send_again(admin, *mails)
    outbox.send_due()
    assert len(mail.outbox) == 4


def test_limit_holds_for_mails_that_are_sent_again(admin: Client, ada: User, settings: Settings) -> None:
    settings.THROTTLE_MAILS = "2/hour"
    entry = ordered(Mail.Kind.PASSWORD_RESET, ada)
    outbox.send(entry.pk)
    assert "On the way again" in send_again(admin, entry)
    assert "as many mails of this kind as THROTTLE_MAILS allows" in send_again(admin, entry)
    assert Mail.objects.count() == 2


def test_mail_that_nobody_should_get_is_refused(admin: Client, bob: User) -> None:
    entry = ordered(Mail.Kind.ACTIVATION, bob)
    outbox.send(entry.pk)
    bob.is_active = True
    bob.save()
    assert "nobody should get this mail any more" in send_again(admin, entry)
    assert Mail.objects.count() == 1


def test_mail_that_waits_is_sent_now_instead_of_twice(admin: Client, ada: User) -> None:
    entry = ordered(Mail.Kind.PASSWORD_RESET, ada)
    Mail.objects.filter(pk=entry.pk).update(due_at="2100-01-01T00:00Z", attempts=3, error="ConnectionRefusedError")
    send_again(admin, entry)
    outbox.send_due()
    assert len(mail.outbox) == 1
    assert Mail.objects.get().sent_at is not None


def test_readers_without_the_right_may_not_send(client: Client, ada: User) -> None:
    clerk = UserFactory.create(email="clerk@example.com", staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_mail"))
    client.force_login(clerk)
    entry = ordered(Mail.Kind.PASSWORD_RESET, ada)
    address = f"{MAILS}{entry.pk}/send_again/"
    assert address not in shown(client, entry)
    assert client.post(address).status_code == 403
    send_again(client, entry)
    assert Mail.objects.count() == 1


@pytest.mark.parametrize("name", ["nonsense", "9" * 30])
def test_mistyped_address_of_a_mail_is_no_error_of_the_server(admin: Client, name: str) -> None:
    assert admin.get(f"{MAILS}{name}/change/").status_code == 302
    assert admin.get(f"{MAILS}{name}/send_again/").status_code == 404
