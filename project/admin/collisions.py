"""Two who add the same to the admin at the same moment, or one who clicks twice.

A form is checked before it is saved, and may find nothing wrong although somebody else saves what it collides with just
then. The database refuses the second. Its form is then checked once more, and says what was taken.
"""

from collections.abc import Callable

from django.db import IntegrityError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

ADMIN = "/admin/"
IS_SECOND = "project.admin.collisions"  # key in request.META: it was tried before

type Handler = Callable[[HttpRequest], HttpResponseBase]


def tried_again(get_response: Handler) -> Handler:
    """Middleware: let the admin answer once more where the database has refused a form without files."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_exception = answer_again  # type: ignore[attr-defined]  # as Django looks for it
    return middleware


def answer_again(request: HttpRequest, error: Exception) -> HttpResponseBase | None:
    found = request.resolver_match
    is_form = isinstance(error, IntegrityError) and request.path_info.startswith(ADMIN) and request.method == "POST"
    if not is_form or found is None or request.FILES or IS_SECOND in request.META:
        return None
    request.META[IS_SECOND] = True
    answer: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
    return answer
