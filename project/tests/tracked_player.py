"""A player on a viewer's page, made of the lines of docs/frontend.md, and what is seen and heard of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import BAD_REQUEST, OK
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from project.tests.documented import PLAYERS, documented_page, documented_scripts
from project.tests.tracked import Line

WATCHING = Path(__file__).parent / "watching.js"
BUFFER_S = 6  # as little as goes, so that there is always something left to fetch
HOOKS = {
    "hls.js": f"""
        hls.config.maxBufferLength = {BUFFER_S};
        hls.on(Hls.Events.ERROR, (_, data) => isHarmless(data) || seen.errors.push(data.details));""",
    "video.js": f"""
        videojs.Vhs.GOAL_BUFFER_LENGTH = {BUFFER_S};
        player.on("error", () => seen.errors.push(player.error().message));""",
    "Shaka": f"""
        player.configure("streaming.bufferingGoal", {BUFFER_S});
        player.addEventListener("error", ({{ detail }}) => seen.errors.push(detail.code));""",
    "by itself": "const [sounds, hear] = [() => [], null];",
}
OPEN = """
const video = await (await call("video/{video}/")).json();
video.hls_url = video.hls_url.replace("master.m3u8", "{playlist}");
watchPicture();
{lines}
{hooks}
await until(() => element.readyState > 0);
await listen();
playing = {{ sounds, texts, hear, read, textTracks: () => {tracks} }};
await element.play();
"""

type Cues = dict[str, tuple[float, float]]  # when each text is shown, in seconds


@dataclass(frozen=True)
class TrackedPlayer:
    """What one of the documented players plays."""

    page: Page
    name: str

    def menu(self, which: str) -> list[tuple[str, str]]:
        """Each label and language of `sounds` or `texts`."""
        listed: list[dict[str, str]] = self.page.evaluate(f"playing.{which}()")
        return [(one["label"], one["language"]) for one in listed]

    def plays_until(self, time: float) -> None:
        self.page.evaluate("playsUntil", time)

    def plays_on(self, seconds: float) -> None:
        self.plays_until(self.time + seconds)

    @property
    def time(self) -> float:
        return float(self.page.evaluate("element.currentTime"))

    def seek(self, time: float) -> None:
        self.page.evaluate("(time) => (element.currentTime = time)", time)

    def hear(self, label: str, hz: int) -> float:
        """Choose a sound. Returns how long the old one was heard, in seconds of the video."""
        return float(self.page.evaluate("([label, hz]) => (playing.hear(label), playedUntilHeard(hz))", [label, hz]))

    def hears(self, hz: int) -> None:
        self.page.evaluate("playedUntilHeard", hz)

    def read(self, label: str | None) -> None:
        """Choose subtitles, or none."""
        self.page.evaluate("(label) => playing.read(label)", label)

    def reads(self, *texts: str) -> Cues:
        """Wait until just these are shown. Returns the cues that the player knows."""
        return told(self.page.evaluate("(texts) => reads(...texts)", list(texts)))

    def seek_and_read(self, time: float, line: Line) -> Cues:
        return told(self.page.evaluate("([time, text]) => seekAndRead(time, text)", [time, line.text]))

    def picture_shift(self) -> float:
        """By how much the picture of a moment is shown later than at that moment of the player's clock, in seconds.

        The picture turns with each full second; a busy browser may still see it turn later than it does. To be asked
        before any seek, since that looks like a turn.
        """
        self.page.evaluate("until(() => seen.flips.length >= 2)")
        flips: list[float] = self.page.evaluate("seen.flips")
        return min(flip - int(flip) for flip in flips)

    def fetched(self) -> list[str]:
        """The paths of all that the page was sent and has got whole."""
        return [path for path, status in self.page.evaluate("fetched()") if status == OK]

    def refused(self) -> list[str]:
        return [path for path, status in self.page.evaluate("fetched()") if status >= BAD_REQUEST]

    @property
    def errors(self) -> list[str]:
        return list(self.page.evaluate("seen.errors"))

    @property
    def height(self) -> int:
        return int(self.page.evaluate("element.videoHeight"))


def told(cues: list[Any]) -> Cues:
    return {text: (start, end) for start, end, text in cues}


@dataclass(frozen=True)
class Room:
    """Where players are opened: the page on `address` calls the API at `api`."""

    browser: Browser
    address: str
    api: str
    email: str
    password: str

    @contextmanager
    def open(self, name: str, video: int, playlist: str = "master.m3u8") -> Iterator[TrackedPlayer]:
        """A new viewer's page, in which this player has begun to play. No error may come, and nothing be refused."""
        with self.waiting(name) as player:
            self.load(player, video, playlist)
            yield player
            assert (player.errors, player.refused()) == ([], []), (player.errors, player.refused())

    @contextmanager
    def waiting(self, name: str) -> Iterator[TrackedPlayer]:
        """A new viewer's page in which nothing has been loaded."""
        with self.browser.new_context() as context:
            yield TrackedPlayer(context.new_page(), name)

    def load(self, player: TrackedPlayer, video: int, playlist: str = "master.m3u8") -> None:
        """Load the page, or load it anew."""
        player.page.goto(self.address)
        player.page.add_script_tag(path=WATCHING)
        documented = documented_page(player.page, self.api)
        assert documented.run(f"return (await signIn('{self.email}', '{self.password}')).status") == 200
        scripts, number = documented_scripts(), PLAYERS.index(player.name)
        lines = "\n".join(scripts[heading][number] for heading in ("Players", "Subtitles and sounds"))
        tracks = "player.textTracks()" if player.name == "video.js" else "element.textTracks"
        hooks = HOOKS[player.name]
        documented.run(OPEN.format(video=video, playlist=playlist, lines=lines, hooks=hooks, tracks=tracks))

    def load_until_listed(self, player: TrackedPlayer, video: int, label: str, *, deadline: float) -> None:
        """Load the page until its menu of subtitles has this label, as one has to that is loaded after the deadline."""
        is_listed = False
        while not is_listed:
            is_late = time.monotonic() > deadline
            self.load(player, video)
            is_listed = label in [one for one, _ in player.menu("texts")]
            assert is_listed or not is_late
