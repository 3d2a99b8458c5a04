"""Everything that is kept about a person, as they may have it (GDPR, articles 15 and 20): one table for all apps.

Each entry of PERSONAL says which rows of a model are about a person, and which columns are left out, with the reason
beside them. All others are given as they are: what a migration adds is in the next export by itself. A test walks all
models, and fails for one that names users and has no entry here.

What isn't rows isn't here: counters of tries hold keyed hashes of addresses, and log lines are the operator's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session as AdminSession
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.me.deletion import mails_of
from accounts.models import ApiKey, Mail, RecoveryCode, Session, User
from accounts.sessions import admin_sessions_of
from library.models import KeptAnswer, MyListEntry, Upload, UploadGrant, Video, WatchProgress, WebhookEndpoint
from library.writing.idempotency import kept_for

type Rows = QuerySet[Any]


@dataclass(frozen=True)
class PersonalRows:
    """The rows of a model that are about a person; `name` is what the export calls them."""

    name: str
    model: type[Model]
    of: Callable[[User], Rows]
    left_out: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()  # where most columns are not about the person

    @property
    def columns(self) -> list[str]:
        if self.only:
            return list(self.only)
        return [field.attname for field in self.model._meta.concrete_fields if field.attname not in self.left_out]

    def export(self, user: User) -> list[dict[str, Any]]:
        return list(self.of(user).order_by("pk").values(*self.columns))


def confirmed_mails(user: User) -> Rows:
    """Not those to an address that isn't theirs yet: whether they were sent tells if somebody else has it."""
    return Mail.objects.filter(mails_of(user)).exclude(kind=Mail.Kind.EMAIL_CHANGE)


def of_user(model: type[Model]) -> Callable[[User], Rows]:
    """The rows of a model whose column for the person is called `user`."""
    return lambda user: model._base_manager.filter(user=user)


PERSONAL = (
    PersonalRows("account", User, lambda user: User.objects.filter(pk=user.pk), frozenset({"password"})),  # a secret
    PersonalRows("groups", Group, lambda user: user.groups.all(), only=("name",)),
    PersonalRows("permissions", Permission, lambda user: user.user_permissions.all(), only=("codename",)),
    PersonalRows(
        "sessions",
        Session,
        lambda user: Session.objects.filter(user=user),
        frozenset({"current_hash", "retired", "password_mark"}),  # secrets
    ),
    PersonalRows("admin_sessions", AdminSession, admin_sessions_of, only=("expire_date",)),  # its key is a secret
    PersonalRows("authenticator_apps", TOTPDevice, of_user(TOTPDevice), frozenset({"key"})),  # a secret
    PersonalRows("recovery_codes", RecoveryCode, of_user(RecoveryCode), frozenset({"code_hash"})),  # a secret
    PersonalRows("single_sign_on", SocialAccount, of_user(SocialAccount)),
    PersonalRows("single_sign_on_addresses", EmailAddress, of_user(EmailAddress)),
    PersonalRows(
        "api_keys_made", ApiKey, lambda user: ApiKey.objects.filter(made_by=user), only=("id", "name", "created_at")
    ),
    PersonalRows("mails", Mail, confirmed_mails),
    PersonalRows("watch_progress", WatchProgress, lambda user: WatchProgress.objects.filter(viewer=user)),
    PersonalRows("my_list", MyListEntry, lambda user: MyListEntry.objects.filter(viewer=user)),
    PersonalRows(
        "uploads",
        Upload,
        lambda user: Upload.objects.filter(owner=user),
        frozenset({"multipart", "key", "rest"}),  # what only the bucket knows them by
    ),
    PersonalRows(
        "upload_grants",
        UploadGrant,
        lambda user: UploadGrant.objects.filter(owner=user),
        frozenset({"token_hash"}),  # a secret
    ),
    PersonalRows("requests_made_once", KeptAnswer, lambda user: kept_for(user.pk), frozenset({"digest"})),
    PersonalRows(
        "webhooks_added",
        WebhookEndpoint,
        lambda user: WebhookEndpoint.objects.filter(added_by=user),
        only=("id", "url", "created_at"),
    ),
    PersonalRows(
        "videos_added",
        Video,
        lambda user: Video.objects.filter(added_by=user),
        only=("id", "title", "original_name", "created_at"),
    ),
    PersonalRows(
        "admin_history",
        LogEntry,
        lambda user: LogEntry.objects.filter(user=user),
        frozenset({"object_repr", "change_message"}),  # names of others, where it was about people
    ),
    PersonalRows(
        "admin_history_about_account",
        LogEntry,
        lambda user: LogEntry.objects.filter(
            Q(content_type__app_label="accounts", content_type__model="user"), object_id=str(user.pk)
        ),
        only=("action_time", "action_flag", "change_message"),  # not who did it
    ),
)


def everything_about(user: User) -> dict[str, Any]:
    """As JSON has it, with the moment at which it was put together."""
    return {"exported_at": timezone.now(), **{rows.name: rows.export(user) for rows in PERSONAL}}
