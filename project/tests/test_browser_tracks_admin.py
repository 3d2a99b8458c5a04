"""Tracks and chapters in the admin, in a real browser: dropped, edited, refused in words, deleted, and previewed."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from hls.tests.clips import Look
from hls.tests.spoken import Spoken, clip
from hls.tests.videos import small_video
from project.tests import npm
from project.tests.admin_pages import row
from project.tests.browser import DESK, PHONE, needs_chromium
from project.tests.installation import Installation, serving_without_demo, wait_for
from project.tests.test_browser_pages import NAMELESS

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

SECONDS = 12
HARBOUR, QUAY = 1, 2
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
VIDEOS = "/admin/library/video/"
MADE = """
from django.core.management import call_command
call_command("import_video", {harbour!r}, title="Harbour", wait=True)
call_command("import_video", {quay!r}, title="Quay", wait=True)
"""
SUBRIP = "1\n00:00:00,000 --> 00:00:11,000\nThe boats come in.\n"
DROPPED = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  return data;
}"""
DELETE = """(address) => fetch(address, {
  method: "DELETE",
  headers: { "X-CSRFToken": document.cookie.match(/csrftoken=([^;]*)/)[1] },
})"""
MAY_LEAVE = "window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
CHANGE_TRACKS = """
from hls.models import Track, Transcode
transcode = Transcode.objects.get(video__pk={video})
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With two ready videos, of which Quay has two sounds."""
    folder = tmp_path_factory.mktemp("tracks")
    harbour = small_video(folder / "harbour.mp4", seconds=SECONDS)
    sounds = [Spoken(SECONDS, title=title, language="en") for title in ("First", "Talk")]
    quay = clip(folder / "quay.mkv", sounds, look=Look(width=160, height=120, duration_s=SECONDS))
    with serving_without_demo(folder) as made:
        made.shell(MADE.format(harbour=str(harbour), quay=str(quay)))
        yield made


@pytest.fixture
def video(page: Page) -> int:
    """The id of a ready video, which has no tracks any more."""
    for track in tracks(page, HARBOUR):
        page.evaluate(DELETE, f"/api/video/{HARBOUR}/tracks/{track['id']}/")
    return HARBOUR


def open_video(page: Page, installation: Installation, video: int) -> None:
    page.goto(f"{installation.url}{VIDEOS}{video}/change/")
    expect(page.locator("[data-tracks-panel]")).to_have_attribute("data-ready", "")
    page.evaluate("window.isTheSame = true")


def drop(page: Page, **texts: str) -> None:
    """Files whose names have underscores for dots."""
    files = [[name.replace("_", "."), text] for name, text in texts.items()]
    page.dispatch_event("[data-tracks-panel] .vf-drop", "drop", {"dataTransfer": page.evaluate_handle(DROPPED, files)})


def listed(page: Page, words: str) -> Locator:
    return page.locator("[aria-label=Tracks] > li", has_text=words)


def pending(page: Page, name: str) -> Locator:
    return page.locator("[aria-label='Files to be added'] > li", has_text=name)


def tracks(page: Page, video: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        "(id) => fetch(`/api/video/${id}/tracks/`).then((answer) => answer.json())", video
    )
    return found


def chapters(page: Page, video: int) -> list[tuple[float, float, str]]:
    address = f"/api/video/{video}/"
    told = page.evaluate("(address) => fetch(address).then((answer) => answer.json())", address)["chapters"]
    return [(one["start"], one["end"], one["title"]) for one in told]


def change_tracks(installation: Installation, *calls: str) -> None:
    """What the engine does with Quay's tracks."""
    installation.shell(CHANGE_TRACKS.format(video=QUAY) + "\n".join(f"Track.objects.{call}" for call in calls))


def add_text(page: Page, language: str = "en") -> None:
    drop(page, **{f"film_{language}_srt": SUBRIP})
    pending(page, f"film.{language}.srt").get_by_role("button", name="Add").click()
    expect(listed(page, f"({language})")).to_contain_text("Ready")


