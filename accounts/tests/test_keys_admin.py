"""API keys in the admin and from a shell: shown once, listed, revoked."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.errors import KeyRefused
from accounts.models import ApiKey, Scope, User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/apikey/"
FORM = {"name": "Importer", "scopes": ["videos:read", "uploads:write"], "expires": "90d"}


def staff_with(*permissions: str) -> Client:
    user = UserFactory.create(staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_key_that_is_made_is_shown_once_and_works(admin: Client, carol: User) -> None:
    assert "videos:write" in admin.get(f"{LIST}add/").content.decode()
    answer = admin.post(f"{LIST}add/", FORM)
    page = answer.content.decode()
    [spelled] = re.findall(r'value="(vfk_[^"]+)"', page)
    assert 'data-copy="vf-key"' in page
    assert "no-store" in answer["Cache-Control"]
    key = keys.read(spelled)
    assert (key.name, key.scopes, key.made_by) == ("Importer", ["uploads:write", "videos:read"], carol)
    assert key.expires_at is not None
    assert timedelta(days=89) < key.expires_at - timezone.now() < timedelta(days=90)
    secret = spelled.rpartition("_")[2]
    for path in (LIST, f"{LIST}{key.pk}/change/", f"{LIST}{key.pk}/history/", "/admin/"):
        seen = admin.get(path)
        assert seen.status_code == 200, path
        assert secret not in seen.content.decode(), path
        assert key.secret_hash not in seen.content.decode(), path
    assert LogEntry.objects.get().object_repr == "Importer"
    assert secret not in str(dict(admin.session))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["everything"]}, "everything is not one of the available choices"),
        ({"expires": "soon"}, "Write a time such as"),
        ({"expires": "2020-01-01"}, "This moment is over."),
    ],
)
def test_form_that_can_not_be_used_makes_no_key(admin: Client, changes: dict[str, Any], sentence: str) -> None:
    assert sentence in admin.post(f"{LIST}add/", FORM | changes).content.decode()
    assert not ApiKey.objects.exists()


def test_list_tells_scopes_maker_last_use_and_state(admin: Client, carol: User) -> None:
    keys.make(name="Of Carol", scopes=[Scope.STATS_READ], made_by=carol)
    keys.make(name="Over", scopes=[Scope.STATS_READ], expires_at=timezone.now())
    keys.make(name="Ended", scopes=[Scope.STATS_READ])
    keys.revoke(ApiKey.objects.filter(name="Ended"))
    page = admin.get(LIST).content.decode()
    for words in ("Of Carol", "stats:read", "carol", "Never", "Live", "Expired", "Revoked"):
        assert words in page, words
    for state, name in (("live", "Of Carol"), ("expired", "Over"), ("revoked", "Ended")):
        shown = admin.get(LIST, {"state": state}).content.decode()
        assert [other for other in ("Of Carol", "Over", "Ended") if f">{other}<" in shown] == [name]


def test_key_is_revoked_after_a_question_from_the_list_and_from_its_page(admin: Client) -> None:
    (first, _), (second, _) = (keys.make(name=name, scopes=[Scope.STATS_READ]) for name in ("One", "Two"))
    body: dict[str, Any] = {"action": "revoke_selected", "_selected_action": [first.pk]}
    assert "Revoke this key for ever?" in admin.post(LIST, body).content.decode()
    assert ApiKey.objects.filter(revoked_at=None).count() == 2
    assert admin.post(LIST, body | {"confirmed": "yes"}).status_code == 302
    [path] = re.findall(
        rf'href="({LIST}{second.pk}/[^"]*revoke[^"]*)"', admin.get(f"{LIST}{second.pk}/change/").content.decode()
    )
    assert admin.get(path).status_code == 200
    assert admin.post(path).status_code == 302
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert set(LogEntry.objects.values_list("change_message", flat=True)) == {"Revoked."}


def test_only_staff_with_the_permission_make_and_revoke_keys(client: Client, ada: User) -> None:
    key, _ = keys.make(name="One", scopes=[Scope.STATS_READ])
    revoke = {"action": "revoke_selected", "_selected_action": [key.pk], "confirmed": "yes"}
    client.force_login(ada)
    assert client.post(f"{LIST}add/", FORM).status_code == 302, "to the sign-in"
    assert staff_with().get(LIST).status_code == 403
    assert staff_with("view_apikey").post(f"{LIST}add/", FORM).status_code == 403
    staff_with("view_apikey").post(LIST, revoke)
    assert ApiKey.objects.get().revoked_at is None
    assert staff_with("add_apikey", "view_apikey").post(f"{LIST}add/", FORM).status_code == 200
    staff_with("change_apikey", "view_apikey").post(LIST, revoke)
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None


def test_no_key_is_changed_or_deleted(admin: Client) -> None:
    key, _ = keys.make(name="One", scopes=[Scope.STATS_READ])
    assert admin.post(f"{LIST}{key.pk}/change/", FORM).status_code == 403
    assert admin.post(f"{LIST}{key.pk}/delete/", {"post": "yes"}).status_code == 403


def run(*arguments: str) -> tuple[str, str]:
    output, errors = StringIO(), StringIO()
    call_command("key", *arguments, stdout=output, stderr=errors, no_color=True)
    return output.getvalue(), errors.getvalue()


def test_command_makes_lists_and_revokes() -> None:
    spelled, told = run(
        "create", "--name", "Importer", "--scope", "videos:read", "--scope", "stats:read", "--expires=3s"
    )
    key = keys.read(spelled.strip())
    assert (key.scopes, key.made_by) == (["stats:read", "videos:read"], None)
    assert "Importer" in told
    listed, _ = run("list")
    assert f"{key.pk}  live  Importer  stats:read videos:read" in listed
    assert spelled.strip().rpartition("_")[2] not in listed
    assert run("revoke", str(key.pk))[0] == f"Key {key.pk} is revoked.\n"
    with pytest.raises(KeyRefused, match="revoked"):
        keys.read(spelled.strip())
    assert f"{key.pk}  revoked" in run("list")[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", "--name", " ", "--scope", "videos:read"], "A name has 1 to 100 characters."),
        (["create", "--name", "x", "--scope", "everything"], "invalid choice"),
        (["create", "--name", "x"], "--scope"),
        (["create", "--name", "x", "--scope", "videos:read", "--expires", "soon"], "--expires: Write a time"),
        (["revoke", "7"], "There is no key 7."),
    ],
)
def test_command_says_what_is_wrong(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=re.escape(sentence)):
        run(*arguments)
    assert not ApiKey.objects.exists()


def test_command_revokes_once() -> None:
    key, _ = keys.make(name="One", scopes=[Scope.STATS_READ])
    run("revoke", str(key.pk))
    with pytest.raises(CommandError, match="revoked already"):
        run("revoke", str(key.pk))
