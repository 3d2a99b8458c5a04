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
from load import Load, Servers, measure
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
    for size in SIZES:
        cookie = web.cookie(size)
        loads = [
            Load("plain", f"http://127.0.0.1:{port}/hls/{web.videos[size][1]}/1/480p/segment_000.ts", cookie),
            Load("disk", f"{of_disk}{web.segment(size)}", cookie),
            Load("bucket", f"{of_bucket}{web.segment(size)}", cookie),
        ]
        turns = [[measure(load, Servers(web.pid, None), SECONDS).per_second for load in loads] for _ in range(TURNS)]
        report(size, turns)


def report(size: int, turns: list[list[float]]) -> None:
    plain, disk, bucket = (statistics.median(rates) for rates in zip(*turns, strict=True))
    of_disk = statistics.median(turn[2] / turn[1] for turn in turns)
    of_plain = statistics.median(turn[2] / turn[0] for turn in turns)
    rates = f"{plain:.0f} plain, {disk:.0f} disk, {bucket:.0f} bucket"
    print(f"segment of {size / 1000:.0f} kB, answers per second: {rates}", flush=True)
    print(f"an edge's hit / the same from its disk, at least 0.9: {of_disk:.2f}; / plain nginx: {of_plain:.2f}")