def test_dropped_files_tell_what_they_are_and_become_tracks(page: Page, installation: Installation, video: int) -> None:
    """The page isn't loaded anew, and what was typed into the video's own form stays."""
    open_video(page, installation, video)
    page.fill("[name=description]", "Not saved yet")
    drop(page, film_de_srt=SUBRIP, film_ptBR_forced_srt=SUBRIP, film_en_sdh_srt=SUBRIP, film_hi_srt=SUBRIP)
    expect(pending(page, "film.de.srt").get_by_label("Language")).to_have_value("de")
    forced = pending(page, "film.ptBR.forced.srt")
    expect(forced.get_by_label("Language")).to_have_value("")
    expect(forced.get_by_role("checkbox", name="Forced:")).to_be_checked()
    expect(pending(page, "film.en.sdh.srt").get_by_label("Kind")).to_have_value("captions")
    expect(pending(page, "film.hi.srt").get_by_label("Language")).to_have_value("hi")
    page.get_by_role("button", name="Add all").click()
    expect(forced).to_contain_text("Enter a language, or und where it is unknown.")
    expect(forced.get_by_label("Language")).to_be_focused()
    page.keyboard.type("portuguese (brazil)")
    page.keyboard.press("Enter")
    expect(page.locator("[aria-label='Files to be added'] > li")).to_have_count(0)
    for words in ("German", "English, captions", "Hindi", "Portuguese (Brazil), forced"):
        expect(listed(page, words)).to_contain_text("uploaded · Ready")
    told = {(track["kind"], track["language"], track["is_forced"]) for track in tracks(page, video)}
    subtitles = {("subtitles", "de", False), ("subtitles", "hi", False), ("subtitles", "pt-BR", True)}
    assert told == subtitles | {("captions", "en", False)}
    expect(page.locator("[name=description]")).to_have_value("Not saved yet")
    assert page.evaluate("window.isTheSame") is True


def test_file_that_is_removed_while_others_are_added_does_not_become_a_track(
    page: Page, installation: Installation, video: int
) -> None:
    """A request that is on its way can't be taken back: Remove waits for it."""
    open_video(page, installation, video)
    drop(page, film_de_srt=SUBRIP, film_en_srt=SUBRIP, film_fr_srt=SUBRIP)
    held: list[Route] = []
    page.route(
        f"**/api/video/{video}/tracks/",
        lambda route: held.append(route) if route.request.method == "PUT" and not held else route.continue_(),
    )
    with page.expect_request(lambda request: request.method == "PUT"):
        page.get_by_role("button", name="Add all").click()
    expect(pending(page, "film.de.srt").get_by_role("button", name="Remove")).to_be_disabled()
    pending(page, "film.en.srt").get_by_role("button", name="Remove").click()
    held[0].continue_()
    expect(page.locator("[aria-label='Files to be added'] > li")).to_have_count(0)
    expect(listed(page, "French")).to_contain_text("uploaded · Ready")
    assert sorted(track["language"] for track in tracks(page, video)) == ["de", "fr"]


GUESSES = {
    "film.de.srt": ("subtitles", "de", False),
    "film.pt-BR.vtt": ("subtitles", "pt-BR", False),
    "film.pt_br.vtt": ("subtitles", "pt-BR", False),
    "film.ger.srt": ("subtitles", "de", False),
    "film.en.forced.srt": ("subtitles", "en", True),
    "film.forced.en.srt": ("subtitles", "en", False),
    "film.en.cc.srt": ("captions", "en", False),
    "film.en.hi.srt": ("captions", "en", False),
    "film.hi.srt": ("subtitles", "hi", False),
    "Film.German.ass": ("subtitles", "de", False),
    "film.1080p.web.srt": ("subtitles", "", False),
    "film.zh-Hant.default.vtt": ("subtitles", "zh-Hant", False),
    "film.chapters.vtt": ("chapters", "und", False),
    "film.srt": ("subtitles", "", False),
    "..srt": ("subtitles", "", False),
}


def test_language_and_kind_are_guessed_from_the_name(page: Page, installation: Installation) -> None:
    told = page.evaluate(
        """async (names) => {
          const { guessed } = await import("/static/library/tracks/languages.js");
          return names.map((name) => guessed(name)).map(({ kind, language, is_forced }) => [kind, language, is_forced]);
        }""",
        list(GUESSES),
    )
    assert {name: tuple(guess) for name, guess in zip(GUESSES, told, strict=True)} == GUESSES


