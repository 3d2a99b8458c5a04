"""An account that is deleted while a request of it is answered: 401, as from then on, and nothing of it comes back."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client

from accounts.me import deletion
from accounts.models import Mail, Session, User
from accounts.tests.factories import PASSWORD
from hls.tests.racing import after_reading
from library.models import Upload
from library.tests.videos import make_viewer, sign_in
from library.uploads import resumable

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "dora@example.com"
SIGN_IN = {"email": EMAIL, "password": PASSWORD}
TUS: dict[str, Any] = {
    "HTTP_TUS_RESUMABLE": "1.0.0",
    "HTTP_UPLOAD_LENGTH": "10",
    "HTTP_UPLOAD_METADATA": "filename YS5tcDQ=",
}


@pytest.fixture
def dora() -> User:
    made: User = make_viewer(EMAIL, is_staff=True)
    return made


def gone_as_soon_as_read(user: User) -> AbstractContextManager[None]:
    return after_reading(User, lambda: deletion.delete(user))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "me/", {"first_name": "Dora"}),
        ("post", "me/email/", {"email": "other@example.com", "password": PASSWORD}),
        ("post", "login/", SIGN_IN),
    ],
)
def test_account_deleted_meanwhile_is_refused(dora: User, method: str, path: str, body: dict[str, str]) -> None:
    client = Client() if path == "login/" else sign_in(Client(), EMAIL)
    with gone_as_soon_as_read(dora):
        answer = getattr(client, method)(f"/api/{path}", body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert not User.objects.exists()
    assert not Session.objects.exists()
    assert not Mail.objects.exists()


def test_account_deactivated_meanwhile_is_not_signed_in(dora: User) -> None:
    with after_reading(User, lambda: User.objects.update(is_active=False)):
        answer = Client().post("/api/login/", SIGN_IN, content_type="application/json")
    assert answer.status_code == 401
    assert not Session.objects.exists()


def test_row_of_an_account_deleted_meanwhile_is_refused(dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row can't name it any more: refused by the foreign key alone, it was a 500."""
    client = sign_in(Client(), EMAIL)
    check: Callable[..., None] = resumable.check_room

    def delete_and_check(*arguments: Any, **options: Any) -> None:
        deletion.delete(dora)
        check(*arguments, **options)

    monkeypatch.setattr(resumable, "check_room", delete_and_check)
    answer = client.post("/api/uploads/", **TUS)
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert not Upload.objects.exists()
