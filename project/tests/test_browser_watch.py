"""The page to watch on in a real browser: as a newcomer, by keyboard alone, after a reload, and for everybody."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from hls.tests.videos import small_video
from project.tests import npm
from project.tests.browser import DESK, LONG_WORD, PHONE, chromium, frontend, needs_chromium, strict_page
from project.tests.documented import PLAYERS, Documented, documented_page, documented_scripts, page_with_players
from project.tests.installation import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Installation,
    free_port,
    paced_ffmpeg,
    serving_without_demo,
    wait_for,
)
from project.tests.watch_page import HEIGHT, LENGTH, TIME, passes, sign_in

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
PASSWORD, NEW_PASSWORD = "correct horse 42", "a quiet river at 5"
VIDEOS = """
import shutil
from accounts.models import User
from django.core.management import call_command
from hls.folders import version_folder
from library.tests.videos import published
call_command("import_video", {path!r}, title="Harbour at Dawn", category="documentary", wait=True)
shelved = published(title={title!r}, description="Nothing of it is on the disk.", category="drama")
shutil.rmtree(version_folder(shelved.transcode_id, 1))
for email in {emails!r}:
    User.objects.create_user(email, email, {password!r})
"""
RENAMED = """
from library import videos
from library.models import Category, Video
Category.objects.filter(pk="documentary").update(name="True Stories", position=0)
Category.objects.create(slug="western", name="Western Nights", position=9)
videos.set_category(Video.objects.get(pk=2), "western")
"""
IN_ONE_CATEGORY = """
from library import videos
from library.models import Video
videos.set_category(Video.objects.get(pk=2), "documentary")
"""
AS_BEFORE = """
from library import videos
from library.models import Category, Video
videos.set_category(Video.objects.get(pk=2), "drama")
Category.objects.get(pk="western").delete()
Category.objects.filter(pk="documentary").update(name="Documentary", position=4)
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With a real video in two qualities, made by an encoder that takes its time, and one that is a row alone."""
    folder = tmp_path_factory.mktemp("watch")
    harbour = small_video(folder / "harbour.mp4", seconds=14, size="1280x720")
    with serving_without_demo(folder, FFMPEG=str(paced_ffmpeg(folder, 8))) as made:
        made_so = {"path": str(harbour), "title": LONG_WORD, "emails": (BOB, EVE), "password": PASSWORD}
        made.shell(VIDEOS.format(**made_so))
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
    """Of a guest."""
    with strict_page(browser.new_context(viewport=DESK, base_url=site)) as opened:
        yield opened


@pytest.fixture
def signed_in(page: Page) -> Page:
    """Of somebody who has watched nothing, whatever other tests have."""
    page.goto("/watch/")
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(page.get_by_role("heading", name="Videos")).to_be_visible()
    for video_id in (1, 2):
        page.request.delete(f"/api/me/progress/{video_id}/")
    page.goto("/watch/")
    expect(page.get_by_role("heading", name="Videos")).to_be_visible()
    return page


def link_in_mail(installation: Installation, subject: str) -> str:
    """The newest with these words, without its host."""

    def look() -> str | None:
        found = [mail for mail in installation.mails() if subject in str(mail["Subject"])]
        text = next(part for part in found[-1].walk() if part.get_content_type() == "text/plain") if found else None
        link = re.search(r"https?://\S+", text.get_payload(decode=True).decode()) if text else None  # type: ignore[union-attr]
        return link[0] if link else None

    return wait_for(look, seconds=30, what=f"the mail “{subject}” arrives")


def test_newcomer_registers_follows_the_mail_searches_and_watches(
    page: Page, installation: Installation, site: str
) -> None:
    page.goto("/watch/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail").fill(ADA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill("another horse")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("The passwords don't match.")).to_be_visible()
    expect(page.get_by_label("Password again")).to_be_focused()
    page.get_by_label("Password again").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_focused()
    expect(page.get_by_text("var/mail")).to_be_visible()

    link = link_in_mail(installation, "Confirm")
    assert link.startswith(f"{site}/watch/")
    page.goto(link)
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, ADA, "wrong horse 42")
    expect(page.get_by_role("alert").filter(has_text="Unable to log in")).to_be_focused()
    sign_in(page, ADA, PASSWORD)
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.get_by_role("link", name="Drama")).to_be_visible()

    page.get_by_label("Search the videos").fill("dawn")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_label("Search the videos")).to_be_focused()
    page.get_by_role("link", name="Harbour at Dawn").click()
    expect(page).to_have_title("Harbour at Dawn · Videoflix")
    page.get_by_role("button", name="Play: Harbour at Dawn").click()
    passes(page, f"{TIME} > 0.5")
    menu = page.get_by_role("button", name="Quality: ")
    for label, height in (("480p", 480), ("720p", 720)):
        menu.click()
        page.get_by_role("menuitemradio", name=label, exact=True).click()
        passes(page, f"{HEIGHT} === {height}")
        expect(menu).to_have_accessible_name(f"Quality: {label}")
    menu.click()
    expect(page.get_by_role("menuitemradio", name="Auto")).to_have_attribute("aria-checked", "false")


def test_all_of_it_by_keyboard(signed_in: Page) -> None:
    page = signed_in
    page.reload()
    expect(page.locator(".tile")).to_have_count(2)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("0:14"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Harbour at Dawn")).to_be_focused()
    passes(page, f"{LENGTH} > 13")
    page.keyboard.press("k")
    passes(page, f"{TIME} > 0.2")
    page.keyboard.press("k")
    expect(page.locator(".preview")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".preview .picture")).to_be_visible()
    assert "storyboard_00.jpg" in page.evaluate("document.querySelector('.picture').style.backgroundImage")
    passes(page, f"{TIME} > 5")
    page.keyboard.press("9")
    passes(page, f"{TIME} > 12")
    expect(page.get_by_role("slider", name="Seek")).to_have_attribute("aria-valuetext", "12 seconds of 14 seconds")
    page.keyboard.press("Home")  # not at the player: it scrolls
    passes(page, f"{TIME} > 12")
    page.get_by_role("slider", name="Seek").focus()
    for key, becomes in (("Home", "=== 0"), ("ArrowRight", "=== 5"), ("ArrowLeft", "=== 0"), ("End", "> 13")):
        page.keyboard.press(key)
        passes(page, f"{TIME} {becomes}")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Unmute")).to_be_visible()
    menu = page.get_by_role("button", name="Quality: ")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio", name="Auto")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitemradio", name="480p")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("menu")).to_be_hidden()

    page.reload()
    expect(page.get_by_role("button", name="Unmute")).to_be_visible()
    assert page.evaluate("document.querySelector('video').volume") == pytest.approx(0.6)


@pytest.fixture
def renamed(installation: Installation) -> Iterator[None]:
    """One category has another name and comes first, and there is a new one, which has the second video."""
    installation.shell(RENAMED)
    yield
    installation.shell(AS_BEFORE)


@pytest.mark.usefixtures("renamed")
def test_page_shows_the_names_of_categories_that_editors_renamed_or_added(
    signed_in: Page, installation: Installation
) -> None:
    """Their names are shown everywhere, in the editors' order, and asked for once in a minute."""
    page = signed_in
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/categories/" in request.url else None)
    page.reload()
    chips = page.get_by_role("navigation", name="Categories").get_by_role("link")
    expect(chips).to_have_text(["All", "True Stories", "Western Nights"])
    expect(page.locator(".tile .facts")).to_contain_text(["Western Nights", "True Stories"])
    chips.filter(has_text="Western Nights").click()
    expect(page.get_by_role("heading", name="Western Nights", level=1)).to_be_visible()
    expect(page).to_have_title("Western Nights · Videoflix")
    expect(page.locator(".tile")).to_have_count(1)
    installation.shell(IN_ONE_CATEGORY)
    page.get_by_role("link", name="All", exact=True).click()
    page.get_by_role("link", name="Harbour at Dawn").click()
    expect(page.locator(".about").get_by_role("link", name="True Stories")).to_be_visible()
    expect(page.get_by_role("heading", name="More in True Stories")).to_be_visible()
    assert len(asked) == 1


