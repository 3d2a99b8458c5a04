"""gunicorn's threads, with six habits of their own, for which gunicorn has no settings.

1. They wait a moment for a connection's next request. A player that fills its buffer asks for the next segment as soon
   as it has the last one, and so does a proxy that has one connection for many viewers. gunicorn gives the connection
   back to its main thread in between, which watches all idle connections; that takes longer than answering.
2. They answer unreadable requests in JSON.
3. A connection is left open for the client to close it after the last answer (RFC 9112, 9.6), and what still arrives
   is thrown away: a large body of a request that was refused at its head. gunicorn waits for each of these clients in
   its main thread, two seconds at most, and answers nobody meanwhile; and it throws away no more than 64 kB, after
   which the system tells the client that the connection is broken, often before it has read the answer.
4. They begin when a request's head is there, or what can't be one, and give up one that isn't complete within a
   quarter of a minute.
   gunicorn's wait five seconds for a new connection's first byte, and for the rest of a head for ever, so that some
   hundred clients who send nothing keep out all others.
5. They say `close` in an answer after which they close the connection, since a body is left (project.unread).
6. They refuse a request of HTTP/1.1 without a host, and one for no address of this server: `*`, or a host to connect
   to (RFC 9112, 3.2).
"""

import json
import re
import select
import socket
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from time import monotonic
from typing import Any

from gunicorn import util
from gunicorn.http.errors import InvalidHeader, InvalidRequestLine
from gunicorn.workers.gthread import ThreadWorker

from project import unread
from project.sentences import sentence_for
from project.stalled import Paced

STAYS_MS = 5  # far less than a thread waits for a client that reads slowly, and enough for one that is near
STAYS_AT_MOST_S = 1.0  # then the connections that wait for a thread have their turn
LEFT_OPEN_S = 30  # as nginx's lingering_time
LEFT_OPEN_AT_END_S = 2  # when the process is to end
LONGEST_HEAD_S = 15  # as the edge's client_header_timeout
USUAL_HEAD_BYTES = 8192  # a longer one is left to a thread as it comes
HTTP_1_1 = (1, 1)
REQUEST_LINE = re.compile(rb"[!-~]+ \S+ HTTP/1\.[01]\r\n")  # RFC 9112, 3
DISCARDED_BYTES = 1 << 16  # at once
LONGEST_FIRST_LINE = 1000  # bytes; "HTTP/1.1 400 Bad Request" is one


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`gthread` takes 1.1 to 1.5 times the CPU for a segment of 20 kB or a playlist (bench/serving.py).

    GUNICORN_CMD_ARGS="--worker-class gthread" measures it there.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.answered: dict[Any, float] = {}  # connections after their last answer, the first one first, and since when
        self.beginning: dict[Any, float] = {}  # those whose next request's head a thread waits for, and since when

    def load_wsgi(self) -> None:
        """As gunicorn's."""
        super().load_wsgi()
        self.wsgi: unread.Application = unread.announced(self.wsgi)

    def handle(self, conn: Any) -> object:
        """As gunicorn's. True if the connection goes back to the main thread, False if it is over."""
        leaves_at = monotonic() + STAYS_AT_MOST_S
        while True:
            self.beginning[conn] = monotonic()
            try:
                kept = super().handle(conn)
            finally:
                self.beginning.pop(conn, None)
            if kept is not True or not self.alive or monotonic() > leaves_at or not asks_again(conn.sock):
                return kept
            if half_a_head(conn.sock):
                return kept

    def enqueue_req(self, conn: Any) -> None:
        """As gunicorn's. A new connection needs no thread before there is a request."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
        else:
            self.wait_for_head(conn)

    def wait_for_head(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = monotonic() + LONGEST_HEAD_S
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """As gunicorn's, once the head is there."""
        if is_ready(client):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """As gunicorn's, once the head is there: of a connection's next request."""
        if is_ready(client):
            super().on_client_socket_readable(conn, client)
        else:
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
            self.wait_for_head(conn)

    def handle_request(self, req: Any, conn: Any) -> object:
        """As gunicorn's: the head has been read. gunicorn sees no `close` that stands beside something else."""
        self.beginning.pop(conn, None)
        check_target(req)
        req.version = min(req.version, HTTP_1_1)  # which is what the answer says (RFC 9110, 2.5)
        if asks_to_close(req.headers):
            req.force_close()
        conn.parser.unreader.sock = Paced(conn.sock)
        try:
            return super().handle_request(req, conn)
        finally:
            conn.parser.unreader.sock = conn.sock

    def finish_request(self, conn: Any, fs: Any) -> None:
        """As gunicorn's, in the main thread. A connection that is over is left to the client for a while."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self.leave_open(conn)

    def leave_open(self, conn: Any) -> None:
        """Say that nothing more will come, and throw away what still arrives, until the client closes."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client has closed already
            self.close(conn)
            return
        self.answered[conn] = monotonic()
        self.poller.register(conn.sock, EVENT_READ, partial(self.discard, conn))

    def discard(self, conn: Any, connected: socket.socket) -> None:
        try:
            is_over = not connected.recv(DISCARDED_BYTES)
        except BlockingIOError:
            return
        except OSError:
            is_over = True
        if is_over:
            self.close_answered(conn)

    def murder_pending(self) -> None:
        """As gunicorn's, which calls it in its main thread at least once a second."""
        if not self.alive:
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, monotonic() + LEFT_OPEN_AT_END_S)
        super().murder_pending()
        self.give_up_beginnings()
        self.close_what_is_left_open()

    def give_up_beginnings(self) -> None:
        """Tell threads that nothing more will come, where a head takes too long."""
        before = monotonic() - LONGEST_HEAD_S
        for conn, since in self.beginning.copy().items():
            if since <= before:
                with suppress(OSError):  # it has ended just now
                    conn.sock.shutdown(socket.SHUT_RD)

    def close_what_is_left_open(self) -> None:
        is_full = self.nr_conns >= self.worker_connections
        before = monotonic() - (0 if is_full else LEFT_OPEN_S if self.alive else LEFT_OPEN_AT_END_S)
        while self.answered:
            conn, since = next(iter(self.answered.items()))
            if since > before:
                return
            self.close_answered(conn)

    def close_answered(self, conn: Any) -> None:
        del self.answered[conn]
        self.poller.unregister(conn.sock)
        self.close(conn)

    def close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

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


