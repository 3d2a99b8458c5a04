"""What others build on, in a browser: a key that is made and copied, and a stranger's page that uploads one file."""

from pathlib import Path

import httpx
import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from project.tests.admin_pages import sign_in
from project.tests.browser import DESK, files, needs_chromium, strict_page
from project.tests.installation import Installation, free_port, serving_without_demo

pytestmark = [pytest.mark.services, pytest.mark.browser, needs_chromium]

[TUS_JS] = (settings.BASE_DIR / "library/static/library/vendor").glob("tus-js-client-*/tus.min.js")
PAGE = "<!doctype html><title>Send us a film</title><script src=tus.min.js></script>"
UPLOAD = """
([url, size]) => new Promise((resolve, reject) => {
  const bytes = new Uint8Array(size);
  bytes.set([0, 0, 0, 24, 102, 116, 121, 112, 109, 112, 52, 50]);
  const upload = new tus.Upload(new Blob([bytes]), {
    endpoint: url, chunkSize: 100000, metadata: { filename: "entry.mp4" }, storeFingerprintForResuming: false,
    onError: (error) => reject(String(error)), onSuccess: () => resolve(upload.url),
  });
  upload.start();
})
"""


def test_key_is_made_and_copied_and_a_stranger_uploads_with_its_grant(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text(PAGE)
    (tmp_path / "site/tus.min.js").write_text(TUS_JS.read_text())
    with (
        serving_without_demo(tmp_path, CSRF_TRUSTED_ORIGINS=f"http://127.0.0.1:{port}") as installation,
        files(tmp_path / "site", port) as address,
    ):
        with strict_page(browser.new_context(viewport=DESK)) as page:
            key = {"Authorization": f"Bearer {made_and_copied(page, installation)}"}
        told = {"title": "Entry 17", "max_bytes": 400_000, "expires_in": 600}
        grant = httpx.post(f"{installation.url}/api/upload-grants/", json=told, headers=key).raise_for_status()
        url = grant.json()["url"]
        with browser.new_context() as context:
            stranger = context.new_page()
            stranger.goto(address)
            assert stranger.evaluate(UPLOAD, [url, 350_000]) == url
            with pytest.raises(Exception, match="410"):
                stranger.evaluate(UPLOAD, [url, 350_000])
        [video] = httpx.get(f"{installation.url}/api/video/?status=any", headers=key).raise_for_status().json()
        assert video["title"] == "Entry 17"


def made_and_copied(page: Page, installation: Installation) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, installation)
    page.get_by_role("link", name="API keys").click()
    page.goto(f"{installation.url}/admin/accounts/apikey/add/")
    page.fill("[name=name]", "Importer")
    for scope in ("videos:read", "uploads:write"):
        page.check(f"[name=scopes][value='{scope}']")
    page.fill("[name=expires]", "90d")
    page.click("[name=_save]")
    expect(page.locator("#vf-key")).to_be_visible()
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("vfk_")
    page.get_by_role("link", name="To the keys").click()
    expect(page.locator("tr.data-row")).to_contain_text("videos:read")
    assert copied not in page.content()
    return copied
