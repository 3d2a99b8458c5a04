"""gunicorn's threads, which stay with a connection for a moment after each answer.

A player that fills its buffer asks for the next segment as soon as it has the last one, and so does a proxy that has
one connection for many viewers. Going back to the main thread in between, which watches all idle connections, and out
of it again takes longer than answering. Requests that can't be read are refused in JSON.
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
STAYS_AT_MOST_S = 1.0  # whereafter those who wait for a thread have their turn


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    def handle(self, conn: Any) -> object:
        """As gunicorn's; True where the connection goes back to be watched, False where it is over."""
        leaves_at = time.monotonic() + STAYS_AT_MOST_S
        while True:
            kept = super().handle(conn)
            if kept is not True or not self.alive or time.monotonic() > leaves_at or not asks_again(conn.sock):
                return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """As gunicorn's, in the API's words: its own page for what can't be read is HTML, and repeats it."""
        page = Page()
        super().handle_error(req, page, addr, exc)
        try:
            util.write_nonblock(client, page.in_our_words())
        except OSError as error:
            self.log.debug("Failed to send error message: %s", error)


class Page:
    """Stands in for the client, to see which status gunicorn answers with."""

    def __init__(self) -> None:
        self.sent = b""

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def in_our_words(self) -> bytes:
        status = int(self.sent.split(maxsplit=2)[1])
        body = json.dumps({"detail": sentence_for(status)})
        head = self.sent.partition(b"\r\n")[0].decode("latin-1")
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        return f"{head}\r\nConnection: close\r\n{kind}\r\n\r\n{body}".encode("latin-1")


def asks_again(connected: socket.socket) -> bool:
    """Whether the client sends something, or goes away, within a moment."""
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(STAYS_MS))
