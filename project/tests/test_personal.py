"""Everything that is kept about a person: that they get all of it, and that none of it is left when they go."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session as AdminSession
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from huey.contrib.djhuey import HUEY

from accounts import keys, services, sessions
from accounts.admin_sign_in import second_factor, sign_in_steps
from accounts.auth import by_access_token
from accounts.errors import LastAdministrator
from accounts.mailing import links
from accounts.mailing.mails import message_for
from accounts.me import changes, deletion
from accounts.me.changes import Caller
from accounts.models import Mail, RecoveryCode, Scope, Session, User
from accounts.single_sign_on.oidc import Identity
from accounts.tests.conftest import forget_everything
from accounts.tests.factories import PASSWORD, UserFactory, signed_in
from library.models import KeptAnswer, Upload, UploadGrant, Video
from library.tests.factories import VideoFactory
from library.webhooks import services as webhooks
from project.personal.export import PERSONAL, everything_about

pytestmark = pytest.mark.django_db

PERSON_ID = 7_316_842_911  # no other number looks like it
EMAIL, BEFORE, WISHED = "ada-7316@example.com", "before-7316@example.com", "wished-7316@example.com"
ADDRESS, AGENT, NAME = "203.0.113.77", "Agent-7316", "Lovelace-7316"
NAMED_BY = (str(PERSON_ID), EMAIL, BEFORE, WISHED, ADDRESS, AGENT, NAME)


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    yield
    forget_everything()


@pytest.fixture
def carol(db: None) -> User:
    return UserFactory.create(email="carol@example.com", username="carol", superuser=True)


@pytest.fixture
def ada(carol: User, django_capture_on_commit_callbacks: Callable[..., Any]) -> User:
    """An editor who has been everywhere: there is a row of hers in each table that can have one."""
    user: User = UserFactory.create(pk=PERSON_ID, email=BEFORE, username=BEFORE, last_name=NAME, superuser=True)
    with django_capture_on_commit_callbacks(execute=True):
        services.request_password_reset(BEFORE, address=ADDRESS)
        moved(user)
        services.request_password_reset(EMAIL, address=ADDRESS)
        changes.ask_for_email(user, WISHED, PASSWORD, Caller(ADDRESS, ""))
    group = Group.objects.create(name="Night shift")
    group.user_set.add(user)
    user.user_permissions.add(Permission.objects.get(codename="change_video"))
    video = VideoFactory.create(added_by=user)
    Upload.objects.create(owner=user, name="holiday.mp4", video=video, expires_at=timezone.now())
    building(user)
    written_in_history(user, carol, video)
    watching(user, VideoFactory.create(ready=True))
    user.refresh_from_db()
    return user


def moved(user: User) -> None:
    """To the e-mail EMAIL."""
    changes.ask_for_email(user, EMAIL, PASSWORD, Caller(ADDRESS, ""))
    user.refresh_from_db()
    changes.confirm_email(*link_of(user))
    user.refresh_from_db()


def link_of(user: User) -> tuple[str, str]:
    query = links.new_email_url(user).partition("?")[2]
    uid, token = (part.partition("=")[2] for part in query.split("&"))
    return uid, token


def building(user: User) -> None:
    """What the write API, webhooks and the ways of signing in keep."""
    keys.make(name="Importer", scopes=[Scope.VIDEOS_WRITE], made_by=user)
    UploadGrant.objects.create(owner=user, token_hash="7" * 64, max_bytes=1, expires_at=timezone.now())
    KeptAnswer.objects.create(caller=f"user {user.pk}", key="once", digest="d", expires_at=timezone.now())
    webhooks.add("https://example.org/hook", [], user.pk)
    TOTPDevice.objects.create(user=user, name="Phone", confirmed=False)
    RecoveryCode.objects.create(user=user, code_hash="c" * 64)
    SocialAccount.objects.create(user=user, provider="oidc", uid="subject", extra_data={"email": EMAIL})
    EmailAddress.objects.create(user=user, email=EMAIL)


def written_in_history(user: User, carol: User, video: Video) -> None:
    log = LogEntry.objects.log_actions
    log(user.pk, [video], CHANGE, change_message=[{"changed": {"fields": ["Title"]}}])
    log(user.pk, [carol], CHANGE, change_message="Changed for carol@example.com.")
    log(carol.pk, [user], CHANGE, change_message=f"Session of {AGENT} ended.")
    log(carol.pk, Mail.objects.filter(address=EMAIL), CHANGE, change_message=f"Sent again to {EMAIL.upper()}.")


def watching(user: User, video: Video) -> None:
    """Signs in and watches as people do, from ADDRESS, and in the admin as well."""
    client = Client(REMOTE_ADDR=ADDRESS, headers={"User-Agent": AGENT})
    for password in ("wrong", PASSWORD):
        client.post("/api/login/", {"email": EMAIL, "password": password}, content_type="application/json")
    client.put(f"/api/me/progress/{video.pk}/", {"position": 7}, content_type="application/json")
    client.put(f"/api/me/list/{video.pk}/")
    client.force_login(user)


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    client.cookies["access_token"] = signed_in(ada)[1].access
    return client


def cells() -> Iterator[tuple[str, str]]:
    """Everything in the database, table by table, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield from ((table, str(value)) for value in row)
    for session in AdminSession.objects.all():
        yield AdminSession._meta.db_table, str(session.get_decoded())


