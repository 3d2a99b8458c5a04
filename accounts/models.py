"""Who uses Videoflix, the sessions they are signed in with, and the mails they are sent."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import mailboxes
from accounts.mailboxes import EMAIL_LENGTH, normalised

LANGUAGE_LENGTH = 35  # RFC 5646 section 4.4.1


class User(AbstractUser):
    """A viewer (whose username is the e-mail) or a member of the staff.

    Saving does three more things: it stores the e-mail in lower case, announces a new password by mail if there is an
    e-mail, and signs the user out everywhere if they are inactive or have a new password.
    """

    username = models.CharField(
        max_length=EMAIL_LENGTH, unique=True, error_messages={"unique": "This username is taken."}
    )
    email = models.EmailField("e-mail", blank=True, validators=[mailboxes.check])
    awaits_activation = models.BooleanField(
        default=False, editable=False, help_text="Registered, and the link in the activation mail still works."
    )

    language = models.CharField(
        max_length=LANGUAGE_LENGTH,
        blank=True,
        default="",
        help_text="BCP 47, such as en or pt-BR; chosen by the person.",
    )
    new_email = models.EmailField(
        "new e-mail", blank=True, default="", editable=False, help_text="Waits for the link in its mail to be opened."
    )

    sessions: "models.Manager[Session]"

    class Meta:
        indexes = [models.Index(fields=["email"], name="accounts_email")]
        constraints = [
            models.UniqueConstraint(
                Lower("username"), name="accounts_username_once", violation_error_message="This username is taken."
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_email_once",
                violation_error_message="This e-mail is taken.",
            ),
        ]

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        self.email = normalised(self.email)
        if self.email and not self.is_staff:
            self.username = self.email
        if self.is_active:
            self.awaits_activation = False
        if update_fields is not None:
            update_fields = with_dependent(set(update_fields))
        has_new_password = not self._state.adding and self._password is not None  # type: ignore[attr-defined] # Django's
        super().save(update_fields=update_fields, **options)
        if has_new_password and self.email:
            Mail.objects.create(kind=Mail.Kind.PASSWORD_CHANGED, address=self.email)
        if has_new_password or not self.is_active:
            Session.objects.filter(user=self).end()


def with_dependent(fields: set[str]) -> set[str]:
    """These columns of a user, and those that change with them."""
    dependent = {"is_active": "awaits_activation", "email": "username", "is_staff": "username"}
    return fields | {dependent[name] for name in fields & dependent.keys()}


User._meta.get_field("username").register_lookup(Lower)


def goes_by(name: str) -> models.Q:
    """Matches users by username or e-mail, in any case, written so that the indexes on both are used."""
    return models.Q(username__lower=Lower(models.Value(name))) | models.Q(email=normalised(name))


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self) -> "SessionQuerySet":
        """Sessions that have neither ended nor expired. `Session.is_live` looks at the user as well."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def end(self) -> int:
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())


class Session(models.Model):
    """One sign-in on one device. This row alone decides whether its tokens are accepted.

    Refresh ids are stored as SHA-256 (OWASP ASVS 5.0 11.4), so that nobody who reads the table can refresh.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    current_hash = models.CharField(max_length=64, editable=False)
    retired = models.JSONField(
        default=list, editable=False, help_text="[hash, Unix time] of refresh ids replaced within the grace, old to new"
    )
    password_mark = models.CharField(
        max_length=64, editable=False, help_text="changes with the password, however that is changed"
    )
    has_second_factor = models.BooleanField(
        default=False, editable=False, help_text="signed in with a password and a code, not with a password alone"
    )
    proved_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="when the identity provider last asked who it is, as far as it tells; empty after a password",
    )
    agent = models.CharField("device", max_length=200, blank=True)
    created_at = models.DateTimeField("signed in", default=timezone.now, editable=False)
    last_used_at = models.DateTimeField("last used", default=timezone.now, editable=False)
    expires_at = models.DateTimeField("expires", db_index=True)
    revoked_at = models.DateTimeField("ended", null=True, blank=True, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_used_at"]

    def __str__(self) -> str:
        return f"{self.agent or 'unknown device'}, since {timezone.localtime(self.created_at):%Y-%m-%d %H:%M %Z}"

    @property
    def is_live(self) -> bool:
        """Whether this session's tokens are accepted at this moment."""
        return (
            self.revoked_at is None
            and self.expires_at > timezone.now()
            and self.user.is_active
            and constant_time_compare(self.password_mark, self.user.get_session_auth_hash())
        )


class RecoveryCode(models.Model):
    """Stands in for a code of the authenticator app, once (accounts/admin_sign_in/second_factor.py).

    Only its SHA-256 is kept: with 120 random bits no slow hash is needed (OWASP ASVS 5.0 6.5.2).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"of {self.user}, {'used' if self.used_at else 'not used'}"


class Mail(models.Model):
    """A mail to send: the row is the order, the queue only wakes the sender.

    It names an address, not a user, so that writing the order costs the same whether or not anybody has that
    address. Links and tokens are made when it is sent and never stored: `text` has a gap where they stood.
    `user` is set where the address is not, or no longer, the one of the account that the mail is about.
    """

    class Kind(models.TextChoices):
        ACTIVATION = "activation"
        PASSWORD_RESET = "password_reset"  # noqa: S105 (the kind of a mail)
        INVITATION = "invitation"
        PASSWORD_CHANGED = "password_changed"  # noqa: S105 (the kind of a mail)
        EMAIL_CHANGE = "email_change", "E-mail change"
        EMAIL_CHANGED = "email_changed", "E-mail changed"

    kind = models.CharField(max_length=20, choices=Kind)
    address = models.EmailField(db_index=True)
    user = models.ForeignKey(
        User, null=True, blank=True, editable=False, on_delete=models.CASCADE, related_name="mails"
    )
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField("last error", max_length=100, blank=True)
    site = models.CharField(
        max_length=300, blank=True, editable=False, help_text="the admin that ordered it, which staff's links lead to"
    )
    subject = models.CharField(max_length=200, blank=True, editable=False)
    text = models.TextField(blank=True, editable=False, help_text="as it was sent, without the secrets of its link")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.address}"


class Scope(models.TextChoices):
    """What an API key may be allowed to do."""

    VIDEOS_READ = "videos:read", "Read and play all videos, drafts too"
    VIDEOS_WRITE = "videos:write", "Make, edit, replace and delete videos"
    UPLOADS_WRITE = "uploads:write", "Upload files, and let others upload one"
    TRACKS_WRITE = "tracks:write", "Subtitles, captions, chapters and sounds"
    WEBHOOKS_WRITE = "webhooks:write", "Webhooks"
    STATS_READ = "stats:read", "Metrics"


class ApiKey(models.Model):
    """Lets a program use the API, as far as its scopes go. accounts/keys.py makes, finds and revokes them.

    Of its secret only the SHA-256 is kept: 256 random bits can't be guessed, so a slow hash would add nothing. It
    belongs to the installation, not to who made it, and goes on when that person is gone.
    """

    name = models.CharField(max_length=100, help_text="What it is for.")
    scopes = models.JSONField(default=list)
    secret_hash = models.CharField(max_length=64, editable=False)
    made_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField("made", default=timezone.now, editable=False)
    expires_at = models.DateTimeField("expires", null=True, blank=True, help_text="Never, where this is empty.")
    last_used_at = models.DateTimeField("last used", null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and not self.is_expired


class Tally(models.Model):
    """How often something happened within a window of time: the throttle's counter where there is no Redis."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.FloatField(help_text="Unix time", db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
