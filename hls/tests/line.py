"""A bad line to a store: a proxy on the loopback that counts what comes, makes it slow, and breaks it off."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from hls.store.bucket_address import BucketAddress

PIECE_BYTES = 1 << 14


@dataclass
class BadLine:
    """`bytes_per_s` holds for each connection. Each of the first `breaks` of them ends after `broken_after` bytes."""

    address: BucketAddress  # of the store, through this line
    bytes_per_s: float = 0
    breaks: int = 0
    broken_after: int = 0
    came_bytes: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def pass_on(self, client: socket.socket, store: socket.socket) -> None:
        threading.Thread(target=self._copy, args=(client, store, False), daemon=True).start()
        self._copy(store, client, True)

    def _copy(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        copied = 0
        with suppress(OSError):
            while data := source.recv(PIECE_BYTES):
                if is_answer:
                    copied += len(data)
                    self.came_bytes += len(data)
                    if self.breaks and copied > self.broken_after:
                        self.breaks -= 1
                        break
                    if self.bytes_per_s:
                        self.is_over.wait(len(data) / self.bytes_per_s)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if is_answer:
                end.close()


@contextmanager
def bad_line(store: BucketAddress, **how: float) -> Iterator[BadLine]:
    """A line to this store; it asks for a connection to the store for each that it gets."""
    assert store.endpoint_url is not None
    there = urlsplit(store.endpoint_url)
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = BadLine(replace(store, endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}"))
        for name, value in how.items():
            setattr(line, name, value)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    target = socket.create_connection((there.hostname, there.port))
                    threading.Thread(target=line.pass_on, args=(client, target), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield line
        finally:
            line.is_over.set()
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