def test_refusals_stand_at_the_row_and_nothing_typed_is_lost(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    drop(page, broken_fr_srt="no times at all", photo_jpg="x", empty_vtt="")
    expect(pending(page, "photo.jpg")).to_contain_text("Only files that end in .vtt, .srt, .ass, .ssa are accepted.")
    expect(pending(page, "empty.vtt")).to_contain_text("The file is empty.")
    broken = pending(page, "broken.fr.srt")
    broken.get_by_label("Label").fill("Français")
    broken.get_by_role("checkbox", name="Default:").check()
    broken.get_by_role("button", name="Add").click()
    expect(broken).to_contain_text("Nothing to show was found: a WebVTT, SubRip or ASS file with times and text")
    broken.get_by_label("Language").fill("klingonisch!")
    broken.get_by_role("button", name="Add").click()
    expect(broken).to_contain_text("A language is written as a BCP 47 tag, such as en, pt-BR or zh-Hant")
    expect(broken.get_by_label("Language")).to_have_attribute("aria-invalid", "true")
    page.context.set_offline(True)
    broken.get_by_role("button", name="Add").click()
    expect(broken).to_contain_text("The connection was lost. Try again.")
    page.context.set_offline(False)
    expect(broken.get_by_label("Label")).to_have_value("Français")
    expect(broken.get_by_label("Language")).to_have_value("klingonisch!")
    expect(broken.get_by_role("checkbox", name="Default:")).to_be_checked()
    assert tracks(page, video) == []
    for name in ("broken.fr.srt", "photo.jpg", "empty.vtt"):
        pending(page, name).get_by_role("button", name="Remove").click()
    expect(page.locator("[aria-label='Files to be added'] > li")).to_have_count(0)


def test_track_is_edited_replaced_downloaded_and_deleted(page: Page, installation: Installation, video: int) -> None:
    open_video(page, installation, video)
    add_text(page)
    track = page.locator("[aria-label=Tracks] > li")
    track.get_by_role("button", name="Edit English (subtitles)").click()
    expect(track.get_by_label("Language")).to_be_focused()
    track.get_by_label("Language").fill("en-gb")
    track.get_by_label("Label").fill("English (UK)")
    track.get_by_role("checkbox", name="Default:").check()
    page.keyboard.press("Enter")
    expect(track).to_contain_text("English (United Kingdom) (en-GB)")
    expect(track.locator(".vf-draft")).to_have_text(["Default"])
    expect(track.get_by_role("button", name="Edit")).to_be_focused()
    track.locator("input[type=file]").set_input_files(
        {"name": "other.vtt", "mimeType": "text/vtt", "buffer": b"WEBVTT\n\n00:01.000 --> 00:02.000\nThe nets.\n"}
    )
    expect(page.locator("[data-tracks-panel] > [role=status]")).to_have_text(re.compile("replaced by other.vtt"))
    with page.expect_download() as waiting:
        track.get_by_role("link", name="Download").click()
    (told,) = tracks(page, video)
    assert waiting.value.suggested_filename == f"{told['id']}.vtt"
    assert "The nets." in Path(waiting.value.path()).read_text()
    assert (told["language"], told["label"], told["is_default"]) == ("en-GB", "English (UK)", True)
    track.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(track.get_by_role("button", name="Delete")).to_be_focused()
    track.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(track).to_have_count(0)
    assert tracks(page, video) == []
    page.goto(f"{installation.url}{VIDEOS}{video}/history/")
    expect(page.locator("#content")).to_contain_text("Deleted subtitles “English (UK) (en-GB)”.")


def test_another_tracks_name_is_refused_and_the_form_stays_open(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    add_text(page)
    drop(page, film_de_srt=SUBRIP)
    expect(pending(page, "film.de.srt").get_by_label("Label")).to_have_attribute("placeholder", "German")
    pending(page, "film.de.srt").get_by_role("button", name="Add").click()
    german = listed(page, "film.de").or_(page.locator("[aria-label=Tracks] > li").nth(1))
    german.get_by_role("button", name="Edit German").click()
    german.get_by_label("Language").fill("English")
    german.get_by_label("Label").fill("English")
    german.get_by_role("button", name="Save").click()
    expect(german).to_contain_text("There is another track of this kind and language with this label.")
    expect(german.get_by_label("Label")).to_have_value("English")
    page.keyboard.press("Escape")
    drop(page, again_en_srt=SUBRIP)
    expect(pending(page, "again.en.srt")).to_contain_text("This replaces English (subtitles), which is there already.")


def test_end_of_taking_out_is_seen_without_a_reload_and_sounds_have_their_own_fields(
    page: Page, installation: Installation
) -> None:
    embedded = "transcode=transcode, origin='embedded', source=transcode.source"
    change_tracks(
        installation, f"create({embedded}, kind='captions', label='Deutsch', language='de', state='processing')"
    )
    open_video(page, installation, QUAY)
    expect(listed(page, "Deutsch")).to_contain_text("from the file · Being taken out of the file")
    change_tracks(installation, "filter(label='Deutsch').update(state='failed', error_code='empty')")
    expect(listed(page, "Deutsch")).to_contain_text("The file names this track, but has no text in it.")
    expect(listed(page, "Deutsch")).to_contain_text("Upload the text, or delete it.")
    listed(page, "Deutsch").locator("input[type=file]").set_input_files(
        {"name": "de.srt", "mimeType": "text/plain", "buffer": SUBRIP.encode()}
    )
    expect(listed(page, "Deutsch")).to_contain_text("uploaded · Ready")
    menu = page.get_by_label("Sound", exact=True)
    expect(menu.locator("option")).to_have_text(["First", "Talk"])
    with page.expect_response("**/audio_1/index.m3u8*"):
        menu.select_option("Talk")
    talk = listed(page, "Talk")
    talk.get_by_role("button", name="Edit Talk (sound)").click()
    expect(talk.get_by_role("checkbox", name="Forced:")).to_be_hidden()
    talk.get_by_role("checkbox", name="Commentary:").check()
    talk.get_by_role("button", name="Save").click()
    expect(talk.locator(".vf-draft")).to_have_text(["Commentary"])
    talk.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(talk).to_have_count(0)
    first = listed(page, "First")
    first.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(first).to_contain_text("This is the video's last sound.")
    assert page.evaluate("window.isTheSame") is True


def test_leaving_the_page_is_held_by_what_is_not_saved_and_by_nothing_else(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    add_text(page)
    listed(page, "English").get_by_role("button", name="Edit").click()
    assert page.evaluate(MAY_LEAVE)
    listed(page, "English").get_by_label("Label").fill("Other")
    assert not page.evaluate(MAY_LEAVE)
    listed(page, "English").get_by_role("button", name="Save").click()
    expect(listed(page, "Other")).to_contain_text("Ready")
    assert page.evaluate(MAY_LEAVE)
    page.get_by_role("button", name="Add chapter").click()
    assert not page.evaluate(MAY_LEAVE)
    page.get_by_role("button", name="Undo changes").click()
    drop(page, film_de_srt=SUBRIP)
    assert not page.evaluate(MAY_LEAVE)
    pending(page, "film.de.srt").get_by_role("button", name="Remove").click()
    assert page.evaluate(MAY_LEAVE)


def fill_chapter(page: Page, number: int, start: str, title: str) -> None:
    line = page.locator(".vf-chapters tbody tr").nth(number)
    line.get_by_label("Start").fill(start)
    line.get_by_label("Title").fill(title)


def test_chapters_are_typed_refused_in_words_and_saved(page: Page, installation: Installation, video: int) -> None:
    open_video(page, installation, video)
    panel, lines = page.locator("[data-chapters-panel]"), page.locator(".vf-chapters tbody tr")
    for number, (start, title) in enumerate([("0:00:05.250", "Tom & <Jerry>"), ("0:00", "At the quay"), ("0:12", "")]):
        panel.get_by_role("button", name="Add chapter").click()
        fill_chapter(page, number, start, title)
    panel.get_by_role("button", name="Save chapters").click()
    expect(lines.nth(2)).to_contain_text("The video ends at 0:00:12.")
    expect(lines.nth(2).get_by_label("Start")).to_be_focused()
    for start, title, sentence in [
        ("soon", "x", "Enter a time as h:mm:ss"),
        ("0:00:75", "x", "Enter a time as h:mm:ss"),
        ("0:05.25", "x", "Another chapter begins at the same time."),
        ("0:00:09", " ", "Enter a title."),
    ]:
        fill_chapter(page, 2, start, title)
        panel.get_by_role("button", name="Save chapters").click()
        expect(lines.nth(2)).to_contain_text(sentence)
    assert chapters(page, video) == []
    fill_chapter(page, 2, "0:00:09", "1984")
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("The chapters are saved.")
    told = [(0, 5.25, "At the quay"), (5.25, 9, "Tom & <Jerry>"), (9, SECONDS, "1984")]
    assert chapters(page, video) == told
    expect(lines.nth(1).get_by_label("Start")).to_have_value("0:00:05.250")
    expect(listed(page, "Chapters")).to_contain_text("language unknown")
    page.reload()
    expect(lines).to_have_count(3)
    expect(lines.nth(1).get_by_label("Title")).to_have_value("Tom & <Jerry>")
    while lines.count():
        lines.first.get_by_role("button", name="Remove").click()
    panel.get_by_role("button", name="Save chapters").click()
    expect(listed(page, "Chapters")).to_have_count(0)
    assert [track["kind"] for track in tracks(page, video)] == []


def test_two_editors_of_the_chapters_lose_nothing(page: Page, installation: Installation, video: int) -> None:
    open_video(page, installation, video)
    panel = page.locator("[data-chapters-panel]")
    panel.get_by_role("button", name="Add chapter").click()
    fill_chapter(page, 0, "0:00:01", "Mine")
    other = page.context.new_page()
    open_video(other, installation, video)
    other.get_by_role("button", name="Add chapter").click()
    fill_chapter(other, 0, "0:00:02", "Theirs")
    other.get_by_role("button", name="Save chapters").click()
    expect(other.locator("[data-chapters-panel]")).to_contain_text("The chapters are saved.")
    panel.get_by_role("button", name="Save chapters").click()
    expect(panel).to_contain_text("Somebody else has changed the chapters meanwhile.")
    expect(panel.get_by_label("Title of the chapter")).to_have_value("Mine")
    panel.get_by_role("button", name="Undo changes").click()
    expect(panel.get_by_label("Title of the chapter")).to_have_value("Theirs")


class Held:
    """Requests of one method to the tracks, which wait until they are let through, or whose answers are lost."""

    def __init__(self, page: Page, method: str) -> None:
        self.page, self.method, self.routes = page, method, list[Route]()
        page.route(re.compile(r"/api/video/\d+/tracks/"), self.hold)

    def hold(self, route: Route) -> None:
        if route.request.method == self.method and not self.routes:
            self.routes.append(route)
        else:
            route.continue_()

    def wait(self) -> Route:
        def look() -> Route | None:
            self.page.wait_for_timeout(50)  # routes are told of while Playwright waits
            return self.routes[0] if self.routes else None

        return wait_for(look, seconds=10, what="the request is sent")


def test_chapters_that_are_typed_while_others_are_saved_are_kept(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    panel = page.locator("[data-chapters-panel]")
    panel.get_by_role("button", name="Add chapter").click()
    fill_chapter(page, 0, "0:00:05", "Second")
    held = Held(page, "PUT")
    panel.get_by_role("button", name="Save chapters").click()
    route = held.wait()
    panel.get_by_role("button", name="Add chapter").click()
    fill_chapter(page, 1, "0:00:01", "First")
    route.continue_()
    expect(listed(page, "Chapters")).to_have_count(1)
    expect(panel.get_by_label("Title of the chapter")).to_have_count(2)
    expect(panel.get_by_label("Title of the chapter").nth(1)).to_have_value("First")
    expect(panel).not_to_contain_text("The chapters are saved.")
    panel.get_by_role("button", name="Save chapters").click()
    expect(panel).to_contain_text("The chapters are saved.")
    assert chapters(page, video) == [(1, 5, "First"), (5, SECONDS, "Second")]


def test_chapters_whose_answer_was_lost_are_not_somebody_elses(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    panel = page.locator("[data-chapters-panel]")
    panel.get_by_role("button", name="Add chapter").click()
    fill_chapter(page, 0, "0:00:01", "At the quay")
    held = Held(page, "PUT")
    panel.get_by_role("button", name="Save chapters").click()
    route = held.wait()
    route.fetch()
    route.abort()
    expect(panel).to_contain_text("The connection was lost. Try again.")
    panel.get_by_role("button", name="Save chapters").click()
    expect(panel).to_contain_text("The chapters are saved.")
    assert chapters(page, video) == [(1, SECONDS, "At the quay")]


def test_what_is_typed_about_a_track_while_it_is_saved_is_kept(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    add_text(page)
    track = page.locator("[aria-label=Tracks] > li")
    track.get_by_role("button", name="Edit English (subtitles)").click()
    track.get_by_label("Language").fill("en-GB")
    held = Held(page, "PATCH")
    page.keyboard.press("Enter")
    route = held.wait()
    track.get_by_label("Label").fill("British")
    route.continue_()
    expect(track).to_contain_text("(en-GB)")
    expect(track.get_by_label("Label")).to_have_value("British")
    track.get_by_role("button", name="Save").click()
    expect(track.get_by_label("Label")).to_have_count(0)
    (told,) = tracks(page, video)
    assert (told["language"], told["label"]) == ("en-GB", "British")


def test_nothing_can_be_typed_about_a_file_that_is_being_added(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    drop(page, film_de_srt=SUBRIP)
    file = pending(page, "film.de.srt")
    held = Held(page, "PUT")
    file.get_by_label("Label").fill("Deutsch")
    page.keyboard.press("Enter")
    route = held.wait()
    page.keyboard.type(", not sent")
    assert file.get_by_label("Label").input_value() == "Deutsch"
    route.abort()
    expect(file).to_contain_text("The connection was lost. Try again.")
    expect(file.get_by_label("Label")).to_be_focused()
    page.keyboard.press("Enter")
    expect(listed(page, "(de)")).to_contain_text("Deutsch")


def test_preview_has_a_menu_of_subtitles_and_gives_its_position_to_chapters(
    page: Page, installation: Installation, video: int
) -> None:
    open_video(page, installation, video)
    preview = page.locator(".vf-stage video")
    expect(preview).to_be_visible()
    menu = page.get_by_label("Subtitles", exact=True)
    expect(menu).to_be_hidden()
    preview.evaluate("(element) => { element.currentTime = 4.5; }")
    page.get_by_role("button", name="Add at the preview's position").click()
    expect(page.get_by_label("Start of the chapter")).to_have_value("0:00:04.500")
    expect(page.get_by_label("Title of the chapter")).to_be_focused()
    add_text(page)
    expect(menu).to_be_visible(timeout=15_000)
    menu.select_option("English")
    cue = "(element) => [...element.textTracks].find(({ mode }) => mode === 'showing')?.activeCues?.[0]?.text"
    page.wait_for_function(f"() => ({cue})(document.querySelector('.vf-stage video')) === 'The boats come in.'")
    assert preview.evaluate("(element) => element.currentTime") == pytest.approx(4.5, abs=0.1)
    add_text(page, "es")
    expect(menu.locator("option")).to_have_text(["Off", "English", "Spanish"], timeout=15_000)
    expect(menu).to_have_value("0")
    page.wait_for_function(f"() => ({cue})(document.querySelector('.vf-stage video')) === 'The boats come in.'")
    menu.select_option("Off")
    page.wait_for_function(f"() => !({cue})(document.querySelector('.vf-stage video'))")


def test_list_marks_a_video_without_captions_and_filters_by_them(
    page: Page, installation: Installation, video: int
) -> None:
    title = "Harbour"
    page.goto(f"{installation.url}{VIDEOS}")
    expect(row(page, title)).to_contain_text("No captions")
    page.goto(f"{installation.url}{VIDEOS}?captions=without")
    expect(row(page, title)).to_be_visible()
    open_video(page, installation, video)
    add_text(page)
    page.goto(f"{installation.url}{VIDEOS}?captions=with")
    expect(row(page, title)).to_be_visible()
    expect(row(page, title)).not_to_contain_text("No captions")
    page.goto(f"{installation.url}{VIDEOS}?captions=without")
    expect(row(page, title)).to_have_count(0)


def test_axe_finds_no_fault_while_everything_is_open(page: Page, installation: Installation, video: int) -> None:
    """On a desk and on a phone, light and dark."""
    page.context.add_init_script(npm.axe())
    open_video(page, installation, video)
    add_text(page)
    page.get_by_role("button", name="Edit English (subtitles)").click()
    drop(page, film_de_srt=SUBRIP, photo_jpg="x")
    page.get_by_role("button", name="Add chapter").click()
    page.get_by_role("button", name="Save chapters").click()
    expect(page.locator("[data-chapters-panel]")).to_contain_text("Enter a time")
    expect(page.get_by_label("Subtitles", exact=True)).to_be_visible(timeout=15_000)
    for size, theme in product((DESK, PHONE), THEMES):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(60)  # the menu leaves, or comes back
        assert page.evaluate(npm.VIOLATIONS) == [], (size, theme)
        assert page.evaluate(NAMELESS) == [], (size, theme)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size["width"], (size, theme)
