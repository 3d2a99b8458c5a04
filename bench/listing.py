"""Measures what the list of videos costs with a hundred and with a hundred thousand videos, per request.

    .venv/bin/python bench/listing.py [--videos 100000] [--rounds 40]

Requests go through all of Django, without a socket, on SQLite in a temporary folder, or on the PostgreSQL that DB_HOST
and related settings name (it is filled with videos: use an empty one). Prints the medians of time and of this process's
CPU time, and their ratios. Time is what a viewer waits for. CPU time, which on SQLite is all the work, is independent
of other load on the machine. Pages have equally many videos in both libraries.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
FOLDER = tempfile.TemporaryDirectory(prefix="videoflix-bench-")

sys.path.insert(0, str(ROOT))
os.environ |= {"DATA_DIR": FOLDER.name, "ENV_FILE": "", "LOG_LEVEL": "WARNING", "ALLOWED_HOSTS": "testserver"}
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from hls.models import State, Transcode  # noqa: E402
from hls.published import PublishedVersion  # noqa: E402
from library import catalogue, listing  # noqa: E402
from library.models import FirstCategory, Video  # noqa: E402
from library.tests.videos import RENDITIONS, Player, make_viewer, sign_in  # noqa: E402

FEW = 100
QUERIES = {
    "limit=50": "?limit=50",
    "limit=50, in the middle": "?limit=50&offset={middle}",
    "limit=50, at the end": "?limit=50&offset={end}",
    "limit=10, one category": "?limit=10&category=drama",
    "limit=10, one category, at the end": "?limit=10&category=drama&offset={last_of_category}",
    "not modified": "",
    "search, a rare word": "?limit=50&search=video{rare}z",
    "search, a common word": "?limit=50&search=video",
    "whole array": "",
}


@dataclass(frozen=True)
class Cost:
    """The cost of one request, in milliseconds."""

    time: float
    cpu: float


def fill(count: int) -> None:
    """So many ready videos more."""
    served = PublishedVersion(0, 1, 5400.0, 10**9, 900, RENDITIONS, 4, True).as_json()
    yesterday = timezone.now() - timedelta(days=1)
    for start in range(0, count, 5_000):
        numbers = range(start, min(start + 5_000, count))
        made = Transcode.objects.bulk_create(
            Transcode(
                source=f"{number}.mp4",
                state=State.READY,
                queued_at=yesterday,
                playable_at=yesterday,
                served_at=yesterday,
                served=served,
                served_version=1,
            )
            for number in numbers
        )
        Video.objects.bulk_create(
            Video(
                title=f"Video{number}z",
                description="Some words about it. " * 8,
                category=FirstCategory.values[number % len(FirstCategory.values)],
                video_file=f"videos/{number}.mp4",
                transcode=transcode,
            )
            for number, transcode in zip(numbers, made, strict=True)
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # as PostgreSQL does by itself within minutes
            cursor.execute("VACUUM ANALYZE")


def medians(count: int, rounds: int) -> dict[str, Cost]:
    """The cost of each query."""
    name = f"viewer{count}@example.com"
    make_viewer(name)
    player = sign_in(Player(), name)
    places = {
        "middle": count // 2,
        "end": count - 50,
        "last_of_category": count // len(FirstCategory.values) - 10,
        "rare": count // 3,
    }
    found = {}
    for label, query in QUERIES.items():
        path = "/api/video/" + query.format_map(places)
        headers = {"If-None-Match": player.get("/api/video/").headers["ETag"]} if label == "not modified" else {}
        costs = []
        catalogue.known.clear()
        listing.kept.clear()
        for _ in range(3 if label == "whole array" else rounds):
            began, cpu = time.perf_counter(), time.process_time()
            status = player.get(path, headers=headers).status_code
            costs.append(Cost(1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu)))
            assert status == (304 if label == "not modified" else 200), status
        found[label] = Cost(
            statistics.median(cost.time for cost in costs), statistics.median(cost.cpu for cost in costs)
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    wanted = parser.parse_args()
    call_command("migrate", verbosity=0)
    fill(FEW)
    few = medians(FEW, wanted.rounds)
    fill(wanted.videos - FEW)
    many = medians(wanted.videos, wanted.rounds)
    print(f"| request | {FEW} videos, ms | {wanted.videos} videos, ms | ratio | CPU, ms | CPU, ms | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for label in QUERIES:
        less, more = few[label], many[label]
        times = f"{less.time:.1f} | {more.time:.1f} | {more.time / less.time:.2f}"
        print(f"| {label} | {times} | {less.cpu:.1f} | {more.cpu:.1f} | {more.cpu / less.cpu:.2f} |")


if __name__ == "__main__":
    with FOLDER:
        main()
