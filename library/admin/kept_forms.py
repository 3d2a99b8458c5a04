"""What was typed into a form is not lost when it can't be saved.

1. The page keeps a draft of the form in the browser, and sends its name along (static/library/uploads/draft.js).
2. The answer to a form that was saved repeats the name in a cookie, so that the page drops the draft. Whatever else
   comes of a form, such as the sign-in page after a session that ended, leaves the draft.
3. Where somebody deleted the video meanwhile, the text is offered in the form for a new one.
"""

import re
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import BooleanField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

SAVED = f"{settings.COOKIE_PREFIX}saved_form"
NAME = re.compile(r"[\w-]{1,64}", re.ASCII)  # as a cookie can have it
OFFERED = "offered_form"  # in the session
DELETED = (
    "Somebody has deleted this video meanwhile, so your changes could not be saved. What you had entered is below:"
    " choose the video's file and save, and it is added as a new video."
)


class KeptForms(ModelAdmin):
    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return told_saved(request, super().response_add(request, obj, post_url_continue))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return told_saved(request, super().response_change(request, obj))

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: Any) -> HttpResponse:
        """Django's answer for an object that is gone, and, where changes to it were sent, the form for a new one."""
        if "title" not in request.POST or not self.has_add_permission(request):
            response: HttpResponse = super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc]
            return response
        fields = self.get_form(request).base_fields
        request.session[OFFERED] = {
            name: name in request.POST if isinstance(field, BooleanField) else request.POST[name]
            for name, field in fields.items()
            if name in request.POST or isinstance(field, BooleanField)
        }
        self.message_user(request, DELETED, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:library_video_add"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        offered = request.session.pop(OFFERED, None)  # once: from here on the page's draft keeps it
        return {**initial, **offered, "is_offered": True} if offered else initial


def told_saved(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer, with the name of the form's draft in a cookie."""
    name = request.POST.get("draft", "")
    if NAME.fullmatch(name):
        response.set_cookie(SAVED, name, secure=settings.SECURE_COOKIES, samesite="Lax")
    return response
