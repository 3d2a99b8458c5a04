"""Forgotten passwords."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services
from accounts.errors import LinkRefused
from accounts.mailing import links
from accounts.models import Mail, Session, User
from accounts.tests.conftest import Post
from accounts.tests.factories import PASSWORD, signed_in
from accounts.tests.test_registration import DEAD_LINK, link_path

pytestmark = pytest.mark.django_db

NEW = {"new_password": "quite another 7", "confirm_password": "quite another 7"}
ASKED = {"detail": "An email has been sent to reset your password."}


def reset_path(user: User) -> str:
    return link_path(links.password_reset_url(user), "password_confirm").removeprefix("/api/")


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "nobody@example.com", "bob@example.com"])
def test_every_well_formed_address_gets_the_same_answer(post: Post, ada: User, bob: User, email: str) -> None:
    """OWASP ASVS 5.0 6.3.8."""
    response = post("password_reset/", {"email": email})
    assert (response.status_code, response.json()) == (200, ASKED)


def test_known_and_unknown_address_cost_the_same_queries(ada: User, django_capture_on_commit_callbacks: Any) -> None:
    """The time tells nothing: the request does the same work, and the account is looked up when the mail is sent."""
    seen: list[tuple[list[str], int]] = []
    for email in (ada.email, "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks() as callbacks:
            services.request_password_reset(email, address=f"198.51.100.{len(seen)}")
        seen.append(([query["sql"].split(" ")[0] for query in queries.captured_queries], len(callbacks)))
    assert seen[0] == seen[1]


def test_malformed_address_is_a_400(post: Post) -> None:
    response = post("password_reset/", {"email": "nobody"})
    assert (response.status_code, response.json()) == (400, {"email": ["Enter a valid e-mail address."]})


def test_link_sets_the_password_once_ends_every_session_and_tells_the_owner(post: Post, ada: User) -> None:
    """OWASP ASVS 5.0 6.3.7, 7.4.3."""
    signed_in(ada)
    path = reset_path(ada)
    first, second = post(path, NEW), post(path, NEW)
    assert (first.status_code, first.json()) == (200, {"detail": "Your Password has been successfully reset."})
    assert (second.status_code, second.json()) == (400, DEAD_LINK)
    assert not Session.objects.live().exists()
    assert list(Mail.objects.values_list("kind", "address")) == [("password_changed", ada.email)]
    assert post("login/", {"email": ada.email, "password": PASSWORD}).status_code == 401
    assert post("login/", {"email": ada.email, "password": NEW["new_password"]}).status_code == 200


def test_slower_of_two_simultaneous_uses_of_a_link_is_refused(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    uid, token = reset_path(ada).split("/")[1:3]

    def meanwhile(*args: object) -> str:
        monkeypatch.undo()
        services.reset_password(uid, token, "the quicker one 9", address="198.51.100.1")
        return "a hash made too late"

    monkeypatch.setattr(services, "make_password", meanwhile)
    with pytest.raises(LinkRefused):
        services.reset_password(uid, token, NEW["new_password"], address="198.51.100.1")
    ada.refresh_from_db()
    assert ada.check_password("the quicker one 9")


def test_expired_link_is_refused(post: Post, ada: User) -> None:
    """OWASP ASVS 5.0 6.4.1."""
    path = reset_path(ada)
    with time_machine.travel(timezone.now() + settings.RESET_LIFETIME + timedelta(minutes=1)):
        assert post(path, NEW).json() == DEAD_LINK


def test_activation_and_reset_links_are_not_interchangeable(client: Client, post: Post, ada: User, bob: User) -> None:
    activation = link_path(links.activation_url(bob), "password_confirm").removeprefix("/api/")
    assert post(activation, NEW).json() == DEAD_LINK
    assert client.get(link_path(links.password_reset_url(bob), "activate")).json() == DEAD_LINK
    assert client.get(link_path(links.password_reset_url(ada), "activate")).json() == DEAD_LINK


@pytest.mark.parametrize(
    "change", [{"email": "other@example.com"}, {"password": "argon2$another"}, {"is_active": False}]
)
def test_link_is_invalid_after_a_new_email_a_new_password_or_deactivation(
    post: Post, ada: User, change: dict[str, Any]
) -> None:
    path = reset_path(ada)
    User.objects.filter(pk=ada.pk).update(**change)
    assert post(path, NEW).json() == DEAD_LINK


def test_link_of_one_user_does_not_open_another(post: Post, ada: User, carol: User) -> None:
    uid = reset_path(carol).split("/")[1]
    token = reset_path(ada).split("/")[2]
    assert post(f"password_confirm/{uid}/{token}/", NEW).json() == DEAD_LINK


def test_inactive_user_can_not_come_back_by_a_reset(post: Post, bob: User) -> None:
    post(reset_path(bob), NEW)
    bob.refresh_from_db()
    assert not bob.is_active


def test_weak_password_is_refused_with_reasons_and_the_link_still_works(post: Post, ada: User) -> None:
    path = reset_path(ada)
    weak = post(path, {"new_password": "password", "confirm_password": "password"})
    assert (weak.status_code, weak.json()) == (400, {"new_password": ["This password is too common."]})
    assert post(path, NEW).status_code == 200


def test_passwords_that_differ_are_refused(post: Post, ada: User) -> None:
    answer = post(reset_path(ada), NEW | {"confirm_password": "something else 8"})
    assert (answer.status_code, answer.json()) == (400, {"confirm_password": ["The passwords don't match."]})


def test_reset_lets_an_owner_in_again_after_failures_locked_the_account(post: Post, ada: User) -> None:
    """OWASP ASVS 5.0 6.3.1: throttling must not lock the owner out for good."""
    for _ in range(10):
        assert post("login/", {"email": ada.email, "password": "wrong"}).status_code == 401
    assert post("login/", {"email": ada.email, "password": PASSWORD}).status_code == 429
    assert post(reset_path(ada), NEW).status_code == 200
    assert post("login/", {"email": ada.email, "password": NEW["new_password"]}).status_code == 200
