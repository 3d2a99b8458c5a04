"""The page to watch on with subtitles, captions, chapters and several sounds, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, FloatRect, Page, Route, expect

from project.tests import npm
from project.tests.browser import DESK, PHONE, chromium, needs_chromium, strict_page
from project.tests.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, serving_without_demo
from project.tests.watch_page import HEIGHT, LENGTH, TIME, add_videos_with_tracks, passes, sign_in

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

SEVERAL, ONE = "/watch/video/1", "/watch/video/2"  # of `add_videos_with_tracks`
WITH_AUDIO_TRACKS = "--enable-blink-features=AudioVideoTracks"  # what Safari has by itself
WITHOUT_HLS_JS = "delete window.MediaSource; delete window.ManagedMediaSource"
SHOWN = """[...document.querySelector('video').textTracks].filter(({ mode }) => mode === 'showing')
  .flatMap(({ activeCues }) => [...(activeCues ?? [])].map(({ text }) => text))"""
LINES = """[...document.querySelector('video').textTracks].filter(({ mode }) => mode === 'showing')
  .flatMap(({ activeCues }) => [...activeCues].map(({ line }) => line))"""
HAVING_CUES = """[...document.querySelector('video').textTracks].filter(({ mode }) => mode === 'showing')
  .flatMap(({ cues }) => [...cues].map(({ text }) => text))"""
OVER_BORDERS = "This line stands over a border,\nand over the next one."
GERMAN, FORCED = "Die Boote kommen im Morgengrauen.", "HARBOUR OFFICE"
BEGINS = [
    {"start": 0, "end": 5, "title": "a"},
    {"start": 5, "end": 9, "title": "b"},
    {"start": 10, "end": 12, "title": "c"},
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with serving_without_demo(tmp_path_factory.mktemp("watch")) as made:
        add_videos_with_tracks(made)
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=no-user-gesture-required", WITH_AUDIO_TRACKS) as opened:
        yield opened


@pytest.fixture
def language() -> str:
    """The viewer's."""
    return "en-GB"


@pytest.fixture
def page(browser: Browser, installation: Installation, language: str) -> Iterator[Page]:
    """Of somebody who is signed in and has watched nothing, whatever other tests have."""
    site = f"http://localhost:{installation.port}"
    with strict_page(browser.new_context(viewport=DESK, base_url=site, locale=language)) as opened:
        opened.goto("/watch/")
        sign_in(opened, ADMIN_EMAIL, ADMIN_PASSWORD)
        expect(opened.get_by_role("heading", name="Videos")).to_be_visible()
        for address in (SEVERAL, ONE):
            opened.request.delete(f"/api/me/progress/{address.rpartition('/')[2]}/")
        yield opened


def watch(page: Page, address: str, *, at_s: float = 0) -> None:
    page.goto(address)
    passes(page, f"{LENGTH} > 13")
    if at_s:
        go_to(page, at_s)


def go_to(page: Page, seconds: float) -> None:
    page.evaluate("(seconds) => { document.querySelector('video').currentTime = seconds }", seconds)
    passes(page, f"{TIME} >= {seconds} && document.querySelector('video').readyState > 2")


def menu(page: Page, label: str) -> list[str]:
    """What the menu offers; it stays open."""
    page.get_by_role("button", name=f"{label}: ").click()
    return page.get_by_role("menu", name=label).get_by_role("menuitemradio").all_inner_texts()


def choose(page: Page, label: str, item: str) -> None:
    menu(page, label)
    page.get_by_role("menuitemradio", name=item, exact=True).click()
    expect(page.get_by_role("button", name=f"{label}: ")).to_have_accessible_name(f"{label}: {item}")


def shows(page: Page, *texts: str) -> None:
    passes(page, f"JSON.stringify({SHOWN}) === JSON.stringify({list(texts)!r})")


def test_menus_list_every_track_but_forced_ones_and_no_text_is_shown_unasked(page: Page) -> None:
    watch(page, SEVERAL, at_s=3)
    expect(page.get_by_role("button", name="Subtitles: ")).to_have_accessible_name("Subtitles: Off")
    assert [" ".join(item.split()) for item in menu(page, "Subtitles")] == ["Off", "English", "German", "English CC"]
    expect(page.get_by_role("menuitemradio", name="Off")).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Escape")
    assert menu(page, "Sound") == ["English", "German", "Described video"]
    page.keyboard.press("Escape")
    shows(page)
    facts = "Subtitles: English, German, English CC. Sound: English, German, Described video."
    expect(page.get_by_text(facts)).to_be_visible()


