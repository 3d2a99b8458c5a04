"""A worker killed while it fetches a file: the next one goes on where it was, and makes the video."""

import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from hls.tests.videos import small_video
from library.fetching.offers import OVERLAP_BYTES
from library.tests.origin import Ranged, Request, origin
from project.tests.installation import Installation, stop, wait_for

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services]

BLOCK = 16_384
SUBMIT = """
from library.fetching import submitting
from library.models import Video
submitting.save_new(Video(title="Survivor"), "{url}")
"""


class Slow(Ranged):
    """Gives out the beginning of a whole file block by block, until `is_killed`; the rest of it at once."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_killed = threading.Event()

    def __call__(self, request: Request) -> None:
        if self.is_killed.is_set():
            super().__call__(request)
            return
        request.answer(200, ETag=self.etag, Content_Length=str(len(self.content)))
        for start in range(0, len(self.content) - BLOCK, BLOCK):
            request.wfile.write(self.content[start : start + BLOCK])
            if self.is_killed.wait(0.2):
                return


def row(installation: Installation, query: str) -> tuple[Any, ...]:
    connection = sqlite3.connect(installation.folder / "var/db.sqlite3", timeout=20)
    try:
        found: tuple[Any, ...] = connection.execute(query).fetchone() or ()
    finally:
        connection.close()
    return found


def test_killed_fetch_goes_on_and_becomes_a_video(tmp_path: Path) -> None:
    installation = Installation(tmp_path, {"SOURCE_ALLOW_PRIVATE": "True"})
    installation.prepare()
    content = small_video(tmp_path / "video.mp4", seconds=20, rate=25, size="640x360").read_bytes()
    file = Slow(content + b"\0" * 3_000_000)
    with origin() as server:
        installation.shell(SUBMIT.format(url=server.offers("/video.mp4", file)))
        worker = installation.start("worker")
        try:
            wait_for(
                lambda: row(installation, "SELECT received FROM library_fetch WHERE received > 0"),
                seconds=60,
                what="a part of the file is here for good",
            )
        finally:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            file.is_killed.set()
        (received,) = row(installation, "SELECT received FROM library_fetch")
        worker = installation.start("worker")
        try:
            wait_for(
                lambda: row(installation, "SELECT 1 FROM hls_transcode WHERE state = 'ready'"),
                seconds=120,
                what="the video is ready",
            )
        finally:
            stop(worker)
    assert file.asked == [f"bytes={received - OVERLAP_BYTES}-"]
    assert [path.read_bytes() for path in (tmp_path / "var/uploads/videos").iterdir()] == [file.content]
    assert list((tmp_path / "var/uploads/partial").iterdir()) == []
