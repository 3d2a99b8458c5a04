"""Every page of the admin in a real browser: within the policy, on a phone, for the keyboard, and fresh by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from hls.tests.videos import small_video
from project.tests import npm
from project.tests.browser import DESK, LONG_WORD, PHONE, needs_chromium
from project.tests.installation import Installation, paced_ffmpeg, serving_without_demo

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

VIDEOS = "/admin/library/video/"
PAGES = [
    "/admin/",
    VIDEOS,
    f"{VIDEOS}?state=failed",
    f"{VIDEOS}add/",
    f"{VIDEOS}1/change/",
    f"{VIDEOS}1/delete/",
    f"{VIDEOS}1/history/",
    f"{VIDEOS}2/change/",
    f"{VIDEOS}2/delete/",
    f"{VIDEOS}2/retry/",
    "/admin/hueystats/hueydashboard/",
    "/admin/hueystats/hueydashboard/events/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/user/1/change/",
    "/admin/accounts/user/1/password/",
    "/admin/accounts/mail/",
    "/admin/accounts/mail/1/change/",
    "/admin/accounts/mail/1/send_again/",
    "/admin/accounts/mail/?q=nobody",
    "/admin/library/webhookendpoint/",
    "/admin/library/webhookendpoint/add/",
    "/admin/library/webhookendpoint/1/change/",
    "/admin/library/webhookdelivery/",
    "/admin/library/webhookdelivery/1/change/",
    "/admin/auth/group/",
    "/admin/auth/group/1/change/",
    "/admin/password_change/",
    "/admin/second-factor/",
]
THEMES: dict[Literal["light", "dark"], dict[int, list[str] | None]] = {  # axe's rules at each width; None: all of them
    "light": {1360: None, 390: ["color-contrast"]},
    "dark": {390: None, 1360: ["color-contrast"]},
}
OPEN_TO_ALL = ["/", "/admin/login/", "/admin/forgotten-password/", "/admin/new-password/", "/nowhere/"]
BRIGHTNESS = """() => Math.max(...getComputedStyle(document.getElementById("main") ?? document.getElementById("page")
  ?? document.body).backgroundColor.match(/\\d+/g).slice(0, 3))"""
ROWS = """
from contextlib import suppress
from accounts.models import Mail
from django.core.management import CommandError, call_command
call_command("import_video", {harbour!r}, title="Harbour", wait=True)
with suppress(CommandError):
    call_command("import_video", {broken!r}, title={long_word!r}, wait=True)
    raise AssertionError("it is no video")