def test_default_subtitles_are_shown_until_they_are_switched_off(page: Page) -> None:
    watch(page, ONE, at_s=3)
    shows(page, GERMAN)
    expect(page.get_by_text("Subtitles: German, French.", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sound: ")).to_be_hidden()
    page.keyboard.press("c")
    shows(page)
    watch(page, ONE, at_s=3)
    expect(page.get_by_role("button", name="Subtitles: ")).to_have_accessible_name("Subtitles: Off")
    shows(page)
    page.keyboard.press("c")
    shows(page, GERMAN)


def test_choices_are_kept_for_the_next_video(page: Page) -> None:
    watch(page, SEVERAL, at_s=3)
    choose(page, "Subtitles", "English CC")
    shows(page, "[Gulls cry] The boats come in.")
    page.keyboard.press("c")
    shows(page)
    page.keyboard.press("c")
    expect(page.locator("#said")).to_have_text("Subtitles: English CC")
    shows(page, "[Gulls cry] The boats come in.")
    choose(page, "Subtitles", "German")
    choose(page, "Sound", "Described video")
    watch(page, ONE, at_s=3)
    shows(page, GERMAN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/audio_" in request.url else None)
    watch(page, SEVERAL, at_s=3)
    shows(page, GERMAN)
    expect(page.get_by_role("button", name="Sound: ")).to_have_accessible_name("Sound: Described video")
    assert {url.split("/audio_")[1][0] for url in asked} == {"2"}  # no other sound was fetched


@pytest.mark.parametrize("language", ["de-AT"])
def test_c_begins_with_the_viewers_language(page: Page) -> None:
    """Nothing is shown by itself: the subtitles in this language aren't the default ones."""
    watch(page, SEVERAL, at_s=3)
    expect(page.get_by_role("button", name="Subtitles: ")).to_have_accessible_name("Subtitles: Off")
    page.keyboard.press("c")
    shows(page, GERMAN)


def test_sound_changes_while_playing_and_brings_its_forced_subtitles(page: Page) -> None:
    watch(page, SEVERAL)
    page.keyboard.press("k")
    passes(page, f"{TIME} > 0.5")
    with page.expect_request("**/audio_1/segment_*"):
        choose(page, "Sound", "German")
    shows(page, FORCED)
    expect(page.get_by_role("button", name="Subtitles: ")).to_have_accessible_name("Subtitles: Off")
    passes(page, f"{TIME} > 3")
    choose(page, "Sound", "English")
    shows(page)
    choose(page, "Sound", "German")
    shows(page, FORCED)
    choose(page, "Subtitles", "German")
    shows(page, GERMAN)
    page.keyboard.press("c")
    shows(page, FORCED)


def test_cue_over_a_border_is_there_once_in_every_quality(page: Page) -> None:
    watch(page, SEVERAL)
    page.keyboard.press("c")
    page.evaluate("document.querySelector('video').playbackRate = 3")
    page.keyboard.press("k")
    for label, height in (("480p", 480), ("720p", 720)):
        choose(page, "Quality", label)
        passes(page, f"{HEIGHT} === {height}")
        passes(page, f"{TIME} > 12.5")
        texts = page.evaluate(HAVING_CUES)
        assert sorted(texts) == ["High above the water.", "The boats come in at dawn.", OVER_BORDERS]
        page.keyboard.press("0")
        passes(page, f"{TIME} < 8")


def test_subtitles_stand_above_the_controls_while_those_are_shown(page: Page) -> None:
    watch(page, SEVERAL, at_s=11.5)
    page.keyboard.press("c")
    shows(page, OVER_BORDERS, "High above the water.")
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        passes(page, f"{LINES}[0] < -2")  # two lines of text, and what is below
        assert page.evaluate(LINES)[1] == 0  # where its author put it
        expect_above_controls(page)
    go_to(page, 6)
    page.mouse.move(5, 5)
    page.keyboard.press("k")
    passes(page, "document.querySelector('.player').classList.contains('is-quiet')")
    assert page.evaluate(LINES) == ["auto"]
    page.keyboard.press("k")
    passes(page, f"{LINES}[0] < -2")
    expect_above_controls(page)


def expect_above_controls(page: Page) -> None:
    """The subtitles change what is right above the controls, and nothing of the controls' middle.

    At its end the timeline may still load.
    """
    timeline, bar = (page.locator(part).bounding_box() for part in (".player .timeline", ".player .bar"))
    assert timeline is not None
    assert bar is not None
    x, y, width = timeline["x"] + timeline["width"] / 4, timeline["y"], timeline["width"] / 2
    above: FloatRect = {"x": x, "y": y - 100, "width": width, "height": 100}
    controls: FloatRect = {"x": x, "y": y, "width": width, "height": bar["y"] + bar["height"] - y}
    mode = "document.querySelector('video').textTracks[0].mode"
    with_texts = [page.screenshot(clip=part, animations="disabled") for part in (above, controls)]
    page.evaluate(f"{mode} = 'hidden'")
    without = [page.screenshot(clip=part, animations="disabled") for part in (above, controls)]
    page.evaluate(f"{mode} = 'showing'")
    assert with_texts[0] != without[0]
    assert with_texts[1] == without[1]


def test_video_plays_on_without_a_text_that_is_refused(page: Page) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=404, json={"detail": "Not found."})

    page.route("**/tracks/*/*", refuse)
    watch(page, ONE)
    with page.expect_response("**/tracks/*/*"):
        page.keyboard.press("k")
    passes(page, f"{TIME} > 1")
    expect(page.locator(".trouble")).to_be_hidden()


def test_chapters_are_marked_on_the_timeline_and_listed_below(page: Page) -> None:
    watch(page, SEVERAL)
    chapters = page.locator(".chapters").get_by_role("button")
    expect(chapters).to_have_text(["0:00At the quay", "0:05On the water & far out", "0:10Home"])
    expect(page.locator(".mark")).to_have_count(2)
    expect(chapters.first).to_have_attribute("aria-current", "true")
    box = page.get_by_role("slider", name="Seek").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    expect(page.locator(".preview .title")).to_have_text("On the water & far out")
    chapters.nth(2).focus()
    page.keyboard.press("Enter")
    passes(page, f"{TIME} > 10.2 && !document.querySelector('video').paused")
    expect(page.locator(".chapters [aria-current]")).to_have_text("0:10Home")
    said = page.get_by_role("slider", name="Seek").get_attribute("aria-valuetext")
    assert said is not None
    assert said.endswith("of 14 seconds, Home")
    watch(page, ONE)
    expect(page.locator(".chapters, .mark")).to_have_count(0)
    box = page.get_by_role("slider", name="Seek").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    expect(page.locator(".preview .time")).to_be_visible()
    expect(page.locator(".preview .title")).to_be_hidden()


def test_menu_of_subtitles_by_keyboard(page: Page) -> None:
    watch(page, SEVERAL, at_s=3)
    page.get_by_role("button", name="Subtitles: ").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio", name="Off")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitemradio", name="English CC")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Subtitles: English CC")).to_be_focused()
    shows(page, "[Gulls cry] The boats come in.")
    page.get_by_text("Keyboard", exact=True).click()
    expect(page.get_by_text("Subtitles on or off")).to_be_visible()


def test_browser_that_plays_hls_by_itself_has_the_same_menus(page: Page) -> None:
    page.add_init_script(WITHOUT_HLS_JS)
    watch(page, SEVERAL, at_s=3)
    assert page.evaluate("'Hls' in window") is False
    assert [" ".join(item.split()) for item in menu(page, "Subtitles")] == ["Off", "English", "German", "English CC"]
    page.keyboard.press("Escape")
    shows(page)
    page.keyboard.press("c")
    shows(page, "The boats come in at dawn.")
    choose(page, "Sound", "German")
    assert page.evaluate("[...document.querySelector('video').audioTracks].map(({ enabled }) => enabled)") == [
        *(False, True, False)
    ]
    page.keyboard.press("c")
    shows(page, FORCED)
    choose(page, "Subtitles", "German")
    choose(page, "Quality", "480p")
    passes(page, f"{HEIGHT} === 480")
    shows(page, GERMAN)
    expect(page.get_by_role("button", name="Sound: ")).to_have_accessible_name("Sound: German")


IN_BAND = """() => {
  const video = document.querySelector('video');
  const found = video.addTextTrack('captions', 'English, captions', 'en');
  found.addCue(new VTTCue(0, 13, 'in the playlist'));
}"""


def test_text_that_such_a_browser_found_in_the_playlist_is_shown_instead_of_another_copy(page: Page) -> None:
    page.add_init_script(WITHOUT_HLS_JS)
    watch(page, SEVERAL, at_s=3)
    choose(page, "Subtitles", "English CC")
    shows(page, "[Gulls cry] The boats come in.")
    page.evaluate(IN_BAND)
    shows(page, "in the playlist")
    expect(page.locator("video track")).to_have_count(0)
    page.evaluate("document.querySelector('video').textTracks[0].mode = 'disabled'")  # by the browser's own menu
    expect(page.get_by_role("button", name="Subtitles: ")).to_have_accessible_name("Subtitles: Off")


CHOSEN = """async ([kept, texts, sounds]) => {
  const { firstSound, firstText, forcedText, wantedText } = await import("/static/watch/player/choices.js");
  localStorage.setItem("videoflix.tracks", kept);
  const [sound] = sounds;
  return [firstText(texts), wantedText(texts, sound), forcedText(texts, sound), firstSound(sounds)];
}"""


def text(number: int, language: str, kind: str = "subtitles", **flags: bool) -> dict[str, Any]:
    return {
        "id": number,
        "language": language,
        "kind": kind,
        "label": language,
        "isDefault": False,
        "isForced": False,
    } | {**flags}


def sound(number: int, language: str, *, is_described: bool = False) -> dict[str, Any]:
    return {"id": number, "language": language, "label": language, "isDescribed": is_described}


CHOICES = {
    "nothing there": ("{}", [], [], [-1, -1, -1, None]),
    "nothing kept": ("{}", [text(0, "de"), text(1, "en-US")], [], [-1, 1, -1, None]),
    "no JSON": ("{", [text(0, "de")], [sound(0, "de")], [-1, 0, -1, None]),
    "one default of each kind": (
        "{}",
        [text(0, "de", isDefault=True), text(1, "en", "captions", isDefault=True)],
        [],
        [1, 1, -1, None],
    ),
    "forced in the language that is heard": (
        "{}",
        [text(0, "de", isForced=True, isDefault=True), text(1, "en", isForced=True)],
        [sound(0, "de")],
        [-1, -1, 0, None],
    ),
    "forced beside a sound of which nothing is told": ("{}", [text(0, "de", isForced=True)], [], [-1, -1, 0, None]),
    "the same kind rather": (
        '{"isOn": true, "text": {"kind": "captions", "language": "de-AT", "label": "x"}}',
        [text(0, "de"), text(1, "de", "captions"), text(2, "fr", isDefault=True)],
        [],
        [1, 1, -1, None],
    ),
    "off, and remembered": (
        '{"isOn": false, "text": {"kind": "subtitles", "language": "fr", "label": "fr"}}',
        [text(0, "de", isDefault=True), text(1, "fr")],
        [],
        [-1, 1, -1, None],
    ),
    "described rather than another of its language": (
        '{"sound": {"language": "en", "label": "Audio description", "isDescribed": true}}',
        [],
        [sound(0, "de"), sound(1, "en"), sound(2, "en-GB", is_described=True)],
        [-1, -1, -1, 2],
    ),
}


def test_what_a_video_begins_with(page: Page) -> None:
    for what, (kept, texts, sounds, expected) in CHOICES.items():
        assert page.evaluate(CHOSEN, [kept, texts, sounds]) == expected, what


def test_chapter_of_a_moment(page: Page) -> None:
    found = """async ([chapters, times]) => {
      const { chapterAt } = await import("/static/watch/player/chapters.js");
      return times.map((time) => chapterAt(chapters, time)?.title ?? null);
    }"""
    assert page.evaluate(found, [BEGINS, [0, 5, 8.9, 9.5, 12, 13]]) == ["a", "b", "b", None, "c", None]


def test_axe_finds_nothing_in_both_themes_and_at_both_widths(page: Page) -> None:
    page.add_init_script(npm.axe())
    watch(page, SEVERAL, at_s=11.5)
    page.keyboard.press("c")
    themes: list[Any] = ["light", "dark"]
    for label in ("Subtitles", "Sound"):
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            menu(page, label)
            opened = page.get_by_role("menu", name=label).bounding_box()
            assert opened is not None
            assert opened["x"] >= 0
            assert opened["x"] + opened["width"] <= size["width"]
            assert page.evaluate("document.scrollingElement.scrollWidth") <= size["width"]
            for theme in themes:
                page.emulate_media(color_scheme=theme)
                assert page.evaluate(npm.VIOLATIONS) == [], (label, size, theme)
            page.keyboard.press("Escape")
