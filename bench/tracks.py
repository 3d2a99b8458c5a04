"""Measures what a text track costs: publishing 2,000 cues of a two-hour video, and a segment of them.

    .venv/bin/python bench/tracks.py [--cues 2000] [--rounds 40]

Requests go through all of Django, without a socket, on SQLite in a temporary folder. Prints the medians of time and of
this process's CPU time, and their ratios to the list of a hundred videos and to a segment of pictures from the disk.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
FOLDER = tempfile.TemporaryDirectory(prefix="videoflix-bench-")

sys.path.insert(0, str(ROOT))
os.environ |= {"DATA_DIR": FOLDER.name, "ENV_FILE": "", "LOG_LEVEL": "WARNING", "ALLOWED_HOSTS": "testserver"}
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
django.setup()

from hls.folders import version_folder  # noqa: E402
from hls.tracks import texts  # noqa: E402
from library.models import Video  # noqa: E402
from library.tests.tracks import put  # noqa: E402
from library.tests.videos import Player, make_viewer, published, sign_in, write_text  # noqa: E402

SEGMENTS = 1_200
SEGMENT_S = 6
SEGMENT_BYTES = 1_500_000
LISTED = 100


@dataclass(frozen=True)
class RequestCost:
    """The cost of one request, in milliseconds."""

    name: str
    time: float
    cpu: float


def two_hours() -> Video:
    """A ready video, of which the first segments' bytes are there, and the playlist names all."""
    video = published(title="Two hours", size=SEGMENT_BYTES)
    transcode = video.transcode
    transcode.refresh_from_db()
    index = "".join(f"#EXTINF:{SEGMENT_S}.000,\nsegment_{number:03d}.ts?v=1\n" for number in range(SEGMENTS))
    for name in ("480p", "720p"):
        write_text(version_folder(transcode.pk, 1) / name / "index.m3u8", f"#EXTM3U\n{index}#EXT-X-ENDLIST\n")
    told = {"duration_s": SEGMENTS * SEGMENT_S, "segment_count": SEGMENTS}
    transcode.served = {**(transcode.served or {}), **told}
    transcode.save(update_fields=["served"])
    return video


def subrip(count: int) -> str:
    """So many cues of two lines, over the whole video."""
    apart_ms = SEGMENTS * SEGMENT_S * 1_000 // count
    return "".join(
        f"{number + 1}\n{at(number * apart_ms)} --> {at(number * apart_ms + 2_500)}\n"
        f"Somebody says <i>something</i>,\nand this is line {number}.\n\n"
        for number in range(count)
    )


def at(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1_000 % 60:02d},{ms % 1_000:03d}"


def measured(name: str, ask: Callable[[], Any], rounds: int, before: Callable[[], None] = lambda: None) -> RequestCost:
    costs = []
    for _ in range(rounds):
        before()
        began, cpu = time.perf_counter(), time.process_time()
        status = ask().status_code
        costs.append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu)))
        assert status == 200, (name, status)
    times, cpus = zip(*costs, strict=True)
    return RequestCost(name, statistics.median(times), statistics.median(cpus))


def costs(cues: int, rounds: int) -> list[RequestCost]:
    """The list and the pictures first, with which the others are compared."""
    video, text = two_hours(), subrip(cues)
    for number in range(LISTED - 1):
        published(title=str(number))
    make_viewer(is_staff=True, is_superuser=True)
    player = sign_in(Player())
    folder = f"/api/video/{video.pk}"
    track = put(player, video, text).json()["id"]
    told = f"{folder}/tracks/{track}"
    asked = "v=1&r=1"  # as playlists name it; what was replaced since is kept for those who watch with it
    first, following = (f"segment_{number:03d}.vtt?{asked}" for number in (1, 2))
    return [
        measured(f"list of {LISTED} videos", lambda: player.get("/api/video/"), rounds),
        measured("segment of pictures", lambda: player.get(f"{folder}/480p/segment_001.ts?v=1"), rounds),
        measured(f"publish {cues} cues", lambda: put(player, video, text), rounds),
        measured("multivariant playlist", lambda: player.get(f"{folder}/master.m3u8"), rounds),
        measured("playlist of the text", lambda: player.get(f"{told}/index.m3u8?{asked}"), rounds),
        measured("text's first segment", lambda: player.get(f"{told}/{first}"), rounds, texts.memory.clear),
        measured("text's next segment", lambda: player.get(f"{told}/{following}"), rounds),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cues", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=40)
    wanted = parser.parse_args()
    call_command("migrate", verbosity=0)
    found = costs(wanted.cues, wanted.rounds)
    listed, pictures = found[:2]
    print("| request | ms | CPU, ms | CPU, of the list | CPU, of a segment of pictures |")
    print("|---|---|---|---|---|")
    for cost in found:
        ratios = f"{cost.cpu / listed.cpu:.2f} | {cost.cpu / pictures.cpu:.2f}"
        print(f"| {cost.name} | {cost.time:.1f} | {cost.cpu:.1f} | {ratios} |")


if __name__ == "__main__":
    main()
