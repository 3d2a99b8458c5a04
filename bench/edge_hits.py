"""An edge that has a bucket's segment in its cache, beside one that has it on its disk, and beside a plain nginx.

All three answer in turns. Every segment is asked for once before, so that the edge of the bucket has it.
"""

import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from bucket_web import bucket_web, disk_web
from load import Load, Result, Servers, measure
from plain import PLAIN, TURNS

from scripts.services import free_port, nginx_binary

DATA = tempfile.TemporaryDirectory(prefix="videoflix-bench-")
os.environ |= {"DATA_DIR": DATA.name, "ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "project.settings"}

from project.tests.edge import nginx  # noqa: E402  (needs the settings made above)

SIZES = (20_000, 1_500_000)
SECONDS = 1.0  # of each measurement


def edge_hits(stack: ExitStack, folder: Path) -> None:
    if nginx_binary() is None:
        print("nginx is not installed: the edge is left out", file=sys.stderr)
        return
    web = bucket_web(stack, folder / "edge", SIZES)
    disk, port = disk_web(stack, web), free_port()
    raw = PLAIN.format(port=port, folder=web.data)
    nothing = folder / "nothing"
    nothing.mkdir()
    of_disk = stack.enter_context(nginx(folder / "of-disk", upstream=urlsplit(disk).netloc, data=web.data, more=raw))
    of_bucket = stack.enter_context(nginx(folder / "of-bucket", upstream=urlsplit(web.base).netloc, data=nothing))
    edges = [Servers(web.pid, int((folder / name / "nginx.pid").read_text())) for name in ("of-disk", "of-bucket")]
    for size in SIZES:
        cookie = web.cookie(size)
        plain = f"http://127.0.0.1:{port}/hls/{web.videos[size][1]}/1/480p/segment_000.ts"
        loads = [
            (Load("plain nginx", plain, cookie), edges[0]),
            (Load("edge, from its disk", f"{of_disk}{web.segment(size)}", cookie), edges[0]),
            (Load("edge, out of the bucket", f"{of_bucket}{web.segment(size)}", cookie), edges[1]),
        ]
        turns = [[measure(load, servers, SECONDS) for load, servers in loads] for _ in range(TURNS)]
        report(size, turns)


def report(size: int, turns: list[list[Result]]) -> None:
    print(f"segment of {size / 1000:.0f} kB", flush=True)
    for results in zip(*turns, strict=True):
        rate = statistics.median(one.per_second for one in results)
        nginx_ms = statistics.fmean(one.nginx_ms for one in results)
        print(f"  {results[0].name:24} {rate:6.0f} per second, CPU of nginx {nginx_ms:.3f} ms", flush=True)
    for number, beside in enumerate(("plain nginx", "edge, from its disk")):
        rates = statistics.median(turn[2].per_second / turn[number].per_second for turn in turns)
        work = sum(turn[number].nginx_ms for turn in turns) / sum(turn[2].nginx_ms for turn in turns)
        print(f"  a hit / {beside}: {rates:.2f} as many per second, {work:.2f} by the CPU", flush=True)
