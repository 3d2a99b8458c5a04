"""The same form sent to the admin twice at the same moment, and people deleted while something is done to them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client

from accounts.models import User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 2
LONGEST_S = 1.0  # SQLite lets the second begin when the first is done


@pytest.fixture
def carol() -> User:
    return UserFactory.create(email="carol@example.com", superuser=True)


@pytest.fixture
def both_checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No form is saved before the other was found good, as far as the database lets two go on."""
    barrier = threading.Barrier(AT_ONCE)
    for model in (User, Group):
        save = model.save

        def save_together(self: Any, *arguments: Any, save: Any = save, **options: Any) -> None:
            if options.get("update_fields") != ["last_login"]:
                with suppress(threading.BrokenBarrierError):
                    barrier.wait(LONGEST_S)
            save(self, *arguments, **options)

        monkeypatch.setattr(model, "save", save_together)
    yield
    monkeypatch.undo()


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def posted(browser: Client, path: str, body: dict[str, str]) -> tuple[int, str]:
    try:
        answer = browser.post(path, body)
        return answer.status_code, answer.content.decode()
    finally:
        connections.close_all()


@pytest.mark.parametrize(
    ("path", "body", "sentence", "model"),
    [
        (
            "/admin/accounts/user/add/",
            {"email": "dora@example.com", "usable_password": "false"},
            "This e-mail is taken.",
            User,
        ),
        ("/admin/auth/group/add/", {"name": "Clerks"}, "Group with this Name already exists.", Group),
    ],
)
def test_form_sent_twice_at_once_saves_one_and_tells_the_other_what_is_taken(
    carol: User, both_checked: None, path: str, body: dict[str, str], sentence: str, model: type[User] | type[Group]
) -> None:
    before = model._default_manager.count()
    browsers = [browser_of(carol) for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = sorted(pool.map(lambda browser: posted(browser, path, body), browsers))
    assert [status for status, _ in answers] == [200, 302]
    assert sentence in answers[0][1]
    assert model._default_manager.count() == before + 1


def test_two_people_given_one_email_at_once_do_not_share_it(carol: User, both_checked: None) -> None:
    people = [UserFactory.create() for _ in range(AT_ONCE)]
    forms = [
        {
            "email": "dora@example.com",
            "username": person.username,
            "is_active": "on",
            "sessions-TOTAL_FORMS": "0",
            "sessions-INITIAL_FORMS": "0",
        }
        for person in people
    ]
    paths = [f"/admin/accounts/user/{person.pk}/change/" for person in people]
    browsers = [browser_of(carol) for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = sorted(pool.map(posted, browsers, paths, forms))
    assert [status for status, _ in answers] == [200, 302]
    assert "This e-mail is taken." in answers[0][1]


@pytest.fixture
def dora(monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody who is deleted when she is about to be changed."""
    made, save = UserFactory.create(), User.save

    def save_too_late(self: User, *arguments: Any, **options: Any) -> None:
        if self.pk == made.pk:
            User.objects.filter(pk=made.pk).delete()
        save(self, *arguments, **options)

    monkeypatch.setattr(User, "save", save_too_late)
    return made


def test_person_deleted_meanwhile_is_left_out_of_what_is_done_to_many(carol: User, dora: User) -> None:
    browser, eve = browser_of(carol), User.objects.bulk_create([User(username="eve@example.com")])[0]
    body = {"action": "deactivate", "_selected_action": [str(dora.pk), str(eve.pk)]}
    assert browser.post("/admin/accounts/user/", body).status_code == 302
    assert "People deactivated: 1." in browser.get("/admin/accounts/user/").content.decode()
    eve.refresh_from_db()
    assert not eve.is_active


def test_password_of_a_person_deleted_meanwhile_is_set_for_nobody(carol: User, dora: User) -> None:
    body = {"password1": "quite another 7", "password2": "quite another 7", "usable_password": "true"}
    answer = browser_of(carol).post(f"/admin/accounts/user/{dora.pk}/password/", body | {"set-password": "1"})
    assert answer.status_code == 404
    assert not User.objects.filter(pk=dora.pk).exists()
