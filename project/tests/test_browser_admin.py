"""The admin in a real browser: uploads that survive, progress that moves, and pages that work without JavaScript."""

import hashlib
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hls.tests.videos import small_video
from project.tests.admin_pages import (
    PIECE_BYTES,
    add_page,
    choose,
    csrf_token,
    large_file,
    row,
    save,
    sign_in,
    throttle,
    uploads,
    wait_for_bytes,
)
from project.tests.browser import needs_chromium
from project.tests.installation import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Installation,
    is_answering,
    stop,
    wait_for,
)

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stored_hashes(installation: Installation) -> set[str]:
    return {sha256(path) for path in (installation.folder / "var/uploads/videos").iterdir()}


def assert_arrives_whole(page: Page, installation: Installation, path: Path) -> None:
    """The upload comes to its end, and what is saved is the file that was chosen."""
    expect(page.locator(".vf-item[data-state=done]")).to_be_visible(timeout=60_000)
    save(page)
    assert sha256(path) in stored_hashes(installation)


def test_a_video_goes_from_drop_to_ready_without_a_reload(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    path = small_video(tmp_path / "summer_in-lisbon.mp4", seconds=8, rate=24, size="640x360")
    add_page(page, installation)
    choose(page, path)
    expect(page.locator("[name=title]")).to_have_value("Summer in lisbon")
    save(page)
    page.evaluate("window.isTheSame = true")
    cell = row(page, "Summer in lisbon").locator(".vf-cell")
    shown: list[float] = []

    def look() -> bool:
        shown.append(float(cell.get_attribute("data-percent") or 0))
        return shown[-1] >= 100

    wait_for(look, seconds=90, what="the bar reaches 100 %")
    assert shown == sorted(shown)
    expect(cell).to_contain_text("Ready")
    expect(row(page, "Summer in lisbon").locator("img.vf-poster")).to_be_visible()
    assert page.evaluate("window.isTheSame") is True


def test_the_preview_plays_and_a_poster_can_be_chosen(page: Page, installation: Installation, tmp_path: Path) -> None:
    path = small_video(tmp_path / "preview.mp4", seconds=8, rate=24, size="640x360")
    add_page(page, installation)
    choose(page, path)
    page.click("[name=_continue]")
    page.wait_for_url(re.compile(r"/change/"))
    video = page.locator(".vf-stage video")
    expect(video).to_be_visible(timeout=90_000)
    video.evaluate("(element) => { element.muted = true; return element.play(); }")
    wait_for(lambda: video.evaluate("(element) => element.currentTime > 0.5"), seconds=30, what="the preview plays")
    expect(page.locator(".vf-panel")).to_contain_text("Ready", timeout=60_000)
    page.click("text=Choose the poster from the video")
    page.locator(".vf-still").nth(2).click()
    expect(page.get_by_text("Poster chosen from the video")).to_be_visible()
    expect(page.locator("img.vf-preview")).to_be_visible()


def test_a_video_is_dropped_and_what_is_no_video_says_why(page: Page, installation: Installation) -> None:
    add_page(page, installation)
    dropped = page.evaluate_handle("""() => {
      const data = new DataTransfer();
      for (const name of ["night_train.mkv", "notes.txt", "nothing.mp4"])
        data.items.add(new File(name === "nothing.mp4" ? [] : ["not empty"], name));
      return data;
    }""")
    page.dispatch_event(".vf-drop", "drop", {"dataTransfer": dropped})
    video, foreign, empty = (page.locator(".vf-item", has_text=name) for name in ("night_train", "notes", "nothing"))
    expect(video).to_contain_text("Uploaded. Save to make it a video.")
    expect(foreign).to_contain_text("Files of this kind can't be used; accepted are .mp4")
    expect(empty).to_contain_text("The file is empty.")
    expect(page.locator(".vf-video-input .vf-unseen[role=status]")).not_to_be_empty()
    expect(page.locator("[name=title]")).to_have_value("Night train")
    save(page)


def test_an_upload_is_paused_and_resumed_by_keyboard(page: Page, installation: Installation, tmp_path: Path) -> None:
    path = large_file(tmp_path, "paused.mp4", 20_000_000)
    add_page(page, installation)
    throttle(page)
    choose(page, path)
    item = page.locator(".vf-item")
    expect(item).to_contain_text(re.compile(r"MB of 20.0 MB · .+/s · .+ left"))
    wait_for_bytes(page, "paused.mp4", PIECE_BYTES)
    item.get_by_role("button", name="Pause paused.mp4").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".vf-video-input .vf-unseen[role=status]")).to_have_text("paused.mp4: Paused")
    page.wait_for_timeout(500)
    offset = uploads(page)[0]["offset"]
    page.wait_for_timeout(1500)
    assert uploads(page)[0]["offset"] == offset < path.stat().st_size
    resume = item.get_by_role("button", name="Resume paused.mp4")
    expect(resume).to_be_focused()
    page.keyboard.press("Enter")
    assert_arrives_whole(page, installation, path)


API_SIGN_IN = """(body) => fetch("/api/login/", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
}).then((answer) => answer.status)"""


