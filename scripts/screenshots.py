"""Pictures of every page, taken from a real program in a real browser.

    .venv/bin/python -m scripts.screenshots            the few that the README shows, into docs/images/
    .venv/bin/python -m scripts.screenshots FOLDER     all pages, wide and narrow, light and dark: to be looked at

A program of its own is started on an empty data folder, videos are made with ffmpeg and uploaded, and the pages are
taken while it works on them. Needs Chromium and takes about three minutes.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SCRATCH = tempfile.TemporaryDirectory(prefix="videoflix-pictures-")
os.environ |= {"DJANGO_SETTINGS_MODULE": "project.settings", "ENV_FILE": "", "DATA_DIR": f"{SCRATCH.name}/unused"}

from PIL import Image  # noqa: E402 (the settings' environment has to be there first)
from playwright.sync_api import Browser, Page  # noqa: E402

from project.tests.admin_pages import sign_in  # noqa: E402
from project.tests.browser import chromium  # noqa: E402
from project.tests.installation import (  # noqa: E402
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Installation,
    serving_without_demo,
    wait_for,
)
from scripts.screenshot_clips import LATER, LONG, SHORT, made  # noqa: E402

LARGE_BYTES = 120_000
VIDEOS = "/admin/library/video/"


@dataclass(frozen=True)
class Appearance:
    """A way in which a page is looked at."""

    name: str
    width: int
    height: int
    scheme: str


WIDE, NARROW = (1360, 800), (390, 844)
README = Appearance("", *WIDE, "light")
LOOKS = [
    Appearance(f"{name}-{scheme}", *size, scheme)
    for name, size in (("wide", WIDE), ("narrow", NARROW))
    for scheme in ("light", "dark")
]


class Studio:
    """The program, its videos, and a browser that is signed in."""

    def __init__(self, installation: Installation, browser: Browser, folder: Path, looks: Sequence[Appearance]) -> None:
        self.installation = installation
        self.browser = browser
        self.folder = folder
        self.looks = looks
        context = browser.new_context()
        sign_in(context.new_page(), installation)
        self.cookies = context.cookies()
        context.close()

    def submit(self, title: str, category: str, path: Path) -> int:
        return self.installation.import_video(path, title, "--category", category)

    @contextmanager
    def opened(self, path: str, look: Appearance, *, is_known: bool = True) -> Iterator[Page]:
        size = {"width": look.width, "height": look.height}
        context = self.browser.new_context(viewport=size, color_scheme=look.scheme)  # type: ignore[arg-type]
        if is_known:
            context.add_cookies(self.cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{self.installation.url}{path}", wait_until="load")
        page.wait_for_timeout(600)
        try:
            yield page
        finally:
            context.close()

    def take(self, name: str, path: str, *, is_known: bool = True, whole: bool = True) -> None:
        for look in self.looks:
            with self.opened(path, look, is_known=is_known) as page:
                self.keep(page, name, look, whole=whole)

    def keep(self, page: Page, name: str, look: Appearance, *, whole: bool = True) -> None:
        """As a PNG, with a palette of its own where it would be large."""
        path = self.folder / f"{'-'.join(filter(None, (name, look.name)))}.png"
        picture = Image.open(BytesIO(page.screenshot(full_page=whole))).convert("RGB")
        picture.save(path, optimize=True)
        if path.stat().st_size > LARGE_BYTES:
            picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)

    def percent(self, video: int) -> float:
        with self.browser.new_context() as context:
            context.add_cookies(self.cookies)  # type: ignore[arg-type]
            answer = context.request.get(f"{self.installation.url}/api/video/{video}/transcode/")
            return float(answer.json()["percent"])


def change_page(video: int) -> str:
    return f"{VIDEOS}{video}/change/"


def take_for_readme(studio: Studio) -> None:
    done = [studio.submit(clip.title, clip.category, made(clip, Path(SCRATCH.name))) for clip in SHORT]
    wait_for(
        lambda: all(studio.percent(video) == 100 for video in done), seconds=120, what="the short videos are ready"
    )
    take_watching(studio, done[0])
    studio.take("video", change_page(done[0]), whole=False)
    studio.submit("Notes of a Meeting", "vlog", not_a_video())
    clips = [made(clip, Path(SCRATCH.name)) for clip in (LONG, *LATER)]
    long = studio.submit(LONG.title, LONG.category, clips[0])
    wait_for(lambda: studio.percent(long) > 30, seconds=240, what="the long video is under way")
    for clip, path in zip(LATER, clips[1:], strict=True):
        studio.submit(clip.title, clip.category, path)
    studio.take("videos", VIDEOS, whole=False)
    studio.take("dashboard", "/admin/", whole=False)
    studio.take("api", "/api/docs", whole=False)
    for video in done[1:]:
        make_draft(studio, video)
    studio.take("drafts", f"{VIDEOS}?publication=draft", whole=False)


def take_all(studio: Studio) -> None:
    take_empty(studio)
    done = [studio.submit(clip.title, clip.category, made(clip, Path(SCRATCH.name))) for clip in SHORT]
    broken = studio.submit("Notes of a Meeting", "vlog", not_a_video())
    wait_for(
        lambda: all(studio.percent(video) == 100 for video in done), seconds=120, what="the short videos are ready"
    )
    take_still(studio, ready=done[0], failed=broken)
    take_watching(studio, done[0])
    take_uploads(studio)
    take_moving(studio)


def take_empty(studio: Studio) -> None:
    studio.take("login", "/admin/login/", is_known=False)
    studio.take("welcome", "/", is_known=False)
    studio.take("docs", "/api/docs", whole=False)
    studio.take("dashboard-empty", "/admin/")
    studio.take("videos-empty", VIDEOS)
    studio.take("add", f"{VIDEOS}add/")


def take_still(studio: Studio, *, ready: int, failed: int) -> None:
    """Pages on which nothing moves."""
    studio.take("video-ready", change_page(ready))
    studio.take("video-failed", change_page(failed))
    studio.take("delete", f"{VIDEOS}{ready}/delete/")
    studio.take("retry", f"{VIDEOS}{failed}/retry/")
    studio.take("history", f"{VIDEOS}{ready}/history/")
    studio.take("queue", "/admin/hueystats/hueydashboard/")
    studio.take("users", "/admin/accounts/user/")
    studio.take("user", "/admin/accounts/user/1/change/")
    studio.take("user-add", "/admin/accounts/user/add/")
    studio.take("groups", "/admin/auth/group/")
    studio.take("group", "/admin/auth/group/1/change/")
    studio.take("mails", "/admin/accounts/mail/")
    studio.take("webhook-add", "/admin/library/webhookendpoint/add/")
    studio.take("webhooks", "/admin/library/webhookendpoint/")
    for look in studio.looks:
        with studio.opened(VIDEOS, look) as page:
            page.check("#action-toggle")
            page.select_option("[name=action]", "regenerate_selected")
            studio.keep(page, "videos-selected", look)
            page.press("[name=action]", "Tab")
            page.locator("[name=index]").first.click()
            page.wait_for_timeout(600)
            studio.keep(page, "bulk", look)


def make_draft(studio: Studio, video: int) -> None:
    with studio.opened(f"{VIDEOS}{video}/unpublish/", studio.looks[0]) as page:
        page.get_by_role("button", name="Unpublish").click()
        page.wait_for_load_state()


def take_watching(studio: Studio, video: int) -> None:
    """The page to watch on, which goes on under `localhost` by itself."""
    for look in studio.looks:
        with studio.opened("/watch/", look, is_known=False) as page:
            page.get_by_label("E-mail").fill(ADMIN_EMAIL)
            page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Videos").wait_for()
            page.wait_for_timeout(600)
            studio.keep(page, "watch", look, whole=False)
            page.goto(f"http://localhost:{studio.installation.port}/watch/video/{video}")
            page.get_by_role("button", name="Play:").click()
            page.wait_for_timeout(2500)
            page.get_by_role("slider", name="Seek").hover()
            page.wait_for_timeout(600)
            studio.keep(page, "watch-video", look, whole=False)


def take_uploads(studio: Studio) -> None:
    """Two uploads on their way, and one that was refused."""
    large = [Path(SCRATCH.name) / f"{name}.mov" for name in ("summer_in-lisbon", "winter.in.oslo")]
    for path in large:
        path.write_bytes(os.urandom(30_000_000))
    wrong = Path(SCRATCH.name) / "notes.txt"
    wrong.write_text("no video")
    limits = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 2_000_000}
    for look in studio.looks:
        with studio.opened(f"{VIDEOS}add/", look) as page:
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", limits)
            page.set_input_files("[name=video_file]", [*large, wrong])
            page.wait_for_timeout(6000)
            studio.keep(page, "uploads", look)


def take_moving(studio: Studio) -> None:
    clips = [made(clip, Path(SCRATCH.name)) for clip in (LONG, *LATER)]
    long = studio.submit(LONG.title, LONG.category, clips[0])
    wait_for(lambda: studio.percent(long) > 0, seconds=60, what="the long video has begun")
    later = [studio.submit(clip.title, clip.category, path) for clip, path in zip(LATER, clips[1:], strict=True)]
    studio.take("video-queued", change_page(later[-1]))
    studio.take("videos", VIDEOS)
    studio.take("video-processing", change_page(long))
    studio.take("dashboard", "/admin/")
    studio.take("cancel", f"{VIDEOS}{long}/cancel/")
    studio.installation.manage("transcode", "cancel", str(later[0]))
    studio.take("video-cancelled", change_page(later[0]))


def not_a_video() -> Path:
    path = Path(SCRATCH.name) / "notes.mp4"
    path.write_bytes(b"no video at all " * 1000)
    return path


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0]) if arguments else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with SCRATCH, serving_without_demo(Path(SCRATCH.name)) as installation, chromium() as browser:
        studio = Studio(installation, browser, folder, LOOKS if arguments else [README])
        (take_all if arguments else take_for_readme)(studio)
    for path in sorted(folder.glob("*.png")):
        print(f"{path.stat().st_size / 1000:6.0f} kB  {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
