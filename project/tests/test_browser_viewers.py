"""What the page to watch on keeps for its viewers: where they stopped, their list, their account, and its end."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from hls.tests.videos import small_video
from project.tests import npm
from project.tests.admin_pages import submit_login
from project.tests.browser import DESK, PHONE, chromium, needs_chromium, strict_page
from project.tests.installation import Installation, serving_without_demo, wait_for
from project.tests.test_browser_watch import link_in_mail, look_at, look_closely
from project.tests.watch_page import LENGTH, TIME, passes, sign_in

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
PASSWORD, NEW_PASSWORD = "correct horse 42", "a quiet river at 5"
MADE = """
from accounts.models import User
from django.core.management import call_command
for path, title in {videos!r}:
    call_command("import_video", path, title=title, category="documentary", wait=True)
for email in {emails!r}:
    User.objects.create_user(email, email, {password!r})
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("viewers")
    harbour = small_video(folder / "harbour.mp4", seconds=60)
    quay = small_video(folder / "quay.mp4", seconds=14)
    with serving_without_demo(folder) as made:
        videos = [(str(harbour), "Harbour at Dawn"), (str(quay), "The Quay")]
        made.shell(MADE.format(videos=videos, emails=(ADA, BOB, EVE), password=PASSWORD))
        yield made


@pytest.fixture(scope="module")
def site(installation: Installation) -> str:
    return f"http://localhost:{installation.port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=no-user-gesture-required") as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """Ada's."""
    with strict_page(browser.new_context(viewport=DESK, base_url=site)) as opened:
        enter(opened)
        yield opened


def enter(page: Page, email: str = ADA, password: str = PASSWORD) -> None:
    page.goto("/watch/")
    sign_in(page, email, password)
    expect(page.get_by_role("heading", name="Videos")).to_be_visible()


def another(browser: Browser, site: str) -> BrowserContext:
    return browser.new_context(viewport=DESK, base_url=site)


def jump(page: Page, seconds: int) -> None:
    page.evaluate(f"document.querySelector('video').currentTime = {seconds}")


def kept(page: Page, video_id: int = 1) -> dict[str, float]:
    answer = page.request.get(f"/api/me/progress/{video_id}/")
    found: dict[str, float] = answer.json()
    return found


def position_in(request: Request) -> dict[str, float]:
    return json.loads(request.post_data or "{}")  # type: ignore[no-any-return] # of JSON


def test_video_goes_on_at_the_second_where_another_browser_stopped(page: Page, browser: Browser, site: str) -> None:
    page.goto("/watch/video/1")
    passes(page, f"{LENGTH} > 59")
    page.get_by_role("button", name="Play: Harbour at Dawn").click()
    jump(page, 24)
    passes(page, f"{TIME} > 25")
    page.keyboard.press("k")
    stopped_at = page.evaluate(TIME)
    with strict_page(another(browser, site)) as other:
        enter(other)
        begun = other.get_by_role("region", name="Continue watching")
        expect(begun.get_by_text("seconds left")).to_be_visible()
        done = other.evaluate("parseFloat(document.querySelector('.done').style.getPropertyValue('--done'))")
        assert done == pytest.approx(100 * stopped_at / 60, abs=1)
        begun.get_by_role("link", name="Harbour at Dawn").click()
        going_on = other.get_by_role("button", name=re.compile(r"Continue at 0:2\d"))
        passes(other, f"Math.abs({TIME} - {stopped_at}) < 1")
        going_on.click()
        passes(other, f"!document.querySelector('video').paused && {TIME} > {stopped_at} + 1")
        expect(going_on).to_be_hidden()
        assert other.evaluate(TIME) < stopped_at + 20
        jump(other, 40)
        passes(other, f"{TIME} > 40.1")
        other.goto("/watch/")  # the page is left while it plays
        wait_for(lambda: kept(other)["position"] > 40, seconds=20, what="the last report arrives")
    page.reload()
    page.get_by_role("button", name="From the beginning").click()
    passes(page, f"!document.querySelector('video').paused && {TIME} > 0.2 && {TIME} < 10")


