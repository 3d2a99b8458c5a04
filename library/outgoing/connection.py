"""An HTTP request to an address that was looked up and judged before (library.outgoing.addresses).

The connection goes to that address, while `Host`, the TLS server name and the certificate are those of the name. No
redirect is followed here: whoever asks judges the next address the same way. No proxy of the environment is used.

Whoever waits for bytes does so in steps of TICK_S. After each, `go_on` is called, so that a claim is renewed, or the
work ended, while the other side is silent. A side that sends less than LEAST_BYTES within STALL_S is given up.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import cast

from library.outgoing.addresses import Target

TICK_S = 1.0
CONNECT_S = 10.0
STALL_S = 30.0
LEAST_BYTES = 16_384  # about half a kilobyte a second: far below any line that could carry a video


class Stalled(OSError):
    """The other side sends nothing, or next to nothing."""


class PatientReader(io.RawIOBase):
    """A socket's bytes as a file."""

    def __init__(self, connected: socket.socket, go_on: Callable[[], None]) -> None:
        self._socket, self._go_on = connected, go_on
        self._since, self._received = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override] # typeshed: any buffer
        """Raises Stalled, OSError, and what `go_on` raises."""
        while True:
            self._go_on()
            try:
                received = self._socket.recv_into(buffer)
            except TimeoutError:
                received = -1
            self._check_pace(max(received, 0))
            if received >= 0:
                return received

    def _check_pace(self, received: int) -> None:
        self._received += received
        if self._received >= LEAST_BYTES:
            self._since, self._received = time.monotonic(), 0
        elif time.monotonic() - self._since > STALL_S:
            raise Stalled(f"fewer than {LEAST_BYTES} bytes within {STALL_S:.0f} seconds")


class PatientSocket:
    """What http.client needs of a socket."""

    def __init__(self, connected: socket.socket, go_on: Callable[[], None]) -> None:
        self._socket, self._go_on = connected, go_on

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(CONNECT_S)
        self._socket.sendall(data)
        self._socket.settimeout(TICK_S)

    def makefile(self, mode: str, buffering: int = -1) -> io.BufferedReader:
        return io.BufferedReader(PatientReader(self._socket, self._go_on), 65_536)

    def close(self) -> None:
        """http.client closes its socket before the body is read, which a real socket puts off until then."""

    def end(self) -> None:
        self._socket.close()


def trusting() -> ssl.SSLContext:
    """The system's certificate authorities, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()


def connected(target: Target, addresses: list[str], go_on: Callable[[], None]) -> socket.socket:
    """A connection to the first of these addresses that answers, with TLS for https. Raises OSError."""
    failure: OSError = OSError("no address")
    for address in addresses:
        go_on()
        try:
            plain = socket.create_connection((address, target.port), timeout=CONNECT_S)
        except OSError as error:
            failure = error
            continue
        try:
            secured = trusting().wrap_socket(plain, server_hostname=target.host) if is_secure(target) else plain
        except OSError:
            plain.close()
            raise
        secured.settimeout(TICK_S)
        return secured
    raise failure


def is_secure(target: Target) -> bool:
    return target.scheme == "https"


def ask(
    target: Target,
    addresses: list[str],
    headers: Mapping[str, str],
    go_on: Callable[[], None],
    *,
    method: str = "GET",
    body: bytes = b"",
) -> tuple[http.client.HTTPResponse, Callable[[], None]]:
    """The answer to a request, whose body is not read yet, and what closes it.

    Raises OSError (ssl.SSLError among them), http.client.HTTPException, and what `go_on` raises.
    """
    patient = PatientSocket(connected(target, addresses, go_on), go_on)
    with ExitStack() as stack:
        stack.callback(patient.end)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = cast(socket.socket, patient)
        connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
        told = {"Host": target.authority, "Connection": "close", **headers}
        told |= {"Content-Length": str(len(body))} if body else {}
        for name, value in told.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        stack.pop_all()
    return response, patient.end
