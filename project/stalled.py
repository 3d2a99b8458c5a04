"""Clients that stop reading or sending lose their connection after a minute, so that their thread is free again.

So do those that send a body a byte at a time: a thread waits for one a minute longer than its bytes would take at
LEAST_BYTES_S each second, and no longer.
"""

import socket
from collections.abc import Callable
from time import monotonic

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

type Handler = Callable[[HttpRequest], HttpResponseBase]

STALLED_S = 60.0
LEAST_BYTES_S = 1000


class Paced:
    """A connection's socket while a body is read from it. Only the waiting for the client counts."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        self._waited_s, self._received = 0.0, 0

    def recv(self, size: int) -> bytes:
        """Raises TimeoutError where the client has been too slow so far."""
        if self._waited_s > STALLED_S + self._received / LEAST_BYTES_S:
            raise TimeoutError("The body comes too slowly.")
        began = monotonic()
        data = self._connected.recv(size)
        self._waited_s += monotonic() - began
        self._received += len(data)
        return data


def given_up(get_response: Handler) -> Handler:
    """Middleware: limit how long gunicorn waits for the client's next byte, of this request and of its answer."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        connected = request.META.get("gunicorn.socket")
        if connected is None:
            return get_response(request)
        connected.settimeout(STALLED_S)
        response = get_response(request)
        if isinstance(response, FileResponse):
            wait_in_the_kernel(connected)
        return response

    return middleware


def wait_in_the_kernel(connected: socket.socket) -> None:
    """Let one system call send the whole file, however slowly the client reads. The kernel ends a stalled connection.

    A timeout of Python's would make the socket non-blocking: then each part that the client has room for costs a call,
    an exception and a poll. TCP_USER_TIMEOUT counts from the last byte that the client took, closed windows included.
    """
    if connected.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * STALLED_S))
        connected.settimeout(None)
    else:
        connected.settimeout(STALLED_S)
