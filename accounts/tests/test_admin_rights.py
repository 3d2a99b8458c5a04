"""Who may do what to whom in the admin: nobody gets more rights than they have, and nobody shuts everybody out."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import Mail, User
from accounts.tests.factories import PASSWORD, UserFactory, signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"
NO_SESSIONS = {"sessions-TOTAL_FORMS": "0", "sessions-INITIAL_FORMS": "0"}
ABOUT_PEOPLE = ["view_user", "change_user", "delete_user", "add_user"]


def member(email: str, *codenames: str) -> User:
    user = UserFactory.create(email=email, staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def clerk(client: Client, db: None) -> Client:
    """A member of the staff who may do everything with people, and nothing else."""
    client.force_login(member("clerk@example.com", *ABOUT_PEOPLE, "view_session"))
    return client


@pytest.fixture(params=["of their own", "of a group", "while they are deactivated"])
def editor(request: pytest.FixtureRequest, db: None) -> User:
    """A member of the staff who may delete videos: more than the clerk may."""
    if request.param == "of a group":
        user = member("editor@example.com")
        user.groups.add(Group.objects.get(name="Editors"))
        return user
    user = member("editor@example.com", "delete_video")
    if request.param == "while they are deactivated":
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.refresh_from_db()
    return user


def page(user: User, part: str = "change") -> str:
    return f"{LIST}{user.pk}/{part}/"


def fields(user: User, **changes: str) -> dict[str, Any]:
    told = {"email": user.email, "username": user.username, "is_active": "on", "is_staff": "on", **NO_SESSIONS}
    return {name: value for name, value in (told | changes).items() if value}


def run(client: Client, action: str, *users: User, **more: str) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [user.pk for user in users], **more})


def test_staff_do_not_take_over_an_account_that_may_do_more(clerk: Client, editor: User) -> None:
    """OWASP ASVS 5.0 8.2.1: with a password or an e-mail of their choice they would have its rights."""
    body = {"password1": "quite another 7", "password2": "quite another 7", "usable_password": "true"}
    assert clerk.post(page(editor, "password"), body | {"set-password": "1"}).status_code == 403
    assert clerk.post(page(editor), fields(editor, email="mine@example.com")).status_code == 403
    assert clerk.post(page(editor, "delete"), {"post": "yes"}).status_code == 403
    before = editor.is_active
    for action in ("activate", "deactivate", "end_sessions", "invite_again"):
        run(clerk, action, editor)
    run(clerk, "delete_selected", editor, post="yes")
    editor.refresh_from_db()
    assert (editor.email, editor.is_active, editor.check_password(PASSWORD)) == ("editor@example.com", before, True)
    assert not Mail.objects.exists()


def test_sessions_of_an_account_that_may_do_more_go_on(clerk: Client) -> None:
    editor = member("editor@example.com", "delete_video")
    session, _ = signed_in(editor)
    run(clerk, "end_sessions", editor)
    session.refresh_from_db()
    assert session.revoked_at is None


def test_staff_change_viewers_and_staff_who_may_no_more_than_they(clerk: Client, ada: User) -> None:
    colleague = member("colleague@example.com", "view_user")
    for user in (ada, colleague):
        assert clerk.post(page(user), fields(user, first_name="Eve")).status_code == 302
        user.refresh_from_db()
        assert user.first_name == "Eve"
        run(clerk, "deactivate", user)
        user.refresh_from_db()
        assert not user.is_active


def test_groups_are_changed_by_superusers_alone(client: Client, carol: User) -> None:
    """Whoever may change a group would give everything to the one that they are in."""
    groups = [f"{verb}_group" for verb in ("view", "add", "change", "delete")]
    user = member("lister@example.com", *groups)
    group = Group.objects.create(name="Listers")
    user.groups.add(group)
    client.force_login(user)
    everything = [str(permission.pk) for permission in Permission.objects.all()]
    body = {"name": "Listers", "permissions": everything}
    assert client.get("/admin/auth/group/").status_code == 200
    assert client.post(f"/admin/auth/group/{group.pk}/change/", body).status_code == 403
    assert client.post("/admin/auth/group/add/", {**body, "name": "Others"}).status_code == 403
    assert client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not group.permissions.exists()
    client.force_login(carol)
    assert client.post(f"/admin/auth/group/{group.pk}/change/", body).status_code == 302
    assert group.permissions.count() == len(everything)


@pytest.mark.parametrize("field", ["is_active", "is_staff", "is_superuser"])
def test_administrators_do_not_shut_themselves_out(admin: Client, carol: User, field: str) -> None:
    admin.post(page(carol), {name: value for name, value in fields(carol, is_superuser="on").items() if name != field})
    carol.refresh_from_db()
    assert (carol.is_active, carol.is_staff, carol.is_superuser) == (True, True, True)


def test_administrators_do_not_delete_themselves_in_the_admin(admin: Client, carol: User, ada: User) -> None:
    """Their account has a way for that, which asks for the password and keeps the last administrator."""
    assert admin.post(page(carol, "delete"), {"post": "yes"}).status_code == 403
    run(admin, "delete_selected", carol, ada, post="yes")
    assert User.objects.filter(pk=carol.pk).exists()
    run(admin, "delete_selected", ada, post="yes")
    assert not User.objects.filter(pk=ada.pk).exists()


def test_staff_who_may_only_look_are_offered_nothing_that_answers_403(client: Client) -> None:
    viewer = UserFactory.create(email="ada@example.com")
    client.force_login(member("clerk@example.com", "view_user", "add_user"))
    assert client.get(page(viewer, "password")).status_code == client.get(f"{LIST}add/").status_code == 403
    assert "../password/" not in client.get(page(viewer)).content.decode()
    assert f"{LIST}add/" not in client.get(LIST).content.decode()


def test_staff_are_not_offered_the_password_of_somebody_who_may_do_more(clerk: Client, editor: User) -> None:
    viewer = UserFactory.create(email="ada@example.com")
    assert "../password/" not in clerk.get(page(editor)).content.decode()
    assert "../password/" in clerk.get(page(viewer)).content.decode()
