"""A hundred viewers at once who are sent segments out of a bucket, without an edge: the memory of the web process."""

import json
import selectors
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from load import EMAIL, PASSWORD, Load, playback_cookie, post
from server import wait_for
from slow_clients import memory_mb
from stage import Stage

from scripts.services import free_port

VIEWERS = 100
SIZES = (1_000_000, 4_000_000, 16_000_000)
READ_BYTES = 256 << 10
SAMPLED_EVERY = 200  # reads
SETUP = f"""
from hls.folders import version_folder
from hls.stores import version_place
from library.tests.videos import make_viewer, published
make_viewer("{EMAIL}")
for size in {SIZES}:
    video = published(title=str(size), size=size)
    version = version_place(video.transcode_id, 1)
    staged = version.below(".work/all").stage(version_folder(video.transcode_id, 1), go_on=lambda: None)
    version.put_in(staged, still_ours=lambda: None)
    print(video.pk)
"""


def streaming_memory(stack: ExitStack, folder: Path) -> None:
    place = folder / "web"
    place.mkdir()
    place.chmod(0o777)
    port = free_port()
    stage = Stage(place, workers=0, settings={"PORT": str(port), "WEB_WORKERS": "1"})
    stack.callback(stage.stop_all)
    stage.use_bucket()
    stage.set_up()
    stage.start_all()
    made = stage.manage("shell", "--no-imports", "-c", SETUP)
    assert made.returncode == 0, made.stderr
    videos = json.loads(f"[{','.join(made.stdout.split())}]")
    stage.start("web", [sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi"])
    wait_for(port)
    base, pid = f"http://127.0.0.1:{port}", stage.programs["web"].pid
    token = post(f"{base}/api/login/", {"email": EMAIL, "password": PASSWORD})["access_token"]
    print(f"the web process alone: {memory_mb(pid):.0f} MB")
    for size, video in zip(SIZES, videos, strict=True):
        cookie = playback_cookie(base, video, {"Cookie": f"access_token={token}"})
        load = Load(str(size), f"{base}/api/video/{video}/480p/segment_000.ts", cookie)
        most_mb = read_by_all(load, size, pid)
        print(
            f"while {VIEWERS} viewers at once are sent {size / 1e6:.0f} MB each: {most_mb:.0f} MB at most", flush=True
        )


def read_by_all(load: Load, size: int, pid: int) -> float:
    """The most memory that the server has used while every viewer was sent the whole segment."""
    parts = urlsplit(load.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n{head}\r\n".encode()
    reading: selectors.BaseSelector = selectors.DefaultSelector()
    for _ in range(VIEWERS):
        viewer = socket.create_connection((parts.hostname or "", parts.port or 80))
        viewer.sendall(request)
        reading.register(viewer, selectors.EVENT_READ)
    received = reads = 0
    most_mb = 0.0
    while reading.get_map():
        for key, _ in reading.select():
            assert isinstance(key.fileobj, socket.socket)
            received += (count := len(key.fileobj.recv(READ_BYTES)))
            reads += 1
            if count == 0:
                reading.unregister(key.fileobj)
                key.fileobj.close()
        if reads % SAMPLED_EVERY < VIEWERS:
            most_mb = max(most_mb, memory_mb(pid))
    assert received > VIEWERS * size, "a viewer was not sent all of it"
    return most_mb
