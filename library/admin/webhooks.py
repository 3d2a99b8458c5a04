"""Webhooks in the admin: who is told, what was sent and answered, sending again, a test, another secret."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from library.admin.confirming import confirmation
from library.admin.moments import moment
from library.errors import NotFound, SwitchedOff
from library.outgoing.addresses import AddressRefused
from library.webhooks import services
from library.webhooks.models import DeliveryState, Happening, WebhookDelivery, WebhookEndpoint

COLOURS = {"Delivered": "success", "Waiting": "info", "Given up": "danger", "Active": "success", "Off": "warning"}


@dataclass(frozen=True)
class Words:
    """What the admin says when something is done to an endpoint."""

    verb: str
    question: str
    icon: str
    done: str


TEST = Words("Send a test", "Send an event webhook.test to this address?", "send", "A test is on its way.")
NEW_SECRET = Words(
    "New secret", "Make a new secret? For 24 hours events are signed with both.", "key", "It has a new secret."
)


@contextmanager
def not_found() -> Iterator[None]:
    """The page of an endpoint that was deleted meanwhile is none any more."""
    try:
        yield
    except NotFound as error:
        raise Http404 from error


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    url = forms.CharField(
        label="URL",
        max_length=2000,
        widget=UnfoldAdminTextInputWidget,
        help_text="Where events are sent to by POST: https.",
    )
    events = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {label}") for name, label in Happening.choices],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="All of them where none is chosen.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["url", "events", "is_active"]

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            services.check_url(url)
        except AddressRefused as error:
            raise forms.ValidationError(str(error)) from None
        if self.instance.pk is None and not services.has_room():
            raise forms.ValidationError(services.FULL)
        return url


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ModelAdmin):
    form = EndpointForm
    list_display = ["url", "state", "told_of", "waiting", "given_up"]
    list_per_page = 50
    readonly_fields = ["signing_secret", "switched_off_because"]
    actions_detail: Any = ["send_test", "rotate_secret"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        rows: QuerySet[WebhookEndpoint] = super().get_queryset(request).filter(listener_seen_at=None)
        return rows.annotate(
            waiting_count=Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING)),
            parked_count=Count("deliveries", filter=Q(deliveries__state=DeliveryState.PARKED)),
            may_open=Value(self.admin_site.get_model_admin(WebhookDelivery).has_view_permission(request)),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ["url", "events", "is_active"]
        if obj is not None and self.has_change_permission(request, obj):
            fields += ["signing_secret"]
        if obj is not None and obj.switched_off_because:
            fields += ["switched_off_because"]
        return [(None, {"fields": fields})]

    @display(description="State", label=COLOURS)
    def state(self, endpoint: WebhookEndpoint) -> str:
        return "Active" if endpoint.is_active else "Off"

    @display(description="Told of")
    def told_of(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events) or "All events"

    @display(description="Waiting")
    def waiting(self, endpoint: Any) -> SafeString:
        return deliveries_link(endpoint, DeliveryState.WAITING, endpoint.waiting_count)

    @display(description="Given up")
    def given_up(self, endpoint: Any) -> SafeString:
        return deliveries_link(endpoint, DeliveryState.PARKED, endpoint.parked_count)

    @display(description="Secret")
    def signing_secret(self, endpoint: WebhookEndpoint) -> SafeString:
        until = endpoint.old_secret_until
        rotating = format_html(" The secret before also signs until {}.", moment(until)) if until else ""
        return format_html("<details><summary>Show</summary><code>{}</code></details>{}", endpoint.secret, rotating)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if not change:
            obj.added_by_id = request.user.pk
            super().save_model(request, obj, form, change)
        else:
            with not_found():
                services.edit(obj.pk, {name: form.cleaned_data[name] for name in form.changed_data})

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        with not_found():
            services.remove(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            with suppress(NotFound):
                services.remove(endpoint.pk)

    @action(description="Send a test", icon="send", permissions=["change"])
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirmed(request, object_id, TEST, services.send_test)

    @action(description="New secret", icon="key", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirmed(request, object_id, NEW_SECRET, services.rotate)

    def confirmed(
        self, request: HttpRequest, object_id: str, words: Words, work: Callable[[int], object]
    ) -> HttpResponse:
        endpoint: WebhookEndpoint | None = self.get_object(request, object_id)
        if endpoint is None:
            raise Http404
        back = reverse("admin:library_webhookendpoint_change", args=[endpoint.pk])
        if request.method != "POST":
            asked = {"verb": words.verb, "question": words.question, "icon": words.icon}
            return confirmation(self, request, [endpoint], **asked, back=back)
        try:
            with not_found():
                work(endpoint.pk)
        except SwitchedOff as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(back)
        self.log_change(request, endpoint, words.done)
        self.message_user(request, words.done, messages.SUCCESS)
        return HttpResponseRedirect(back)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ModelAdmin):
    """What was sent, or waits. Nothing is edited; all of it can be sent again."""

    list_display = ["event_name", "endpoint", "shown_state", "attempts", "status", "happened", "next_attempt"]
    list_filter = ["state", "event__name", "endpoint"]
    list_select_related = ["event", "endpoint"]
    list_per_page = 50
    actions: Any = ["send_selected_again"]
    actions_detail: Any = ["send_again"]
    fieldsets = [
        (None, {"fields": ["event_name", "event_id", "endpoint", "shown_state", "payload"]}),
        ("Last attempt", {"fields": ["attempts", "attempted_at", "took", "status", "error", "shown_answer"]}),
    ]
    readonly_fields = ["event_name", "event_id", "shown_state", "payload", "took", "shown_answer"]

    @display(description="Event", ordering="event__name")
    def event_name(self, delivery: WebhookDelivery) -> str:
        return delivery.event.name

    @display(description="Event's id")
    def event_id(self, delivery: WebhookDelivery) -> str:
        return delivery.event_id

    @display(description="State", label=COLOURS)
    def shown_state(self, delivery: WebhookDelivery) -> str:
        return DeliveryState(delivery.state).label

    @display(description="Happened", ordering="event__happened_at")
    def happened(self, delivery: WebhookDelivery) -> SafeString:
        return moment(delivery.event.happened_at)

    @display(description="Next attempt", ordering="due_at")
    def next_attempt(self, delivery: WebhookDelivery) -> SafeString | str:
        if delivery.state != DeliveryState.WAITING:
            return "None"
        return moment(delivery.due_at) if delivery.due_at > timezone.now() else "Now"

    @display(description="What is sent")
    def payload(self, delivery: WebhookDelivery) -> SafeString:
        text = json.dumps(delivery.event.payload(), indent=2, ensure_ascii=False)
        return format_html('<pre class="vf-payload">{}</pre>', text)

    @display(description="Took")
    def took(self, delivery: WebhookDelivery) -> str:
        return "" if delivery.took_ms is None else f"{delivery.took_ms} ms"

    @display(description="Answer")
    def shown_answer(self, delivery: WebhookDelivery) -> SafeString:
        return format_html('<pre class="vf-payload">{}</pre>', delivery.answer)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("library.change_webhookdelivery")

    @action(description="Send again", icon="send", permissions=["resend"])
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery: WebhookDelivery | None = self.get_object(request, object_id)
        if delivery is None:
            raise Http404
        back = reverse("admin:library_webhookdelivery_change", args=[delivery.pk])
        if request.method != "POST":
            return self.ask(request, [delivery], back)
        self.do_send_again(request, self.get_queryset(request).filter(pk=delivery.pk))
        return HttpResponseRedirect(back)

    @admin.action(description="Send again", permissions=["resend"])
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            back = reverse("admin:library_webhookdelivery_changelist")
            return self.ask(request, list(queryset), back)
        self.do_send_again(request, queryset)
        return None

    def ask(self, request: HttpRequest, chosen: list[WebhookDelivery], back: str) -> HttpResponse:
        question = "Send it again?" if len(chosen) == 1 else "Send these again?"
        return confirmation(self, request, chosen, verb="Send again", question=question, icon="send", back=back)

    def do_send_again(self, request: HttpRequest, chosen: QuerySet[WebhookDelivery]) -> None:
        for delivery in chosen:
            self.log_change(request, delivery, "Sent again.")
        self.message_user(request, f"On the way again: {services.send_again(chosen)}.", messages.SUCCESS)


def deliveries_link(endpoint: Any, state: str, count: int) -> SafeString:
    if not endpoint.may_open:
        return format_html("{}", count)
    address = reverse("admin:library_webhookdelivery_changelist")
    return format_html('<a href="{}?endpoint__id__exact={}&state__exact={}">{}</a>', address, endpoint.pk, state, count)
