"""Under which host names requests are answered: one rule, whatever is asked for.

Django asks it only where a host name is needed, in the middle of a request. Here it comes first: who uses a name that
is not in ALLOWED_HOSTS gets one answer everywhere, and the log says so.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase

type Handler = Callable[[HttpRequest], HttpResponseBase]

log = structlog.get_logger("videoflix.web")

# Asked by containers, balancers and Prometheus, which know an address and no name; no link in them begins with one.
PROBES = frozenset(("/api/health/", "/api/health", "/api/ready/", "/api/ready", "/metrics"))
LONGEST_LOGGED = 255  # RFC 1035 2.3.4
REFUSAL = "This host name is not served here."
REFUSAL_WHILE_DEVELOPING = "This host name is not served here: add it to ALLOWED_HOSTS."


def is_served(environ: Mapping[str, Any]) -> bool:
    """Whether a request with this WSGI environment may be answered under the host that it names."""
    return environ["PATH_INFO"] in PROBES or is_allowed(host_of(environ))


def is_allowed(host: str) -> bool:
    name, _ = split_domain_port(host)
    return bool(name) and validate_host(name, settings.ALLOWED_HOSTS)


def host_of(environ: Mapping[str, Any]) -> str:
    """As `HttpRequest.get_host` sees it; a client of HTTP/1.0 may name none."""
    return str(environ.get("HTTP_HOST", environ["SERVER_NAME"]))


def served_hosts_only(get_response: Handler) -> Handler:
    """Middleware: refuse what is addressed to another host."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if is_served(request.META):
            return get_response(request)
        log.warning("host refused", host=host_of(request.META)[:LONGEST_LOGGED], hint="it is not in ALLOWED_HOSTS")
        detail = REFUSAL_WHILE_DEVELOPING if settings.DEBUG else REFUSAL
        if f"{request.path_info}/".startswith("/api/"):
            return JsonResponse({"detail": detail}, status=400)
        return HttpResponse(f"{detail}\n", status=400, content_type="text/plain; charset=utf-8")

    return middleware
