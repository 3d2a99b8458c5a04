"""Stills: single pictures of a served video in full size, chosen by the tiles of its storyboard."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageStat

from hls.binary import encoder
from hls.core import names, storyboard
from hls.core.encoding.poster_frames import extract_frame, moment_of_tile
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.models import State, Transcode
from hls.pictures import POSTER_WIDTH, segment_file
from hls.published import PublishedVersion, current


@dataclass(frozen=True)
class StoryboardTile:
    """A small picture of the storyboard: the moment that it shows, and where it lies on its sheet, in pixels."""

    number: int
    at_s: float
    sheet: str
    x: int
    y: int
    width: int
    height: int


def tiles(transcode: Transcode, *, most: int) -> list[StoryboardTile]:
    """At most so many tiles, spread over the video. None while a new version is made: the plan is that version's."""
    version = current(transcode)
    if version is None or transcode.plan is None or transcode.state != State.READY:
        return []
    plan = Plan.from_json(transcode.plan)
    step = max(1, -(-plan.tile_count // most))
    return [tile(plan, number) for number in range(0, plan.tile_count, step)]


def tile(plan: Plan, number: int) -> StoryboardTile:
    spot = storyboard.place(plan, number)
    at_s = float(plan.timeline.seconds(number * plan.frames_per_tile))
    return StoryboardTile(number, at_s, names.sheet_name(spot.sheet), spot.x, spot.y, plan.tile_width, plan.tile_height)


def liveliest(transcode: Transcode, *, most: int) -> int:
    """The number of the tile with the most contrast. Raises TranscodeError where there is no storyboard."""
    version = current(transcode)
    found = tiles(transcode, most=most)
    if version is None or not found:
        raise TranscodeError(Code.SOURCE_MISSING, "no storyboard")
    return max(found, key=lambda entry: contrast(version, entry)).number


def contrast(version: PublishedVersion, entry: StoryboardTile) -> float:
    with Image.open(BytesIO(version.place.below(entry.sheet).read())) as sheet:
        box = (entry.x, entry.y, entry.x + entry.width, entry.y + entry.height)
        return ImageStat.Stat(sheet.crop(box).convert("L")).stddev[0]


def take_still(transcode: Transcode, number: int, target: Path) -> None:
    """Write the picture at the tile's moment as a JPEG, from the best rendition.

    Raises TranscodeError: SOURCE_MISSING where there is no such tile, ENCODER_FAILED, TIMEOUT.
    """
    version = current(transcode)
    if version is None or transcode.plan is None or transcode.state != State.READY:
        raise TranscodeError(Code.SOURCE_MISSING, "nothing is served")
    plan = Plan.from_json(transcode.plan)
    if not 0 <= number < plan.tile_count:
        raise TranscodeError(Code.SOURCE_MISSING, "no such tile")
    moment = moment_of_tile(plan, number)
    best = version.renditions[-1]
    segment = version.place.below(f"{best.name}/{names.segment_name(moment.segment)}")
    with segment_file(segment) as path:
        extract_frame(path, target, at_s=moment.at_s, width=min(POSTER_WIDTH, best.width), encoder=encoder())
