"""Every answer below /api/uploads/ names the tus version (tus 1.0, "Tus-Resumable"), errors too."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

VERSION = "1.0.0"

type Handler = Callable[[HttpRequest], HttpResponseBase]


def tus_version(get_response: Handler) -> Handler:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if f"{request.path_info}/".startswith("/api/uploads/"):
            response["Tus-Resumable"] = VERSION
            if response.status_code == 412:
                response["Tus-Version"] = VERSION
        return response

    return middleware
