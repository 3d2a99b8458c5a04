"""A request's body as it arrives: in blocks, of a length that is known or not."""

from collections.abc import Iterator
from typing import BinaryIO, cast

from django.http import HttpRequest

BLOCK = 256 << 10
SILENT_S = 30.0  # a connection on which nothing comes for so long counts as lost


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
