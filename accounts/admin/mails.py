"""Mails in the admin: what they say, whether they were sent, and sending them again."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts import services
from accounts.admin.confirming import confirmation
from accounts.admin.moments import ago
from accounts.errors import MailRefused
from accounts.mailing.links import without_secrets
from accounts.mailing.mails import message_for
from accounts.models import Mail


@admin.register(Mail)
class MailAdmin(ModelAdmin):
    """The mails that were sent and those that wait or could not be sent. They can be read, and sent again."""

    list_display = ["kind", "address", "written", "sent", "attempts", "error"]
    list_filter = ["kind", ("sent_at", admin.EmptyFieldListFilter)]
    search_fields = ["address"]
    search_help_text = "Search by e-mail"
    ordering = ["-created_at"]
    list_per_page = 50
    actions: Any = ["send_selected_again"]
    actions_detail: Any = ["send_again"]
    fieldsets = [
        (None, {"fields": ["kind", "address", "shown_subject", "words"]}),
        ("Sending", {"fields": ["created_at", "sent_at", "attempts", "error"]}),
    ]
    readonly_fields = ["shown_subject", "words"]

    @display(description="Written", ordering="created_at")
    def written(self, mail: Mail) -> str:
        return ago(mail.created_at)

    @display(description="Sent", ordering="sent_at")
    def sent(self, mail: Mail) -> str:
        return ago(mail.sent_at) if mail.sent_at else "Not yet"

    @display(description="Subject")
    def shown_subject(self, mail: Mail) -> str:
        return mail.subject or "Written when it is sent"

    @display(description="Text")
    def words(self, mail: Mail) -> str:
        """As it was sent; of one that waits, what it would say now. Its link's secrets are left out."""
        text = mail.text
        if not mail.sent_at:
            message = message_for(mail)
            text = without_secrets(str(message.body)) if message else "Nobody should get this mail any more."
        return format_html('<div class="vf-mail">{}</div>', text.strip() or "It was sent before texts were kept.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Mail | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Mail | None = None) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("accounts.change_mail")

    @action(description="Send again", icon="send", permissions=["resend"])
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        mail: Mail | None = self.get_object(request, object_id)
        if mail is None:
            raise Http404
        back = reverse("admin:accounts_mail_change", args=[mail.pk])
        if request.method != "POST":
            return self.confirmation(request, [mail], back=back)
        self.send(request, [mail])
        return HttpResponseRedirect(back)

    @admin.action(description="Send again", permissions=["resend"])
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[Mail]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return self.confirmation(request, list(queryset), back=reverse("admin:accounts_mail_changelist"))
        self.send(request, queryset)
        return None

    def confirmation(self, request: HttpRequest, mails: list[Mail], *, back: str) -> HttpResponse:
        these = "this mail" if len(mails) == 1 else "these mails"
        question = f"Send {these} again? Links are made anew and count as new ones."
        return confirmation(self, request, mails, verb="Send again", question=question, icon="send", back=back)

    def send(self, request: HttpRequest, mails: Iterable[Mail]) -> None:
        sent = []
        for mail in mails:
            try:
                services.send_again(mail)
            except MailRefused as error:
                self.message_user(request, f"{mail}: {error}", messages.ERROR)
            else:
                self.log_change(request, mail, "Sent again.")
                sent.append(str(mail))
        if sent:
            self.message_user(request, f"On the way again: {', '.join(sent)}.", messages.SUCCESS)
