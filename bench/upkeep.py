#!/usr/bin/env python3
"""Measures what the sweeps of every minute and the dashboard cost, in a large library and in a small one.

    .venv/bin/python bench/upkeep.py [--videos 20000] [--rounds 5]

Makes a temporary SQLite database and folders. Each video has an uploaded file, a picture, a served version, and a plan
as long as that of a video of one and a half hours. Prints medians of this process's CPU time, including system calls.
Exits 1 if anything takes a second or more.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
FOLDER = tempfile.TemporaryDirectory(prefix="videoflix-bench-")

sys.path.insert(0, str(ROOT))
os.environ |= {"DATA_DIR": FOLDER.name, "ENV_FILE": "", "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "testserver"}
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from hls.models import PeriodicTask, State, Transcode  # noqa: E402
from hls.tasks import keep_house  # noqa: E402
from hls.tests.factories import plan, served  # noqa: E402
from library.models import Video  # noqa: E402
from library.tasks import sweep_uploads  # noqa: E402

SMALL = 500
LIMIT_S = 1.0
VIDEO_S = 5400
A_DAY = 20  # videos that become ready


def long_plan() -> dict[str, object]:
    made = plan(seconds=VIDEO_S).to_json()
    made["source"]["video"]["keyframes_s"] = [round(4.004 * number, 6) for number in range(VIDEO_S // 4)]
    return made


def add_videos(number: int) -> None:
    now, made_plan = timezone.now(), long_plan()
    print(f"adding {number} videos, each with a plan of {len(json.dumps(made_plan)) / 1000:.0f} kB", flush=True)
    first = Transcode.objects.count() + 1
    for begin in range(first, first + number, 500):
        pks = range(begin, min(begin + 500, first + number))
        Transcode.objects.bulk_create(video(pk, made_plan, now - timedelta(days=pk / A_DAY)) for pk in pks)
        Video.objects.bulk_create(
            Video(title=f"Video {pk}", video_file=upload(pk), thumbnail=picture(pk), transcode_id=pk) for pk in pks
        )
        for pk in pks:
            write_files(pk)


def video(pk: int, made_plan: dict[str, object], ready_at: datetime) -> Transcode:
    return Transcode(
        pk=pk,
        source=upload(pk),
        source_bytes=1_000_000_000,
        state=State.READY,
        percent=100,
        plan=made_plan,
        served=served(),
        served_version=1,
        served_bytes=3_000_000,
        queued_at=ready_at,
        served_at=ready_at,
        playable_at=ready_at,
    )


def upload(pk: int) -> str:
    return f"videos/{pk:032x}.mp4"


def picture(pk: int) -> str:
    return f"thumbnails/{pk:032x}.jpg"


def write_files(pk: int) -> None:
    uploads, version = Path(settings.MEDIA_ROOT), Path(settings.HLS_ROOT) / str(pk) / "1"
    for path in (uploads / upload(pk), uploads / picture(pk), version / "master.m3u8"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def cost_s(work: Callable[[], object], rounds: int) -> float:
    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return statistics.median(once() for _ in range(rounds))


def due(task: Callable[[], object]) -> Callable[[], object]:
    def start() -> None:
        PeriodicTask.objects.update(due_at=None)
        task()

    return start


def measured(rounds: int) -> dict[str, float]:
    browser = Client()
    browser.force_login(get_user_model().objects.get(username="boss"))

    def get(address: str) -> Callable[[], object]:
        def fetch() -> None:
            cache.clear()
            assert browser.get(address).status_code == 200

        return fetch

    parts = {
        "sweep of videos": due(keep_house.call_local),
        "sweep of uploads": due(sweep_uploads.call_local),
        "either, done by another worker": keep_house.call_local,
        "dashboard": get("/admin/"),
        "its figures, every 10 s": get("/admin/library/video/figures/?part=numbers&part=videos&part=machines"),
    }
    return {name: cost_s(work, rounds) for name, work in parts.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_superuser("boss", "boss@example.com", "a-long-boss-password")
    add_videos(SMALL)
    small = measured(arguments.rounds)
    add_videos(arguments.videos - SMALL)
    large = measured(arguments.rounds)
    print(f"\n| CPU seconds | {SMALL} videos | {arguments.videos} videos |\n|---|---:|---:|")
    for name in large:
        print(f"| {name} | {small[name]:.3f} | {large[name]:.3f} |")
    return int(max(large.values()) >= LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
