"""Videos play on after the viewer's access token expires: with hls.js, and in a player with cookies alone."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hls.binary import ffmpeg_path
from hls.tests.videos import small_video
from library.tests.videos import PASSWORD
from project.tests.browser import chromium, frontend, needs_chromium
from project.tests.installation import Installation, free_port, serving_without_demo, wait_for
from project.tests.short_lived import ACCESS_LIFETIME

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services]

EMAIL = "ada@example.com"
LIFETIME_S = ACCESS_LIFETIME.total_seconds()
SECONDS = 30
SEGMENTS = 6
MAKE_VIEWER = f"from library.tests.videos import make_viewer; make_viewer({EMAIL!r})"


@pytest.fixture(scope="module")
def page_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, page_port: int) -> Iterator[tuple[Installation, int]]:
    """The whole program with short-lived access tokens, a viewer, and a video of five segments."""
    folder = tmp_path_factory.mktemp("installation")
    short = {
        "DJANGO_SETTINGS_MODULE": "project.tests.short_lived",
        "CSRF_TRUSTED_ORIGINS": f"http://127.0.0.1:{page_port}",
    }
    video = small_video(folder / "video.mp4", seconds=SECONDS, rate=24)
    with serving_without_demo(folder, **short) as installation:
        installation.shell(MAKE_VIEWER)
        yield installation, installation.import_video(video, "Harbour at Dawn", "--wait")


@pytest.mark.browser
@needs_chromium
def test_hls_js_plays_to_the_end(site: tuple[Installation, int], page_port: int, tmp_path: Path) -> None:
    installation, video = site
    with chromium() as browser, frontend(tmp_path, page_port, installation.url) as address:
        page = browser.new_context().new_page()
        page.goto(address)
        signing_in = {"email": EMAIL, "password": PASSWORD}
        assert page.evaluate("(body) => post('/api/login/', body)", signing_in)["status"] == 200
        page.evaluate(
            "([path, options]) => play(path, options)",
            [f"/api/video/{video}/master.m3u8", {"maxBufferLength": 5, "maxMaxBufferLength": 6}],
        )
        wait_for(
            lambda: page.evaluate("call('/api/video/')")["status"] == 401, seconds=20, what="the access token expires"
        )
        expired_at = page.evaluate("performance.now() / 1000")
        page.evaluate("screen_.playbackRate = 3")
        wait_for(lambda: page.evaluate("state()")["ended"], seconds=60, what="the video ends")
        shown = page.evaluate("state()")
        assert shown["errors"] == []
        assert shown["time"] == pytest.approx(SECONDS, abs=0.3)
        asked_at = page.evaluate("segmentsAskedAt()")
        assert len(asked_at) >= SEGMENTS
        assert len([at for at in asked_at if at > expired_at]) >= 2
        assert page.evaluate("call('/api/video/')")["status"] == 401


def test_player_without_cookies_plays_to_the_end_by_its_address(site: tuple[Installation, int]) -> None:
    """ffmpeg fetches as televisions do: by the addresses in playlists, without headers."""
    installation, video = site
    with httpx.Client(base_url=f"{installation.url}/api", timeout=30) as player:
        assert player.post("/login/", json={"email": EMAIL, "password": PASSWORD}).status_code == 200
        url = player.post(f"/video/{video}/playback-address/").json()["url"]
    time.sleep(LIFETIME_S + 0.5)
    command = [ffmpeg_path(), "-v", "error", "-i", url, "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (played.returncode, played.stderr) == (0, "")
    frames = [line for line in played.stdout.splitlines() if not line.startswith("#")]
    assert len(frames) == SECONDS * 24
    assert url.split("/")[5] not in installation.log("serve")


def test_player_with_cookies_alone_plays_to_the_end(site: tuple[Installation, int]) -> None:
    """Like players of iOS and televisions: they keep cookies, and can't be given a header."""
    installation, video = site
    with httpx.Client(base_url=f"{installation.url}/api", timeout=30) as player:
        assert player.post("/login/", json={"email": EMAIL, "password": PASSWORD}).status_code == 200
        assert player.get(f"/video/{video}/master.m3u8").status_code == 200
        time.sleep(LIFETIME_S + 0.5)
        assert player.get("/video/").status_code == 401
        playlist = player.get(f"/video/{video}/480p/index.m3u8")
        segments = [line for line in playlist.text.splitlines() if not line.startswith("#")]
        assert len(segments) == SEGMENTS
        for name in segments:
            address = f"/video/{video}/480p/{name}"
            assert player.get(address).status_code == 200
            assert player.get(address, headers={"Range": "bytes=0-187"}).status_code == 206
            assert player.head(address).status_code == 200
        assert player.get(f"/video/{video}/").status_code == 401, "the cookie is for what players fetch"
