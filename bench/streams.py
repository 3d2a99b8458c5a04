"""A hundred viewers at once who are sent segments out of a bucket, without an edge: the memory of the web process."""

import selectors
import socket
from contextlib import ExitStack
from pathlib import Path

from bucket_web import BucketWeb, bucket_web
from load import Headers
from slow_clients import memory_mb

VIEWERS = 100
SIZES = (1_000_000, 4_000_000, 16_000_000)
READ_BYTES = 256 << 10
SAMPLED_EVERY = 200  # reads


def streaming_memory(stack: ExitStack, folder: Path) -> None:
    web = bucket_web(stack, folder / "web", SIZES)
    cookies = {size: web.cookie(size) for size in SIZES}
    print(f"the web process alone: {memory_mb(web.pid):.0f} MB")
    for size in SIZES:
        most_mb = read_by_all(web, size, cookies[size])
        print(f"while {VIEWERS} at once are sent {size / 1e6:.0f} MB each: {most_mb:.0f} MB at most", flush=True)


def read_by_all(web: BucketWeb, size: int, cookie: Headers) -> float:
    """The most memory that the server has used while every viewer was sent the whole segment."""
    [(name, value)] = cookie.items()
    head = f"Host: 127.0.0.1\r\nConnection: close\r\n{name}: {value}\r\n"
    request = f"GET {web.segment(size)} HTTP/1.1\r\n{head}\r\n".encode()
    reading: selectors.BaseSelector = selectors.DefaultSelector()
    for _ in range(VIEWERS):
        viewer = socket.create_connection(("127.0.0.1", web.port))
        viewer.sendall(request)
        reading.register(viewer, selectors.EVENT_READ)
    received = reads = 0
    most_mb = 0.0
    while reading.get_map():
        for key, _ in reading.select():
            assert isinstance(key.fileobj, socket.socket)
            received += (count := len(key.fileobj.recv(READ_BYTES)))
            reads += 1
            if count == 0:
                reading.unregister(key.fileobj)
                key.fileobj.close()
            if reads % SAMPLED_EVERY == 0:
                most_mb = max(most_mb, memory_mb(web.pid))
    assert received > VIEWERS * size, "a viewer was not sent all of it"
    return most_mb
