"""Finding one person among many: every way to sign in uses an index, so that no answer takes longer than another."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import RequestFactory

from accounts import services
from accounts.admin.forms import NewUserForm
from accounts.backends import UsernameOrEmailBackend, find
from accounts.errors import RegistrationRefused, SignInRefused
from accounts.mailing.mails import message_for
from accounts.models import Mail, User
from accounts.tests.factories import PASSWORD
from hls.tests.plans import analyse, plan
from project.first_start import make_administrator

pytestmark = pytest.mark.django_db

CROWD = 3_000
TABLE = "accounts_user"


@pytest.fixture
def crowd() -> list[User]:
    hashed = make_password(PASSWORD)
    people = [
        User(email=f"viewer{number}@example.com", username=f"viewer{number}@example.com", password=hashed)
        for number in range(CROWD)
    ]
    made = User.objects.bulk_create(people)
    analyse(TABLE)
    return made


def sign_in(email: str) -> Callable[[], Any]:
    def work() -> None:
        with pytest.raises(SignInRefused):
            services.sign_in(email, "wrong", address="192.0.2.1", agent="")

    return work


def enter_admin(name: str) -> Callable[[], Any]:
    request = RequestFactory().post("/admin/login/")
    return lambda: UsernameOrEmailBackend().authenticate(request, username=name, password="wrong")


def register(email: str) -> Callable[[], Any]:
    def work() -> None:
        with pytest.raises(RegistrationRefused):
            services.register(email, PASSWORD, address="192.0.2.1")

    return work


def write(kind: Mail.Kind, address: str) -> Callable[[], Any]:
    return lambda: message_for(Mail(kind=kind, address=address))


WAYS = {
    "sign in, unknown": sign_in("nobody@example.com"),
    "sign in, first": sign_in("viewer0@example.com"),
    "sign in, last": sign_in(f"VIEWER{CROWD - 1}@example.com"),
    "admin, unknown": enter_admin("nobody"),
    "admin, by name": enter_admin("Viewer7@Example.com"),
    "register, known": register("Viewer7@example.com"),
    "reset": write(Mail.Kind.PASSWORD_RESET, "viewer7@example.com"),
    "reset, unknown": write(Mail.Kind.PASSWORD_RESET, "nobody@example.com"),
    "activation": write(Mail.Kind.ACTIVATION, "nobody@example.com"),
    "add in the admin": lambda: NewUserForm({"email": "viewer7@example.com"}).is_valid(),
    "first start": make_administrator,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_sign_in_reads_the_whole_table_of_people(crowd: list[User], settings: Any, way: str) -> None:
    """OWASP ASVS 5.0 6.3.8: the time tells nothing, however many people there are."""
    settings.SUPERUSER_USERNAME = "admin"
    steps = plan(WAYS[way], tables=(TABLE,))
    assert f"scan {TABLE}" not in steps
    assert f"seq scan on {TABLE}" not in steps


@pytest.mark.parametrize("name", ["Carol", "cArOl", "CAROL@example.com", "carol@EXAMPLE.com"])
def test_name_and_email_are_found_in_any_case(crowd: list[User], carol: User, name: str) -> None:
    assert find(name) == carol
    assert find(f"{name}%") is None
    assert find("_" + name[1:]) is None