def elsewhere() -> Iterator[bytes]:
    """What is kept beside the database: the queue, its statistics, the cache and the counters."""
    yield from HUEY.storage.enqueued_items()
    for folder in ("cache", "."):
        for path in sorted((settings.DATA_DIR / folder).glob("*")):
            if path.is_file() and not path.name.startswith(("test.sqlite3", "secret_key")):
                yield path.read_bytes()


def tables_naming(text: str) -> set[str]:
    return {table for table, cell in cells() if text.lower() in cell.lower()}


def foreign_keys() -> Iterator[tuple[type[Model], str]]:
    """Every column of every model that names a user."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if field.related_model is User and model._meta.managed:
                yield model, field.attname


def test_every_model_that_names_users_is_in_the_export(ada: User) -> None:
    """Whoever adds one says in project/personal/export.py what of it a person gets."""
    exported = {rows.model for rows in PERSONAL}
    exported |= {User.groups.through, User.user_permissions.through}  # as "groups" and "permissions"
    assert {model for model, _ in foreign_keys()} - exported == set()


def test_there_is_a_row_of_this_person_in_every_model_that_names_users(ada: User) -> None:
    """So that the other tests look everywhere."""
    for model, column in foreign_keys():
        assert model._base_manager.filter(**{column: ada.pk}).exists(), model
    assert all(rows.export(ada) for rows in PERSONAL)


def test_export_is_a_file_with_all_rows_and_without_secrets(browser: Client, ada: User, carol: User) -> None:
    answer = browser.get("/api/me/export/")

    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    assert answer["Content-Disposition"] == 'attachment; filename="videoflix-account.json"'
    told = answer.json()
    assert set(told) == {"exported_at", *(rows.name for rows in PERSONAL)}
    [account] = told["account"]
    assert (account["id"], account["email"], account["new_email"]) == (ada.pk, EMAIL, WISHED)
    assert {session["agent"] for session in told["sessions"]} == {AGENT, "A test"}
    assert {mail["address"] for mail in told["mails"]} == {EMAIL, BEFORE}
    assert told["groups"] == [{"name": "Night shift"}]
    assert [(row["position_s"], "video_id" in row) for row in told["watch_progress"]] == [(7.0, True)]
    for model, column in foreign_keys():
        if model not in (User.groups.through, User.user_permissions.through, Mail):
            exported = [row for rows in PERSONAL if rows.model is model for row in rows.export(ada)]
            assert len(exported) >= model._base_manager.filter(**{column: ada.pk}).count(), model
    session = Session.objects.filter(user=ada).latest("created_at")
    for secret in (ada.password, session.current_hash, session.password_mark, AdminSession.objects.latest("pk").pk):
        assert secret not in answer.content.decode()
    assert carol.email not in answer.content.decode()


def test_columns_that_are_left_out_are_there() -> None:
    """None of their names is outdated, and secrets are named as such."""
    for rows in PERSONAL:
        columns = {field.attname for field in rows.model._meta.concrete_fields}
        assert rows.left_out <= columns
        assert set(rows.only) <= columns


def test_export_does_not_tell_whether_an_address_is_taken(ada: User, carol: User) -> None:
    """A mail to it is dropped when it would be sent; the mail's row isn't in the export in either case."""
    told = []
    for address in (carol.email, "free@example.com"):
        changes.ask_for_email(ada, address, PASSWORD, Caller(ADDRESS, ""))
        message_for(Mail.objects.latest("pk"))
        told.append(json.dumps(everything_about(ada)["mails"], default=str))
    assert told[0] == told[1]


def test_nothing_about_the_person_is_left(browser: Client, ada: User, carol: User) -> None:
    for text in NAMED_BY[:4]:
        assert tables_naming(text), text
    video, access = Video.objects.get(added_by=ada), browser.cookies["access_token"].value

    answer = browser.delete("/api/me/", {"password": PASSWORD}, content_type="application/json")

    assert answer.status_code == 204
    assert (answer.cookies["access_token"].value, answer.cookies["refresh_token"].value) == ("", "")
    for text in NAMED_BY:
        assert tables_naming(text) == set(), text
        assert not any(text.encode() in content for content in elsewhere()), text
    assert by_access_token(access) is None
    assert browser.get("/api/me/").status_code == 401
    video.refresh_from_db()
    assert video.added_by is None


def test_sign_ins_that_were_not_finished_are_forgotten_too(ada: User, carol: User) -> None:
    """Django's session, nobody's yet, remembers whose password was right, and whom the identity provider named."""
    key = second_factor.new_key()
    second_factor.switch_on(ada, second_factor.NewKey(key), f"{TOTP(bytes.fromhex(key)).token():06d}")
    waiting, connecting = Client(), Client()
    waiting.post("/admin/login/", {"username": EMAIL, "password": PASSWORD})
    request = RequestFactory().get("/")
    request.session = connecting.session
    sign_in_steps.remember_to_connect(request, Identity("https://id.example.com", "s", EMAIL, True), ada.pk)
    request.session.save()
    assert AdminSession._meta.db_table in tables_naming(EMAIL)

    deletion.delete_own(ada)

    assert tables_naming(EMAIL) == tables_naming(str(PERSON_ID)) == set()


def test_what_was_done_in_the_admin_stays_without_a_name(ada: User, carol: User) -> None:
    before = LogEntry.objects.count()
    deletion.delete_own(ada)
    assert LogEntry.objects.count() == before
    [done] = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Video))
    assert (str(done.user), done.get_change_message()) == (deletion.DELETED, "Changed Title.")
    assert not done.user.is_active
    assert not done.user.has_usable_password()
    sent = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Mail)).first()
    assert sent is not None
    assert (sent.object_repr, sent.change_message) == (
        f"Password Reset to {deletion.DELETED}",
        f"Sent again to {deletion.DELETED}.",
    )
    assert sent.user == carol
    other = UserFactory.create(superuser=True)
    LogEntry.objects.log_actions(other.pk, [carol], CHANGE, change_message="Deactivated.")
    deletion.delete_own(other)
    assert User.objects.filter(username=deletion.DELETED).count() == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a@example.com", "deleted account"),
        ("Activation to A@example.com, then <a@example.com>. a@example.com.", None),
        ("ada@example.com", "ada@example.com"),
        ("x.a@example.com", "x.a@example.com"),
        ("b+a@example.com", "b+a@example.com"),
        ("a@example.com.au", "a@example.com.au"),
        ("a@example.community", "a@example.community"),
        ("a@example.com-mail.net", "a@example.com-mail.net"),
    ],
)
def test_history_keeps_addresses_of_others_that_the_deleted_one_is_a_part_of(
    carol: User, text: str, left: str | None
) -> None:
    user = User.objects.create_user("a@example.com", "a@example.com", PASSWORD)
    LogEntry.objects.log_actions(carol.pk, [carol], CHANGE, change_message=text)
    LogEntry.objects.update(object_repr=text)
    deletion.delete(user)
    if left is None:
        left = "Activation to deleted account, then <deleted account>. deleted account."
    assert list(LogEntry.objects.values_list("object_repr", "change_message")) == [(left, left)]


def test_account_that_stands_for_the_deleted_ones_stays_with_their_history(
    client: Client, ada: User, carol: User
) -> None:
    deletion.delete_own(ada)
    stands_for_them = User.objects.get(username=deletion.DELETED)
    history = LogEntry.objects.filter(user=stands_for_them).count()
    assert history
    client.force_login(carol)
    page = f"/admin/accounts/user/{stands_for_them.pk}/delete/"
    assert client.post(page, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [stands_for_them.pk], "post": "yes"}
    client.post("/admin/accounts/user/", chosen)
    assert LogEntry.objects.filter(user=stands_for_them).count() == history


def test_deleting_an_account_in_the_admin_leaves_as_little(client: Client, ada: User, carol: User) -> None:
    client.force_login(carol)
    client.post(f"/admin/accounts/user/{ada.pk}/delete/", {"post": "yes"}, follow=True)  # it is told once
    for text in NAMED_BY:
        assert tables_naming(text) == set(), text
    bob = UserFactory.create(email="bob-7316@example.com")
    signed_in(bob)
    chosen = {"action": "delete_selected", "_selected_action": [bob.pk], "post": "yes"}
    client.post("/admin/accounts/user/", chosen, follow=True)
    assert tables_naming("bob-7316") == set()


def test_what_somebody_watched_is_read_on_their_page_in_the_admin(client: Client, ada: User, carol: User) -> None:
    client.force_login(carol)
    address = f"/admin/accounts/user/{ada.pk}/change/"
    page = client.get(address).content.decode()
    title = Video.objects.exclude(added_by=ada).get().title
    assert page.count(title) == 2  # where she stopped, and on her list
    assert "0:00:07" in page
    helper = UserFactory.create(staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(helper)
    page = client.get(address).content.decode()
    assert ("Signed in on" in page, title in page) == (True, False)


def test_wrong_password_deletes_nothing(browser: Client, ada: User) -> None:
    for body in ({"password": "wrong"}, {"password": ""}, {}, {"password": None}):
        answer = browser.delete("/api/me/", body, content_type="application/json")
        assert (answer.status_code, list(answer.json())) == (400, ["password"])
    assert browser.get("/api/me/").status_code == 200


def test_last_administrator_stays(client: Client, carol: User) -> None:
    UserFactory.create(superuser=True, is_active=False)
    client.cookies["access_token"] = signed_in(carol)[1].access
    answer = client.delete("/api/me/", {"password": PASSWORD}, content_type="application/json")
    assert (answer.status_code, "last administrator" in answer.json()["detail"]) == (409, True)
    assert client.get("/api/me/").status_code == 200
    UserFactory.create(superuser=True)
    assert client.delete("/api/me/", {"password": PASSWORD}, content_type="application/json").status_code == 204


@pytest.mark.django_db(transaction=True)
def test_last_two_administrators_who_go_at_the_same_time_leave_one() -> None:
    administrators = [UserFactory.create(superuser=True) for _ in range(2)]
    together = threading.Barrier(2)

    def go(user: User) -> bool:
        try:
            together.wait(10)
            deletion.delete_own(user)
        except LastAdministrator:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(go, administrators)) == [False, True]
    assert User.objects.filter(is_superuser=True).count() == 1


def test_sign_in_to_the_admin_ends_with_the_account(client: Client, carol: User) -> None:
    UserFactory.create(superuser=True)
    client.force_login(carol)
    assert client.delete("/api/me/", {"password": PASSWORD}, content_type="application/json").status_code == 204
    assert sessions.in_admin() == {}
    assert client.get("/admin/").status_code == 302


def test_address_of_a_deleted_account_can_be_registered_again(browser: Client, ada: User) -> None:
    deletion.delete_own(ada)
    body = {"email": EMAIL, "password": PASSWORD, "confirmed_password": PASSWORD}
    assert Client().post("/api/register/", body, content_type="application/json").status_code == 201
