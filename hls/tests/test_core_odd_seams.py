"""Unusual pictures across a chunk boundary: both sides of the seam are treated alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hls.tests.clips import Look, make, remux
from hls.tests.watching import WatchedVideo, assert_plays, encode, frames, luma, numbers, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 10
FRAMES = 135  # four chunks: the last one begins at 12 seconds
LOOK = Look(width=320, height=240, rate=str(RATE), duration_s=FRAMES / RATE)
HDR = "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"


def turned(folder: Path) -> Path:
    flat = make(folder / "flat.mp4", look=Look(240, 320, str(RATE), LOOK.duration_s), filters="transpose=cclock")
    return remux(flat, folder / "video.mp4", before=("-display_rotation", "-90"))


def interlaced(folder: Path) -> Path:
    """Progressive pictures stored as fields, as broadcasters do."""
    fields = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme")
    return make(folder / "video.mkv", look=LOOK, video=fields, filters="setfield=tff")


def hdr(folder: Path) -> Path:
    hevc = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", HDR)
    return make(folder / "video.mp4", look=LOOK, video=hevc)


def wide_pixels(folder: Path) -> Path:
    return make(folder / "video.mp4", look=LOOK, filters="setsar=4/3")


def twice_the_rate(folder: Path) -> Path:
    return make(folder / "video.mp4", look=Look(320, 240, "120", 12.5))


def changing_size(folder: Path) -> Path:
    """The picture becomes smaller just before the seam, at 11 seconds."""
    large = make(folder / "large.ts", look=Look(320, 240, str(RATE), 11), audio=None)
    small = make(folder / "small.ts", look=Look(160, 120, str(RATE), 2.5), audio=None)
    later = remux(small, folder / "later.ts", after=("-output_ts_offset", "11"))
    clip = folder / "video.ts"
    clip.write_bytes(large.read_bytes() + later.read_bytes())
    return clip


WHOLE = list(range(FRAMES))
SOURCES: dict[str, tuple[Callable[[Path], Path], list[int]]] = {
    "turned": (turned, WHOLE),
    "interlaced": (interlaced, WHOLE),
    "HDR": (hdr, WHOLE),
    "wide pixels": (wide_pixels, WHOLE),
    "120 frames a second": (twice_the_rate, list(range(0, 1500, 2))),
    "changing size": (changing_size, [*range(110), *range(25)]),
}


@pytest.fixture(scope="module", params=SOURCES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[WatchedVideo, list[int]]:
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    source, shown = SOURCES[request.param]
    return encode(source(folder), folder), shown


def test_every_frame_is_shown_once_and_in_order(made: tuple[WatchedVideo, list[int]]) -> None:
    clip, shown = made
    assert clip.plan.source.video.is_interlaced == (clip.folder.name.startswith("interlaced"))
    assert len(clip.plan.timeline.chunks) == 4
    assert numbers(clip.joined("480p")) == shown
    assert steps(timestamps(clip.joined("480p"), "video")) == {90_000 / clip.plan.timeline.rate}


def test_the_video_breaks_no_rule(made: tuple[WatchedVideo, list[int]]) -> None:
    clip, _ = made
    assert_plays(clip)


def test_the_picture_is_as_bright_after_the_seam_as_before(made: tuple[WatchedVideo, list[int]]) -> None:
    """The brightness between the blocks, where nothing moves."""
    clip, _ = made
    seam = clip.plan.timeline.chunks[-1].first_frame
    pictures = list(frames(clip.joined("480p")))
    before, after = (luma(pictures[number], 0.5, 0.85) for number in (seam - 1, seam))
    assert abs(before - after) <= 2
