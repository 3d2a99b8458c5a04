"""Subtitles and sounds in the players that frontends use: their menus, switching, times, and changes while one watches.

hls.js, video.js and Shaka Player in a real Chromium play what the whole program has made of one file, by the lines that
docs/frontend.md has for them.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser

from library.tests.videos import PASSWORD
from project.tests.browser import chromium, needs_chromium
from project.tests.documented import PLAYERS, page_with_players
from project.tests.edge import nginx, nginx_binary
from project.tests.installation import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Installation,
    serving_without_demo,
    wait_for,
)
from project.tests.tracked import (
    ENGLISH,
    FRENCH,
    GERMAN,
    RATE,
    SEGMENT_S,
    TONES,
    Line,
    plain_video,
    subrip,
    tracked_video,
)
from project.tests.tracked_player import Cues, Room, TrackedPlayer

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services, pytest.mark.browser, needs_chromium]

ADA = "ada@example.com"
BEGIN = """
from django.core.management import call_command
from library.tests.videos import make_viewer
make_viewer({email!r})
call_command("import_video", {tracked!r}, title="Several sounds")
call_command("import_video", {plain!r}, title="One sound")
"""
TRANSCODES = """
import json
from hls.models import Transcode
rows = list(Transcode.objects.order_by("pk").values())
print(json.dumps(rows, default=str))
"""
MENU_PLAYERS = PLAYERS[:3]
SWITCHED_S = 1.0
SEEN_S = 5.0
LAST_TEXT = "/segment_005.vtt"
CUE_S = 0.040
# Shaka counts subtitles from when the first picture is decoded, which is two frames before it is shown (B-frames)
DECODED_BEFORE_S = {"Shaka": 2 / RATE}
TEXTS = [("English", "en"), ("German", "de")]
NEW_ENGLISH = [replace(line, text=f"New {line.text}") for line in ENGLISH]


@dataclass(frozen=True)
class Library:
    """The program with a video of several sounds, and one of a single sound whose subtitles were uploaded."""

    installation: Installation
    editor: httpx.Client
    tracked: int
    plain: int
    transcodes_at_first: str = ""  # once both videos were ready

    def put(self, video: int, language: str, lines: Sequence[Line]) -> None:
        file = (f"{language}.srt", subrip(lines))
        form = {"kind": "subtitles", "language": language}
        answer = self.editor.put(f"/video/{video}/tracks/", data=form, files={"file": file})
        assert answer.status_code == 200, answer.text

    def delete(self, video: int, label: str) -> None:
        tracks = self.editor.get(f"/video/{video}/tracks/").json()
        [found] = [track["id"] for track in tracks if (track["kind"], track["label"]) == ("subtitles", label)]
        assert self.editor.delete(f"/video/{video}/tracks/{found}/").status_code == 204

    def asked(self, start: int) -> list[str]:
        """The paths that the web server was asked for, from this place in its log until now."""
        last = f"/api/video/{uuid4().int}/"
        self.editor.get(last.removeprefix("/api"))
        wait_for(lambda: last in self.installation.log("serve"), seconds=20, what="the log is written")
        return re.findall(r'"path": "([^"]+)"', self.installation.log("serve")[start:])

    def transcodes(self) -> str:
        return self.installation.shell(TRANSCODES)

    def is_made(self, video: int) -> bool:
        tracks = self.editor.get(f"/video/{video}/tracks/").json()
        is_ready = self.editor.get(f"/video/{video}/").json()["status"] == "ready"
        return is_ready and all(track["state"] == "ready" for track in tracks)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with serving_without_demo(tmp_path_factory.mktemp("tracks")) as made:
        yield made


@pytest.fixture(scope="module")
def begun(installation: Installation) -> tuple[int, int]:
    """The videos, which are being made from now on."""
    tracked = tracked_video(installation.folder / "tracked.mkv")
    plain = plain_video(tracked, installation.folder / "plain.mp4")
    said = installation.shell(BEGIN.format(email=ADA, tracked=str(tracked), plain=str(plain)))
    *_, one, other = said.split()
    return int(one), int(other)


@pytest.fixture(scope="module")
def page_port(tmp_path_factory: pytest.TempPathFactory, begun: tuple[int, int]) -> Iterator[int]:
    with page_with_players(tmp_path_factory.mktemp("players")) as port:
        yield port


@pytest.fixture(scope="module")
def library(installation: Installation, begun: tuple[int, int], page_port: int) -> Iterator[Library]:
    with httpx.Client(base_url=f"{installation.url}/api", timeout=30) as editor:
        body = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        signed_in = editor.post("/login/", json=body, headers={"X-Token-Transport": "body"}).json()
        editor.headers["Authorization"] = f"Bearer {signed_in['access']}"
        made = Library(installation, editor, *begun)
        for language, lines in (("en", ENGLISH), ("de", GERMAN)):
            made.put(made.plain, language, lines)
        wait_for(lambda: all(map(made.is_made, begun)), seconds=240, what="the videos are made")
        yield replace(made, transcodes_at_first=made.transcodes())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=no-user-gesture-required") as opened:
        yield opened


@pytest.fixture(scope="module")
def room(browser: Browser, page_port: int, library: Library) -> Room:
    return Room(browser, f"http://127.0.0.1:{page_port}/", library.installation.url, ADA, PASSWORD)


@pytest.mark.parametrize("name", MENU_PLAYERS)
def test_menus_list_every_track_and_a_sound_is_switched_within_a_second(
    room: Room, library: Library, name: str
) -> None:
    with room.open(name, library.tracked) as player:
        assert player.menu("sounds") == [(tone.label, tone.language) for tone in TONES]
        assert player.menu("texts") == TEXTS
        english, german, described = TONES
        player.hears(english.hz)
        for tone in (german, described, german, english, german):
            assert player.hear(tone.label, tone.hz) < SWITCHED_S
        for moment, tone in ((13, english), (SEGMENT_S, german), (21.5, english)):
            player.seek(moment)
            player.plays_on(0.2)
            assert player.hear(tone.label, tone.hz) < SWITCHED_S
        player.hear(described.label, 0)  # it has ended, and the video goes on for a while
        player.seek(16)
        player.hears(described.hz)
        player.plays_on(8)
        player.hears(0)


@pytest.mark.parametrize(("which", "name"), [*product(["tracked", "plain"], MENU_PLAYERS), ("plain", "by itself")])
def test_subtitles_appear_at_their_times(room: Room, library: Library, which: str, name: str) -> None:
    with room.open(name, getattr(library, which)) as player:
        assert player.menu("texts") == TEXTS
        player.reads()
        player.read("English")
        shift = player.picture_shift()
        player.seek(0.5)  # a busy browser has played past the first line meanwhile
        seen = player.reads(ENGLISH[0].text)
        for moment, line in ((17.4, 3), (2 * SEGMENT_S + 0.2, 2), (SEGMENT_S, 1), (21.1, 4), (25, 5)):
            seen |= player.seek_and_read(moment, ENGLISH[line])
        assert_on_time(seen, ENGLISH, shift + DECODED_BEFORE_S.get(name, 0))
        player.read("German")
        player.reads(GERMAN[5].text)
        player.read(None)
        player.reads()


def assert_on_time(seen: Cues, lines: Sequence[Line], shift: float) -> None:
    """Each line, and no other, is a cue whose times are those of the file, `shift` seconds later."""
    assert seen.keys() == {line.text for line in lines}
    for line in lines:
        start, end = seen[line.text]
        assert start - shift == pytest.approx(line.start_ms / 1_000, abs=CUE_S), line
        assert end - shift == pytest.approx(line.end_ms / 1_000, abs=CUE_S), line


@pytest.mark.parametrize("name", PLAYERS)
def test_client_that_knows_one_resolution_alone_has_picture_and_sound(room: Room, library: Library, name: str) -> None:
    for video in (library.tracked, library.plain):
        with room.open(name, video, "480p/index.m3u8") as player:
            player.hears(TONES[0].hz)
            player.plays_until(1)
            assert player.height == 480


@pytest.fixture
def changing(library: Library) -> Iterator[Callable[[int], None]]:
    """Gives a video French subtitles and replaces its English ones; what was there before is there afterwards."""
    changed = []

    def change(video: int) -> None:
        library.put(video, "fr", FRENCH)
        library.put(video, "en", NEW_ENGLISH)
        changed.append(video)

    yield change
    for video in changed:
        library.delete(video, "French")
        library.put(video, "en", ENGLISH)


@pytest.mark.parametrize(("which", "names"), [("tracked", MENU_PLAYERS), ("plain", ["video.js"])])
def test_new_subtitles_disturb_nobody_and_are_there_for_who_comes(
    room: Room, library: Library, changing: Callable[[int], None], which: str, names: Sequence[str]
) -> None:
    video: int = getattr(library, which)
    with ExitStack() as stack:
        watching = [stack.enter_context(room.open(name, video)) for name in names]
        for player in watching:
            player.read("English")
            player.seek_and_read(2, ENGLISH[0])
        later = [player for player in watching if not has_fetched(player, LAST_TEXT)]
        assert later != []
        changing(video)
        deadline = time.monotonic() + SEEN_S
        for name in names:
            with room.waiting(name) as newcomer:
                room.load_until_listed(newcomer, video, "French", deadline=deadline)
                assert sorted(newcomer.menu("texts")) == sorted([*TEXTS, ("French", "fr")])
                newcomer.read("French")
                newcomer.seek_and_read(25, FRENCH[-1])
                newcomer.read("English")
                newcomer.reads(NEW_ENGLISH[-1].text)
        for player in watching:
            player.plays_until(6)
            player.seek_and_read(25, ENGLISH[-1])
            player.plays_on(1)
        assert all(has_fetched(player, LAST_TEXT) for player in later)
    assert library.transcodes() == library.transcodes_at_first


def has_fetched(player: TrackedPlayer, ending: str) -> bool:
    return any(path.endswith(ending) for path in player.fetched())


@pytest.mark.edge
@pytest.mark.skipif(nginx_binary() is None, reason="no nginx found")
def test_edge_sends_sounds_and_texts_the_second_time_without_asking(
    room: Room, library: Library, tmp_path: Path
) -> None:
    data, upstream = library.installation.folder / "var", f"127.0.0.1:{library.installation.port}"
    viewers = ((ADA, PASSWORD), (ADMIN_EMAIL, ADMIN_PASSWORD))
    fetched, asked = [], []
    with nginx(tmp_path / "nginx", upstream=upstream, data=data) as edge:
        for email, password in viewers:
            start = len(library.installation.log("serve"))
            at_the_edge = replace(room, api=edge, email=email, password=password)
            with at_the_edge.open("hls.js", library.tracked) as player:
                player.read("English")
                player.reads(ENGLISH[0].text)
                player.seek_and_read(25, ENGLISH[-1])
                player.hear(TONES[1].label, TONES[1].hz)
                fetched.append(player.fetched())
            asked.append(library.asked(start))
    for paths, reached in zip(fetched, asked, strict=True):
        assert {Path(path).parent.name for path in paths if path.endswith(".ts")} >= {"audio_0", "audio_1"}
        assert [path for path in reached if path.endswith(".ts")] == []
    first, second = ({path for path in paths if path.endswith(".vtt")} for paths in fetched)
    assert any(path.endswith(LAST_TEXT) for path in first & second)
    assert first & second & set(asked[0])
    assert first & set(asked[1]) == set()
