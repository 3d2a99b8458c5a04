"""What the list costs with a hundred films and with a hundred thousand: milliseconds a request, and their ratio.

    .venv/bin/python bench/listing.py [--videos 100000] [--rounds 40]

Goes through the whole of Django, without a socket, on SQLite in a folder that goes away, or on the PostgreSQL that
DB_HOST and its fellows name (it is filled with films: use an empty one). Prints medians.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
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

from django.utils import timezone  # noqa: E402

from hls.models import State, Transcode  # noqa: E402
from hls.published import Served  # noqa: E402
from library import catalogue, listing  # noqa: E402
from library.models import Category, Video  # noqa: E402
from library.tests.films import RENDITIONS, Player, make_viewer, sign_in  # noqa: E402

FEW = 100
QUERIES = {
    "limit=50": "?limit=50",
    "limit=50, in the middle": "?limit=50&offset={middle}",
    "limit=50, at the end": "?limit=50&offset={end}",
    "limit=50, one category": "?limit=50&category=drama",
    "not modified": "",
    "search, a rare word": "?limit=50&search=film{rare}z",
    "search, a common word": "?limit=50&search=film",
    "whole array": "",
}


def fill(count: int) -> None:
    """So many ready films more."""
    served = Served(1, 5400.0, 10**9, 900, RENDITIONS, 4, True).as_json()
    yesterday = timezone.now() - timedelta(days=1)  # or else the revision would still settle
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
                title=f"Film{number}z",
                description="Some words about it. " * 8,
                category=Category.values[number % len(Category.values)],
                video_file=f"videos/{number}.mp4",
                transcode=transcode,
            )
            for number, transcode in zip(numbers, made, strict=True)
        )
    Video.objects.update(updated_at=yesterday)


def medians(count: int, rounds: int) -> dict[str, float]:
    """Milliseconds of each query."""
    name = f"viewer{count}@example.com"
    make_viewer(name)
    player = sign_in(Player(), name)
    found = {}
    for label, query in QUERIES.items():
        path = "/api/video/" + query.format(middle=count // 2, end=count - 50, rare=count // 3)
        headers = {"If-None-Match": player.get("/api/video/").headers["ETag"]} if label == "not modified" else {}
        times = []
        catalogue.known.clear()
        listing.kept.clear()
        for _ in range(3 if label == "whole array" else rounds):
            began = time.perf_counter()
            status = player.get(path, headers=headers).status_code
            times.append(1000 * (time.perf_counter() - began))
            assert status == (304 if label == "not modified" else 200), status
        found[label] = statistics.median(times)
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
    print(f"| request | {FEW} films, ms | {wanted.videos} films, ms | ratio |\n|---|---:|---:|---:|")
    for label in QUERIES:
        print(f"| {label} | {few[label]:.1f} | {many[label]:.1f} | {many[label] / few[label]:.2f} |")


if __name__ == "__main__":
    with FOLDER:
        main()
