"""The page to watch on, a small reference frontend: static, and the same for everybody and under every address.

Whatever it shows it gets from the public API, as a frontend of somebody else would. It knows its address by itself:
`/watch/video/7` is one video, `/watch/sign-in` the form to sign in (static/watch/app.js has all of them).
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port, validate_host
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

LOCALHOST = "localhost"
OTHER_NAMES = frozenset(("127.0.0.1", "[::1]"))
POLICY: dict[str, Any] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "media-src": [CSP.SELF, "blob:", "data:"],  # what hls.js puts together, and the empty text it begins subtitles with
    "worker-src": ["blob:"],  # hls.js makes its worker from its own text
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}


@require_safe
@csp_override(POLICY)
def page(request: HttpRequest) -> HttpResponse:
    if address := on_localhost(request):
        response: HttpResponse = HttpResponseRedirect(address)
    else:
        response = render(request, "watch/page.html")
    response["Cache-Control"] = "no-cache"
    return response


def on_localhost(request: HttpRequest) -> str | None:
    """The same address on `localhost`, for a page that was opened on a number where the site goes by that name.

    A browser takes them for two sites: who signed in on one isn't signed in on the other, and links in mails lead
    to `localhost`.
    """
    name, port = split_domain_port(request.get_host())
    if name not in OTHER_NAMES or urlsplit(settings.SITE).hostname != LOCALHOST:
        return None
    if not validate_host(LOCALHOST, settings.ALLOWED_HOSTS):
        return None
    host = f"{LOCALHOST}:{port}" if port else LOCALHOST
    return f"{request.scheme}://{host}{request.get_full_path()}"
