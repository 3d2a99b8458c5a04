"""The main job, whole: an admin uploads a video and watches it being made; a viewer registers by mail and plays it."""

import re
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hls.tests.clips import fit_h264
from hls.tests.videos import small_video
from project.tests.admin_pages import add_page, choose, save, sign_in
from project.tests.browser import frontend, needs_chromium
from project.tests.installation import Installation, free_port, serving_without_demo, wait_for

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

ADA = {"email": "ada@example.com", "password": "correct horse 42"}
SECONDS = 14


def test_from_an_upload_to_a_video_played_to_its_end(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    video = tmp_path / "Harbour at Dawn.mp4"
    small_video(video, seconds=SECONDS, rate=24, size="1920x1080", video=fit_h264(24))  # 1080p will be a copy
    site = tmp_path / "site"
    site.mkdir()
    with (
        serving_without_demo(tmp_path, CSRF_TRUSTED_ORIGINS=origin, FRONTEND_BASE_URL=origin) as installation,
        frontend(site, port, installation.url) as address,
    ):
        upload_and_watch_the_bar(browser, installation, video)
        viewer = browser.new_context().new_page()
        viewer.goto(address)
        sign_up(viewer, installation)
        video_id = the_only_video(viewer)
        for name, height in (("480p", 480), ("720p", 720), ("1080p", 1080)):
            play_and_seek(viewer, f"/api/video/{video_id}/{name}/index.m3u8", height)
        levels = play_to_the_end(viewer, f"/api/video/{video_id}/master.m3u8")
        assert levels == [480, 720, 1080]
        assert viewer.evaluate("post('/api/logout/', {})")["status"] == 200
        assert viewer.evaluate("call('/api/video/')")["status"] == 401


def upload_and_watch_the_bar(browser: Browser, installation: Installation, video: Path) -> None:
    page = browser.new_context().new_page()
    sign_in(page, installation)
    add_page(page, installation)
    page.fill("[name=title]", "Harbour at Dawn")
    page.select_option("[name=category]", "documentary")
    choose(page, video)
    save(page)
    page.evaluate("window.stillTheSamePage = true")
    percents = watch_the_bar(page)
    assert percents == sorted(percents), "the bar fell"
    assert page.evaluate("window.stillTheSamePage") is True, "the page was reloaded"


def watch_the_bar(page: Page) -> list[float]:
    """Every percent the list showed, from the first to 100."""
    seen: list[float] = []

    def look() -> bool:
        shown = page.locator("[data-percent]").first.get_attribute("data-percent")
        seen.append(float(shown or 0))
        page.wait_for_timeout(200)
        return seen[-1] >= 100

    wait_for(look, seconds=240, what="the bar reaches 100 %")
    expect(page.get_by_text("Ready", exact=True).first).to_be_visible()
    return seen


def sign_up(page: Page, installation: Installation) -> None:
    body = {**ADA, "confirmed_password": ADA["password"]}
    assert page.evaluate("(body) => post('/api/register/', body)", body)["status"] == 201
    assert page.evaluate("(body) => post('/api/login/', body)", ADA)["status"] == 401, "not activated yet"
    mail = wait_for(lambda: next(iter(installation.mails()), None), seconds=30, what="the activation mail arrives")
    assert mail["To"] == ADA["email"]
    text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    link = re.search(r"https?://\S+", text.get_payload(decode=True).decode())  # type: ignore[union-attr]
    assert link is not None
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link[0]).query)
    path = f"/api/activate/{query['uid'][0]}/{query['token'][0]}/"
    assert page.evaluate("(path) => call(path)", path)["status"] == 200
    assert page.evaluate("(body) => post('/api/login/', body)", ADA)["status"] == 200


def the_only_video(page: Page) -> int:
    answer: dict[str, Any] = page.evaluate("call('/api/video/')")
    assert answer["status"] == 200
    (video,) = answer["body"]
    assert (video["title"], video["category"], video["duration"]) == ("Harbour at Dawn", "documentary", SECONDS)
    return int(video["id"])


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("state()")
    return found


def play_and_seek(page: Page, path: str, height: int) -> None:
    page.evaluate("(path) => play(path)", path)
    wait_for(lambda: state(page)["time"] > 0.5, seconds=30, what=f"time advances in {path}")
    shown = state(page)
    assert shown["height"] == height
    assert shown["duration"] == pytest.approx(SECONDS, abs=0.1)
    page.evaluate("screen_.currentTime = 9")
    wait_for(lambda: state(page)["time"] > 9.3, seconds=30, what=f"playing goes on after seeking in {path}")
    assert state(page)["errors"] == []


def play_to_the_end(page: Page, path: str) -> list[int]:
    page.evaluate("(path) => play(path)", path)
    wait_for(lambda: state(page)["time"] > 0.5, seconds=30, what="time advances")
    page.evaluate(f"screen_.currentTime = {SECONDS - 1.5}")
    wait_for(lambda: state(page)["ended"], seconds=30, what="the video ends")
    shown = state(page)
    assert shown["errors"] == []
    assert shown["time"] == pytest.approx(SECONDS, abs=0.15)
    levels: list[int] = shown["levels"]
    return levels
