"""What delivery costs: requests a second and CPU milliseconds a request, embedded and behind the edge.

    .venv/bin/python bench/serving.py [--seconds 3] [--json]

Starts a web server of its own (gunicorn as `make run` starts it, SQLite, a folder that goes away) and, where nginx is
installed, the edge in front of it beside a plain nginx that serves the same files to everybody. CPU is what the server
processes used by /proc, so that the client's share of this machine doesn't count; requests a second do share it.
Loads are made by `wrk` where it is installed, else by a small client in threads, which is then the slower side.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = 8
SMALL, LARGE = 20_000, 1_500_000
EMAIL, PASSWORD = "ada@example.com", "a quiet river at 5"
SETUP = f"""
from library.tests.films import make_viewer, published
make_viewer("{EMAIL}")
films = [published(title="Small", size={SMALL}), published(title="Large", size={LARGE})]
print([(film.pk, film.transcode_id) for film in films])
for number in range(98):
    published(title=str(number))
"""
TICKS = os.sysconf("SC_CLK_TCK")

type Headers = dict[str, str]


@dataclass(frozen=True)
class Load:
    """One row of the table: what is asked of whom."""

    name: str
    url: str
    headers: Headers
    status: int = 200


@dataclass(frozen=True)
class Result:
    name: str
    per_second: float
    python_ms: float  # user CPU of gunicorn's processes for one request
    kernel_ms: float  # what the kernel did for them: reading, sending
    nginx_ms: float  # user and kernel
    megabytes_per_second: float


@dataclass(frozen=True)
class Servers:
    """The processes whose CPU is counted."""

    gunicorn: int
    nginx: int | None

    def cpu_s(self) -> tuple[float, float, float]:
        """Python, kernel for Python, nginx."""
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
    """Ask each of the server's processes at least once, as far as luck goes, and stop if the answer is not the one."""
    for _ in range(2 * CONNECTIONS):
        status = fetch(connection_to(load.url), load)[0]
        if status != load.status:
            raise SystemExit(f"{load.name}: {load.url} answers {status} instead of {load.status}")


def wrk(load: Load, seconds: float) -> tuple[int, float, float]:
    """Requests, bytes and seconds."""
    headers = [part for name, value in load.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds:.0f}s", *headers, load.url]
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
    """Status and size."""
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


def one_after_another(name: str, ask: Callable[[], object], servers: Servers, seconds: float) -> Result:
    """For what changes something: one client, one request at a time."""
    ask()
    before, began, count = servers.cpu_s(), time.monotonic(), 0
    while time.monotonic() < began + seconds:
        ask()
        count += 1
    took_s = time.monotonic() - began
    python_ms, kernel_ms, _ = (1000 * (now - then) / count for now, then in zip(servers.cpu_s(), before, strict=True))
    return Result(name, count / took_s, python_ms, kernel_ms, 0, 0)


def signing_in(base: str, servers: Servers, seconds: float) -> Iterator[Result]:
    def sign_in() -> dict[str, str]:
        return post(f"{base}/api/login/", {"email": EMAIL, "password": PASSWORD})

    held = sign_in()

    def refresh() -> None:
        held.update(post(f"{base}/api/token/refresh/", headers={"Cookie": f"refresh_token={held['refresh_token']}"}))

    yield one_after_another("login", sign_in, servers, seconds)
    yield one_after_another("refresh", refresh, servers, seconds)


@contextmanager
def web_server(folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of gunicorn, started as `make run` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"PORT": str(port), "LOG_LEVEL": "INFO"}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi"]
    with (folder / "gunicorn.log").open("w") as log, subprocess.Popen(command, stderr=log, cwd=ROOT) as server:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("gunicorn does not start")


def manage(*words: str) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def loads(base: str, where: str, films: list[tuple[int, int]], cookies: list[Headers], access: Headers) -> list[Load]:
    small, large = (film for film, _ in films)
    found = [
        Load(f"segment 20 kB, {where}", f"{base}/api/video/{small}/480p/segment_000.ts", cookies[0]),
        Load(f"segment 1.5 MB, {where}", f"{base}/api/video/{large}/480p/segment_000.ts", cookies[1]),
    ]
    if where == "embedded":
        found += [
            Load("playlist, playback cookie", f"{base}/api/video/{small}/480p/index.m3u8?v=1", cookies[0]),
            Load("playlist, access token", f"{base}/api/video/{small}/480p/index.m3u8", access),
            Load("segment 20 kB, access token", f"{base}/api/video/{small}/480p/segment_000.ts", access),
            Load("list, 100 films", f"{base}/api/video/", access),
            Load("list, limit=20", f"{base}/api/video/?limit=20", access),
        ]
    return found


