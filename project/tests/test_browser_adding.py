"""Adding videos in a real browser: one file belongs to the form, several are rows, and nothing entered is lost."""

import re
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from hls.tests.videos import small_video
from library.disk import size_text
from project.tests.admin_pages import (
    PIECE_BYTES,
    add_page,
    choose,
    csrf_token,
    large_file,
    row,
    save,
    submit_login,
    throttle,
    uploads,
    wait_for_bytes,
)
from project.tests.browser import needs_chromium
from project.tests.installation import Installation, wait_for

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

NO_NETWORK = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    names = ("harbour_at_dawn.mp4", "night_train.mp4", "third.mp4")
    return [small_video(folder / name, seconds=2, rate=24, size="320x240") for name in names]


@pytest.fixture
def page(page: Page) -> Page:
    """Without uploads of another test; each question that it asks is answered with yes."""
    page.on("dialog", lambda dialog: dialog.accept())
    end_uploads(page)
    return page


def end_uploads(page: Page) -> None:
    headers = {"Tus-Resumable": "1.0.0", "X-CSRFToken": csrf_token(page)}
    for upload in uploads(page):
        page.evaluate(
            "([id, headers]) => fetch(`/api/uploads/${id}/`, { method: 'DELETE', headers })", [upload["id"], headers]
        )


def title(page: Page) -> Locator:
    return page.locator("[name=title]")


def ready(page: Page) -> None:
    """Wait until the page has looked for what belongs to it."""
    page.wait_for_selector("[data-video-input][data-ready]")


def upload_titled(page: Page, clip: Path, name: str) -> None:
    choose(page, clip)
    expect(page.locator(".vf-item[data-state=done]")).to_be_visible()
    title(page).fill(name)


def titles(page: Page, installation: Installation) -> list[str]:
    page.goto(f"{installation.url}/admin/library/video/")
    return page.locator(".vf-title").all_text_contents()


def test_after_a_refused_file_the_next_one_belongs_to_the_form(
    page: Page, installation: Installation, tmp_path: Path, clips: list[Path]
) -> None:
    before = titles(page, installation)
    add_page(page, installation)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "picture.mp4").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))  # only the server sees what it is
    choose(page, tmp_path / "notes.txt")
    expect(page.locator(".vf-item", has_text="notes.txt")).to_contain_text("Files of this kind can't be used")
    choose(page, tmp_path / "picture.mp4")
    expect(page.locator(".vf-item", has_text="picture.mp4")).to_contain_text("This is no video but")
    expect(title(page)).to_have_value("")
    choose(page, clips[1])
    expect(page.locator(".vf-item[data-state=done]")).to_contain_text("Save to make it a video.")
    expect(title(page)).to_have_value("Night train")
    title(page).fill("The night train to Lisbon")
    save(page)
    assert sorted(titles(page, installation)) == sorted([*before, "The night train to Lisbon"])