def check_target(req: Any) -> None:
    """Raise InvalidHeader, InvalidRequestLine. nginx refuses the same with the same status."""
    if req.version >= HTTP_1_1 and not any(name == "HOST" for name, _ in req.headers):
        raise InvalidHeader("HOST", req=req)
    if not req.uri.startswith("/") and "://" not in req.uri:
        raise InvalidRequestLine(req.uri)


def asks_to_close(headers: list[tuple[str, str]]) -> bool:
    """Whether the client wants no more than this answer: `Connection: TE, close` (RFC 9110, 7.6.1)."""
    options = (option for name, value in headers if name == "CONNECTION" for option in value.lower().split(","))
    return "close" in map(str.strip, options)


def asks_again(connected: socket.socket) -> bool:
    """Whether the client sends something, or goes away, within a moment."""
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(STAYS_MS))


def half_a_head(connected: socket.socket) -> int:
    """How many bytes are there of a head whose end is missing. 0 if a thread can begin to read."""
    try:
        there = connected.recv(USUAL_HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return 0  # the thread finds out why
    is_whole = b"\r\n\r\n" in there or len(there) == USUAL_HEAD_BYTES
    is_refused = b"\n" in there and not REQUEST_LINE.match(there)
    return 0 if is_whole or is_refused else len(there)


def is_ready(connected: socket.socket) -> bool:
    """Whether a thread can begin to read. If not, the connection counts as readable when there is more than now."""
    more_than_now = half_a_head(connected) + 1
    is_ended = connected.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == more_than_now  # readable without more
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if is_ended else more_than_now)
    return is_ended or more_than_now == 1
