"""Where unsafe requests may come from: one rule for the whole API, in front of every endpoint."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
OWN_SITES = frozenset(("same-origin", "none"))

type Handler = Callable[[HttpRequest], HttpResponseBase]


def own_or_allowed_origin(get_response: Handler) -> Handler:
    """Refuse unsafe API requests that a foreign page may have sent (OWASP ASVS 5.0 3.5.1).

    Only a request that authenticates by a Bearer token and carries no cookie is let through unseen:
    no browser adds a Bearer token by itself. Everything else may be, or may become, cookie-authenticated.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if (
            request.method not in SAFE_METHODS
            and request.path_info.startswith("/api/")
            and not is_bearer_only(request)
            and not comes_from_us(request)
        ):
            raise PermissionDenied
        return get_response(request)

    return middleware


def is_bearer_only(request: HttpRequest) -> bool:
    return not request.COOKIES and request.headers.get("Authorization", "").lower().startswith("bearer ")


def comes_from_us(request: HttpRequest) -> bool:
    """`Sec-Fetch-Site` decides, `Origin` where that is missing or names another site; neither is no browser."""
    site = request.headers.get("Sec-Fetch-Site")
    if site in OWN_SITES:
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return site is None
    return origin.lower() in {f"{request.scheme}://{request.get_host()}".lower(), *settings.CSRF_TRUSTED_ORIGINS}