def test_signing_in_elsewhere_in_the_browser_disturbs_neither_upload_nor_form(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    """To the API, and then out of the admin and in again, which changes Django's CSRF token."""
    path = large_file(tmp_path, "undisturbed.mp4", 40_000_000)
    add_page(page, installation)
    throttle(page)
    choose(page, path)
    wait_for_bytes(page, "undisturbed.mp4", PIECE_BYTES)
    other = page.context.new_page()
    other.goto(f"{installation.url}/admin/")
    signed_in = other.evaluate(API_SIGN_IN, {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
    assert signed_in == 200
    before = csrf_token(page)
    page.context.clear_cookies(name="sessionid")
    sign_in(other, installation)
    assert csrf_token(page) != before
    assert_arrives_whole(page, installation, path)


def test_an_upload_survives_a_cut_connection(page: Page, installation: Installation, tmp_path: Path) -> None:
    """Bytes are sent again for one piece at most, and the file arrives as it was."""
    size = 40_000_000
    path = large_file(tmp_path, "cut.mp4", size)
    sent = count_sent_bytes(page)
    add_page(page, installation)
    throttle(page)
    choose(page, path)
    wait_for_bytes(page, "cut.mp4", PIECE_BYTES + 1)
    page.context.set_offline(True)
    page.wait_for_timeout(1500)
    page.context.set_offline(False)
    assert_arrives_whole(page, installation, path)
    assert sum(sent) <= size + PIECE_BYTES


def count_sent_bytes(page: Page) -> list[int]:
    """The length of each piece that the browser began to send."""
    sent: list[int] = []

    def note(request: Any) -> None:
        if request.method == "PATCH":
            sent.append(int(request.all_headers().get("content-length", 0) or PIECE_BYTES))

    page.on("request", lambda request: note(request) if request.method == "PATCH" else None)
    return sent


def test_an_upload_goes_on_after_a_reload(page: Page, installation: Installation, tmp_path: Path) -> None:
    path = large_file(tmp_path, "reloaded.mp4", 30_000_000)
    add_page(page, installation)
    throttle(page)
    choose(page, path)
    wait_for_bytes(page, "reloaded.mp4", PIECE_BYTES + 1)
    identity = uploads(page)[0]["id"]
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator(".vf-item")).to_contain_text("Choose the file again to go on")
    choose(page, path)
    expect(page.locator(".vf-item[data-state=done]")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-upload-id]")).to_have_value(identity)
    save(page)
    assert sha256(path) in stored_hashes(installation)


def add_broken(page: Page, installation: Installation, folder: Path) -> None:
    """Add what is no video, and wait until its page says so."""
    path = folder / "broken.mp4"
    path.write_bytes(b"this is not a video at all" * 100)
    add_page(page, installation)
    choose(page, path)
    page.click("[name=_continue]")
    page.wait_for_url(re.compile(r"/change/"))
    expect(page.locator(".vf-failure")).to_contain_text("can't be read as a video", timeout=60_000)


def test_what_is_known_of_a_failed_video_has_no_empty_place_beside_it(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    add_broken(page, installation, tmp_path)
    expect(page.locator(".vf-player")).to_be_hidden()
    left_edges = page.locator(".vf-panel, .vf-known").evaluate_all(
        "places => places.map((place) => Math.round(place.getBoundingClientRect().left))"
    )
    assert left_edges == [left_edges[0]] * 2


def test_a_failed_video_is_retried_from_its_page(page: Page, installation: Installation, tmp_path: Path) -> None:
    add_broken(page, installation, tmp_path)
    expect(page.locator(".vf-failure")).to_contain_text("Export it again")
    page.reload()
    page.get_by_role("link", name="Retry").first.click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Transcode queued again")).to_be_visible()
    expect(page.locator(".vf-panel")).to_contain_text("attempt 2", timeout=30_000)


def test_the_form_works_without_javascript(browser: Browser, installation: Installation, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, installation)
    page.goto(f"{installation.url}/admin/library/video/add/")
    page.fill("[name=title]", "Plain")
    choose(page, large_file(tmp_path, "plain.mp4", 3_000_000))
    save(page)
    expect(row(page, "Plain")).to_be_visible()
    context.close()


def test_the_dashboard_and_the_queue_are_drawn_within_the_policy(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/admin/")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    expect(page.get_by_text("Alive")).to_be_visible()
    page.goto(f"{installation.url}/admin/hueystats/hueydashboard/")
    expect(page.get_by_text("Registered tasks")).to_be_visible()


def test_an_upload_survives_a_restart_of_the_server(browser: Browser, tmp_path: Path) -> None:
    """Killed in mid-piece, not told to stop; what had arrived is still there."""
    installation = Installation(tmp_path)
    installation.without_demo()
    path = large_file(tmp_path, "restart.mp4", 40_000_000)
    program = installation.start("serve")
    try:
        wait_for(lambda: is_answering(installation), seconds=60, what="the web server answers")
        page = browser.new_context().new_page()
        sign_in(page, installation)
        sent = count_sent_bytes(page)
        add_page(page, installation)
        throttle(page)
        choose(page, path)
        wait_for_bytes(page, "restart.mp4", PIECE_BYTES + 1)
        before = uploads(page)[0]["offset"]
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        wait_for(lambda: not is_answering(installation), seconds=15, what="the killed server's port is free")
        program = installation.start("serve")
        wait_for(lambda: is_answering(installation), seconds=60, what="the web server answers again")
        assert uploads(page)[0]["offset"] >= before
        assert_arrives_whole(page, installation, path)
        assert sum(sent) <= path.stat().st_size + PIECE_BYTES
        page.context.close()
    finally:
        stop(program)
