"""Carol at the admin; and what most tests in a browser start with: an installation, Chromium, and an editor's page.

A module that needs another installation or browser makes a fixture of the same name.
"""

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, StorageState

from accounts.tests.factories import UserFactory
from project.tests.admin_pages import sign_in
from project.tests.browser import chromium, strict_page
from project.tests.installation import Installation, serving_without_demo


@pytest.fixture
def admin(db: None, client: Client) -> Client:
    """Django's test client, in which Carol is signed in to the admin."""
    client.force_login(UserFactory.create(email="carol@example.com", superuser=True))
    return client


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all tests of a module, without a video."""
    with serving_without_demo(tmp_path_factory.mktemp("installation")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a module, each of which opens a context of its own."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def signed_in(browser: Browser, installation: Installation) -> StorageState:
    """The cookies of an editor who has signed in at the admin. A test that ends this session breaks the next ones."""
    with strict_page(browser.new_context()) as opened:
        sign_in(opened, installation)
        return opened.context.storage_state()


@pytest.fixture
def page(browser: Browser, installation: Installation, signed_in: StorageState) -> Iterator[Page]:
    """Signed in at the admin, and strict: an error in a script, or one against the policy, fails the test.

    It begins with a short text of the same origin, from which scripts may fetch, as it may from pages of the admin.
    """
    with strict_page(browser.new_context(storage_state=signed_in)) as opened:
        opened.goto(f"{installation.url}/static/library/once.js")
        yield opened
