"""Content-Security-Policy: strict everywhere, and for the admin as strict as Unfold allows.

Unfold's pages need two exceptions: Alpine, which evaluates the expressions in attributes, and style attributes.
No page has an inline script.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.csp import CSP

POLICY: dict[str, Any] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "media-src": [CSP.SELF, "blob:"],
    "worker-src": [CSP.SELF, "blob:"],
    "form-action": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
ADMIN_POLICY: dict[str, Any] = POLICY | {"script-src": [CSP.SELF, CSP.UNSAFE_EVAL]}

type Handler = Callable[[HttpRequest], HttpResponseBase]


def admin_policy(get_response: Handler) -> Handler:
    """Middleware: give the admin's pages their own policy. Django's CSP middleware must stand before this one."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path_info.startswith("/admin/"):
            response._csp_config = ADMIN_POLICY  # type: ignore[attr-defined]
        return response

    return middleware
