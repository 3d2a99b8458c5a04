"""Two edges, two web servers and three workers without a common folder: a video is uploaded, made and played, while a
web server, a worker and the store are killed and started again.
"""

import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from hls.tests.videos import small_video
from project.tests.edge import nginx, nginx_binary
from project.tests.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, paced_ffmpeg, wait_for
from project.tests.machines import Machines, balancer, machines
from scripts import services

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.services,
    pytest.mark.edge,
    pytest.mark.bucket,
    pytest.mark.skipif(
        not (nginx_binary() and services.postgresql_binaries() and services.redis_binary()),
        reason="nginx, PostgreSQL or Redis is not installed",
    ),
]

SECONDS = 72  # of video: three chunks
SPEED = 12  # seconds of video that are encoded in one, so that a chunk takes long enough for a kill
PIECES = 8
LIMIT_S = 240  # how soon a busy machine gets there is not what is tried
NOT_NOW = (502, 503, 504)


@dataclass
class Caller:
    """Somebody of the staff, who asks again until there is an answer: a web server that is killed breaks off."""

    client: httpx.Client
    token: str = ""

    def ask(self, method: str, path: str, *, content: bytes = b"", **headers: str) -> httpx.Response:
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            answer = self.ask_once(method, path, content=content, **headers)
            if answer is not None:
                return answer
            time.sleep(0.1)
        raise AssertionError(f"{method} {path}: no answer within {LIMIT_S} s")

    def ask_once(self, method: str, path: str, *, content: bytes = b"", **headers: str) -> httpx.Response | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = self.client.request(
                method, path, content=content, headers={"Authorization": f"Bearer {self.token}", **named}
            )
        except httpx.TransportError:
            return None
        return None if answer.status_code in NOT_NOW else answer

    def sign_in(self) -> None:
        body = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        signed_in = self.client.post("/api/login/", json=body, headers={"X-Token-Transport": "body"})
        self.token = signed_in.json()["access"]

    def begin_upload(self, length: int) -> str:
        """Its path."""
        named = {"filename": "harbour.mp4", "title": "Harbour"}
        told = ",".join(f"{name} {b64encode(text.encode()).decode()}" for name, text in named.items())
        begun = self.ask(
            "POST", "/api/uploads/", Tus_Resumable="1.0.0", Upload_Length=str(length), Upload_Metadata=told
        )
        assert begun.status_code == 201, begun.text
        return httpx.URL(begun.headers["Location"]).path

    def upload(self, path: str, data: bytes, *, until: int) -> None:
        """Send pieces up to this byte; what a killed web server has not taken is sent again."""
        offset = self.offset(path)
        while offset < until:
            answer = self.ask_once(
                "PATCH",
                path,
                content=data[offset : offset + len(data) // PIECES],
                Tus_Resumable="1.0.0",
                Upload_Offset=str(offset),
                Content_Type="application/offset+octet-stream",
            )
            is_taken = answer is not None and answer.status_code == 204
            offset = int(answer.headers["Upload-Offset"]) if answer and is_taken else self.offset(path)

    def offset(self, path: str) -> int:
        return int(self.ask("HEAD", path, Tus_Resumable="1.0.0").headers["Upload-Offset"])


@dataclass
class Viewer:
    """Plays one video again and again, as far as it is made."""

    caller: Caller
    folder: str
    times: int = 0  # that it was played as far as it was made
    holes: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.is_over.wait(0.5):
            playlist = self.caller.ask("GET", f"{self.folder}/480p/index.m3u8")
            if playlist.status_code == 404:  # nothing is made yet
                continue
            for name in [line for line in playlist.text.splitlines() if line and not line.startswith("#")]:
                answer = self.caller.ask("GET", f"{self.folder}/480p/{name}")
                if (answer.status_code, answer.content[:1]) != (200, b"G"):  # as each packet of MPEG-TS begins
                    self.holes.append(f"{name}: {answer.status_code}")
            self.times += 1

    def once_more(self) -> None:
        """Return after a whole run that begins from now on."""
        begun = self.times + 1
        wait_for(lambda: self.times > begun, seconds=LIMIT_S, what="the video is played once more")


@contextmanager
def watching(viewers: list[Viewer]) -> Iterator[None]:
    threads = [threading.Thread(target=viewer.watch) for viewer in viewers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for viewer, thread in zip(viewers, threads, strict=True):
            viewer.is_over.set()
            thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Machines, list[Caller]]]:
    """The machines, and a caller at each of two edges."""
    paced = str(paced_ffmpeg(tmp_path, SPEED))
    with (
        machines(tmp_path, webs=2, workers=3, FFMPEG=paced, HLS_LEASE_S="10", DISK_RESERVE_MB="0") as found,
        balancer(tmp_path / "balancer", found) as address,
        ExitStack() as stack,
    ):
        callers = []
        for name in ("edge-0", "edge-1"):
            data = tmp_path / f"disk-of-{name}"
            data.mkdir()
            edge = stack.enter_context(nginx(tmp_path / name, upstream=urlsplit(address).netloc, data=data))
            callers.append(Caller(stack.enter_context(httpx.Client(base_url=edge, timeout=30))))
            callers[-1].sign_in()
        yield found, callers


def test_a_video_is_made_and_played_while_one_of_each_is_killed(
    site: tuple[Machines, list[Caller]], tmp_path: Path
) -> None:
    found, [caller, other] = site
    data = small_video(tmp_path / "video.mp4", seconds=SECONDS, size="320x240").read_bytes()
    path = caller.begin_upload(len(data))
    caller.upload(path, data, until=len(data) // 2)
    found.kill("web-0")
    found.start("web-0")
    other.upload(path, data, until=len(data))
    [(video,)] = wait_for(
        lambda: found.rows("SELECT id FROM library_video"), seconds=LIMIT_S, what="the video is there"
    )
    viewers = [Viewer(each, f"/api/video/{video}") for each in (caller, other)]
    with watching(viewers):
        killed = wait_for(found.worker_of_a_running_chunk, seconds=LIMIT_S, what="a chunk is encoded")
        found.kill(killed)
        found.start(killed)
        wait_for(found.worker_of_a_running_chunk, seconds=LIMIT_S, what="another chunk is encoded")
        found.store.stop()
        found.kill("web-1")
        found.start("web-1")
        found.restart_store()
        wait_for(
            lambda: found.rows("SELECT 1 FROM hls_transcode WHERE state = 'ready'"),
            seconds=LIMIT_S,
            what="the video is ready",
        )
        for viewer in viewers:
            viewer.once_more()
    assert [viewer.holes for viewer in viewers] == [[], []]
    for name in found.webs():
        assert "PATCH" in found.installations[name].log("web"), f"{name} took no piece of the upload"
    assert_whole_and_tidy(found.installations["web-0"], other, video)


def assert_whole_and_tidy(web: Installation, caller: Caller, video: int) -> None:
    master = f"{str(caller.client.base_url).rstrip('/')}/api/video/{video}/master.m3u8"
    checked = web.manage("check_hls", master, "--bearer", caller.token)
    assert (checked.returncode, checked.stdout) == (0, "0 violations\n"), checked.stderr
    swept = web.manage("upkeep")
    assert swept.returncode == 0, swept.stdout + swept.stderr
    kept = web.manage("upkeep", "--check")
    assert (kept.returncode, kept.stderr) == (0, ""), kept.stdout
