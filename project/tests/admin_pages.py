"""The admin's pages as an editor uses them in a browser: signing in, adding videos, and seeing what has arrived."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Locator, Page

from project.tests.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, wait_for

PIECE_BYTES = 8 << 20
SLOW_BYTES_PER_S = 6_000_000


def sign_in(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/admin/")
    submit_login(page)
    page.wait_for_url("**/admin/")


def submit_login(page: Page) -> None:
    page.fill("[name=username]", ADMIN_EMAIL)
    page.fill("[name=password]", ADMIN_PASSWORD)
    page.press("[name=password]", "Enter")


def csrf_token(page: Page) -> str:
    [token] = [str(cookie.get("value")) for cookie in page.context.cookies() if cookie.get("name") == "csrftoken"]
    return token


def add_page(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/admin/library/video/add/")
    page.wait_for_selector(".vf-drop")


def choose(page: Page, *paths: Path) -> None:
    page.set_input_files("[name=video_file]", list(paths))


def save(page: Page) -> None:
    """Save, and come to the list of videos."""
    page.click("[name=_save]")
    page.wait_for_url("**/admin/library/video/")


def row(page: Page, title: str) -> Locator:
    return page.locator("tr.data-row", has_text=title)


def uploads(page: Page) -> list[dict[str, Any]]:
    """The editor's unfinished uploads, as the API tells them."""
    found: list[dict[str, Any]] = page.evaluate("fetch('/api/uploads/').then((answer) => answer.json())")
    return found


def wait_for_bytes(page: Page, name: str, size: int) -> None:
    """Wait until the server has this many bytes of the file."""
    wait_for(
        lambda: any(upload["name"] == name and upload["offset"] >= size for upload in uploads(page)),
        seconds=30,
        what=f"{size} bytes of {name} arrive",
    )


def throttle(page: Page) -> CDPSession:
    """Let the page send slowly. Returns the session by which that can be changed."""
    session = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW_BYTES_PER_S}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", limits)
    return session


def large_file(folder: Path, name: str, size: int) -> Path:
    """Bytes that differ everywhere, so that a piece out of place changes the hash."""
    path = folder / name
    path.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(size - 12))
    return path
