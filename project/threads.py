"""gunicorn's threads, which stay with a connection for a moment after each answer.

A player that fills its buffer asks for the next segment as soon as it has the last one, and so does a proxy that has
one connection for many viewers. Going back to the main thread in between, which watches all idle connections, and out
of it again takes longer than answering.
"""

import select
import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

STAYS_MS = 5  # far less than a thread waits for a client that reads slowly, and enough for one that is near


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    def handle(self, conn: Any) -> object:
        """As gunicorn's; True where the connection goes back to be watched, False where it is over."""
        while (kept := super().handle(conn)) is True and self.alive and asks_again(conn.sock):
            continue
        return kept


def asks_again(connected: socket.socket) -> bool:
    """Whether the client sends something, or goes away, within a moment."""
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(STAYS_MS))
