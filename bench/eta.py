"""Compares the time left that the API reports with the time that it really took.

    .venv/bin/python bench/eta.py [VIDEO …]

A separate worker transcodes the videos, all uploaded at once, while the API is asked every second. For each video, it
prints how many answers after the first tenth were within 20 % (or two seconds) of the truth. Without videos as
arguments it generates two, and the encoder reads two seconds of video per second, so that other load on the machine
doesn't matter.
"""

import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SCRATCH = tempfile.TemporaryDirectory(prefix="videoflix-eta-")
os.environ |= {"DJANGO_SETTINGS_MODULE": "project.settings", "ENV_FILE": "", "DATA_DIR": f"{SCRATCH.name}/unused"}

from hls.tests.videos import small_video  # noqa: E402 (the settings need the environment made above)
from project.tests.installation import (  # noqa: E402
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Installation,
    paced_ffmpeg,
    serving_without_demo,
)

GOAL, CLOSE_S = 0.2, 2.0


@dataclass
class Told:
    """The API's reports on one video: (moment, percent, seconds left), and when it was ready."""

    name: str
    answers: list[tuple[float, float, float | None]] = field(default_factory=list)
    ready_at: float | None = None

    def report(self) -> bool:
        """Print how good the answers were; true if nine of ten were good."""
        end = self.ready_at or 0.0
        counted = [(eta, end - at) for at, percent, eta in self.answers if 10 <= percent < 100]
        good = [eta for eta, left in counted if eta is not None and abs(eta - left) <= max(CLOSE_S, GOAL * left)]
        for at, percent, eta in self.answers[:: max(1, len(self.answers) // 12)]:
            print(f"{percent:6.1f} %  told {eta if eta is not None else '—':>6}  true {end - at:6.1f} s")
        print(f"{self.name}: {len(good)} of {len(counted)} within 20 % or 2 s\n")
        return len(good) >= 0.9 * len(counted)


def main(videos: Sequence[str]) -> int:
    folder = Path(SCRATCH.name)
    environment = {}
    if not videos:
        environment["FFMPEG"] = str(paced_ffmpeg(folder, 2))
        paths = [small_video(folder / f"{name}.mp4", seconds=120, rate=24, size="320x180") for name in ("one", "two")]
    else:
        paths = [Path(video).resolve() for video in videos]
    with SCRATCH, serving_without_demo(folder, **environment) as installation:
        told = watch(installation, paths)
    misses = [video.name for video in told.values() if not video.report()]
    return 1 if misses else 0


def watch(installation: Installation, paths: Sequence[Path]) -> dict[int, Told]:
    token = access_token(installation)
    told = {}
    for path in paths:
        told[installation.import_video(path, path.stem)] = Told(path.stem)
    while any(video.ready_at is None for video in told.values()):
        for pk, video in told.items():
            if video.ready_at is None:
                look(installation, token, pk, video)
        time.sleep(1)
    return told


def look(installation: Installation, token: str, pk: int, video: Told) -> None:
    status = ask(f"{installation.url}/api/video/{pk}/transcode/", {"Authorization": f"Bearer {token}"})
    now = time.monotonic()
    video.answers.append((now, status["percent"], status["eta_s"]))
    if status["state"] not in ("queued", "processing"):
        video.ready_at = now


def access_token(installation: Installation) -> str:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    headers = {"Content-Type": "application/json"}
    entries = json.dumps({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).encode()
    opener.open(urllib.request.Request(f"{installation.url}/api/login/", entries, headers)).close()
    with opener.open(urllib.request.Request(f"{installation.url}/api/token/refresh/", b"{}", headers)) as answer:
        return str(json.load(answer)["access"])


def ask(url: str, headers: dict[str, str]) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
