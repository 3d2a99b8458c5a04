"""Signing in with more than a password, as people do it in a browser."""

from base64 import b32decode
from collections.abc import Iterator

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, Page, Route, expect

from accounts.tests.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from project.tests import npm
from project.tests.admin_pages import submit_login
from project.tests.browser import PHONE, needs_chromium
from project.tests.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, serving_without_demo

NEWCOMER = f"""
from accounts.models import User
User.objects.create_user("dora", "dora@example.com", {ADMIN_PASSWORD!r}, is_staff=True)
"""

pytestmark = [pytest.mark.services, pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Installation]:
    oidc = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    settings = {**oidc, "OIDC_NAME": "Example ID", "ADMIN_REQUIRE_2FA": "True"}
    with serving_without_demo(tmp_path_factory.mktemp("sign-in"), **settings) as made:
        yield made


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """On a phone, at night, with a script that looks for faults."""
    with browser.new_context(viewport=PHONE, color_scheme="dark") as context:
        context.add_init_script(npm.axe())
        yield context.new_page()


def enter(page: Page, code: str) -> None:
    page.fill("[name=code]", code)
    page.press("[name=code]", "Enter")


def faults(page: Page) -> list[str]:
    found: list[str] = page.evaluate(npm.VIOLATIONS, None)
    width: int = page.evaluate("document.scrollingElement.scrollWidth")
    return [*found, f"{width} pixels wide"] if width > PHONE["width"] else found


def test_second_factor_is_set_up_where_it_is_required_and_asked_for_from_then_on(
    visitor: Page, installation: Installation
) -> None:
    page = visitor
    page.goto(f"{installation.url}/admin/accounts/user/")
    submit_login(page)
    page.wait_for_url("**/admin/second-factor/")
    expect(page.locator("svg.vf-qr")).to_be_visible()
    assert faults(page) == []
    key = b32decode((page.locator(".vf-typed").text_content() or "").replace(" ", ""))
    enter(page, f"{totp(key):06d}")
    codes = page.get_by_label("Recovery codes").input_value().split()
    assert len(codes) == 10
    assert faults(page) == []
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/accounts/user/")
    page.goto(f"{installation.url}/admin/second-factor/")
    expect(page.get_by_text("Recovery codes left: 10 of 10.")).to_be_visible()
    assert faults(page) == []

    page.context.clear_cookies()
    page.goto(f"{installation.url}/admin/")
    submit_login(page)
    page.wait_for_url("**/admin/second-factor/code/")
    enter(page, "000000")
    expect(page.get_by_text("This code is wrong, or was used before.")).to_be_visible()
    assert faults(page) == []
    enter(page, codes[0])
    page.wait_for_url("**/admin/")

    page.context.clear_cookies()
    page.goto(f"{installation.url}/watch/sign-in")
    page.get_by_label("E-mail").fill(ADMIN_EMAIL)
    page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_be_focused()
    assert faults(page) == []
    page.keyboard.type(codes[1])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{installation.url.replace('127.0.0.1', 'localhost')}/watch/")


def test_recovery_codes_are_shown_to_who_clicks_twice(visitor: Page, installation: Installation) -> None:
    page = visitor
    installation.shell(NEWCOMER)
    page.goto(f"{installation.url}/admin/")
    page.fill("[name=username]", "dora@example.com")
    page.fill("[name=password]", ADMIN_PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/second-factor/")
    held: list[Route] = []
    page.route("**/admin/second-factor/", lambda route: held.append(route))
    key = b32decode((page.locator(".vf-typed").text_content() or "").replace(" ", ""))
    page.fill("[name=code]", f"{totp(key):06d}")
    twice = "(button) => { button.click(); setTimeout(() => button.click(), 300); }"
    page.locator("form [type=submit]").last.evaluate(twice)
    page.wait_for_timeout(1000)
    for route in held:
        route.continue_()
    expect(page.get_by_label("Recovery codes")).to_be_visible()
    assert len(held) == 1


def test_single_sign_on_leads_a_viewer_where_they_wanted_and_into_no_admin(
    visitor: Page, installation: Installation, provider: Provider
) -> None:
    page, site = visitor, installation.url.replace("127.0.0.1", "localhost")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{site}/watch/sign-in?next=%2F%3Fcategory%3Ddrama")
    button = page.get_by_role("link", name="Sign in with Example ID")
    expect(button).to_be_visible()
    assert faults(page) == []
    provider.refuses = "access_denied"
    button.click()
    expect(page.get_by_text("You have cancelled the sign-in.")).to_be_visible()
    assert faults(page) == []
    provider.refuses = ""
    button.click()
    expect(page).to_have_url(f"{site}/watch/?category=drama")
    expect(page.get_by_text("eve@example.com").first).to_be_attached()

    page.goto(f"{site}/admin/login/")
    assert faults(page) == []
    page.get_by_role("link", name="Sign in with Example ID").click()
    expect(page.get_by_text("Your account may not use the admin.")).to_be_visible()
    assert faults(page) == []
    assert wrong == []


def test_who_has_no_password_signs_in_again_to_choose_one_and_to_delete_the_account(
    visitor: Page, installation: Installation, provider: Provider
) -> None:
    page, site = visitor, installation.url.replace("127.0.0.1", "localhost")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    provider.person = {"sub": "dan-1", "email": "dan@example.com", "email_verified": True}
    page.goto(f"{site}/watch/sign-in?next=%2Faccount")
    page.get_by_role("link", name="Sign in with Example ID").click()
    again = page.get_by_role("link", name="Sign in again with Example ID")
    expect(again).to_be_visible()
    expect(page.get_by_role("button", name="Delete my account")).to_have_count(0)
    assert faults(page) == []

    provider.refuses = "access_denied"
    again.click()
    expect(page.get_by_text("You have cancelled the sign-in.")).to_be_visible()
    provider.refuses = ""
    again.click()
    expect(page.get_by_text("You have signed in again.")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("Your e-mail, to be sure").fill("eve@example.com")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("This is not your e-mail.")).to_be_visible()
    for label in ("New password", "New password again"):
        page.get_by_label(label, exact=True).fill("another quiet river")
    page.get_by_role("button", name="Choose this password").click()
    expect(page.get_by_text("Your password has been changed.")).to_be_visible()
    expect(page.get_by_label("Old password")).to_be_visible()
    assert faults(page) == []

    provider.person = {"sub": "flo-1", "email": "flo@example.com", "email_verified": True}
    page.context.clear_cookies()
    page.goto(f"{site}/watch/sign-in?next=%2Faccount")
    page.get_by_role("link", name="Sign in with Example ID").click()
    again.click()
    page.get_by_label("Your e-mail, to be sure").fill("Flo@example.com")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    assert wrong == []