NAMED = """async () => {
  const { categories, nameOf } = await import("/static/watch/categories.js");
  const before = nameOf("film-noir");
  window.fetch = async () => new Response('[{"slug": "film-noir", "name": "Film noir"}]');
  const told = await categories(new AbortController().signal);
  return [before, told.map(({ slug }) => slug), nameOf("film-noir"), nameOf("hidden"), nameOf("")];
}"""


def test_category_that_nobody_is_told_of_is_called_by_its_slug(page: Page) -> None:
    page.goto("/static/watch/categories.js")  # nothing else on it asks by what stands for fetch
    assert page.evaluate(NAMED) == ["Film-noir", ["film-noir"], "Film noir", "Hidden", ""]


def test_long_list_is_walked_page_by_page(signed_in: Page) -> None:
    page = signed_in
    asked: list[str] = []

    def as_if_there_were_sixty(route: Route) -> None:
        asked.append(route.request.url.partition("?")[2])
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"x-total-count": "60"})

    page.route("**/api/video/?limit=24*", as_if_there_were_sixty)
    page.goto("/watch/?search=a")
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages).to_contain_text("Page 1 of 3")
    expect(pages.get_by_role("link")).to_have_text(["Older"])
    pages.get_by_role("link", name="Older").click()
    expect(pages).to_contain_text("Page 2 of 3")
    expect(pages.get_by_role("link")).to_have_text(["Newer", "Older"])
    assert asked == ["limit=24&offset=0&search=a", "limit=24&offset=24&search=a"]
    page.go_back()
    expect(pages).to_contain_text("Page 1 of 3")


