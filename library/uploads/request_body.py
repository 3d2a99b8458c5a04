"""A request's body as it arrives: in blocks, of a length that is known or not."""

from collections.abc import Iterator
from typing import BinaryIO, cast

from django.http import HttpRequest

LEAST_BLOCK, BLOCK = 4 << 10, 256 << 10
SILENT_S = 30.0  # a connection on which nothing comes for so long counts as lost


def body(request: HttpRequest, *, offset: int) -> Iterator[bytes]:
    """The request's body in blocks, never the whole of it in memory. Raises OSError when the connection is lost.

    What came of a block is lost with the connection: at most half of what came, since blocks grow, and no more than 256
    kB. Grown blocks end at multiples of that in the upload, which ends at `offset` now, so that parts for a bucket do.
    """
    connection = request.META.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(SILENT_S)
    is_chunked = content_length(request) is None
    source = cast(BinaryIO, request.META["wsgi.input"] if is_chunked else request)
    position = offset
    try:
        while block := source.read(next_block(position, came=position - offset)):
            yield block
            position += len(block)
    finally:
        if connection is not None:
            connection.settimeout(None)


def next_block(position: int, *, came: int) -> int:
    """How many bytes are waited for at this position of an upload, after so many of the request."""
    return min(max(LEAST_BLOCK, came), BLOCK - position % BLOCK)


def content_length(request: HttpRequest) -> int | None:
    """Bytes of the body; None where it comes in chunks (RFC 9112 7.1)."""
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return None
    return int(request.META.get("CONTENT_LENGTH") or 0)
