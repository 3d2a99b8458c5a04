"""Bodies of requests as they arrive: of a length that was told, or in chunks (RFC 9112, 7.1).

Django takes a body without a told length for empty, and one that breaks off for whole. Here a body in chunks is read
like any other, within the same bounds; one that breaks off, or whose chunks can't be read, is an error of the request
(UnreadablePostError). gunicorn takes the chunks apart.

Nothing is read before it is asked for: who may not send a body is refused at the head, and uploads pass in blocks.
"""

import sys
from collections.abc import Callable
from io import IOBase
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from gunicorn.http.errors import ParseException

from library.uploads.request_body import content_length
from project.sentences import sentence_for

type Handler = Callable[[HttpRequest], HttpResponseBase]

FORM = "multipart/form-data"
UNTOLD = str(sys.maxsize)  # bytes of a form in chunks: Django reads none without a length, and has its own bounds


def as_they_arrive(get_response: Handler) -> Handler:
    """Middleware: let Django read the request's body to its end, whether its length was told or not."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.META.get("wsgi.input_terminated"):  # the server doesn't say where a body ends
            return get_response(request)
        coding = request.headers.get("Transfer-Encoding", "chunked")
        if coding.lower() != "chunked":  # gunicorn leaves others for the application to undo
            return JsonResponse({"detail": sentence_for(501)}, status=501)
        length = content_length(request)
        if length != 0:
            read_from(request, Arriving(request.META["wsgi.input"], length))
        if length is None and request.content_type == FORM and not request.path_info.startswith("/api/"):
            request.META["CONTENT_LENGTH"] = UNTOLD
        return get_response(request)

    return middleware


def read_from(request: HttpRequest, body: "Arriving") -> None:
    request.META["wsgi.input"] = body
    request._stream = cast(BinaryIO, body)  # Django has no other way to set what a request reads from


class Arriving(IOBase):
    """A body of so many bytes, or, for None, in chunks."""

    def __init__(self, source: Any, length: int | None) -> None:
        self.source, self.length = source, length
        self.position = 0
        self.is_broken = False

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes, as far as they come before the body breaks off; without a size the whole body.

        Raises UnreadablePostError; RequestDataTooBig for more than may be kept in memory.
        """
        if size is None or size < 0:
            return self.whole()
        if self.length is not None:
            size = min(size, self.length - self.position)
        data = self.arrived(size)
        if not data and size and self.length is not None:
            raise UnreadablePostError("The body broke off.")
        return data

    def whole(self) -> bytes:
        most = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        data = self.arrived(most + 1 if self.length is None else self.length - self.position)
        if self.length is None and len(data) > most:
            raise RequestDataTooBig
        if self.length is not None and self.position < self.length:
            raise UnreadablePostError("The body broke off.")
        return data

    def arrived(self, size: int) -> bytes:
        """gunicorn takes what it is asked after a failure for the body's end."""
        if self.is_broken:
            raise UnreadablePostError("The body broke off.")
        try:
            data: bytes = self.source.read(size)
        except (OSError, ParseException) as error:
            self.is_broken = True
            raise UnreadablePostError(str(error)) from error
        self.position += len(data)
        return data
