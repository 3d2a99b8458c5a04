"""The lines of docs/frontend.md, run on a page with three players that is served from another port than the API."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Page

from project.tests import npm
from project.tests.browser import HLS_JS, files
from project.tests.installation import free_port

PLAYERS = ("hls.js", "video.js", "Shaka", "by itself")  # in the order of their lines
SCRIPTS = ("video.js/dist/video.min.js", "shaka-player/dist/shaka-player.compiled.js")


def documented_scripts() -> dict[str, list[str]]:
    """The scripts of docs/frontend.md, by their headings."""
    sections = re.split(r"^## (.+)$", (settings.BASE_DIR / "docs/frontend.md").read_text(), flags=re.MULTILINE)[1:]
    scripts = (re.findall(r"^```js\n(.+?)^```", text, re.MULTILINE | re.DOTALL) for text in sections[1::2])
    return dict(zip(sections[::2], scripts, strict=True))


@contextmanager
def page_with_players(folder: Path) -> Iterator[int]:
    """Serve it under both of this machine's names. The port."""
    modules = npm.installed(npm.VIDEO_JS, npm.SHAKA)
    site = folder / "site"
    site.mkdir()
    for script in (*(modules / path for path in SCRIPTS), HLS_JS):
        shutil.copy(script, site)
    shutil.copy(Path(__file__).parent / "frontend.html", site / "index.html")
    port = free_port()
    with files(site, port):
        yield port


@dataclass(frozen=True)
class Documented:
    """A page of somebody's frontend, and the lines that every other there builds on."""

    page: Page
    flow: str

    def run(self, code: str) -> Any:
        return self.page.evaluate(f"async () => {{ {self.flow}; {code} }}")


def documented_page(page: Page, api: str) -> Documented:
    """The page, which calls the API at this address."""
    (flow,) = documented_scripts()["Signing in with cookies"]
    return Documented(page, flow.replace("http://localhost:8000", api))
