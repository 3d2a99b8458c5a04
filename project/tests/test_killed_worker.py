"""A worker killed while it makes a video: nothing is lost, and at most one chunk is made twice."""

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hls.tests.clips import Look, ffmpeg
from hls.tests.spoken import Spoken, clip
from hls.tests.videos import small_video
from project.tests.installation import Installation, paced_ffmpeg, stop, wait_for

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services]

CHECKS = """
from django.core.management import call_command
call_command("check_hls", "{video}")
call_command("upkeep", check=True)
"""
SPEED = 4  # seconds of video that are encoded in one: so a chunk takes long enough for a kill, however small it is


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """SQLite and its queue: the rows are read from outside, without the program's help."""
    made = Installation(tmp_path, environment={"FFMPEG": str(paced_ffmpeg(tmp_path, SPEED))})
    made.prepare()
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
    return [pid for pid, command in children(parent) if Path(command.split()[0]).name.startswith("ffmpeg")]


def children(parent: int) -> list[tuple[int, str]]:
    """The processes that this one has started: their ids, and what they were called with."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    told = (line.split(None, 2) for line in listing.splitlines())
    return [(int(pid), command) for pid, ppid, command in told if int(ppid) == parent]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_video_survives_kill_9_of_its_worker_and_repeats_one_chunk_at_most(installation: Installation) -> None:
    video = small_video(installation.folder / "video.mp4", seconds=40, rate=25, size="320x240")  # five chunks
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
    assert served["duration_s"] == 40.0
    assert installation.manage("upkeep", "--check").returncode == 0


def test_a_worker_told_to_stop_gives_its_chunk_back_at_once(installation: Installation) -> None:
    paced_ffmpeg(installation.folder, 0.2)  # ten seconds for the first chunk
    video = small_video(installation.folder / "video.mp4", seconds=20, rate=25, size="320x240")
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


def spoken_video(folder: Path) -> Path:
    """Forty seconds with two sounds and a text."""
    look = Look(width=640, height=360, rate="25", duration_s=40)
    plain = clip(folder / "plain.mkv", (Spoken(40, language="ger"), Spoken(39, after_s=0.4, language="eng")), look=look)
    words, target = folder / "words.srt", folder / "video.mkv"
    words.write_text("1\n00:00:01,000 --> 00:00:39,000\nAll the time.\n")
    ffmpeg("-i", str(plain), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy", str(target))
    return target


def test_sounds_and_texts_survive_workers_killed_while_they_are_made(installation: Installation) -> None:
    video = installation.import_video(spoken_video(installation.folder), "Talk")
    installation.environment["HLS_LEASE_S"] = "10"
    first = installation.start("worker")
    try:
        wait_for(
            lambda: any("hls.core.subtitles.packets" in command for _, command in children(first.pid)),
            seconds=60,
            what="texts are taken out",
        )
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert rows(installation, "SELECT state FROM hls_extraction") == [("waiting",)]
    second = installation.start("worker")
    try:
        wait_for(
            lambda: "running" in [state for state, _, _ in chunks(installation).values()] and encoders(second.pid),
            seconds=60,
            what="a chunk of several sounds is being made",
        )
    finally:
        os.kill(second.pid, signal.SIGKILL)
        second.wait()

    third = installation.start("worker")
    ended = "SELECT t.state, e.state FROM hls_transcode t JOIN hls_extraction e ON e.transcode_id = t.id"
    try:
        wait_for(lambda: rows(installation, ended) == [("ready", "done")], seconds=120, what="everything is ready")
    finally:
        stop(third)
    tracks = rows(installation, "SELECT kind, language, state, revision FROM hls_track ORDER BY id")
    assert tracks == [("audio", "de", "ready", 0), ("audio", "en", "ready", 0), ("subtitles", "und", "ready", 1)]
    assert installation.shell(CHECKS.format(video=video)).startswith("0 violations\n")
