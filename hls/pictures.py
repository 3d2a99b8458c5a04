"""Poster and storyboard, made from the tiles that the chunks left and from the best rendition."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath

import structlog
from PIL import Image, ImageStat

from hls.core import names, storyboard
from hls.core.encoding.encode import Encoder
from hls.core.encoding.poster_frames import extract_frame
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.folders import TILES
from hls.renewal import LeaseRenewal
from hls.store.interface import Place, StoreFailed

log = structlog.get_logger("videoflix.hls")

SHEET_QUALITY = 70
POSTER_WIDTH = 1280
DARKEST = 24.0  # mean luminance (of 255) below which a picture counts as black
FLATTEST = 12.0  # standard deviation below which it counts as empty


def write_storyboard(plan: Plan, tiles: Place, folder: Path, lease: LeaseRenewal) -> int:
    """Lay the tiles on sheets and return how many sheets there are. A tile that can't be read stays black.

    Raises StoreFailed.
    """
    count = storyboard.sheet_count(plan)
    for sheet in range(count):
        picture = Image.new("RGB", storyboard.sheet_size(plan, sheet))
        for number in range(plan.tile_count):
            lease.go_on()
            spot = storyboard.place(plan, number)
            if spot.sheet == sheet and (tile := tile_of(tiles, number)):
                picture.paste(tile.resize((plan.tile_width, plan.tile_height)), (spot.x, spot.y))
        picture.save(folder / names.sheet_name(sheet), "JPEG", quality=SHEET_QUALITY, optimize=True, progressive=True)
    return count


def tile_of(tiles: Place, number: int) -> Image.Image | None:
    """The tile as a picture; None where it is missing or no picture. Raises StoreFailed."""
    try:
        picture = tiles.below(PurePosixPath(names.tile_name(number)).name).read()
        with Image.open(BytesIO(picture)) as tile:
            return tile.convert("RGB")
    except StoreFailed:  # it may be there again soon
        raise
    except OSError:
        return None


def write_poster(plan: Plan, version: Place, target: Path, encoder: Encoder, lease: LeaseRenewal) -> bool:
    """Take the poster from the best rendition, at the moment of the chosen tile. False where none can be made."""
    best = plan.kept[-1]
    number = poster_tile(plan, version.below(TILES), lease)
    at_frame = min(number * plan.frames_per_tile, plan.timeline.frame_count - 1)
    segment = next(entry for entry in plan.timeline.segments if at_frame < entry.end_frame)
    at_s = float(plan.timeline.seconds(at_frame - segment.first_frame))
    try:
        with segment_file(version.below(f"{best.name}/{names.segment_name(segment.number)}")) as path:
            extract_frame(
                path, target, at_s=at_s, width=min(POSTER_WIDTH, best.width), encoder=encoder, watch=lease.watch()
            )
    except TranscodeError as error:
        log.warning("no poster", folder=str(version), code=error.code, detail=error.detail)
        return False
    return True


@contextmanager
def segment_file(segment: Place) -> Iterator[Path]:
    """A segment for ffmpeg. Raises TranscodeError(SOURCE_MISSING) where it is gone."""
    with ExitStack() as opened:
        try:
            path = opened.enter_context(segment.as_file())
        except FileNotFoundError as error:
            raise TranscodeError(Code.SOURCE_MISSING, str(segment)) from error
        yield path


def poster_tile(plan: Plan, tiles: Place, lease: LeaseRenewal) -> int:
    """The number of the tile for the poster.

    That is the first tile of the first half that is neither black nor empty, but for tile 0, which often is a title;
    else the tile with the most contrast of those that are not black; else 0.
    """
    liveliest, most = 0, -1.0
    for number in range(plan.tile_count):
        lease.go_on()
        tile = tile_of(tiles, number)
        if tile is None:
            continue
        stat = ImageStat.Stat(tile.convert("L"))
        mean, deviation = stat.mean[0], stat.stddev[0]
        is_fit = mean > DARKEST and deviation > FLATTEST
        if is_fit and 0 < number <= plan.tile_count // 2:
            return number
        if deviation > most and mean > DARKEST:
            liveliest, most = number, deviation
    return liveliest
