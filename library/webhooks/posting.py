"""Sends one body by POST and reads the beginning of the answer, within bounds of time and bytes.

Redirects are not followed: where events go is what somebody has entered, and nothing else.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse

from library.webhooks.addresses import Target, resolved, target_of
from library.webhooks.errors import NotDelivered

CONNECT_S = 5.0  # for each address of the host
ANSWER_S = 15.0  # for everything after that; Standard Webhooks asks for 15 to 30 s
MOST_OF_ANSWER = 2_000  # bytes that are kept; the connection is closed after them


@dataclass(frozen=True)
class PostAnswer:
    status: int
    beginning: str


def post(url: str, body: bytes, headers: Mapping[str, str], *, may_be_private: bool) -> PostAnswer:
    """Raises NotDelivered where there is no answer, or none in time."""
    target = target_of(url, may_be_private=may_be_private)
    connection = HTTPConnection(target.host, target.port)
    try:
        with connected(target, may_be_private=may_be_private) as plain, in_time(plain):
            connection.sock = encrypted(plain, target) if target.is_encrypted else plain
            connection.request("POST", target.path, body, {**headers, "Host": target.host_header})
            response = connection.getresponse()
            return PostAnswer(response.status, beginning_of(response))
    except ssl.SSLError as error:
        raise NotDelivered(f"The connection could not be encrypted: {error.reason or 'no TLS'}.") from None
    except TimeoutError:
        raise NotDelivered("There was no answer in time.") from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(f"The connection broke: {type(error).__name__}.") from None
    finally:
        connection.close()


@contextmanager
def connected(target: Target, *, may_be_private: bool) -> Iterator[socket.socket]:
    """A connection to the first of the host's addresses that takes one. Raises NotDelivered."""
    for address in resolved(target, may_be_private=may_be_private):
        try:
            plain = socket.create_connection((address, target.port), timeout=CONNECT_S)
        except OSError:
            continue
        with plain:
            yield plain
        return
    raise NotDelivered(f"{target.host} takes no connection.")


@contextmanager
def in_time(plain: socket.socket) -> Iterator[None]:
    """Break the connection off after ANSWER_S, whoever is sending how slowly. Raises TimeoutError then."""
    is_late = threading.Event()

    def break_off() -> None:
        is_late.set()
        plain.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(ANSWER_S, break_off)
    timer.daemon = True
    plain.settimeout(ANSWER_S)
    timer.start()
    try:
        yield
    except (OSError, HTTPException, ValueError):
        if is_late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


@cache
def trusted() -> ssl.SSLContext:
    """The system's certificate authorities."""
    return ssl.create_default_context()


def encrypted(plain: socket.socket, target: Target) -> ssl.SSLSocket:
    """The certificate has to be the name's, whatever address the name has led to."""
    return trusted().wrap_socket(plain, server_hostname=target.host)


def beginning_of(response: HTTPResponse) -> str:
    """As text for people; what breaks off after the status changes nothing any more."""
    try:
        sent = response.read(MOST_OF_ANSWER)
    except (OSError, HTTPException):
        sent = b""
    return sent.decode(errors="replace").replace("\0", "")
