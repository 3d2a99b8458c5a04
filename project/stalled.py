"""Clients that stop reading or sending: given up after a minute without a single byte, and their thread freed."""

import socket
from collections.abc import Callable

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

type Handler = Callable[[HttpRequest], HttpResponseBase]

STALLED_S = 60.0


def given_up(get_response: Handler) -> Handler:
    """Middleware: sets how long gunicorn waits at the client's connection for this request and its answer."""

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
    """Let one system call send the whole file, however slowly the client reads; the kernel gives up a stalled one.

    With a timeout of Python's the socket would be a non-blocking one: a call, an exception and a poll for each time
    that the client has made room. TCP_USER_TIMEOUT counts from the last byte the client took, closed window included.
    """
    if connected.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * STALLED_S))
        connected.settimeout(None)
    else:
        connected.settimeout(STALLED_S)
