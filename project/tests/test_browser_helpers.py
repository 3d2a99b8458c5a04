"""What tests in a browser share: nothing of one is left for the next."""

import time

import pytest
from playwright.sync_api import Browser, Route

from library.tests.origin import Request, origin
from project.tests.browser import needs_chromium, strict_page
from project.tests.installation import wait_for

pytestmark = [pytest.mark.browser, needs_chromium]


def title(request: Request) -> None:
    request.answer(200, b"<!doctype html><title>Page</title>", Content_Type="text/html")


def slow(request: Request) -> None:
    time.sleep(0.5)
    title(request)


def test_answer_that_is_still_on_its_way_at_a_tests_end_fails_no_other_test(browser: Browser) -> None:
    begun: list[str] = []
    answered: list[int] = []

    def pass_on(route: Route) -> None:
        begun.append(route.request.url)
        answer = route.fetch()
        answered.append(answer.status)
        route.fulfill(response=answer)

    with origin() as server:
        address = server.offers("/", title)
        server.offers("/later", slow)
        with strict_page(browser.new_context()) as page:
            page.goto(address)
            page.route("**/later", pass_on)
            page.evaluate("void fetch('/later')")

            def look() -> list[str]:
                page.wait_for_timeout(10)  # routes are told of while Playwright waits
                return begun

            wait_for(look, seconds=10, what="the request reaches the test")
        assert answered == [200]
        with strict_page(browser.new_context()) as page:
            page.goto(address)
            assert page.title() == "Page"
