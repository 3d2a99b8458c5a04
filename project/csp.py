"""Content-Security-Policy: strict everywhere, and for the admin as strict as Unfold allows.

Unfold's pages need two exceptions: Alpine, which evaluates the expressions in attributes, and style attributes.
The preview needs a third: hls.js makes a <track> for subtitles from an empty text in its address.
No page has an inline script.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.csp import CSP, build_policy

from library.delivery.cdn import Cdn

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
ADMIN_POLICY: dict[str, Any] = POLICY | {
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "media-src": [CSP.SELF, "blob:", "data:"],
}


def with_cdn(directives: dict[str, Any], cdn: Cdn | None) -> dict[str, Any]:
    """Segments may come from there."""
    if cdn is None:
        return directives
    return directives | {name: [*directives[name], cdn.base_url] for name in ("connect-src", "media-src")}


type Handler = Callable[[HttpRequest], HttpResponseBase]


def policy(get_response: Handler) -> Handler:
    """Middleware: sends the policy, as Django's own does, but writes it once and not for each answer.

    An answer that brings a policy of its own, as Django's debug pages do, keeps that one. No page uses a nonce.
    """
    everywhere, admin = (build_policy(with_cdn(directives, settings.CDN)) for directives in (POLICY, ADMIN_POLICY))

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        text = admin if request.path_info.startswith("/admin/") else everywhere
        own = getattr(response, "_csp_config", None)
        if own is not None:
            text = build_policy(own)
        if text:
            response.headers.setdefault(CSP.HEADER_ENFORCE.value, text)
        return response

    return middleware