def test_timeline_shows_the_moment_that_is_pointed_at(signed_in: Page) -> None:
    page = signed_in
    page.goto("/watch/video/1")
    seek = page.get_by_role("slider", name="Seek")
    passes(page, f"{LENGTH} > 13")
    box = seek.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    expect(page.locator(".preview .time")).to_have_text("0:07")
    expect(page.locator(".preview .picture")).to_be_visible()
    for x in (box["x"] + 1, box["x"] + box["width"] - 1):
        page.mouse.move(x, box["y"] + 5)
        preview = page.locator(".preview").bounding_box()
        assert preview is not None
        assert box["x"] - 8 <= preview["x"] <= box["x"] + box["width"] + 8 - preview["width"]
    page.mouse.move(5, 5)
    expect(page.locator(".preview")).to_be_hidden()


def test_reload_stays_signed_in_and_an_expired_access_token_is_refreshed_once_for_all(signed_in: Page) -> None:
    page = signed_in
    refreshes: list[str] = []
    page.on("request", lambda request: refreshes.append(request.url) if "token/refresh" in request.url else None)
    page.reload()
    expect(page.locator(".tile")).to_have_count(2)
    assert refreshes == []
    page.context.clear_cookies(name="access_token")  # as the browser does when it has run out
    page.get_by_role("link", name="Drama").click()  # seconds later also the categories are asked for
    expect(page.locator(".tile")).to_have_count(1)
    assert len(refreshes) == 1
    page.context.clear_cookies(name="access_token")
    page.reload()
    expect(page.locator(".tile")).to_have_count(1)
    assert len(refreshes) == 2


