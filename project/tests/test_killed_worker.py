"""A worker killed while it makes a video: nothing is lost, and at most one chunk is made twice."""

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hls.tests.videos import small_video
from project.tests.installation import Installation, stop, wait_for

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """SQLite and its queue: the rows are read from outside, without the program's help."""
    made = Installation(tmp_path)
    assert made.manage("migrate").returncode == 0
    return made


def rows(installation: Installation, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(installation.folder / "var/db.sqlite3", timeout=20)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def chunks(installation: Installation) -> dict[int, tuple[str, int, str | None]]:
    found = rows(installation, 'SELECT "index", state, losses, finished_at FROM hls_chunk ORDER BY "index"')
    return {index: (state, losses, finished_at) for index, state, losses, finished_at in found}


def encoders(parent: int) -> list[int]:
    """The process ids of ffmpegs below this process."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    return [
        int(pid)
        for pid, ppid, name in (line.split(None, 2) for line in listing.splitlines())
        if int(ppid) == parent and name.startswith("ffmpeg")
    ]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_video_survives_kill_9_of_its_worker_and_repeats_one_chunk_at_most(installation: Installation) -> None:
    video = small_video(installation.folder / "video.mp4", seconds=90, rate=25, size="854x480")
    installation.import_video(video, "Survivor")
    worker = installation.start("worker")
    try:
        wait_for(
            lambda: [state for state, _, _ in chunks(installation).values()][:2] == ["done", "running"],
            seconds=60,
            what="the second chunk is being made",
        )
        encoder = wait_for(lambda: encoders(worker.pid), seconds=10, what="ffmpeg runs")[0]
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    wait_for(lambda: not is_alive(encoder), seconds=5, what="ffmpeg dies with its worker")
    before = chunks(installation)
    done = {index: finished for index, (state, _, finished) in before.items() if state == "done"}
    assert 0 < len(done) < len(before)

    second = installation.start("worker")
    try:
        wait_for(
            lambda: rows(installation, "SELECT state FROM hls_transcode") == [("ready",)],
            seconds=120,
            what="the video is ready",
        )
    finally:
        stop(second)
    after = chunks(installation)
    assert {index: after[index][2] for index in done} == done, "a chunk that was done has been made again"
    assert sum(losses for _, losses, _ in after.values()) == 1, "more than one chunk was lost"
    assert rows(installation, "SELECT percent FROM hls_transcode") == [(100.0,)]
    served = json.loads(rows(installation, "SELECT served FROM hls_transcode")[0][0])
    assert served["duration_s"] == 90.0
    assert installation.manage("upkeep", "--check").returncode == 0


def test_a_worker_told_to_stop_gives_its_chunk_back_at_once(installation: Installation) -> None:
    video = small_video(installation.folder / "video.mp4", seconds=60, rate=25, size="1280x720")
    installation.import_video(video, "Patient")
    worker = installation.start("worker")
    try:
        wait_for(
            lambda: "running" in [state for state, _, _ in chunks(installation).values()],
            seconds=60,
            what="a chunk is being made",
        )
        encoder = wait_for(lambda: encoders(worker.pid), seconds=10, what="ffmpeg runs")[0]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
    finally:
        stop(worker)
    assert not is_alive(encoder)
    assert {(state, losses) for state, losses, _ in chunks(installation).values()} == {("waiting", 0)}
