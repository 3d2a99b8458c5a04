"""People in the admin: who they are, and where they are signed in."""

from contextlib import suppress
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts import services, sessions
from accounts.admin.forms import NewUserForm, SessionForm, SetPasswordForm, UserForm
from accounts.admin.moments import ago
from accounts.admin.rights import OF_ONESELF, is_oneself, manageable, may_manage, without
from accounts.admin_sign_in import second_factor
from accounts.admin_sign_in.password_pages import site_of
from accounts.agents import device_name
from accounts.me import deletion
from accounts.models import Mail, Session, User

ACTIVE, WAITING, DEACTIVATED = "active", "waiting", "deactivated"
STATES = {ACTIVE: "Active", WAITING: "Awaits activation", DEACTIVATED: "Deactivated"}
COLOURS = {"Active": "success", "Awaits activation": "warning", "Deactivated": "danger"}
ONLY_FOR_SUPERUSERS = ("is_staff", "is_superuser", "groups", "user_permissions")

admin.site.unregister(Group)
for model in (TOTPDevice, EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(model)  # their pages would show keys, or rows that nothing reads


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Only superusers change groups: whoever else did could give everything to one that they are in."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


class AccountStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        match self.value():
            case "active":
                return queryset.filter(is_active=True)
            case "waiting":
                return queryset.filter(is_active=False, awaits_activation=True)
            case "deactivated":
                return queryset.filter(is_active=False, awaits_activation=False)
        return queryset


class SessionInline(TabularInline):
    """Where this person is signed in; ticking "end" signs that device out at once."""

    model = Session
    form = SessionForm
    fields = ["device", "created_at", "last_used_at", "expires_at", "end"]
    readonly_fields = ["device", "created_at", "last_used_at", "expires_at"]
    extra = 0
    can_delete = False
    verbose_name_plural = "Signed in on"
    show_title = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).filter(revoked_at=None, expires_at__gt=timezone.now())

    @display(description="Device")
    def device(self, session: Session) -> str:
        return format_html('<span title="{}">{}</span>', session.agent, device_name(session.agent))

    def has_add_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return request.user.has_perm("accounts.view_user") or self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return request.user.has_perm("accounts.change_user")


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    form = UserForm
    add_form = NewUserForm
    change_password_form = SetPasswordForm
    inlines = [SessionInline]
    actions = ["activate", "deactivate", "end_sessions", "resend_activation", "invite_again", "reset_second_factor"]
    list_display = ["shown_name", "state", "shown_staff", "shown_sessions", "seen", "joined"]
    list_filter = [AccountStateFilter, "is_staff"]
    search_fields = ["email", "username", "first_name", "last_name"]
    search_help_text = "Search by e-mail or name"
    ordering = ["-date_joined"]
    list_per_page = 50
    readonly_fields = ["last_login", "date_joined", "password_link", "state", "shown_sessions", "has_factor"]
    add_fieldsets = ((None, {"fields": ["email", "is_staff", "usable_password", "password1", "password2"]}),)  # type: ignore[assignment]
    fieldsets = [
        (None, {"fields": ["email", "username", "password_link", "first_name", "last_name"]}),
        (
            "State",
            {"fields": ["state", "is_active", "has_factor", "last_login", "date_joined", "shown_sessions"]},
        ),
        ("Rights", {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        live = Q(sessions__revoked_at=None, sessions__expires_at__gt=timezone.now())
        people: QuerySet[User] = super().get_queryset(request)
        in_admin = [When(pk=pk, then=Value(number)) for pk, number in sessions.in_admin().items()]
        counted = Case(*in_admin, default=Value(0)) if in_admin else Value(0)
        return people.annotate(in_admin=counted, live_sessions=Count("sessions", filter=live) + F("in_admin"))

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return [] if obj is None else self.inlines

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        return shown if self.has_change_permission(request, obj) else without("password_link", shown)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Only superusers may change rights, so that nobody gives out more than they have; nobody takes their own."""
        fixed = [*OF_ONESELF] if is_oneself(obj, request) else []
        fixed += [] if request.user.is_superuser else ONLY_FOR_SUPERUSERS
        return [*dict.fromkeys([*super().get_readonly_fields(request, obj), *fixed])]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Django's page wants both, so that nobody makes somebody whom they may not change."""
        return super().has_add_permission(request) and request.user.has_perm("accounts.change_user")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage(obj, request))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not oneself: that asks for the password, and keeps the last administrator (accounts/me/api.py).

        Nor the account that stands for deleted ones: the history of all of them would go with it.
        """
        may = super().has_delete_permission(request, obj) and not is_oneself(obj, request)
        return may and (obj is None or (may_manage(obj, request) and obj.username != deletion.DELETED))

    @display(description="Who", ordering="username")
    def shown_name(self, user: User) -> str:
        return user.email or user.username

    @display(description="State", ordering="is_active", label=COLOURS)
    def state(self, user: User) -> str:
        if user.is_active:
            return STATES[ACTIVE]
        return STATES[WAITING] if user.awaits_activation else STATES[DEACTIVATED]

    @display(description="Staff", ordering="is_staff", boolean=True)
    def shown_staff(self, user: User) -> bool:
        return user.is_staff

    @display(description="Sessions", ordering="live_sessions")
    def shown_sessions(self, user: User) -> str:
        """All sessions, and how many of them are sign-ins to the admin."""
        total, in_admin = getattr(user, "live_sessions", 0), getattr(user, "in_admin", 0)
        return f"{total} ({in_admin} in the admin)" if in_admin else str(total)

    @display(description="Second factor", boolean=True)
    def has_factor(self, user: User) -> bool:
        return second_factor.is_on(user)

    @display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> str:
        return ago(user.last_login)

    @display(description="Joined", ordering="date_joined")
    def joined(self, user: User) -> str:
        return ago(user.date_joined)

    @display(description="Password")
    def password_link(self, user: User) -> str:
        words = "Change the password" if user.has_usable_password() else "Set a password"
        return format_html('<a href="../password/" class="text-primary-600 dark:text-primary-500">{}</a>', words)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.set_active(request, queryset.filter(is_active=False), is_active=True)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        me = Q(pk=request.user.pk)
        if queryset.filter(me).exists():
            self.message_user(request, "You can't deactivate yourself.", messages.WARNING)
        others = queryset.filter(Q(is_active=True) | Q(awaits_activation=True)).exclude(me)
        self.set_active(request, others, is_active=False)

    @admin.action(description="End all sessions", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        total = 0
        for user in manageable(queryset, request):
            if ended := sessions.end_everywhere(user):
                self.log_change(request, user, f"Sessions ended: {ended}.")
                total += ended
        self.message_user(request, f"Sessions ended: {total}.", messages.SUCCESS)

    @admin.action(description="Reset the second factor", permissions=["reset"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For somebody who has neither phone nor recovery codes any more."""
        others = queryset.exclude(pk=request.user.pk or 0)  # one's own takes a code or the password
        reset = [user for user in others if second_factor.reset(user)]
        for user in reset:
            self.log_change(request, user, "Second factor reset.")
        self.message_user(request, f"Second factors reset: {len(reset)}.", messages.SUCCESS)

    def has_reset_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description="Send the activation mail again", permissions=["change"])
    def resend_activation(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        waiting = list(manageable(queryset, request).filter(is_active=False, awaits_activation=True))
        for user in waiting:
            services.order_mail(Mail.Kind.ACTIVATION, user.email)
            self.log_change(request, user, "Activation mail sent again.")
        self.message_user(request, f"Activation mails on their way: {len(waiting)}.", messages.SUCCESS)

    @admin.action(description="Send the invitation again", permissions=["change"])
    def invite_again(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = manageable(queryset, request).filter(is_active=True).exclude(email="")
        invited = [user for user in people if not user.has_usable_password()]
        for user in invited:
            self.invite(request, user)
        self.message_user(request, f"Invitations on their way: {len(invited)}.", messages.SUCCESS)

    def invite(self, request: HttpRequest, user: User) -> None:
        services.order_mail(Mail.Kind.INVITATION, user.email, site=site_of(request))
        self.log_change(request, user, "Invited by mail.")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Of a person who exists only what was changed here: they change their password and names themselves."""
        if change:
            columns = {field.name for field in obj._meta.concrete_fields}
            try:
                obj.save(update_fields=columns & set(form.changed_data))
            except User.NotUpdated as error:
                raise Http404 from error
            if not obj.is_active:
                sessions.end_everywhere(obj)
            return
        super().save_model(request, obj, form, change)
        if not obj.has_usable_password():
            self.invite(request, obj)
            self.message_user(request, f"An invitation to {obj.email} is on its way.", messages.SUCCESS)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        try:
            return super().user_change_password(request, id, form_url)
        except User.NotUpdated as error:  # deleted meanwhile
            raise Http404 from error

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Mails go with their person, although nobody may delete them for themselves."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, needed - {str(Mail._meta.verbose_name)}, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """With everything that is kept about the person, as when they delete their account themselves."""
        deletion.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            deletion.delete(user)

    def set_active(self, request: HttpRequest, queryset: QuerySet[User], *, is_active: bool) -> None:
        """Save each person separately, because `User.save` signs out of the API whoever is no longer active."""
        changed = []
        for user in manageable(queryset, request):
            user.is_active, user.awaits_activation = is_active, False
            with suppress(User.NotUpdated):  # deleted meanwhile
                user.save(update_fields=["is_active"])
                changed.append(user)
        for user in changed:
            if not is_active:
                sessions.end_everywhere(user)
            self.log_change(request, user, "Activated." if is_active else "Deactivated.")
        verb = "activated" if is_active else "deactivated"
        self.message_user(request, f"People {verb}: {len(changed)}.", messages.SUCCESS)