def test_reports_are_sent_while_it_plays_and_once_for_a_run_of_seeks(page: Page) -> None:
    told: list[dict[str, float]] = []

    def note(request: Request) -> None:
        if request.method == "PUT":
            told.append(position_in(request))

    page.on("request", note)
    page.goto("/watch/video/1")
    passes(page, f"{LENGTH} > 59")
    page.request.delete("/api/me/progress/1/")
    page.reload()
    passes(page, f"{LENGTH} > 59")
    page.keyboard.press("5")  # before anything is played: nobody has watched it
    passes(page, f"{TIME} > 29")
    page.keyboard.press("k")
    passes(page, f"{TIME} > 31")
    for key in "2468":
        page.keyboard.press(key)
    with page.expect_request(lambda request: request.method == "PUT" and position_in(request)["position"] > 47):
        pass
    assert [round(report["position"], -1) for report in told if report["position"] < 47] in ([], [30])
    before = len(told)
    with page.expect_request(lambda request: request.method == "PUT", timeout=30_000):
        pass  # after ten seconds of playing, at the latest
    assert len(told) == before + 1
    assert told[-1]["duration"] == pytest.approx(60, abs=0.5)


def test_video_that_is_watched_to_its_end_is_not_gone_on_with(page: Page) -> None:
    page.goto("/watch/video/2")
    passes(page, f"{LENGTH} > 13")
    page.keyboard.press("k")
    jump(page, 6)
    with page.expect_request(lambda request: request.method == "PUT"):
        pass
    page.goto("/watch/")
    begun = page.get_by_role("region", name="Continue watching")
    expect(begun.get_by_role("link", name="The Quay")).to_be_visible()
    begun.get_by_role("link", name="The Quay").click()
    page.get_by_role("button", name="Continue at 0:0").click()
    jump(page, 13)
    passes(page, "document.querySelector('video').ended")
    page.goto("/watch/")
    expect(page.locator(".tile")).to_have_count(2)
    expect(begun.get_by_role("link", name="The Quay")).to_have_count(0)
    page.goto("/watch/video/2")
    expect(page.get_by_role("button", name="Play: The Quay")).to_be_visible()
    assert kept(page, 2)["is_finished"]


def test_what_was_begun_is_taken_off_the_row(page: Page) -> None:
    for video_id in (1, 2):
        page.request.put(f"/api/me/progress/{video_id}/", data={"position": 6})
    page.reload()
    begun = page.get_by_role("region", name="Continue watching")
    begun.get_by_role("button", name="Don't continue The Quay").click()
    expect(begun.get_by_role("link")).to_have_count(1)
    expect(begun.get_by_role("link", name="Harbour at Dawn")).to_be_focused()
    begun.get_by_role("button", name="Don't continue Harbour at Dawn").click()
    expect(begun).to_have_count(0)
    page.reload()
    expect(page.locator(".tile")).to_have_count(2)
    expect(begun).to_have_count(0)