Mail.objects.create(kind="password_reset", address="boss@example.com", text="A link?uid=…", sent_at="2026-11-27T12:00Z")
"""
WEBHOOK = """
from library.webhooks import services
services.send_test(services.add("https://hooks.example.org/a-long-path/" + "x" * 200, ["video.ready"]).pk)
"""
NAMELESS = """() => {
  const name = (element) => element.getAttribute("aria-label") || element.title || element.alt
    || element.labels?.[0]?.textContent || element.textContent || element.value || element.placeholder
    || document.getElementById(element.getAttribute("aria-labelledby"))?.textContent || "";
  const seen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, progress,"
    + " [role=button], [tabindex='0']")]
    .filter((element) => seen(element) && !name(element).trim())
    .map((element) => element.outerHTML.slice(0, 160));
}"""
UNSEEN_BY_KEYS = """() => [...document.querySelectorAll("[x-on\\\\:click]")]
  .filter((element) => element.checkVisibility() && element.textContent.trim() && element.tabIndex < 0)
  .map((element) => element.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With a ready video and a failed one, and an encoder that takes its time: six seconds of video a second."""
    folder = tmp_path_factory.mktemp("pages")
    broken = folder / "broken.mp4"
    broken.write_bytes(b"no video at all " * 1000)
    harbour = small_video(folder / "harbour.mp4", seconds=6)
    with serving_without_demo(folder, FFMPEG=str(paced_ffmpeg(folder, 6))) as made:
        made.shell(ROWS.format(harbour=str(harbour), broken=str(broken), long_word=LONG_WORD) + WEBHOOK)
        yield made


@pytest.fixture
def page(page: Page) -> Page:
    page.set_viewport_size(DESK)
    return page


def visit(page: Page, installation: Installation, path: str) -> None:
    answer = page.goto(f"{installation.url}{path}")
    assert answer is not None
    assert answer.status == 200, path
    expect(page.locator("html")).not_to_have_attribute("x-cloak", "")


@dataclass
class Walk:
    """What was found on all pages, in both themes and at both widths; all of it empty where all is well."""

    scripts: list[str] = field(default_factory=list)  # errors of scripts, and against the policy
    unnamed: list[tuple[str, str]] = field(default_factory=list)
    unreachable: list[tuple[str, str]] = field(default_factory=list)
    headless: list[str] = field(default_factory=list)
    wide: list[tuple[str, int]] = field(default_factory=list)
    bright: list[str] = field(default_factory=list)
    axe: list[tuple[str, str, int, str]] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        def note(said: object) -> None:
            self.scripts.append(f"{page.url}: {said}")

        page.on("pageerror", note)
        page.on("console", lambda said: note(said.text) if said.type == "error" else None)

    def look(self, page: Page, path: str, theme: str, width: int, rules: list[str] | None) -> None:
        """Ask axe all of its rules, or these; what the theme can't change is looked at with all of them alone."""
        page.set_viewport_size(PHONE if width == PHONE["width"] else DESK)
        page.wait_for_timeout(60)  # the menu leaves, or comes back
        self.axe += [(path, theme, width, fault) for fault in page.evaluate(npm.VIOLATIONS, rules)]
        if page.evaluate("document.scrollingElement.scrollWidth") > width:
            self.wide.append((path, width))
        if theme == "dark" and page.evaluate(BRIGHTNESS) > 64:
            self.bright.append(path)
        if rules is None and path in PAGES:
            self.unnamed += [(path, element) for element in page.evaluate(NAMELESS)]
            self.unreachable += [(path, element) for element in page.evaluate(UNSEEN_BY_KEYS)]
            self.headless += [] if page.locator("h1").count() else [path]


@pytest.fixture(scope="module")
def walk(
    browser: Browser,
    installation: Installation,
    signed_in: StorageState,
) -> Walk:
    """Through all pages, each loaded once in each theme: axe looks at everything on a light desk and a dark phone, and
    at colours the other way round."""
    found, script = Walk(), npm.axe()
    for state, paths in ((signed_in, PAGES), (None, OPEN_TO_ALL)):
        with browser.new_context(storage_state=state) as context:
            context.add_init_script(script)
            page = context.new_page()
            if paths is PAGES:
                found.listen(page)
            for theme, sizes in THEMES.items():
                page.emulate_media(color_scheme=theme)
                for path in paths:
                    answer = page.goto(f"{installation.url}{path}")
                    assert answer is not None
                    assert answer.status == 200 or paths is not PAGES, path
                    expect(page.locator("html")).not_to_have_attribute("x-cloak", "")  # nothing is seen before that
                    for width, rules in sizes.items():
                        found.look(page, path, theme, width, rules)
    return found


def test_no_page_breaks_the_policy_or_a_script(walk: Walk) -> None:
    assert walk.scripts == []


def test_everything_that_can_be_used_has_a_name_and_is_within_reach_of_the_keyboard(walk: Walk) -> None:
    assert (walk.unnamed, walk.unreachable, walk.headless) == ([], [], [])


def test_no_page_is_wider_than_its_window(walk: Walk) -> None:
    assert walk.wide == []


def test_axe_finds_no_fault_on_any_page_in_either_theme_and_width(walk: Walk) -> None:
    assert (walk.axe, walk.bright) == ([], [])


def test_account_menu_and_skip_link_are_walked_by_keyboard(page: Page, installation: Installation) -> None:
    visit(page, installation, "/admin/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    menu, opener = page.locator("#account-menu"), page.get_by_role("button", name=re.compile("^boss"))
    opener.focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    for words in ("Light", "Dark", "System", "View site", "Second factor", "Change password", "Log out"):
        expect(menu.locator(":focus")).to_contain_text(words)
        if words != "Log out":
            page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu.locator(":focus")).to_contain_text("Light")
    menu.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Tab")
    expect(menu).to_be_hidden()


def test_save_comes_before_delete_on_a_phone(page: Page, installation: Installation) -> None:
    page.set_viewport_size(PHONE)
    visit(page, installation, f"{VIDEOS}1/change/")
    save, delete = page.locator("#submit-row [name=_save]"), page.locator("#submit-row", has_text="Delete")
    places = [save.bounding_box(), delete.get_by_text("Delete").bounding_box()]
    assert places[0]
    assert places[1]
    assert places[0]["y"] < places[1]["y"]


def test_long_word_in_a_title_leaves_the_columns_in_sight(page: Page, installation: Installation) -> None:
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        visit(page, installation, VIDEOS)
        box = page.locator("tr", has_text=LONG_WORD).locator(".vf-cell").bounding_box()
        assert box
        assert box["x"] + box["width"] <= size["width"]


def test_person_is_invited_without_a_password(page: Page, installation: Installation) -> None:
    visit(page, installation, "/admin/accounts/user/add/")
    expect(page.get_by_label("Password confirmation")).to_be_hidden()
    page.get_by_label("Set here").check()
    expect(page.get_by_label("Password confirmation")).to_be_visible()
    page.get_by_label("Chosen by themselves").check()
    page.get_by_label("E-mail").fill("eve@example.com")
    page.locator("#submit-row [name=_save]").click()
    expect(page.get_by_text("An invitation to eve@example.com is on its way.")).to_be_visible()


def test_the_docs_fit_a_phone_are_dark_at_night_and_name_what_can_be_used(
    browser: Browser, installation: Installation
) -> None:
    context = browser.new_context(viewport=PHONE, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{installation.url}/api/docs")
    page.locator(".opblock-summary-control").first.click()
    page.locator(".opblock-body").wait_for()
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", colour)[:3]) < 64
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class("dark-mode")
    context.close()


BEGIN_UPLOAD = """() => fetch("/api/uploads/", {
  method: "POST",
  headers: {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "10",
    "Upload-Metadata": `filename ${btoa("later.mp4")},title ${btoa("Later")}`,
    "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
  },
}).then((answer) => answer.status)"""


def test_an_unfinished_video_is_offered_where_videos_are_added_and_on_no_other_videos_page(
    page: Page, installation: Installation
) -> None:
    visit(page, installation, f"{VIDEOS}add/")
    assert page.evaluate(BEGIN_UPLOAD) == 201
    page.reload()
    expect(page.locator(".vf-unfinished")).to_contain_text("later.mp4")
    with page.expect_response("**/api/uploads/"):
        visit(page, installation, f"{VIDEOS}1/change/")
    page.wait_for_timeout(300)
    expect(page.locator(".vf-unfinished")).to_have_count(0)
    visit(page, installation, f"{VIDEOS}add/")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".vf-unfinished")).to_have_count(0)


