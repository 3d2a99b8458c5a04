"""Sends one body by POST and reads the beginning of the answer, within bounds of time and bytes.

Redirects are not followed: where events go is what somebody has entered, and nothing else.
"""

import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

from library.outgoing import connection
from library.outgoing.addresses import AddressRefused, Target, addresses_of, target_of
from library.webhooks.errors import NotDelivered

ANSWER_S = 15.0  # for everything; Standard Webhooks asks for 15 to 30 s
MOST_OF_ANSWER = 2_000  # bytes that are kept; the connection is closed after them


class TookTooLong(Exception):
    """The time of an attempt is over."""


@dataclass(frozen=True)
class PostAnswer:
    status: int
    beginning: str


def post(url: str, body: bytes, headers: Mapping[str, str], *, may_be_private: bool) -> PostAnswer:
    """Raises NotDelivered where there is no answer, or none in time."""
    go_on = within(ANSWER_S)
    try:
        target = target_of(url, may_be_private=may_be_private)
        addresses = looked_up(target, may_be_private=may_be_private)
        response, close = connection.ask(target, addresses, headers, go_on, method="POST", body=body)
        with closing(response):
            try:
                return PostAnswer(response.status, beginning_of(response))
            finally:
                close()
    except AddressRefused as error:
        raise NotDelivered(str(error)) from None
    except ssl.SSLError as error:
        raise NotDelivered(f"The connection could not be encrypted: {error.reason or 'no TLS'}.") from None
    except (TookTooLong, TimeoutError):
        raise NotDelivered("There was no answer in time.") from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(f"There was no answer: {type(error).__name__}.") from None


def within(seconds: float) -> Callable[[], None]:
    """What raises TookTooLong after so many seconds from now."""
    ends_at = time.monotonic() + seconds

    def go_on() -> None:
        if time.monotonic() > ends_at:
            raise TookTooLong

    return go_on


def looked_up(target: Target, *, may_be_private: bool) -> list[str]:
    """Raises AddressRefused, NotDelivered."""
    try:
        return addresses_of(target, may_be_private=may_be_private)
    except OSError:
        raise NotDelivered(f"There is no machine called {target.host}.") from None


def beginning_of(response: HTTPResponse) -> str:
    """As text for people; what breaks off after the status changes nothing any more."""
    try:
        sent = response.read(MOST_OF_ANSWER)
    except (TookTooLong, OSError, HTTPException):
        sent = b""
    return sent.decode(errors="replace").replace("\0", "")
