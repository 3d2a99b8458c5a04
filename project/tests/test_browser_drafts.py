"""An editor's day in a real browser: drafts, categories, two windows with one video, and what a video's page offers."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hls.tests.videos import small_video
from project.tests.browser import needs_chromium
from project.tests.installation import Installation

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_video(tmp_path_factory.mktemp("clips") / "harbour.mp4", seconds=2)


@pytest.fixture
def page(page: Page) -> Page:
    """May use the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return page


def imported(installation: Installation, clip: Path, title: str, *options: str) -> str:
    """The video's page in the admin."""
    video_id = installation.import_video(clip, title, *options)
    return f"{installation.url}/admin/library/video/{video_id}/change/"


def listed(page: Page) -> list[str]:
    """What viewers get, and this editor too."""
    titles: list[str] = page.evaluate(
        "fetch('/api/video/').then((answer) => answer.json()).then((videos) => videos.map((video) => video.title))"
    )
    return titles


def test_draft_is_published_and_unpublished_by_hand(page: Page, installation: Installation, clip: Path) -> None:
    address = imported(installation, clip, "Harbour", "--draft", "--wait")
    page.goto(f"{installation.url}/admin/library/video/")
    row = page.locator("tr.data-row, #result_list tbody tr", has_text="Harbour").first
    expect(row.locator(".vf-draft")).to_have_text("Draft")
    assert "Harbour" not in listed(page)
    page.goto(address)
    expect(page.get_by_label("Published")).not_to_be_checked()
    page.locator("a[href$='/publish/']").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_label("Published")).to_be_checked()
    assert "Harbour" in listed(page)
    page.get_by_label("Published").uncheck()
    page.click("[name=_continue]")
    expect(page.get_by_label("Published")).not_to_be_checked()
    assert "Harbour" not in listed(page)


def test_two_windows_with_one_video_lose_nothing(page: Page, installation: Installation, clip: Path) -> None:
    address = imported(installation, clip, "Storm")
    other = page.context.new_page()
    for window in (page, other):
        window.goto(address)
    other.fill("[name=title]", "Gale")
    other.fill("[name=description]", "Windy.")
    other.click("[name=_continue]")
    page.fill("[name=title]", "Hurricane")
    page.click("[name=_continue]")
    expect(page.get_by_text("Title is “Gale” now. Yours is “Hurricane”.")).to_be_visible()
    expect(page.locator("[name=description]")).to_have_value("Windy.")
    page.click("[name=_continue]")
    expect(page.locator("[name=title]")).to_have_value("Hurricane")
    expect(page.locator("[name=description]")).to_have_value("Windy.")
    expect(page.get_by_text("Yours is")).to_have_count(0)


def test_buttons_follow_the_video_and_stand_once(page: Page, installation: Installation, clip: Path) -> None:
    page.goto(imported(installation, clip, "Knitting"))
    expect(page.locator(".vf-panel .vf-label")).to_have_text("Ready", timeout=60_000)
    expect(page.get_by_role("link", name="Regenerate poster")).to_have_count(1)
    for name in ("Retry", "Cancel"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_address_is_copied_and_the_original_downloaded(page: Page, installation: Installation, clip: Path) -> None:
    page.goto(imported(installation, clip, "Fog"))
    page.get_by_role("button", name="Copy the playback address").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#vf-address").input_value()
    assert copied.startswith(f"{installation.url}/api/video/")
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download harbour.mp4").click()
    assert begun.value.suggested_filename == "harbour.mp4"
    assert begun.value.path().read_bytes() == clip.read_bytes()


def test_category_is_added_put_first_and_given_to_many(page: Page, installation: Installation, clip: Path) -> None:
    imported(installation, clip, "Duel")
    page.goto(f"{installation.url}/admin/library/category/add/")
    page.fill("[name=name]", "Western")
    page.fill("[name=position]", "0")
    page.click("[name=_save]")
    told = page.evaluate("fetch('/api/categories/').then((answer) => answer.json())")
    assert told[0] == {"slug": "western", "name": "Western"}
    page.goto(f"{installation.url}/admin/library/video/?q=duel")
    page.locator("#result_list input.action-select").first.check()
    page.select_option("select[name=action]", "set_category_selected")
    page.get_by_role("button", name="Run").click()
    page.select_option("select[name=category]", "western")
    page.get_by_role("button", name="Set category").click()
    expect(page.get_by_text("Category set to Western: Duel.")).to_be_visible()
