"""Where unsafe requests may come from, and who may read the answers: one rule for the whole API.

The admin's forms, and API requests that the admin's session authenticates, also have to pass Django's own CSRF check,
which reads the same setting in the same way.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.http import is_same_domain

from accounts import cookies
from accounts.bearer import bearer_in, key_in
from accounts.errors import OtherHostName

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
OWN_SITES = frozenset(("same-origin", "none"))
LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
PLAYBACK_ADDRESS = "HTTP_X_PLAYBACK_ADDRESS"  # the token of accounts.addresses
LONGEST_LOGGED = 255
REFUSAL = "Requests from this page's origin are refused: it is not in CSRF_TRUSTED_ORIGINS."

log = structlog.get_logger("videoflix.web")

type Handler = Callable[[HttpRequest], HttpResponseBase]


def own_or_allowed_origin(get_response: Handler) -> Handler:
    """Refuse unsafe API requests that a foreign page may have sent (OWASP ASVS 5.0 3.5.1).

    A request is exempt if it carries no cookie and either a Bearer token or `X-Token-Transport: body`: no browser adds
    these by itself, and the answer sets no cookie. Every other request is, or may become, authenticated by a cookie.
    Of a request with an API key nobody ever sees a cookie: whoever sends one means the key.
    A page whose preflight is refused never sends the request itself, so refused preflights are logged too.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if key_in(request) and request.path_info.startswith("/api/"):
            forget_cookies(request)
        if is_preflight(request) and not comes_from_us(request):
            log_refusal(request)
        elif is_guarded(request) and not is_without_cookies(request) and not comes_from_us(request):
            log_refusal(request)
            return JsonResponse({"detail": REFUSAL}, status=403)
        return get_response(request)

    return middleware


def is_guarded(request: HttpRequest) -> bool:
    return request.method not in SAFE_METHODS and request.path_info.startswith("/api/")


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks if a page may send a request. A playback address is exempt: any page may use it."""
    is_asking = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    return is_asking and request.path_info.startswith("/api/") and not request.META.get(PLAYBACK_ADDRESS)


def log_refusal(request: HttpRequest) -> None:
    origin = request.headers.get("Origin", "")[:LONGEST_LOGGED]
    log.warning("origin refused", origin=origin, path=request.path_info, hint="it is not in CSRF_TRUSTED_ORIGINS")


def is_without_cookies(request: HttpRequest) -> bool:
    return not request.COOKIES and (bool(bearer_in(request)) or cookies.are_unwanted(request))


def forget_cookies(request: HttpRequest) -> None:
    request.META.pop("HTTP_COOKIE", None)
    request.COOKIES = {}


def comes_from_us(request: HttpRequest) -> bool:
    """Whether our own site, an allowed origin or no browser sent this.

    `Sec-Fetch-Site` decides first, then `Origin`. A request with neither header comes from no browser.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site in OWN_SITES:
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return site is None
    return origin.lower() == f"{request.scheme}://{request.get_host()}".lower() or is_allowed(origin)


def check_host_name(request: HttpRequest) -> None:
    """Raise OtherHostName where a page on `127.0.0.1` calls `localhost`, or the like, and wants cookies.

    Browsers throw them away, as from any other site with SameSite=Lax, and the next request would be answered with 401.
    """
    if settings.JWT_COOKIE_SAMESITE == "None" or request.headers.get("Sec-Fetch-Site") != "cross-site":
        return
    page, api = host_in(request.headers.get("Origin", "")), host_in(f"//{request.get_host()}")
    if page in LOOPBACK and api in LOOPBACK and page != api:
        raise OtherHostName(page, api)


def host_in(address: str) -> str | None:
    try:
        return urlsplit(address.lower()).hostname
    except ValueError:  # of brackets that don't close
        return None


def is_allowed(origin: str) -> bool:
    """Whether CSRF_TRUSTED_ORIGINS names it; `https://*.example.com` is example.com and every name below it.

    With default settings, frontends on this machine are allowed on any port.
    """
    origin = origin.lower()
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        asked = urlsplit(origin)
    except ValueError:
        return False
    if settings.WELCOMES_THIS_MACHINE and asked.scheme in ("http", "https") and asked.hostname in LOOPBACK:
        return True
    wild = (urlsplit(allowed) for allowed in settings.CSRF_TRUSTED_ORIGINS if "*" in allowed)
    return any(
        asked.scheme == allowed.scheme and is_same_domain(asked.netloc, allowed.netloc.removeprefix("*"))
        for allowed in wild
    )


def may_read(sender: Any, request: HttpRequest, **options: Any) -> bool:
    """Whether a page may read the answer: receives the CORS middleware's signal `check_request_enabled`."""
    return request.path_info.startswith("/api/") and is_allowed(request.headers.get("Origin", ""))
