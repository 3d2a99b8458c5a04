"""gunicorn's threads. They wait a moment for a connection's next request, and answer unreadable requests in JSON.

A player that fills its buffer asks for the next segment as soon as it has the last one, and so does a proxy that has
one connection for many viewers. gunicorn gives the connection back to its main thread in between, which watches all
idle connections; that takes longer than answering.

gunicorn has no setting for either, so both methods override its own.
"""

import json
import select
import socket
import time
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from project.sentences import sentence_for

STAYS_MS = 5  # far less than a thread waits for a client that reads slowly, and enough for one that is near
STAYS_AT_MOST_S = 1.0  # then the connections that wait for a thread have their turn
LONGEST_FIRST_LINE = 1000  # bytes; "HTTP/1.1 400 Bad Request" is one


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`gthread` takes 1.1 to 1.5 times the CPU for a segment of 20 kB or a playlist (bench/serving.py).

    GUNICORN_CMD_ARGS="--worker-class gthread" measures it there.
    """

    def handle(self, conn: Any) -> object:
        """As gunicorn's. True if the connection goes back to the main thread, False if it is over."""
        leaves_at = time.monotonic() + STAYS_AT_MOST_S
        while True:
            kept = super().handle(conn)
            if kept is not True or not self.alive or time.monotonic() > leaves_at or not asks_again(conn.sock):
                return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """As gunicorn's, but with the API's sentence: gunicorn's page is HTML, and repeats what the client sent."""
        try:
            util.write_nonblock(client, refusal(self.first_line_of_error(req, addr, exc)))
        except OSError as error:
            self.log.debug("Failed to send error message: %s", error)

    def first_line_of_error(self, req: Any, addr: Any, exc: BaseException) -> str:
        """The status line of gunicorn's own answer. gunicorn logs the error and writes its page to a socket of ours."""
        ours, gunicorns = socket.socketpair()
        with ours:
            with gunicorns:
                super().handle_error(req, gunicorns, addr, exc)
            return ours.recv(LONGEST_FIRST_LINE).partition(b"\r\n")[0].decode("latin-1")


def refusal(first_line: str) -> bytes:
    """The answer whose first line this is, "HTTP/1.1 400 Bad Request"."""
    body = json.dumps({"detail": sentence_for(int(first_line.split()[1]))})
    head = [first_line, "Connection: close", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", body]).encode("latin-1")


def asks_again(connected: socket.socket) -> bool:
    """Whether the client sends something, or goes away, within a moment."""
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(STAYS_MS))