def test_sign_in_begins_in_its_first_field(browser: Browser, installation: Installation) -> None:
    """Unfold hides its pages until its scripts have started, and what is hidden can't get the focus."""
    with browser.new_context() as context:
        page = context.new_page()
        for _ in range(5):
            page.goto(f"{installation.url}/admin/login/")
            expect(page.locator("[name=username]")).to_be_focused()


def test_the_menu_opens_by_keyboard_on_a_phone(page: Page, installation: Installation) -> None:
    page.set_viewport_size(PHONE)
    visit(page, installation, "/admin/")
    link = page.locator("#nav-sidebar a", has_text="Add videos")
    expect(link).to_be_hidden()
    toggle = page.get_by_role("button", name="Show or hide the menu").first
    toggle.focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()


def test_a_video_in_progress_is_seen_whole_on_a_phone_and_moves_everywhere(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    """The list on a phone, the dashboard, and the chooser on the video's page, none of them loaded again."""
    installation.import_video(small_video(tmp_path / "voyage.mp4", seconds=24), "Voyage")
    page.set_viewport_size(PHONE)
    visit(page, installation, VIDEOS)
    row = page.locator("tr", has_text="Voyage")
    percent = row.locator(".vf-percent")
    expect(percent).to_be_visible()
    for element in (percent, row.locator("progress"), row.locator(".vf-details").first):
        box = element.bounding_box()
        assert box is not None
        assert box["x"] >= 0, element
        assert box["x"] + box["width"] <= PHONE["width"], element

    dashboard, video = page.context.new_page(), page.context.new_page()
    visit(dashboard, installation, "/admin/")
    expect(dashboard.locator(".vf-card", has_text="Running and waiting")).to_contain_text("Voyage")
    visit(video, installation, f"{VIDEOS}3/change/")
    chooser = video.get_by_text("Choose the poster from the video")
    expect(chooser).to_be_hidden()
    for opened in (page, dashboard, video):
        opened.evaluate("window.isTheSame = true")

    expect(row.locator(".vf-label")).to_have_text("Ready", timeout=60_000)
    expect(page.get_by_role("status").last).to_have_text("Voyage Ready")
    expect(dashboard.get_by_text("Nothing is being transcoded.")).to_be_visible(timeout=30_000)
    expect(dashboard.locator(".vf-tile", has_text="Ready")).to_contain_text("2")
    expect(chooser).to_be_visible(timeout=30_000)
    assert all(opened.evaluate("window.isTheSame") for opened in (page, dashboard, video))


def test_nothing_is_asked_when_nothing_runs_and_rarely_by_a_hidden_page(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)
    visit(page, installation, VIDEOS)
    page.wait_for_timeout(3000)
    assert asked == []
    installation.import_video(small_video(tmp_path / "late.mp4", seconds=60), "Late")
    visit(page, installation, VIDEOS)
    for _ in range(2):
        page.wait_for_event("request", lambda request: "/progress/" in request.url)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(5000)
    assert asked == []