def test_list_is_filled_on_a_videos_page_and_emptied_on_its_own(page: Page) -> None:
    page.get_by_role("link", name="My list").click()
    expect(page.get_by_text("Nothing is on your list here.")).to_be_visible()
    for video_id in (1, 2):
        page.goto(f"/watch/video/{video_id}")
        button = page.get_by_role("button", name="My list")
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="My list").click()
    expect(page.locator(".tile .title")).to_have_text(["The Quay", "Harbour at Dawn"])
    page.get_by_role("button", name="Take The Quay off your list").click()
    expect(page.locator(".tile")).to_have_count(1)
    page.get_by_role("link", name="Harbour at Dawn").click()
    page.get_by_role("button", name="My list").click()
    expect(page.get_by_role("button", name="My list")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("link", name="My list").click()
    expect(page.get_by_text("Nothing is on your list here.")).to_be_visible()


def test_staff_who_are_signed_in_to_the_admin_alone_have_a_list_too(browser: Browser, site: str) -> None:
    with strict_page(another(browser, site)) as page:
        page.goto("/admin/login/")
        submit_login(page)
        page.wait_for_url("**/admin/")
        page.goto("/watch/video/2")
        button = page.get_by_role("button", name="My list")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        page.goto("/watch/my-list")
        expect(page.locator(".tile .title")).to_have_text(["The Quay"])


def test_names_language_and_data(page: Page) -> None:
    page.get_by_role("link", name="Account: ").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Language").select_option("Deutsch")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("First name")).to_have_value("Ada")
    expect(page.get_by_label("Language")).to_have_value("de")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download your data").click()
    assert download.value.suggested_filename == "videoflix-account.json"
    told = json.loads(Path(download.value.path()).read_text())
    assert told["account"][0]["first_name"] == "Ada"


def test_sessions_elsewhere_are_ended_one_by_one_and_by_a_new_password(
    browser: Browser, site: str, installation: Installation
) -> None:
    with strict_page(another(browser, site)) as page, strict_page(another(browser, site)) as other:
        enter(page, BOB)
        enter(other, BOB)
        page.goto("/watch/account")
        rows = page.locator(".devices li")
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="This device")).to_have_count(1)
        rows.filter(has_not_text="This device").get_by_role("button", name="Sign out: Chrome on Linux").click()
        expect(rows).to_have_count(1)
        other.reload()
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()

        enter(other, BOB)
        page.get_by_label("Old password").fill("wrong horse 42")
        for label in ("New password", "New password again"):
            page.get_by_label(label, exact=True).fill(NEW_PASSWORD)
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_text("This is not your password.")).to_be_visible()
        page.get_by_label("Old password").fill(PASSWORD)
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_text("Your password has been changed.")).to_be_visible()
        other.reload()
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        page.reload()
        rows.get_by_role("button").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        enter(page, BOB, NEW_PASSWORD)


def test_new_email_is_confirmed_by_its_link_and_the_account_deleted_at_last(
    browser: Browser, site: str, installation: Installation
) -> None:
    moved = "eve@example.org"
    with strict_page(another(browser, site)) as page:
        enter(page, EVE)
        page.goto("/watch/account")
        page.get_by_label("New e-mail").fill(moved)
        page.locator("#email-password").fill(PASSWORD)
        page.get_by_role("button", name="Change the e-mail").click()
        expect(page.get_by_text("A mail with a link is on its way")).to_be_visible()
        page.goto(link_in_mail(installation, "Confirm your new e-mail"))
        expect(page.get_by_role("heading", name="Your e-mail is changed")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="This link doesn't work")).to_be_visible()
        page.get_by_role("link", name="To your account").click()
        expect(page.get_by_role("link", name=f"Account: {moved}")).to_be_visible()

        page.locator("#delete-password").fill("wrong horse 42")
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_text("This is not your password.")).to_be_visible()
        page.locator("#delete-password").fill(PASSWORD)
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_text("Your account is deleted.")).to_be_visible()
        sign_in(page, moved, PASSWORD)
        expect(page.get_by_role("alert").filter(has_text="Unable to log in")).to_be_visible()


def test_screens_are_without_fault_in_both_themes_and_at_both_widths(page: Page) -> None:
    page.add_init_script(npm.axe())
    for video_id in (1, 2):
        page.request.put(f"/api/me/progress/{video_id}/", data={"position": 6})
        page.request.put(f"/api/me/list/{video_id}/")
    look_at(page, "/watch/", "Videos")
    look_at(page, "/watch/my-list", "My list")
    look_at(page, "/watch/my-list?page=9", "My list")
    look_at(page, "/watch/account", "Your account")
    page.get_by_role("button", name="Delete my account").click()
    look_closely(page, "errors beside the fields")
    page.goto("/watch/video/1")
    expect(page.get_by_role("button", name="Continue at 0:06")).to_be_visible()
    look_closely(page, "going on")
    look_at(page, "/watch/pages/auth/confirm_email.html?uid=MQ&token=x", "This link doesn't work")
    assert page.viewport_size == PHONE
