"""A lost or expired activation mail: a waiting account gets a new one, and everybody gets the same answer."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as configured
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import services, upkeep
from accounts.mailing import links, outbox
from accounts.models import Mail, User
from accounts.tests.conftest import Post
from accounts.tests.test_registration import link_path

pytestmark = pytest.mark.django_db

ANSWER = {"detail": "If an account with this address awaits its activation, a new link is on its way."}


def subjects() -> list[str]:
    outbox.send_due()
    return [str(message.subject) for message in mail.outbox]


def link_in_mail() -> str:
    found = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert found
    return link_path(found[0], "activate")


def test_waiting_account_gets_a_new_link_that_works_when_the_first_has_expired(
    post: Post, client: Client, bob: User
) -> None:
    first = link_path(links.activation_url(bob), "activate")
    later = timezone.now() + configured.ACTIVATION_LIFETIME + timedelta(minutes=1)
    with time_machine.travel(later):
        assert client.get(first).status_code == 400
        response = post("activation/resend/", {"email": "BOB@example.com"})
        assert (response.status_code, response.json()) == (200, ANSWER)
        assert subjects() == ["Confirm your e-mail for Videoflix"]
        assert client.get(link_in_mail()).status_code == 200
    bob.refresh_from_db()
    assert bob.is_active


def test_everybody_gets_the_same_answer_at_the_same_cost_and_only_waiting_accounts_get_mail(
    post: Post, ada: User, bob: User
) -> None:
    """OWASP ASVS 5.0 6.3.8."""
    User.objects.filter(pk=ada.pk).update(is_active=False)  # deactivated: there is no way back by mail
    seen = []
    post("activation/resend/", {"email": "first@example.com"})  # makes the counter of this address
    for email in (bob.email, ada.email, "nobody@example.com"):
        with CaptureQueriesContext(connection) as captured:
            response = post("activation/resend/", {"email": email})
        seen.append((response.status_code, response.json(), len(captured)))
    assert seen == [(200, ANSWER, seen[0][2])] * 3
    subjects()
    assert [message.to for message in mail.outbox] == [[bob.email]]


def test_reset_of_an_account_that_waits_mails_its_activation_again(post: Post, client: Client, bob: User) -> None:
    assert post("password_reset/", {"email": bob.email}).status_code == 200
    assert subjects() == ["Confirm your e-mail for Videoflix"]
    assert client.get(link_in_mail()).status_code == 200
    post("password_reset/", {"email": bob.email})
    assert subjects()[1:] == ["Reset your Videoflix password"]


def test_both_ways_together_send_no_more_mails_than_the_limit(post: Post, bob: User) -> None:
    for _ in range(4):
        post("activation/resend/", {"email": bob.email})
        post("password_reset/", {"email": bob.email})
    assert len(subjects()) == 5


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"email": "no address"}, {"email": ["Enter a valid e-mail address."]}),
        ({}, {"email": ["This field is required."]}),
    ],
)
def test_malformed_address_is_refused(post: Post, body: object, wrong: object) -> None:
    response = post("activation/resend/", body)
    assert (response.status_code, response.json()) == (400, wrong)


def test_requests_from_one_address_are_limited(post: Post, settings: Settings) -> None:
    settings.THROTTLE_RESEND_ADDRESS = "2/hour"
    answers = [post("activation/resend/", {"email": f"a{number}@example.com"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 3600


def test_resending_wakes_the_sender(
    bob: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(services, "send_ordered_mail", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        services.resend_activation(bob.email, address="198.51.100.1")
    assert woken == [Mail.objects.get().pk]


def test_account_is_kept_as_long_as_the_link_that_was_mailed_for_it_works(bob: User) -> None:
    joined = timezone.now()
    kept, lifetime = configured.UNCONFIRMED_ACCOUNTS_KEPT, configured.ACTIVATION_LIFETIME
    with time_machine.travel(joined + kept - timedelta(hours=1)):
        services.resend_activation(bob.email, address="198.51.100.1")
        subjects()
    with time_machine.travel(joined + kept + lifetime - timedelta(hours=2)):
        upkeep.remove_expired()
        assert User.objects.filter(pk=bob.pk).exists()
    with time_machine.travel(joined + kept + lifetime + timedelta(hours=1)):
        upkeep.remove_expired()
        assert not User.objects.filter(pk=bob.pk).exists()
