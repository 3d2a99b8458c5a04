"""Measures whether two hundred clients that read slowly make others wait, and how much memory they cost.

    .venv/bin/python bench/slow_clients.py [--clients 200] [--megabytes 20]

Starts its own web server as `make run` does. Each slow client requests a large segment and reads 4 kB of it per
second. Meanwhile another viewer fetches segments, lists videos and signs in. Try other numbers with WEB_WORKERS and
WEB_THREADS.
"""

import argparse
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from load import EMAIL, PASSWORD, Load, connection_to, fetch, playback_cookie, post
from server import manage, web_server

SETUP = """
from library.tests.videos import make_viewer, published
make_viewer("{email}")
print(published(title="Large", size={size}).pk, published(title="Small", size=20_000).pk)
"""


def memory_mb(pid: int) -> float:
    """The memory that only this server's processes use."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if pid in (int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])):
                lines = (path.parent / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
        except OSError:
            continue
    return total / 1000


@contextmanager
def slow_clients(load: Load, count: int) -> Iterator[list[int]]:
    """Open so many connections that read 4 kB per second each; yields how much each has read."""
    parts = urlsplit(load.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{head}\r\n".encode()
    connections = []
    for _ in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.connect((parts.hostname, parts.port))
        connection.sendall(request)
        connection.setblocking(False)
        connections.append(connection)
    read = [0] * count
    is_over = threading.Event()

    def crawl() -> None:
        while not is_over.wait(1):
            for number, connection in enumerate(connections):
                try:
                    read[number] += len(connection.recv(4096))
                except BlockingIOError:
                    continue

    thread = threading.Thread(target=crawl)
    thread.start()
    try:
        yield read
    finally:
        is_over.set()
        thread.join()
        for connection in connections:
            connection.close()


def latency_ms(ask: Callable[[], object], count: int) -> str:
    times = []
    for _ in range(count):
        began = time.monotonic()
        ask()
        times.append(1000 * (time.monotonic() - began))
    return f"median {statistics.median(times):6.1f} ms, worst {max(times):7.1f} ms"


def report(base: str, video: Load, listed: Load) -> None:
    def sign_in() -> object:
        return post(f"{base}/api/login/", {"email": EMAIL, "password": PASSWORD})

    print(f"  segment {latency_ms(lambda: fetch(connection_to(video.url), video), 40)}")
    print(f"  list    {latency_ms(lambda: fetch(connection_to(listed.url), listed), 20)}")
    print(f"  login   {latency_ms(sign_in, 5)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=20, help="the size of the segment they fetch")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoflix-bench-") as name:
        os.environ |= {"DATA_DIR": name, "ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "project.settings"}
        manage("migrate", "--verbosity=0")
        code = SETUP.format(email=EMAIL, size=wanted.megabytes * 1_000_000)
        large, small = json.loads(f"[{manage('shell', '--no-imports', '-c', code).strip().replace(' ', ',')}]")
        with web_server(Path(name)) as (base, pid):
            token = post(f"{base}/api/login/", {"email": EMAIL, "password": PASSWORD})["access_token"]
            access = {"Cookie": f"access_token={token}"}
            cookies = [playback_cookie(base, video, access) for video in (large, small)]
            slow = Load("large", f"{base}/api/video/{large}/480p/segment_000.ts", cookies[0])
            video = Load("small", f"{base}/api/video/{small}/480p/segment_000.ts", cookies[1])
            listed = Load("list", f"{base}/api/video/", access)
            print("alone:")
            report(base, video, listed)
            print(f"  {memory_mb(pid):.0f} MB")
            with slow_clients(slow, wanted.clients) as read:
                time.sleep(5)
                served = sum(amount > 0 for amount in read)
                print(f"beside {wanted.clients} slow clients, {served} of them being served: {memory_mb(pid):.0f} MB")
                report(base, video, listed)
                print(f"at the end: {memory_mb(pid):.0f} MB")


if __name__ == "__main__":
    main()