def test_who_was_signed_out_elsewhere_is_told_and_comes_back_to_the_same_video(
    signed_in: Page, browser: Browser, site: str
) -> None:
    page = signed_in
    page.get_by_role("link", name="Harbour at Dawn").click()
    expect(page.locator("video")).to_be_visible()
    elsewhere(browser, site, page.context).request.post("/api/logout/")
    page.get_by_role("link", name="Documentary").click()
    expect(page.get_by_role("alert").filter(has_text="You have been signed out.")).to_be_visible()
    assert page.url.endswith("/watch/sign-in?next=%2F%3Fcategory%3Ddocumentary")
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(page).to_have_url(f"{site}/watch/?category=documentary")

    other_tab = page.context.new_page()
    other_tab.goto("/watch/video/1")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(other_tab.get_by_role("alert").filter(has_text="You have been signed out.")).to_be_visible()
    sign_in(other_tab, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(other_tab).to_have_url(f"{site}/watch/video/1")
    expect(page.locator(".tile")).to_have_count(2)  # the first tab is signed in with it


def elsewhere(browser: Browser, site: str, context: BrowserContext) -> BrowserContext:
    return browser.new_context(base_url=site, storage_state=context.storage_state())


def test_forgotten_password_is_replaced_by_the_mails_link(page: Page, installation: Installation) -> None:
    page.goto("/watch/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(EVE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_focused()
    page.goto(link_in_mail(installation, "Reset"))
    page.get_by_label("New password", exact=True).fill("12345678")
    page.get_by_label("New password again").fill("12345678")
    page.keyboard.press("Enter")
    expect(page.get_by_text("too common")).to_be_visible()
    for label in ("New password", "New password again"):
        page.get_by_label(label, exact=True).fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, EVE, NEW_PASSWORD)
    expect(page.locator(".tile")).to_have_count(2)
    page.goto("/watch/sign-in")  # no place for who is signed in
    expect(page.locator(".tile")).to_have_count(2)


def test_video_that_is_not_ready_begins_by_itself(page: Page, installation: Installation, tmp_path: Path) -> None:
    """For a viewer: staff may watch it earlier."""
    later = small_video(tmp_path / "later.mp4", seconds=10)
    page.goto("/watch/")
    sign_in(page, BOB, PASSWORD)
    expect(page.locator(".tile").first).to_be_visible()
    video_id = installation.import_video(later, "Later")
    page.goto(f"/watch/video/{video_id}")
    expect(page.get_by_text("This video isn't ready yet.")).to_be_visible()
    expect(page.locator("video")).to_be_visible(timeout=60_000)
    passes(page, f"{LENGTH} > 0")


def test_who_is_signed_out_while_watching_is_told(signed_in: Page) -> None:
    page = signed_in

    def after_the_session(route: Route) -> None:
        page.context.clear_cookies()
        route.continue_()

    page.route("**/segment_001.ts*", after_the_session)
    page.goto("/watch/video/1")
    expect(page.get_by_role("alert").filter(has_text="You have been signed out.")).to_be_visible()
    assert page.url.endswith("/watch/sign-in?next=%2Fvideo%2F1")


def test_who_was_signed_out_is_told_though_all_that_is_left_of_the_video_was_fetched(signed_in: Page) -> None:
    """From then on nothing would be kept of where they are."""
    page = signed_in
    page.goto("/watch/video/1")
    ahead = "document.querySelector('video')?.buffered"
    passes(page, f"{ahead}?.length && {ahead}.end(0) > 13")
    page.keyboard.press("k")
    passes(page, f"{TIME} > 0.5")
    page.context.clear_cookies()
    page.keyboard.press("k")
    expect(page.get_by_role("alert").filter(has_text="You have been signed out.")).to_be_visible()
    assert page.url.endswith("/watch/sign-in?next=%2Fvideo%2F1")


def test_files_that_are_gone_are_told_in_words(signed_in: Page) -> None:
    page = signed_in
    page.goto("/watch/video/2")
    expect(page.get_by_text("This part of the video can't be fetched.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("This part of the video can't be fetched.")).to_be_visible()


def refuse_the_end(page: Page) -> None:
    """A part of the video is refused, and somebody goes there all the same."""
    page.route("**/segment_002.ts*", lambda route: route.fulfill(status=404, json={"detail": "Not found."}))
    page.goto("/watch/video/1")
    expect(page.get_by_text("This part of the video can't be fetched.")).to_be_visible()
    page.keyboard.press("8")
    passes(page, f"{TIME} > 11")


def try_again(page: Page) -> None:
    page.get_by_role("button", name="Try again").click()


def test_trying_again_without_a_connection_ends_with_words_and_later_at_the_same_moment(signed_in: Page) -> None:
    page = signed_in
    refuse_the_end(page)
    page.route("**/api/video/1/**", lambda route: route.abort())
    for _ in range(2):
        try_again(page)
        expect(page.get_by_text("The server can't be reached.")).to_be_visible()
    page.unroute_all()
    try_again(page)
    passes(page, f"document.querySelector('video').readyState > 1 && {TIME} > 11")


def test_quality_that_was_chosen_is_the_one_that_plays_after_trying_again(signed_in: Page) -> None:
    page = signed_in
    refuse_the_end(page)
    page.get_by_role("button", name="Quality: ").press("Enter")
    page.get_by_role("menuitemradio", name="480p").press("Enter")
    page.unroute_all()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/segment_" in request.url else None)
    try_again(page)
    passes(page, f"document.querySelector('video').readyState > 1 && {HEIGHT} > 0")
    assert [url for url in asked if "/480p/" not in url] == []
    expect(page.get_by_role("button", name="Quality: ")).to_have_accessible_name("Quality: 480p")


def test_tap_on_the_picture_shows_and_hides_the_controls_and_presses_none_that_are_hidden(
    browser: Browser, site: str
) -> None:
    quiet = "document.querySelector('.player').classList.contains('is-quiet')"
    with strict_page(browser.new_context(viewport=PHONE, has_touch=True, base_url=site)) as page:
        page.goto("/watch/sign-in?next=/video/1")
        sign_in(page, BOB, PASSWORD)
        passes(page, f"{LENGTH} > 13")
        page.evaluate("document.querySelector('video').loop = true")
        page.keyboard.press("k")
        picture, mute = page.locator("video"), page.get_by_role("button", name="Mute").bounding_box()
        assert mute is not None
        passes(page, quiet)
        page.touchscreen.tap(mute["x"] + mute["width"] / 2, mute["y"] + mute["height"] / 2)
        passes(page, f"!{quiet}")
        expect(page.get_by_role("button", name="Mute (M)", exact=True)).to_be_visible()
        picture.tap(position={"x": 40, "y": 20})
        passes(page, quiet)
        picture.tap(position={"x": 40, "y": 20})
        passes(page, f"!{quiet}")
        page.get_by_role("button", name="Mute").tap()
        expect(page.get_by_role("button", name="Unmute")).to_be_visible()
        assert page.evaluate("document.querySelector('video').paused") is False


ARABIC = "مرحبا بالعالم!"
ENDS_ON_THE_LEFT = """([selector, text]) => {
  const node = [...document.querySelector(selector).childNodes].find(({ data }) => data === text);
  const left = (at) => {
    const range = new Range();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect().left;
  };
  return left(text.length - 1) < left(0);
}"""


def test_words_that_are_read_from_right_to_left_end_on_the_left(signed_in: Page) -> None:
    """A mark at their end stood before their beginning."""
    page = signed_in

    def in_arabic(route: Route) -> None:
        found = route.fetch().json()
        arabic = {"title": ARABIC, "description": ARABIC, "chapters": [{"start": 0, "end": 5, "title": ARABIC}]}
        route.fulfill(json=found | arabic if isinstance(found, dict) else [video | arabic for video in found])

    page.route(re.compile("/api/video/(1/)?([?].*)?$"), in_arabic)
    for address, places in (("/", [".tile .title"]), ("/video/1", ["h1", ".description", ".chapters li span + span"])):
        page.goto(f"/watch{address}")
        for place in places:
            expect(page.locator(place).first).to_have_text(ARABIC)
            assert page.evaluate(ENDS_ON_THE_LEFT, [place, ARABIC]), place


def test_browser_that_plays_hls_by_itself_has_the_same_menu(signed_in: Page) -> None:
    """As on iPhones, which have no MediaSource; Chromium has learnt to play HLS as well."""
    page = signed_in
    page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource")
    page.goto("/watch/video/1")
    passes(page, f"{LENGTH} > 13")
    assert page.evaluate("'Hls' in window") is False
    assert page.evaluate("document.querySelector('video').src").endswith("/api/video/1/master.m3u8")
    page.keyboard.press("5")
    page.get_by_role("button", name="Quality: Auto").click()
    page.get_by_role("menuitemradio", name="480p").click()
    passes(page, f"{HEIGHT} === 480")
    passes(page, f"{TIME} >= 7")


PARSED = """async () => {
  const { cueAt, parse } = await import("/static/watch/player/storyboard.js");
  const text = "WEBVTT\\r\\n\\r\\nNOTE none\\r\\n\\r\\n"
    + "00:00.000 --> 00:10.000\\r\\nstoryboard_00.jpg?v=2#xywh=0,0,240,136"
    + "\\n\\n1\\n00:00:10.000 --> 01:00:20.500\\nstoryboard_00.jpg?v=2#xywh=240,136,240,136\\n\\nbroken\\n";
  const cues = parse(text, "/api/video/7/storyboard.vtt?v=2");
  return [cues, cueAt(cues, 9.9).x, cueAt(cues, 10).x, cueAt(cues, 99999).x, cueAt([], 5), parse("<html>", "/x")];
}"""


def test_seeking_pictures_are_read_from_webvtt(page: Page, site: str) -> None:
    page.goto("/watch/sign-in")
    cues, *found = page.evaluate(PARSED)
    sheet = {"sheet": f"{site}/api/video/7/storyboard_00.jpg?v=2", "width": 240, "height": 136}
    assert cues == [
        {"start": 0, "end": 10, "x": 0, "y": 0, **sheet},
        {"start": 10, "end": 3620.5, "x": 240, "y": 136, **sheet},
    ]
    assert found == [0, 240, 240, None, []]


ALONE = "/static/watch/api.js"  # a page of that site with no requests of its own, which would share their refresh
SHARED = """async (answers) => {
  const { SignedOut, call } = await import("/static/watch/api.js");
  const asked = [];
  let isFresh = false;
  window.fetch = async (address, { method }) => {
    const path = address.replace("/api/", "");
    asked.push(path);
    await new Promise((resolve) => setTimeout(resolve, path === "slow/" && !isFresh ? 60 : 5));
    if (path === "token/refresh/") isFresh = answers.refresh === 200;
    const isGood = isFresh && (path !== "slow/" || asked.length > 6);
    const status = path === "token/refresh/" ? answers.refresh : isGood ? 200 : 401;
    return new Response(JSON.stringify({ path }), { status });
  };
  const said = await Promise.all(["a/", "b/", "c/", "slow/"].map((path) => call(path).then(
    ({ body }) => body.path, (error) => error instanceof SignedOut ? "signed out" : String(error.status))));
  return [said, asked.filter((path) => path === "token/refresh/").length];
}"""


def test_requests_that_are_refused_together_share_one_refresh(page: Page) -> None:
    """One that comes back late finds the tokens fresh already, and asks for no others."""
    page.goto(ALONE)
    said, refreshes = page.evaluate(SHARED, {"refresh": 200})
    assert said == ["a/", "b/", "c/", "slow/"]
    assert refreshes == 1


def test_nobody_is_signed_in_where_the_refresh_is_refused(page: Page) -> None:
    page.goto(ALONE)
    said, _ = page.evaluate(SHARED, {"refresh": 401})
    assert said[:3] == ["signed out"] * 3
    page.goto(ALONE)
    assert page.evaluate(SHARED, {"refresh": 503})[0][:3] == ["503"] * 3  # who knows


def test_opened_on_a_number_it_goes_on_under_the_name_that_cookies_live_on(page: Page, site: str) -> None:
    page.goto(f"{site.replace('localhost', '127.0.0.1')}/watch/video/1")
    expect(page).to_have_url(f"{site}/watch/sign-in?next=%2Fvideo%2F1")


def test_frontend_on_the_other_name_is_told_so_when_it_signs_in(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    port = free_port()
    body = {"email": BOB, "password": PASSWORD}
    with frontend(tmp_path, port, installation.url):
        page.goto(f"http://localhost:{port}/")
        refused = page.evaluate("(body) => post('/api/login/', body)", body)
        assert (refused["status"], "two sites" in refused["body"]["detail"]) == (403, True)
        page.goto(f"http://127.0.0.1:{port}/")
        assert page.evaluate("(body) => post('/api/login/', body)", body)["status"] == 200
        assert page.evaluate("call('/api/me/')")["body"]["email"] == BOB


ONE_VIDEO = "const video = await (await call('video/1/')).json();"


@pytest.fixture(scope="module")
def lines() -> dict[str, list[str]]:
    return documented_scripts()


@pytest.fixture(scope="module")
def dev_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with three players on another port than the API's."""
    with page_with_players(tmp_path_factory.mktemp("players")) as port:
        yield f"http://localhost:{port}/"


@pytest.fixture
def elsewhere_page(page: Page, dev_server: str, site: str) -> Documented:
    page.goto(dev_server)
    documented = documented_page(page, site)
    assert documented.run(f"return (await signIn('{ADMIN_EMAIL}', '{ADMIN_PASSWORD}')).status") == 200
    return documented


def test_documented_lines_stay_signed_in_and_page_through_the_list(
    elsewhere_page: Documented, lines: dict[str, list[str]]
) -> None:
    assert elsewhere_page.run("return (await (await call('me/')).json()).email") == ADMIN_EMAIL
    refreshes: list[str] = []
    page = elsewhere_page.page
    page.on("request", lambda request: refreshes.append(request.url) if "token/refresh" in request.url else None)
    page.context.clear_cookies(name="access_token")
    together = "const answers = await Promise.all(['me/', 'video/', 'video/1/'].map((path) => call(path)));"
    statuses = elsewhere_page.run(f"{together} return answers.map(({{ status }}) => status)")
    assert statuses == [200, 200, 200]
    assert len(refreshes) == 1
    (paging,) = lines["Lists"]
    assert elsewhere_page.run(f"{paging}; return [videos.map(({{ id }}) => id), pages]") == [[1], 1]
    page.context.clear_cookies()
    assert elsewhere_page.run("return (await call('me/')).status") == 401


@pytest.mark.parametrize("number", range(4), ids=PLAYERS)
def test_documented_lines_play_a_video(elsewhere_page: Documented, lines: dict[str, list[str]], number: int) -> None:
    script = lines["Players"][number]
    assert len(script.splitlines()) <= 10
    elsewhere_page.run(f"{ONE_VIDEO} {script}")
    passes(elsewhere_page.page, f"{LENGTH} > 13")
    elsewhere_page.page.evaluate("document.querySelector('video').play()")
    passes(elsewhere_page.page, f"{TIME} > 0.5")


def test_documented_lines_show_a_seeking_picture(elsewhere_page: Documented, lines: dict[str, list[str]]) -> None:
    (script,) = lines["Seeking pictures"]
    picture = "const picture = document.getElementById('picture');"
    show = f"{picture} show(picture, 13); return [picture.style.width, cues.length]"
    with elsewhere_page.page.expect_response("**/storyboard_00.jpg*") as response:
        width, number = elsewhere_page.run(f"{ONE_VIDEO} {script} {show}")
    assert response.value.status == 200
    assert (width, number > 1) == ("240px", True)


def test_documented_lines_go_on_where_somebody_stopped(elsewhere_page: Documented, lines: dict[str, list[str]]) -> None:
    (script,) = lines["Going on where somebody stopped"]
    page, by_itself = elsewhere_page.page, lines["Players"][PLAYERS.index("by itself")]
    kept = "const kept = await call('me/progress/1/'); return kept.ok ? (await kept.json()).position : null"
    elsewhere_page.run("await call('me/progress/1/', { method: 'DELETE' })")
    elsewhere_page.run(f"{ONE_VIDEO} {by_itself} {script}")
    passes(page, f"{LENGTH} > 13")
    page.evaluate("document.querySelector('video').currentTime = 7")
    wait_for(lambda: elsewhere_page.run(kept) == 7, seconds=20, what="the report is kept")
    page.reload()
    reports: list[str] = []
    page.on("request", lambda request: reports.append(request.url) if request.method == "PUT" else None)
    elsewhere_page.run(f"{ONE_VIDEO} {by_itself} {script}")
    passes(page, f"{TIME} >= 7 && !document.querySelector('video').seeking")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert reports == [], "opened, it moves back what another device reports meanwhile"
    elsewhere_page.run("await call('me/progress/1/', { method: 'DELETE' })")


SCREENS = {
    "/watch/sign-in": "Sign in",
    "/watch/register": "Create an account",
    "/watch/forgotten-password": "Forgot your password?",
    "/watch/pages/auth/activate.html?uid=MQ&token=x": "This link doesn't work",
    "/watch/pages/auth/confirm_password.html?uid=MQ&token=x": "Choose a new password",
}
SIGNED_IN_SCREENS = {
    "/watch/": "Videos",
    "/watch/?search=nowhere": "Videos with “nowhere”",
    "/watch/?category=drama": "Drama",
    "/watch/video/1": "Harbour at Dawn",
    "/watch/video/2": LONG_WORD,
    "/watch/video/999": "Nothing here",
}


def test_every_screen_is_without_fault_in_both_themes_and_at_both_widths(page: Page) -> None:
    page.add_init_script(npm.axe())
    for address, heading in SCREENS.items():
        look_at(page, address, heading)
    page.get_by_role("button", name="Set the password").click()
    look_closely(page, "errors beside the fields")
    page.goto("/watch/sign-in")
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(page.locator(".tile").first).to_be_visible()
    for address, heading in SIGNED_IN_SCREENS.items():
        look_at(page, address, heading)
    page.goto("/watch/video/1")
    page.get_by_role("button", name="Quality: ").click()
    look_closely(page, "the menu")


def look_at(page: Page, address: str, heading: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    look_closely(page, address)


def look_closely(page: Page, what: str) -> None:
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size["width"], what
        themes: list[Any] = ["light", "dark"]
        for theme in themes:
            page.emulate_media(color_scheme=theme)
            assert page.evaluate(npm.VIOLATIONS) == [], (what, size, theme)
