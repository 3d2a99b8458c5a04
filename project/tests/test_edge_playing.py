"""hls.js in a real browser, on a page of another origin, plays through the edge while what is behind it goes away."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from hls.tests.videos import small_video
from library.tests.videos import PASSWORD
from project.tests.browser import chromium, frontend, needs_chromium
from project.tests.edge import nginx, nginx_binary
from project.tests.installation import Installation, free_port, serving_without_demo, wait_for
from project.tests.store_front import Front, front

pytestmark = [
    pytest.mark.ffmpeg,
    pytest.mark.services,
    pytest.mark.browser,
    pytest.mark.edge,
    needs_chromium,
    pytest.mark.skipif(nginx_binary() is None, reason="no nginx found"),
]

EMAIL = "ada@example.com"
MAKE_VIEWER = f"from library.tests.videos import make_viewer; make_viewer({EMAIL!r})"
SECONDS = 40
SHORT_BUFFER = {"maxBufferLength": 4, "maxMaxBufferLength": 5}
CHECK_S = 1


@dataclass(frozen=True)
class Playing:
    installation: Installation
    web: Front  # the edge's way to the web server, which can be cut
    page: Page
    video: int

    def time(self) -> float:
        return float(self.page.evaluate("screen_.currentTime"))

    def plays_until(self, seconds: float) -> None:
        wait_for(lambda: self.time() >= seconds, seconds=60, what=f"it plays to {seconds}")


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """A viewer who has signed in, and a video of seven segments."""
    folder = tmp_path_factory.mktemp("installation")
    port = free_port()
    behind_edge = {"CSRF_TRUSTED_ORIGINS": f"http://127.0.0.1:{port}", "TRUSTED_PROXIES": "1"}
    video = small_video(folder / "video.mp4", seconds=SECONDS, rate=24)
    with ExitStack() as stack:
        installation = stack.enter_context(serving_without_demo(folder, **behind_edge))
        installation.shell(MAKE_VIEWER)
        number = installation.import_video(video, "Harbour at Dawn", "--wait")
        web = stack.enter_context(front(folder / "web", installation.url))
        upstream = web.url.removeprefix("http://")
        made = nginx(folder / "edge", upstream=upstream, data=folder / "var", check_time=f"{CHECK_S}s")
        edge = stack.enter_context(made)
        page = stack.enter_context(chromium()).new_context().new_page()
        (folder / "page").mkdir()
        page.goto(stack.enter_context(frontend(folder / "page", port, edge)))
        signing_in = {"email": EMAIL, "password": PASSWORD}
        assert page.evaluate("(body) => post('/api/login/', body)", signing_in)["status"] == 200
        yield Playing(installation, web, page, number)


def test_plays_on_after_the_web_server_was_away(playing: Playing) -> None:
    """A browser tells a page of another origin no status of an answer whose headers don't let it."""
    page = playing.page
    address = f"/api/video/{playing.video}/480p/index.m3u8"
    page.evaluate("([path, options]) => play(path, options)", [address, SHORT_BUFFER])
    page.evaluate("told = []; player.on(Hls.Events.ERROR, (_, {response}) => told.push(response?.code)), 1")
    playing.plays_until(3)
    playing.web.stop()
    try:
        wait_for(lambda: page.evaluate("told"), seconds=30, what="a segment is refused")
        refused = page.evaluate("call('/api/video/')")
    finally:
        playing.web.start()
    page.evaluate("screen_.playbackRate = 3")
    wait_for(lambda: page.evaluate("state()")["ended"], seconds=60, what="the video ends")
    assert page.evaluate("told")[0] == refused["status"] == 503
    assert refused["body"].keys() == {"detail"}
