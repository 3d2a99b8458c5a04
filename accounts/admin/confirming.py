"""The page that asks before something is done to rows."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin


def confirmation(
    page: ModelAdmin, request: HttpRequest, rows: Sequence[object], *, verb: str, question: str, icon: str, **more: Any
) -> TemplateResponse:
    """`verb` is on the button. An action of a list is named by the request; the page sends it, and the rows, once more.

    `more` has `back`, the address to go back to, and what a question needs beside that.
    """
    context = {
        **page.admin_site.each_context(request),
        "title": verb,
        "question": question,
        "verb_icon": icon,
        "opts": page.opts,
        "rows": rows,
        "action": request.POST.get("action", ""),
        "checkbox": ACTION_CHECKBOX_NAME,
        **more,
    }
    return TemplateResponse(request, "admin/confirm.html", context)
