"""A web server whose videos are in a bucket, and beside it one that has them on its disk, for measurements."""

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from load import EMAIL, PASSWORD, Headers, playback_cookie, post
from server import wait_for
from stage import Stage

from scripts.services import free_port

SETUP = """
from hls.folders import version_folder
from hls.stores import version_place
from library.tests.videos import make_viewer, published
make_viewer("{email}")
made = []
for size in {sizes}:
    video = published(title=str(size), size=size)
    version = version_place(video.transcode_id, 1)
    staged = version.below(".work/all").stage(version_folder(video.transcode_id, 1), go_on=lambda: None)
    version.put_in(staged, still_ours=lambda: None)
    made.append([video.pk, video.transcode_id])
print(made)
"""


@dataclass(frozen=True)
class BucketWeb:
    """Everything is up. Its videos are on the disk too, with all segments of one size."""

    stage: Stage
    port: int
    pid: int
    videos: dict[int, tuple[int, int]]  # video and transcode, by the size of a segment in bytes

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.stage.data()

    def segment(self, size: int) -> str:
        return f"/api/video/{self.videos[size][0]}/480p/segment_000.ts"

    def cookie(self, size: int) -> Headers:
        access = post(f"{self.base}/api/login/", {"email": EMAIL, "password": PASSWORD})["access_token"]
        return playback_cookie(self.base, self.videos[size][0], {"Cookie": f"access_token={access}"})


def bucket_web(stack: ExitStack, folder: Path, sizes: tuple[int, ...]) -> BucketWeb:
    folder.mkdir()
    folder.chmod(0o777)
    port = free_port()
    one_process = {"WEB_WORKERS": "1", "TRUSTED_PROXIES": "1"}
    stage = Stage(folder, workers=0, settings={"PORT": str(port), **one_process})
    stack.callback(stage.stop_all)
    stage.use_bucket()
    stage.set_up()
    stage.start_all()
    made = stage.manage("shell", "--no-imports", "-c", SETUP.format(email=EMAIL, sizes=sizes))
    assert made.returncode == 0, made.stderr
    videos = {size: (video, transcode) for size, (video, transcode) in zip(sizes, json.loads(made.stdout), strict=True)}
    return BucketWeb(stage, port, start_web(stage, port), videos)


def disk_web(stack: ExitStack, beside: BucketWeb) -> str:
    """The address of a web server with the same rows and secret, which reads the same files from the disk."""
    port = free_port()
    settings = {**beside.stage.settings, "PORT": str(port)}
    stage = replace(beside.stage, settings=settings, programs={}, bucket=None, seaweed=None)
    stack.callback(stage.stop_all)
    start_web(stage, port)
    return f"http://127.0.0.1:{port}"


def start_web(stage: Stage, port: int) -> int:
    """Its process id."""
    stage.start("web", [sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi"])
    wait_for(port)
    return stage.programs["web"].pid
