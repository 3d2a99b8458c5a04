"""What tus says in headers, and bodies as they come.

Every answer below /api/uploads/ names the version (tus 1.0, "Tus-Resumable"), errors too.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from library.errors import UnknownVersion, UploadMalformed

VERSION = "1.0.0"
BLOCK = 256 << 10
SILENT_S = 30.0  # a connection on which nothing comes for so long counts as lost
LONGEST_NUMBER = 18  # digits

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


def body(request: HttpRequest) -> Iterator[bytes]:
    """The request's body in blocks, never the whole of it in memory. Raises OSError when the connection is lost."""
    connection = request.META.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(SILENT_S)
    is_chunked = content_length(request) is None
    source = cast(BinaryIO, request.META["wsgi.input"] if is_chunked else request)
    try:
        while block := source.read(BLOCK):
            yield block
    finally:
        if connection is not None:
            connection.settimeout(None)


def content_length(request: HttpRequest) -> int | None:
    """Bytes of the body; None where it comes in chunks (RFC 9112 7.1)."""
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return None
    return int(request.META.get("CONTENT_LENGTH") or 0)


def check_version(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise UnknownVersion


def number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise UploadMalformed(f"Send a number in the header {header}.")
    return int(text)


def announced_length(request: HttpRequest) -> int | None:
    """tus creation; None where it is told later (creation-defer-length). Raises UploadMalformed."""
    if "Upload-Defer-Length" in request.headers:
        if request.headers["Upload-Defer-Length"] != "1" or "Upload-Length" in request.headers:
            raise UploadMalformed("Send either Upload-Length, or Upload-Defer-Length: 1.")
        return None
    length = number(request, "Upload-Length")
    if length == 0:
        raise UploadMalformed("The file is empty.")
    return length