def playback_cookie(base: str, film: int, access: Headers) -> Headers:
    connection = connection_to(base)
    connection.request("GET", f"/api/video/{film}/master.m3u8", headers=access)
    response = connection.getresponse()
    response.read()
    return {"Cookie": f"playback_token={cookies_of(response)['playback_token']}"}


def run(folder: Path, seconds: float) -> list[Result]:
    os.environ |= {"DATA_DIR": str(folder), "ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "project.settings"}
    manage("migrate", "--verbosity=0")
    films = json.loads(manage("shell", "--no-imports", "-c", SETUP).replace("(", "[").replace(")", "]"))
    results = []
    with ExitStack() as stack:
        base, gunicorn = stack.enter_context(web_server(folder))
        token = post(f"{base}/api/login/", {"email": EMAIL, "password": PASSWORD})["access_token"]
        access = {"Cookie": f"access_token={token}"}
        cookies = [playback_cookie(base, film, access) for film, _ in films]
        embedded = Servers(gunicorn, None)
        for load in loads(base, "embedded", films, cookies, access):
            results.append(measure(load, embedded, seconds))
        results += signing_in(base, embedded, seconds)
        results += at_the_edge(stack, folder, base, gunicorn, seconds, films, cookies)
    return results


def at_the_edge(
    stack: ExitStack,
    folder: Path,
    base: str,
    gunicorn: int,
    seconds: float,
    films: list[tuple[int, int]],
    cookies: list[Headers],
) -> Iterator[Result]:
    """The edge and plain nginx in turns, so that both see the same machine."""
    sys.path.insert(0, str(ROOT))
    from project.tests.edge import free_port, nginx, nginx_binary  # noqa: PLC0415  (needs the settings made above)

    if nginx_binary() is None:
        print("nginx is not installed: the edge is left out", file=sys.stderr)
        return
    port = free_port()
    raw = f"server {{ listen 127.0.0.1:{port}; access_log off; sendfile on; tcp_nopush on; root {folder}; }}"
    edge = stack.enter_context(nginx(folder / "nginx", upstream=urlsplit(base).netloc, data=folder, more=raw))
    servers = Servers(gunicorn, int((folder / "nginx" / "nginx.pid").read_text()))
    pairs = zip(loads(edge, "edge", films, cookies, {}), films, strict=True)
    for load, (_, transcode) in pairs:
        plain = f"http://127.0.0.1:{port}/hls/{transcode}/1/480p/segment_000.ts"
        beside = Load(load.name.replace("edge", "plain nginx"), plain, {})
        turns = [(measure(beside, servers, seconds), measure(load, servers, seconds)) for _ in range(2)]
        yield max((turn[0] for turn in turns), key=lambda result: result.per_second)
        yield max((turn[1] for turn in turns), key=lambda result: result.per_second)


def table(results: list[Result]) -> str:
    lines = ["| request | per second | Python ms | kernel ms | nginx ms | MB/s |", "|---|" + 5 * "---:|"]
    for row in results:
        rate = f"{row.megabytes_per_second:.0f}" if row.megabytes_per_second else ""
        times = f"{row.python_ms:.2f} | {row.kernel_ms:.2f} | {row.nginx_ms:.3f}"
        lines.append(f"| {row.name} | {row.per_second:.0f} | {times} | {rate} |")
    by_name = {row.name: row for row in results}
    for size in ("20 kB", "1.5 MB"):
        plain, edge = by_name.get(f"segment {size}, plain nginx"), by_name.get(f"segment {size}, edge")
        if plain and edge:
            lines += ["", f"Edge / plain nginx, {size}: {edge.per_second / plain.per_second:.2f}"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="of each of the measurements")
    parser.add_argument("--json", action="store_true", help="instead of a table")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoflix-bench-") as folder:
        results = run(Path(folder), wanted.seconds)
    print(json.dumps([asdict(row) for row in results], indent=1) if wanted.json else table(results))


if __name__ == "__main__":
    main()
