"""The system's Chromium, and a small frontend on an origin of its own."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from scripts.services import chromium_binary

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1360, "height": 800}
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung"  # wider than a phone
WAIT_MS = 60_000  # for what a page is to show: how soon it does on a busy machine is not what is tested
HLS_JS = settings.BASE_DIR / "library/static/library/vendor/hls.js-1.7.4/hls.min.js"

needs_chromium = pytest.mark.skipif(chromium_binary() is None, reason="Chromium is not installed")
expect.set_options(timeout=WAIT_MS)


@contextmanager
def chromium(*more_arguments: str) -> Iterator[Browser]:
    arguments = [*ARGUMENTS, *more_arguments]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@contextmanager
def strict_page(context: BrowserContext) -> Iterator[Page]:
    """The context's page: an error in a script, or one against the policy, fails the test. The context is closed.

    What a test answers in the server's place is answered before that: closed in the middle of it, the context fails
    another test.
    """
    wrong: list[str] = []
    with context:
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        try:
            yield page
        finally:
            for opened in context.pages:
                opened.unroute_all(behavior="wait")
    assert wrong == [], wrong


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        """Log nothing: only the test's output counts."""


@contextmanager
def frontend(folder: Path, port: int, api: str) -> Iterator[str]:
    """Serve the player's page from an origin other than the API's, as real frontends do."""
    page = (Path(__file__).parent / "player.html").read_text()
    (folder / "index.html").write_text(page.replace("<script>", f"<script>const API = {api!r};", 1))
    (folder / "hls.min.js").write_bytes(HLS_JS.read_bytes())
    with files(folder, port) as address:
        yield address


@contextmanager
def files(folder: Path, port: int) -> Iterator[str]:
    """Serve a folder, under both of this machine's IPv4 names."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
