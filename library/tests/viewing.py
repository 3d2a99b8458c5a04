"""What a viewer gets of a real file: uploaded, made by a worker's steps, and fetched as a player does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from hls import steps
from hls.conformance import webvtt
from hls.conformance.m3u8 import attributes, parse
from library.models import Video
from library.tests.videos import Player
from library.videos import add_video

TICKS_PER_MS = 90


@dataclass(frozen=True)
class Timed:
    """A cue, on the clock of the pictures' PTS."""

    begin_s: float
    end_s: float
    text: str


def ready(path: Path, title: str = "Real") -> Video:
    """A video of this file after all steps that there are."""
    video = add_video(path, title=title)
    while steps.do_next():
        pass
    video.transcode.refresh_from_db()
    assert (video.transcode.state, video.transcode.error_code) == ("ready", "")
    return video


@dataclass(frozen=True)
class Viewing:
    """A video as it comes over the API."""

    player: Player
    video: Video

    @property
    def master(self) -> str:
        return f"/api/video/{self.video.pk}/master.m3u8"

    def body(self, address: str) -> bytes:
        response = self.player.get(address)
        assert response.status_code == 200, address
        return bytes(response.sent)

    def alternates(self, kind: str) -> list[dict[str, str]]:
        """What the multivariant playlist says of its sounds ("AUDIO") or texts ("SUBTITLES"), with whole addresses."""
        tags = parse(self.master, self.body(self.master).decode()).all("EXT-X-MEDIA")
        told = [dict(attributes(tag.value)) for tag in tags]
        return [{**each, "URI": urljoin(self.master, each["URI"])} for each in told if each["TYPE"] == kind]

    def segments(self, playlist: str) -> Iterator[bytes]:
        for entry in parse(playlist, self.body(playlist).decode()).entries:
            yield self.body(urljoin(playlist, entry.uri))

    def joined(self, playlist: str, target: Path) -> Path:
        """A playlist's segments as one file."""
        target.write_bytes(b"".join(self.segments(playlist)))
        return target

    def pictures(self, target: Path) -> Path:
        """The first variant's segments as one file."""
        first = parse(self.master, self.body(self.master).decode()).entries[0]
        return self.joined(urljoin(self.master, first.uri), target)

    def cues(self, playlist: str) -> list[Timed]:
        """A text's cues by its segments; each segment says itself what its times mean."""
        found: dict[Timed, None] = {}
        for body in self.segments(playlist):
            text = webvtt.parse(body)
            assert text.zero_pts is not None
            zero_ms = text.zero_pts / TICKS_PER_MS
            for cue in text.cues:
                found[Timed((zero_ms + cue.begin_ms) / 1000, (zero_ms + cue.end_ms) / 1000, cue.text)] = None
        return list(found)
