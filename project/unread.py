"""Answers that are given before the request's body was read: they say whether the connection goes on.

gunicorn says `keep-alive`, reads up to 64 kB of the body after the answer, and closes the connection where there is
more: a client that has sent its next request meanwhile loses it. Here what is left of a body is read before the head of
the answer is sent, if it is little and already there. Otherwise the answer says `close` (RFC 9112, 9.6).
"""

from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.http.errors import ParseException

type Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

LITTLE_BYTES = 1 << 16


def announced(application: Application) -> Application:
    """The WSGI application, whose answers say `close` where the body can't be read to its end at once."""

    def announcing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        has_body = environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ
        if not has_body:
            return application(environ, start_response)
        body, connected = environ["wsgi.input"], environ["gunicorn.socket"]

        def start(*head: Any) -> Any:
            if not is_read(body, connected):
                start_response.__self__.force_close()  # gunicorn's Response, which sends the head later
            return start_response(*head)

        return application(environ, start)

    return announcing


def is_read(body: Any, connected: Any) -> bool:
    """Whether gunicorn's body is read to its end, or could be without waiting for the client."""
    if body.failed:
        return False
    timeout = connected.gettimeout()
    connected.setblocking(False)
    try:
        return len(body.read(LITTLE_BYTES + 1)) <= LITTLE_BYTES
    except (OSError, ParseException):  # BlockingIOError: the rest is still to come
        return False
    finally:
        connected.settimeout(timeout)
