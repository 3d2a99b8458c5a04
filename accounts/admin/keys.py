"""API keys in the admin: they are made and shown once, listed, and revoked. None is ever changed or shown again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html_join
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import keys
from accounts.admin.confirming import confirmation
from accounts.admin.moments import ago
from accounts.models import ApiKey, Scope, User

MADE = "accounts.keys"  # key in request.META: the key that was just made
LIVE, EXPIRED, REVOKED = "Live", "Expired", "Revoked"
COLOURS = {LIVE: "success", EXPIRED: "warning", REVOKED: "danger"}


class NewKeyForm(forms.ModelForm):  # type: ignore[type-arg] # Django has no generic forms at run time
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {scope.label}") for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        help_text="Whoever has the key may do this. Give no more than is needed.",
    )
    expires = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "90d"}),
        help_text="90d, 12h, or a time such as 2027-01-31 12:00. Never, where this is empty.",
    )

    class Meta:
        model = ApiKey
        fields = ("name",)

    def clean_expires(self) -> Any:
        text = self.cleaned_data["expires"].strip()
        try:
            return keys.moment(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class KeyStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.lower(), state) for state in COLOURS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        is_over = Q(expires_at__lte=timezone.now())
        match self.value():
            case "live":
                return queryset.filter(revoked_at=None).exclude(is_over)
            case "expired":
                return queryset.filter(is_over, revoked_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    form = NewKeyForm
    list_display = ["name", "state", "shown_scopes", "made_by", "made", "used", "ends"]
    list_filter = [KeyStateFilter]
    list_select_related = ["made_by"]
    search_fields = ["name"]
    search_help_text = "Search by name"
    list_per_page = 50
    actions: Any = ["revoke_selected"]
    actions_detail: Any = ["revoke"]
    readonly_fields = ["state", "shown_scopes", "made_by", "made", "used", "ends", "revoked_at"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        return ["name", "scopes", "expires"] if obj is None else ["name", *self.readonly_fields]

    @display(description="State", label=COLOURS)
    def state(self, key: ApiKey) -> str:
        return REVOKED if key.revoked_at else EXPIRED if key.is_expired else LIVE

    @display(description="Scopes")
    def shown_scopes(self, key: ApiKey) -> str:
        return format_html_join(" ", "<code>{}</code>", ((scope,) for scope in key.scopes))

    @display(description="Made", ordering="created_at")
    def made(self, key: ApiKey) -> str:
        return ago(key.created_at)

    @display(description="Last used", ordering="last_used_at")
    def used(self, key: ApiKey) -> str:
        return ago(key.last_used_at)

    @display(description="Expires", ordering="expires_at")
    def ends(self, key: ApiKey) -> str:
        return ago(key.expires_at)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> ApiKey:
        """Make the key. Its row is there then, and `spelled` is what the answer shows."""
        told, maker = form.cleaned_data, User.objects.get(pk=request.user.pk or 0)
        key, spelled = keys.make(name=told["name"], scopes=told["scopes"], expires_at=told["expires"], made_by=maker)
        request.META[MADE] = spelled
        return key

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """It was saved when it was made."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A key has nothing but its row."""

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The only page that ever shows the key. It is no redirect: nothing keeps the key for another page."""
        context = {
            **self.admin_site.each_context(request),
            "title": "The new API key",
            "opts": self.opts,
            "key": obj,
            "spelled": request.META.pop(MADE),
            "back": reverse("admin:accounts_apikey_changelist"),
        }
        response = TemplateResponse(request, "admin/new_key.html", context)
        add_never_cache_headers(response)
        return response

    @action(description="Revoke", icon="block", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key: ApiKey | None = self.get_object(request, object_id)
        if key is None:
            raise Http404
        back = reverse("admin:accounts_apikey_change", args=[key.pk])
        if request.method != "POST":
            return self.confirmation(request, [key], back=back)
        self.end(request, ApiKey.objects.filter(pk=key.pk))
        return HttpResponseRedirect(back)

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return self.confirmation(request, list(queryset), back=reverse("admin:accounts_apikey_changelist"))
        self.end(request, queryset)
        return None

    def confirmation(self, request: HttpRequest, rows: list[ApiKey], *, back: str) -> HttpResponse:
        these = "this key" if len(rows) == 1 else "these keys"
        question = f"Revoke {these} for ever? Programs that use it are refused from their next request on."
        return confirmation(self, request, rows, verb="Revoke", question=question, icon="block", back=back)

    def end(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = keys.revoke(queryset)
        for key in revoked:
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"Keys revoked: {len(revoked)}.", messages.SUCCESS)
