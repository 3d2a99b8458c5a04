"""What tests in a browser share: nothing of one is left for the next."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Route

from project.tests.browser import needs_chromium, strict_page

pytestmark = [pytest.mark.browser, needs_chromium]


class Slow(BaseHTTPRequestHandler):
    """A page at once, and all else in half a second."""

    def do_GET(self) -> None:
        if self.path != "/":
            threading.Event().wait(0.5)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Slow</title>")

    def log_message(self, format: str, *values: object) -> None:
        """Log nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_answer_that_is_still_on_its_way_at_a_tests_end_fails_no_other_test(browser: Browser, slow: str) -> None:
    answered: list[int] = []

    def pass_on(route: Route) -> None:
        answer = route.fetch()
        answered.append(answer.status)
        route.fulfill(response=answer)

    with strict_page(browser.new_context()) as page:
        page.goto(slow)
        page.route("**/later", pass_on)
        with page.expect_request("**/later"):
            page.evaluate("void fetch('/later')")
    assert answered == [200]
    with strict_page(browser.new_context()) as page:
        page.goto(slow)
        assert page.title() == "Slow"
