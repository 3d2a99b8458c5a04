"""Measures what delivery costs, embedded and behind the edge: requests per second, and CPU milliseconds per request.

    .venv/bin/python bench/serving.py [--seconds 3] [--json]

Starts its own web server (gunicorn as `make run` starts it, SQLite, a temporary folder) and, if nginx is installed, the
edge in front of it. A plain nginx beside the edge serves the same files to everybody, with the same log and the same
cache of open files; both get the same headers. CPU is what the server processes used according to /proc, so the client
doesn't count; requests per second do depend on it. `wrk` makes the load if it is installed, else a small client in
threads, which is then the slower side.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import urlsplit

from load import EMAIL, PASSWORD, Headers, Load, Result, Servers, measure, playback_cookie, post
from plain import PLAIN, TURNS, middle
from server import ROOT, manage, web_server

FOLDER = tempfile.TemporaryDirectory(prefix="videoflix-bench-")

sys.path.insert(0, str(ROOT))
os.environ |= {"DATA_DIR": FOLDER.name, "ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "project.settings"}

from project.tests.edge import free_port, nginx, nginx_binary  # noqa: E402  (needs the settings made above)

SMALL, LARGE = 20_000, 1_500_000
SETUP = f"""
from library.tests.videos import make_viewer, published
make_viewer("{EMAIL}")
videos = [published(title="Small", size={SMALL}), published(title="Large", size={LARGE})]
print([(video.pk, video.transcode_id) for video in videos])
for number in range(98):
    published(title=str(number))
"""


def one_after_another(name: str, ask: Callable[[], object], servers: Servers, seconds: float) -> Result:
    """Measure requests that change something: one client, one request at a time."""
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


def loads(base: str, where: str, videos: list[tuple[int, int]], cookies: list[Headers], access: Headers) -> list[Load]:
    small, large = (video for video, _ in videos)
    found = [
        Load(f"segment 20 kB, {where}", f"{base}/api/video/{small}/480p/segment_000.ts", cookies[0]),
        Load(f"segment 1.5 MB, {where}", f"{base}/api/video/{large}/480p/segment_000.ts", cookies[1]),
    ]
    if where == "embedded":
        found += [
            Load("playlist, playback cookie", f"{base}/api/video/{small}/480p/index.m3u8?v=1", cookies[0]),
            Load("playlist, access token", f"{base}/api/video/{small}/480p/index.m3u8", access),
            Load("segment 20 kB, access token", f"{base}/api/video/{small}/480p/segment_000.ts", access),
            Load("the edge's question", f"{base}/api/playback/check?video={small}&v=1", cookies[0], status=204),
            Load("list, 100 videos", f"{base}/api/video/", access),
            Load("list, limit=20", f"{base}/api/video/?limit=20", access),
        ]
    return found


def run(folder: Path, seconds: float) -> list[Result]:
    manage("migrate", "--verbosity=0")
    videos = json.loads(manage("shell", "--no-imports", "-c", SETUP).replace("(", "[").replace(")", "]"))
    results = []
    with ExitStack() as stack:
        base, gunicorn = stack.enter_context(web_server(folder))
        token = post(f"{base}/api/login/", {"email": EMAIL, "password": PASSWORD})["access_token"]
        access = {"Cookie": f"access_token={token}"}
        cookies = [playback_cookie(base, video, access) for video, _ in videos]
        embedded = Servers(gunicorn, None)
        for load in loads(base, "embedded", videos, cookies, access):
            results.append(measure(load, embedded, seconds))
        results += signing_in(base, embedded, seconds)
        results += at_the_edge(stack, folder, base, gunicorn, seconds, videos, cookies)
    return results


def at_the_edge(
    stack: ExitStack,
    folder: Path,
    base: str,
    gunicorn: int,
    seconds: float,
    videos: list[tuple[int, int]],
    cookies: list[Headers],
) -> Iterator[Result]:
    """Measure the edge and plain nginx in turns, so that both run under the same conditions."""
    if nginx_binary() is None:
        print("nginx is not installed: the edge is left out", file=sys.stderr)
        return
    port = free_port()
    raw = PLAIN.format(port=port, folder=folder)
    edge = stack.enter_context(nginx(folder / "nginx", upstream=urlsplit(base).netloc, data=folder, more=raw))
    servers = Servers(gunicorn, int((folder / "nginx" / "nginx.pid").read_text()))
    pairs = zip(loads(edge, "edge", videos, cookies, {}), videos, strict=True)
    for load, (_, transcode) in pairs:
        plain = f"http://127.0.0.1:{port}/hls/{transcode}/1/480p/segment_000.ts"
        beside = Load(load.name.replace("edge", "plain nginx"), plain, load.headers)
        turns = [(measure(beside, servers, seconds / 2), measure(load, servers, seconds / 2)) for _ in range(TURNS)]
        yield middle([turn[0] for turn in turns])
        ratio = statistics.median(edge.per_second / plain.per_second for plain, edge in turns)
        yield replace(middle([turn[1] for turn in turns]), of_plain=ratio)


def table(results: list[Result]) -> str:
    lines = ["| request | per second | Python ms | kernel ms | nginx ms | MB/s |", "|---|" + 5 * "---:|"]
    for row in results:
        rate = f"{row.megabytes_per_second:.0f}" if row.megabytes_per_second else ""
        times = f"{row.python_ms:.2f} | {row.kernel_ms:.2f} | {row.nginx_ms:.3f}"
        lines.append(f"| {row.name} | {row.per_second:.0f} | {times} | {rate} |")
    lines += ["", *(f"{row.name}: {row.of_plain:.2f} of plain nginx" for row in results if row.of_plain)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="of each of the measurements")
    parser.add_argument("--json", action="store_true", help="instead of a table")
    wanted = parser.parse_args()
    with FOLDER:
        results = run(Path(FOLDER.name), wanted.seconds)
    print(json.dumps([asdict(row) for row in results], indent=1) if wanted.json else table(results))


if __name__ == "__main__":
    main()
