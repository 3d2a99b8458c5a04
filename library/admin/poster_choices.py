"""The storyboard's pictures, offered as posters on a video's page."""

from dataclasses import dataclass

import video_paths
from hls.stills import StoryboardTile, tiles
from library.admin.progress import clock_text
from library.models import Video
from library.posters import MOST_TILES


@dataclass(frozen=True)
class Still:
    """A tile with the address of its sheet."""

    number: int
    clock: str
    sheet_url: str
    x: int
    y: int
    width: int
    height: int


def stills_of(video: Video) -> list[Still]:
    return [still(video, entry) for entry in tiles(video.transcode, most=MOST_TILES)]


def still(video: Video, entry: StoryboardTile) -> Still:
    version = video.transcode.served_version
    address = video_paths.file(video.pk, entry.sheet, version)
    return Still(entry.number, clock_text(entry.at_s), address, entry.x, entry.y, entry.width, entry.height)