def test_choosing_another_file_replaces_the_one_before_and_its_title(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    choose(page, clips[0])
    expect(title(page)).to_have_value("Harbour at dawn")
    choose(page, clips[1])
    expect(title(page)).to_have_value("Night train")
    expect(page.locator(".vf-item")).to_have_count(1)
    wait_for(lambda: len(uploads(page)) == 1, seconds=60, what="the first upload is ended")
    page.get_by_role("button", name="Remove night_train.mp4").click()
    expect(title(page)).to_have_value("")
    expect(page.locator("[name=video_file]")).to_be_focused()
    title(page).fill("My own words")
    choose(page, clips[0])
    expect(title(page)).to_have_value("My own words")


def held_beginnings(page: Page) -> list[tuple[Route, APIResponse]]:
    """From now on the server makes uploads, but its answers wait here until the test lets the page have them."""
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if is_post(route):
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route(re.compile(r"/api/uploads/$"), hold)
    return held


def wait_for_uploads(page: Page, *names: str) -> None:
    """Wait until the server has these of the editor's uploads, and no others."""
    wait_for(
        lambda: sorted(str(upload["name"]) for upload in uploads(page)) == sorted(names),
        seconds=60,
        what=f"the uploads are {names}",
    )


def test_a_file_that_is_replaced_while_its_upload_begins_does_not_stay_at_the_server(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    held = held_beginnings(page)
    choose(page, clips[0])
    wait_for_uploads(page, "harbour_at_dawn.mp4")
    choose(page, clips[1])
    wait_for_uploads(page, "harbour_at_dawn.mp4", "night_train.mp4")
    for route, answer in held:
        route.fulfill(response=answer)
    expect(page.locator(".vf-item[data-state=done]")).to_contain_text("night_train.mp4")
    wait_for_uploads(page, "night_train.mp4")
    expect(page.locator(".vf-item")).to_have_count(1)


def test_an_upload_that_is_paused_and_resumed_while_it_begins_is_one_upload(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    held = held_beginnings(page)
    choose(page, clips[0])
    wait_for_uploads(page, "harbour_at_dawn.mp4")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    wait_for_uploads(page, "harbour_at_dawn.mp4")
    for route, answer in held:
        route.fulfill(response=answer)
    expect(page.locator(".vf-item[data-state=done]")).to_be_visible()
    wait_for_uploads(page, "harbour_at_dawn.mp4")


def test_an_upload_that_is_paused_while_it_begins_sends_nothing_until_it_is_resumed(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    pieces: list[str] = []
    page.on("request", lambda request: pieces.append(request.url) if request.method == "PATCH" else None)
    add_page(page, installation)
    held = held_beginnings(page)
    choose(page, clips[0])
    wait_for_uploads(page, "harbour_at_dawn.mp4")
    page.get_by_role("button", name="Pause").click()
    with page.expect_event("requestfinished", lambda request: request.method == "POST"):
        held[0][0].fulfill(response=held[0][1])
    assert [upload["offset"] for upload in uploads(page)] == [0]
    assert pieces == []
    expect(page.locator(".vf-item[data-state=paused]")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".vf-item[data-state=done]")).to_be_visible()
    wait_for_uploads(page, "harbour_at_dawn.mp4")


@pytest.mark.parametrize(("click", "states"), [("Pause", ["paused"]), ("Remove", [])])
def test_a_beginning_that_is_lost_tells_nothing_of_what_was_stopped_before(
    page: Page, installation: Installation, clips: list[Path], click: str, states: list[str]
) -> None:
    add_page(page, installation)
    held = held_beginnings(page)
    choose(page, clips[0])
    wait_for_uploads(page, "harbour_at_dawn.mp4")
    page.get_by_role("button", name=click).click()
    with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        held[0][0].abort()
    rows = page.locator(".vf-item[data-state]")
    assert [row.get_attribute("data-state") for row in rows.all()] == states
    expect(page.locator("[data-video-input] .vf-unseen")).not_to_contain_text("lost")


def test_several_files_are_rows_that_are_saved_together(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    before = titles(page, installation)
    add_page(page, installation)
    page.select_option("[name=category]", "vlog")
    choose(page, *clips)
    expect(page.locator(".vf-item[data-state=done]")).to_have_count(3)
    expect(title(page)).to_be_hidden()
    page.get_by_label("Title of night_train.mp4").fill("Through the night")
    page.get_by_label("Category of third.mp4").select_option("tutorial")
    page.fill("[name=description]", "Of all three.")
    other = page.context.new_page()
    assert sorted(titles(other, installation)) == sorted(before), "nothing is published before Save"
    other.close()
    save(page)
    expect(page.get_by_text("3 videos were added.")).to_be_visible()
    expect(row(page, "Harbour at dawn")).to_contain_text("Vlog")
    expect(row(page, "Through the night")).to_contain_text("Vlog")
    expect(row(page, "Third")).to_contain_text("Tutorial")
    page.get_by_role("link", name="Through the night").click()
    expect(page.locator("[name=description]")).to_have_value("Of all three.")
    page.goto(page.url.replace("change", "history"))
    expect(page.get_by_text("Added file “night_train.mp4”.")).to_be_visible()


def test_rows_stay_after_an_error_and_after_a_reload(page: Page, installation: Installation, clips: list[Path]) -> None:
    add_page(page, installation)
    ready(page)
    choose(page, *clips[:2])
    expect(page.locator(".vf-item[data-state=done]")).to_have_count(2)
    page.get_by_label("Title of harbour_at_dawn.mp4").fill("Harbour in the evening")
    page.get_by_label("Title of night_train.mp4").fill("")
    page.click("[name=_save]")
    expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
    item = page.locator(".vf-item", has_text="night_train.mp4")
    expect(item).to_contain_text("Enter a title.")
    expect(page.get_by_label("Title of night_train.mp4")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Title of harbour_at_dawn.mp4")).to_have_value("Harbour in the evening")
    page.get_by_label("Title of night_train.mp4").fill("Train after the reload")
    page.goto(f"{installation.url}/admin/library/video/add/")
    ready(page)
    expect(page.get_by_text("What you had entered here is back.")).to_be_visible()
    expect(page.locator(".vf-item[data-state=done]")).to_have_count(2)
    expect(page.get_by_label("Title of night_train.mp4")).to_have_value("Train after the reload")
    save(page)
    expect(row(page, "Train after the reload")).to_be_visible()
    expect(row(page, "Harbour in the evening")).to_be_visible()
    add_page(page, installation)
    ready(page)
    expect(page.locator(".vf-item")).to_have_count(0)
    expect(page.locator(".vf-notice")).to_have_count(0)


def test_a_connection_that_is_lost_and_a_reload_lose_no_row(
    page: Page, installation: Installation, tmp_path: Path, clips: list[Path]
) -> None:
    large = large_file(tmp_path, "large.mp4", 30_000_000)
    add_page(page, installation)
    ready(page)
    network = throttle(page)
    choose(page, clips[2], large)
    page.get_by_label("Title of large.mp4").fill("The long one")
    wait_for_bytes(page, "large.mp4", PIECE_BYTES)
    network.send("Network.emulateNetworkConditions", {**NO_NETWORK, "offline": True})
    expect(page.locator(".vf-item", has_text="large.mp4")).to_contain_text("Connection lost")
    network.send("Network.emulateNetworkConditions", {**NO_NETWORK, "offline": False})
    page.reload()
    ready(page)
    item = page.locator(".vf-item", has_text="large.mp4")
    expect(item).to_contain_text("Choose the file again to go on.")
    expect(page.locator(".vf-unfinished")).to_have_count(0)
    page.click("[name=_save]")
    expect(page.locator(".vf-note")).to_have_text("Not saved yet: choose large.mp4 again, or remove it.")
    choose(page, large)
    page.click("[name=_save]")
    page.wait_for_url("**/admin/library/video/", timeout=60_000)
    expect(row(page, "The long one")).to_be_visible()
    expect(row(page, "Third").first).to_be_visible()


def test_a_second_window_neither_ends_nor_offers_an_upload_of_the_first(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    large = large_file(tmp_path, "elsewhere.mp4", 30_000_000)
    add_page(page, installation)
    throttle(page)
    choose(page, large)
    wait_for_bytes(page, "elsewhere.mp4", PIECE_BYTES)
    second = page.context.new_page()
    add_page(second, installation)
    ready(second)
    unfinished = second.locator(".vf-unfinished")
    expect(unfinished).to_contain_text("It is being uploaded in another window.")
    expect(unfinished.get_by_role("button")).to_have_count(0)
    page.close(run_before_unload=False)
    expect(unfinished).to_contain_text("Choose the file again to go on.")
    expect(unfinished.get_by_role("button", name="Discard elsewhere.mp4")).to_be_visible()
    choose(second, large)
    expect(second.locator(".vf-unfinished")).to_have_count(0)
    expect(second.locator(".vf-item")).to_have_count(1)
    expect(second.locator(".vf-item[data-state=done]")).to_be_visible(timeout=30_000)
    assert len(uploads(second)) == 1


def test_removing_an_upload_while_a_piece_arrives_is_never_an_error_of_the_server(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status) if "/api/uploads/" in answer.url else None)
    add_page(page, installation)
    throttle(page)
    choose(page, large_file(tmp_path, "removed.mp4", 30_000_000))
    wait_for_bytes(page, "removed.mp4", PIECE_BYTES)
    page.get_by_role("button", name="Remove removed.mp4").click()
    wait_for(lambda: uploads(page) == [], seconds=60, what="the upload is ended")
    expect(page.locator(".vf-item")).to_have_count(0)
    assert max(statuses) < 500


@pytest.mark.parametrize("is_second_window", [False, True], ids=["here", "another window"])
def test_a_file_that_is_chosen_again_while_its_upload_is_being_removed_is_not_lost(
    page: Page, installation: Installation, tmp_path: Path, *, is_second_window: bool
) -> None:
    large = large_file(tmp_path, "again.mp4", 20_000_000)
    add_page(page, installation)
    ends: list[Route] = []
    page.route(
        re.compile(r"/api/uploads/.+"),
        lambda route: ends.append(route) if route.request.method == "DELETE" else route.continue_(),
    )
    network = throttle(page)
    choose(page, large)
    wait_for_bytes(page, "again.mp4", PIECE_BYTES)
    page.get_by_role("button", name="Remove again.mp4").click()
    network.send("Network.emulateNetworkConditions", {**NO_NETWORK, "offline": False})
    other = page
    if is_second_window:
        other = page.context.new_page()
        add_page(other, installation)
        ready(other)
    choose(other, large)
    expect(other.locator(".vf-item[data-state=done]")).to_be_visible(timeout=30_000)
    with page.expect_event("requestfinished", lambda request: request.method == "DELETE"):
        ends[0].continue_()
    wait_for_uploads(other, "again.mp4")
    [upload] = uploads(other)
    assert upload["offset"] == large.stat().st_size
    assert other.locator("[data-upload-id]").input_value() == upload["id"]


def test_a_piece_that_arrives_while_its_upload_is_removed_is_answered_with_410(
    page: Page, installation: Installation
) -> None:
    cookies = {str(cookie.get("name")): str(cookie.get("value")) for cookie in page.context.cookies()}
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-CSRFToken": cookies["csrftoken"],
        "Tus-Resumable": "1.0.0",
    }
    name = {"Upload-Length": "2000000", "Upload-Metadata": "filename YS5tcDQ="}  # a.mp4
    begun = answer_to(installation, "POST", "/api/uploads/", headers | name)
    address = str(begun.headers["Location"])
    sending = HTTPConnection("127.0.0.1", installation.port, timeout=20)
    sending.putrequest("PATCH", address)
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": "2000000"}
    for key, value in (headers | piece).items():
        sending.putheader(key, value)
    sending.endheaders(b"\0\0\0\x18ftypmp42" + bytes(999_988))
    wait_for(lambda: uploads(page)[0]["offset"] > 0, seconds=60, what="the piece arrives")
    assert answer_to(installation, "DELETE", address, headers).status == 204
    sending.send(bytes(1_000_000))
    assert sending.getresponse().status == 410
    sending.close()


def answer_to(installation: Installation, method: str, path: str, headers: dict[str, str]) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", installation.port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_a_file_dropped_beside_the_zone_does_not_leave_the_page(page: Page, installation: Installation) -> None:
    add_page(page, installation)
    prevented = page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(["text"], "beside.mp4"));
      const drop = (type, target) => {
        const event = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
        target.dispatchEvent(event);
        return event.defaultPrevented;
      };
      const elsewhere = document.querySelector("h1");
      const picture = document.querySelector("[name=thumbnail]");
      return [drop("dragover", elsewhere), drop("drop", elsewhere), drop("drop", picture)];
    }""")
    assert prevented == [True, True, False], "the browser's own file field for the thumbnail takes drops"
    expect(page.locator(".vf-note")).to_contain_text("Nothing was uploaded")
    assert uploads(page) == []


def test_what_was_typed_is_back_after_a_reload_and_can_be_dropped(page: Page, installation: Installation) -> None:
    add_page(page, installation)
    ready(page)
    title(page).fill("Half a title")
    picture = {"name": "poster.png", "mimeType": "image/png", "buffer": b"a picture"}
    page.set_input_files("[name=thumbnail]", picture)  # type: ignore[arg-type]
    page.select_option("[name=category]", "action")
    page.reload()
    ready(page)
    expect(title(page)).to_have_value("Half a title")
    expect(page.locator("[name=category]")).to_have_value("action")
    expect(page.locator(".vf-notice[role=status]")).to_contain_text("What you had entered here is back.")
    expect(page.locator(".vf-picture-input")).to_contain_text("poster.png was not saved; please choose it again.")
    page.get_by_role("button", name="Start afresh").click()
    expect(page.locator(".vf-notice")).to_have_count(0)
    expect(title(page)).to_have_value("")


def test_a_save_after_the_session_ended_loses_neither_text_nor_file(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    ready(page)
    upload_titled(page, clips[0], "Typed before the session ended")
    page.fill("[name=description]", "A long description.")
    page.context.clear_cookies(name="sessionid")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/login/**")
    submit_login(page)
    page.wait_for_url("**/admin/library/video/**")
    ready(page)
    expect(page.locator(".vf-notice")).to_contain_text("This was not saved: you had been signed out")
    expect(title(page)).to_have_value("Typed before the session ended")
    expect(page.locator("[name=description]")).to_have_value("A long description.")
    expect(page.locator(".vf-item[data-state=done]")).to_contain_text("harbour_at_dawn.mp4")
    save(page)
    expect(row(page, "Typed before the session ended")).to_be_visible()


def test_a_save_whose_answer_was_lost_is_found_to_be_saved(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    ready(page)
    upload_titled(page, clips[2], "Saved without an answer")

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.route("**/admin/library/video/add/", lambda route: lose(route) if is_post(route) else route.continue_())
    with page.expect_event("framenavigated", lambda frame: frame.url.startswith("chrome-error:")):
        page.click("[name=_save]")
    page.context.clear_cookies(name="saved_form")  # it came with the answer, which the test's own request has read
    add_page(page, installation)
    ready(page)
    expect(page.locator(".vf-note")).to_contain_text("third.mp4 has become a video already.")
    expect(title(page)).to_have_value("")
    expect(page.locator(".vf-item, .vf-notice")).to_have_count(0)
    page.get_by_role("link", name="Open it").click()
    expect(title(page)).to_have_value("Saved without an answer")


def is_post(route: Route) -> bool:
    return route.request.method == "POST"


def test_a_save_of_a_video_that_somebody_deleted_offers_the_text_again(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    choose(page, clips[1])
    title(page).fill("Soon deleted")
    page.click("[name=_continue]")
    page.wait_for_url(re.compile(r"/change/"))
    ready(page)
    other = page.context.new_page()
    other.goto(page.url.replace("change", "delete"))
    other.get_by_role("button", name="Yes, I").click()
    other.wait_for_url("**/admin/library/video/")
    title(page).fill("Written with care")
    page.fill("[name=description]", "At length.")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/library/video/add/")
    expect(page.get_by_text("Somebody has deleted this video meanwhile")).to_be_visible()
    expect(title(page)).to_have_value("Written with care")
    expect(page.locator("[name=description]")).to_have_value("At length.")
    page.reload()
    ready(page)
    expect(title(page)).to_have_value("Written with care")
    choose(page, clips[1])
    save(page)
    expect(row(page, "Written with care")).to_be_visible()


def test_an_earlier_upload_replaces_only_the_video_that_it_was_meant_for_and_after_a_question(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    changed = added(page, installation, clips[0], "To be replaced")
    ready(page)
    expect(page.locator("label[for=id_video_file]")).not_to_contain_text("*")
    page.evaluate(DROP, ["one.mp4", "two.mp4"])
    expect(page.locator(".vf-note")).to_have_text("Nothing was uploaded: choose one file, which replaces this video's.")
    choose(page, clips[1])
    page.get_by_role("button", name="Remove night_train.mp4").click()
    expect(title(page)).to_have_value("To be replaced")
    choose(page, clips[1])
    expect(page.locator(".vf-item[data-state=done]")).to_contain_text("Saving replaces “harbour_at_dawn.mp4” by it.")
    page.close()
    page = page.context.new_page()
    add_page(page, installation)
    ready(page)
    expect(page.locator(".vf-unfinished")).to_have_count(0)
    page.goto(changed)
    ready(page)
    page.get_by_role("button", name="Use this file night_train.mp4").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Replace “harbour_at_dawn.mp4” by “night_train.mp4”?")
    expect(dialog).to_contain_text("can be restored for 7 days")
    page.keyboard.press("Escape")
    expect(page.locator("[data-upload-id]")).to_have_value("")
    page.get_by_role("button", name="Use this file night_train.mp4").click()
    dialog.get_by_role("button", name="Replace").click()
    expect(page.locator(".vf-item[data-state=done]")).to_contain_text("Saving replaces")
    save(page)
    page.goto(changed.replace("change", "history"))
    expect(page.get_by_text("Changed Video file (harbour_at_dawn.mp4 replaced by night_train.mp4).")).to_be_visible()


DROP = """(names) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File(["not empty"], name));
  const field = document.querySelector(".vf-drop:not(.vf-drop-small)");
  field.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


def added(page: Page, installation: Installation, clip: Path, name: str) -> str:
    """Add a video. Returns the address of its page, where the browser is then."""
    add_page(page, installation)
    choose(page, clip)
    title(page).fill(name)
    page.click("[name=_continue]")
    page.wait_for_url(re.compile(r"/change/"))
    return page.url


@pytest.mark.parametrize("size", [0, 1, 999, 1536, 999_990, 20_000_000_000, 3 * 10**12])
def test_the_page_tells_sizes_as_the_server_does(page: Page, installation: Installation, size: int) -> None:
    told = page.evaluate("async (size) => (await import('/static/library/uploads/words.js')).sizeText(size)", size)
    assert told == size_text(size)


def test_the_largest_size_is_told_in_decimal_units(page: Page, installation: Installation) -> None:
    add_page(page, installation)
    expect(page.locator(".vf-hint", has_text="at most")).to_contain_text("at most 20.0 GB")
    expect(page.get_by_text("JPEG, PNG, WebP, AVIF, GIF or BMP.")).to_be_visible()


def test_upload_goes_on_where_it_was_after_signing_in_again(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    large = large_file(tmp_path, "signed_out.mp4", 20_000_000)
    add_page(page, installation)
    throttle(page)
    choose(page, large)
    wait_for_bytes(page, "signed_out.mp4", PIECE_BYTES)
    page.get_by_role("button", name="Pause signed_out.mp4").click()
    before = uploads(page)
    session = [cookie for cookie in page.context.cookies() if cookie.get("name") == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Resume signed_out.mp4").click()
    expect(page.locator(".vf-item")).to_contain_text("You have been signed out.")
    page.context.add_cookies(cast("Any", session))
    page.get_by_role("button", name="Try again signed_out.mp4").click()
    expect(page.locator(".vf-item[data-state=done]")).to_be_visible(timeout=30_000)
    assert [upload["id"] for upload in uploads(page)] == [upload["id"] for upload in before]


def test_reload_while_the_server_can_not_be_asked_forgets_no_upload(
    page: Page, installation: Installation, clips: list[Path]
) -> None:
    add_page(page, installation)
    ready(page)
    upload_titled(page, clips[1], "Away")
    page.route("**/api/uploads/**", lambda route: route.abort())
    page.reload()
    ready(page)
    expect(page.locator(".vf-item")).to_contain_text("The server can't be asked how much is uploaded.")
    expect(page.locator(".vf-item")).not_to_contain_text("%")
    page.unroute("**/api/uploads/**")
    page.reload()
    ready(page)
    expect(page.locator(".vf-item[data-state=done]")).to_have_count(1)
    save(page)
    expect(row(page, "Away")).to_be_visible()
