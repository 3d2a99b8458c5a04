"""Requests that no page of the admin sends: answered with what is wrong, by one rule for all of its pages.

Signed-in staff can write any address and send any form. What can be told before the page looks at it is refused there:

1. A null character in an address: none of ours has one, and PostgreSQL can't be asked for it.
2. The page of one row where the model has no table, as the queue's has none.
3. Rows chosen for an action, or edited in a list, by what can be no key.
4. A field to find a row by that may not be used for it, and the number of a page that no list has.

The parameters of a list are known only to its filters. Where the database can't be asked for their values, the list is
shown without them, as Django's own lists do (`?e=1`), and says why. So it is where a range is asked for, of which an
address can't name both ends, or a pattern, which may be none or take for ever. Every other error is still one of ours.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model
from django.db.models.query import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render

from project.admin.collisions import ADMIN

ALL_IS_SHOWN = "This list can't be shown as its address asks, so all of it is shown."
NULL_CHARACTER = "There is a null character (%00) in its address, which no page takes."
NO_PAGE = "No list has a page of the number that its address names."
LONGEST_NUMBER = 18  # digits: a longer one is beyond 64 bits
NO_ROWS = "It names rows that there can't be. Go back to the list and choose them there."
NO_FIELD_TO_FIND_BY = f"Rows can't be found by the field that {TO_FIELD_VAR} names. Leave it out."
NEVER_ASKED = ("__range", "__regex", "__iregex")
OF_VALUES = (ValueError, OverflowError, DataError)
ASKING = {function.__code__ for function in (QuerySet._fetch_all, QuerySet.count, QuerySet.exists)}

type Handler = Callable[[HttpRequest], HttpResponseBase]


def understood(get_response: Handler) -> Handler:
    """Middleware: the rules above."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.get("Location") == all_of(request) and request.path_info.startswith(ADMIN):
            messages.error(request, ALL_IS_SHOWN)
        return response

    middleware.process_view = look_at  # type: ignore[attr-defined]  # as Django looks for both
    middleware.process_exception = without_filters  # type: ignore[attr-defined]
    return middleware


def all_of(request: HttpRequest) -> str:
    """Where Django leads who asked a list for what it can't tell."""
    return f"{request.path}?{ERROR_FLAG}=1"


def look_at(request: HttpRequest, view: Any, arguments: list[Any], named: Mapping[str, Any]) -> HttpResponseBase | None:
    if not request.path_info.startswith(ADMIN):
        return None
    if "\0" in request.path_info:
        raise Http404
    if "\0" in "".join(told(request)):
        return refused(request, NULL_CHARACTER)
    if len(request.GET.get(PAGE_VAR, "")) > LONGEST_NUMBER:
        return refused(request, NO_PAGE)
    shown = getattr(view, "model_admin", None)
    return look_at_rows(request, shown, named) if isinstance(shown, ModelAdmin) else None


def told(request: HttpRequest) -> Iterable[str]:
    """All that the address's parameters say."""
    for name, values in request.GET.lists():
        yield from (name, *values)


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "400.html", {"sentence": sentence}, status=400)


def look_at_rows(request: HttpRequest, shown: "ModelAdmin[Model]", named: Mapping[str, Any]) -> HttpResponseBase | None:
    if "object_id" in named and not shown.opts.managed:
        raise Http404
    sent = [request.GET, request.POST] if request.method == "POST" else [request.GET]
    if not all(may_be_key(shown, value) for fields in sent for value in chosen(shown, fields)):
        return refused(request, NO_ROWS)
    if not all(shown.to_field_allowed(request, fields[TO_FIELD_VAR]) for fields in sent if TO_FIELD_VAR in fields):
        return refused(request, NO_FIELD_TO_FIND_BY)
    return look_at_filters(request) if is_list(request) else None


def look_at_filters(request: HttpRequest) -> HttpResponseBase | None:
    if any(name.endswith(NEVER_ASKED) for name in request.GET):
        return HttpResponseRedirect(all_of(request))
    if ERROR_FLAG in request.GET and asks(request):
        request.GET = request.GET.copy()  # type: ignore[assignment]
        del request.GET[ERROR_FLAG]  # type: ignore[misc]  # beside a filter, Django would blame the database
    return None


def chosen(shown: "ModelAdmin[Model]", fields: QueryDict) -> Iterable[str]:
    """The keys of rows that a list's form is about: of an action, and of what is edited in the list itself."""
    yield from fields.getlist(ACTION_CHECKBOX_NAME)
    edited = re.compile(rf"form-\d+-{shown.opts.pk.name}")
    yield from (str(value) for name, value in fields.items() if shown.list_editable and edited.fullmatch(name))


def may_be_key(shown: "ModelAdmin[Model]", value: str) -> bool:
    key = shown.opts.pk
    try:
        key.run_validators(key.to_python(value))
    except ValidationError:
        return False
    return bool(value) and "\0" not in value


def is_list(request: HttpRequest) -> bool:
    found = request.resolver_match
    return found is not None and hasattr(found.func, "model_admin") and str(found.url_name).endswith("_changelist")


def asks(request: HttpRequest) -> bool:
    """Whether the address says which rows it wants."""
    return bool(request.GET.keys() - {ERROR_FLAG})


def without_filters(request: HttpRequest, error: Exception) -> HttpResponseBase | None:
    """The answer of a list for whose parameters no database can be asked; None where that isn't what went wrong."""
    if is_list(request) and asks(request) and isinstance(error, OF_VALUES) and is_of_query(error):
        return HttpResponseRedirect(all_of(request))
    return None


def is_of_query(error: Exception) -> bool:
    """Whether it was raised while the database was asked, and not by other code of a page."""
    return any(frame.f_code in ASKING for frame, _ in traceback.walk_tb(error.__traceback__))
