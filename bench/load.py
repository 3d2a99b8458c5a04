"""Repeats requests and measures what they cost the server processes, for the benchmarks of serving."""

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 8
EMAIL, PASSWORD = "ada@example.com", "a quiet river at 5"
TICKS = os.sysconf("SC_CLK_TCK")

type Headers = dict[str, str]


@dataclass(frozen=True)
class Load:
    """One row of the table: a request, and the server that gets it."""

    name: str
    url: str
    headers: Headers
    status: int = 200


@dataclass(frozen=True)
class Result:
    name: str
    per_second: float
    python_ms: float  # user CPU of gunicorn's processes for one request
    kernel_ms: float  # the kernel's CPU for them: reading, sending
    nginx_ms: float  # user and kernel CPU of nginx
    megabytes_per_second: float
    of_plain: float = 0  # requests per second, as a share of what plain nginx answers


@dataclass(frozen=True)
class Servers:
    """The processes whose CPU is counted."""

    gunicorn: int
    nginx: int | None

    def cpu_s(self) -> tuple[float, float, float]:
        """CPU seconds so far: Python's user and kernel time, and nginx's total."""
        user, kernel = used_s(self.gunicorn)
        return user, kernel, sum(used_s(self.nginx)) if self.nginx else 0.0


def used_s(pid: int) -> tuple[float, float]:
    """User and kernel seconds of a process and its children so far."""
    user = kernel = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if pid in (int(path.parent.name), int(fields[1])):
            user += int(fields[11]) / TICKS
            kernel += int(fields[12]) / TICKS
    return user, kernel


def measure(load: Load, servers: Servers, seconds: float) -> Result:
    check(load)
    before = servers.cpu_s()
    count, size, took_s = wrk(load, seconds) if shutil.which("wrk") else threads(load, seconds)
    after = servers.cpu_s()
    python_ms, kernel_ms, nginx_ms = (1000 * (now - then) / count for now, then in zip(after, before, strict=True))
    return Result(load.name, count / took_s, python_ms, kernel_ms, nginx_ms, size / took_s / 1e6)


def check(load: Load) -> None:
    """Ask often enough to reach every server process, very likely, and stop at an unexpected answer."""
    for _ in range(2 * CONNECTIONS):
        status = fetch(connection_to(load.url), load)[0]
        if status != load.status:
            raise SystemExit(f"{load.name}: {load.url} answers {status} instead of {load.status}")


def wrk(load: Load, seconds: float) -> tuple[int, float, float]:
    """Run wrk; gives the number of requests, bytes and seconds."""
    headers = [part for name, value in load.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{max(1, round(seconds))}s", *headers, load.url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m), ([\d.]+)(\w+) read", text)
    assert found, text
    if errors := re.search(r"Non-2xx or 3xx responses: (\d+)", text):
        raise SystemExit(f"{load.name}: {errors[1]} answers were not {load.status}")
    unit = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}[found[5]]
    took_s = float(found[2]) * {"ms": 0.001, "s": 1, "m": 60}[found[3]]
    return int(found[1]), float(found[4]) * unit, took_s


def threads(load: Load, seconds: float) -> tuple[int, float, float]:
    sizes: list[int] = []
    until = time.monotonic() + seconds

    def client() -> None:
        connection = connection_to(load.url)
        while time.monotonic() < until:
            sizes.append(fetch(connection, load)[1])

    began = time.monotonic()
    clients = [threading.Thread(target=client) for _ in range(CONNECTIONS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    return len(sizes), float(sum(sizes)), time.monotonic() - began


def connection_to(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)


def fetch(connection: http.client.HTTPConnection, load: Load) -> tuple[int, int]:
    """Make one request; gives its status and size."""
    parts = urlsplit(load.url)
    connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=load.headers)
    response = connection.getresponse()
    return response.status, len(response.read())


def post(url: str, body: object = None, headers: Headers | None = None) -> dict[str, str]:
    """The cookies of a successful answer."""
    connection = connection_to(url)
    sent = json.dumps(body) if body is not None else ""
    connection.request("POST", urlsplit(url).path, sent, {"Content-Type": "application/json", **(headers or {})})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{url} answers {response.status}")
    response.read()
    return cookies_of(response)


def cookies_of(response: http.client.HTTPResponse) -> dict[str, str]:
    pairs = (value.partition(";")[0].partition("=") for value in response.headers.get_all("Set-Cookie", []))
    return {name: value for name, _, value in pairs}


def playback_cookie(base: str, video_id: int, access: Headers) -> Headers:
    connection = connection_to(base)
    connection.request("GET", f"/api/video/{video_id}/master.m3u8", headers=access)
    response = connection.getresponse()
    response.read()
    return {"Cookie": f"playback_token={cookies_of(response)['playback_token']}"}
