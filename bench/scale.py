#!/usr/bin/env python3
"""Measures how much faster two workers transcode one video than one worker does.

    .venv/bin/python bench/scale.py [--seconds 120]

Each worker gets a core of its own (taskset), as if it were on its own machine; folder, PostgreSQL and Redis are shared.
Prints the wall time of each run, from the first claim to the publication, and their ratio.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from stage import Stage, make_video

LIMIT_S = 900


def wall_s(stage: Stage, workers: int, video: Path) -> float:
    """Transcode the video with so many workers; gives the seconds that it took."""
    stage.start_database()
    stage.start_redis()
    for number in range(workers):
        stage.start_worker(number, core=number)
    time.sleep(4)  # until the workers wait for work
    added = stage.manage("import_video", str(video), "--title", f"With {workers}")
    assert added.returncode == 0, added.stderr
    deadline = time.monotonic() + LIMIT_S
    query = "SELECT state, extract(epoch FROM finished_at - started_at) FROM hls_transcode ORDER BY id DESC LIMIT 1"
    while (row := stage.rows(query)[0])[0] != "ready":
        assert row[0] in ("queued", "processing"), row
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.5)
    stage.stop_all()
    return float(row[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="the video's length")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoflix-scale-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        video = folder / "video.mp4"
        make_video(video, seconds=arguments.seconds, size="1280x720")
        stage = Stage(folder, settings={"HLS_THREADS": "1"})
        try:
            stage.set_up()
            one, two = wall_s(stage, 1, video), wall_s(stage, 2, video)
        finally:
            stage.stop_all()
    print(f"one worker   {one:6.1f} s")
    print(f"two workers  {two:6.1f} s")
    print(f"ratio        {one / two:6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
