"""Requests to the identity provider, bounded in time and size, whatever it does.

`requests`, which django-allauth uses, gives up a server that is silent, but not one that sends a byte now and then. It
reads as much as comes. Here:

1. A connection, and each byte of an answer, is waited for SILENCE_S.
2. A request, with all redirects that it is led through, has TOTAL_S. Then its connections are shut down, which ends
   whatever waits for their next byte, in headers, bodies and TLS handshakes alike.
3. Of a body no more than MOST_BYTES are read, unpacked.
"""

import socket
from contextlib import suppress
from contextvars import ContextVar
from threading import Lock, Timer

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from requests import PreparedRequest, RequestException, Response, Session, Timeout
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

SILENCE_S = 5.0
TOTAL_S = 10.0
MOST_BYTES = 1 << 20  # discovery documents, keys and tokens have a few kilobytes
PIECE_BYTES = 8_192


class Deadline:
    """The time that one request has."""

    def __init__(self, seconds: float) -> None:
        self._lock, self._watched = Lock(), list[socket.socket]()
        self.is_over = False
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connected: socket.socket) -> None:
        """Shut this connection down when the time is over. Raises TimeoutError if it is."""
        with self._lock:
            if self.is_over:
                raise TimeoutError
            self._watched.append(connected.dup())  # TLS replaces the socket itself

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._watched:
                watched.close()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for watched in self._watched:
                with suppress(OSError):  # it has ended by itself
                    watched.shutdown(socket.SHUT_RDWR)


running: ContextVar[Deadline] = ContextVar("running")  # of the request that is being made in this thread


class WatchedConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        try:
            running.get().watch(connected)
        except OSError:
            connected.close()
            raise
        return connected


class WatchedTlsConnection(WatchedConnection, HTTPSConnection):
    pass


class WatchedPool(HTTPConnectionPool):
    ConnectionCls = WatchedConnection


class WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = WatchedTlsConnection


POOLS = {"http": WatchedPool, "https": WatchedTlsPool}


class BoundedTransport(HTTPAdapter):
    """Of a session that makes one request: its time begins here, and ends with the session."""

    def __init__(self) -> None:
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = POOLS
        self._deadline = Deadline(TOTAL_S)

    def proxy_manager_for(self, proxy: str, **options: object) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> Response:
        """The answer with its whole body, whatever is said of streams and timeouts. Raises RequestException."""
        outer = running.set(self._deadline)
        try:
            answer = super().send(request, stream=True, timeout=SILENCE_S, verify=verify, cert=cert, proxies=proxies)
            with answer:
                answer._content = body_of(answer)
        except (RequestException, TimeoutError) as error:
            if self._deadline.is_over:
                raise too_late(request) from error
            raise
        finally:
            running.reset(outer)
        if self._deadline.is_over:  # an end that was made looks like one that came
            raise too_late(request)
        return answer

    def close(self) -> None:
        self._deadline.stop()
        super().close()


def body_of(answer: Response) -> bytes:
    """Raises RequestException for one that is too long, or breaks off."""
    body = b""
    for piece in answer.iter_content(PIECE_BYTES):
        body += piece
        if len(body) > MOST_BYTES:
            raise RequestException(f"more than {MOST_BYTES} bytes", response=answer)
    return body


def too_late(request: PreparedRequest) -> Timeout:
    return Timeout(f"no whole answer within {TOTAL_S:.0f} s", request=request)


class ProviderRequests(DefaultSocialAccountAdapter):
    """What django-allauth asks for a session, for each request anew."""

    def get_requests_session(self) -> Session:
        session, transport = Session(), BoundedTransport()
        for scheme in ("https://", "http://"):
            session.mount(scheme, transport)
        return session
