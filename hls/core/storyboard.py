"""Seek previews: the positions of tiles on their sheets, and the WebVTT file that lists them."""

from dataclasses import dataclass

from hls.core import names
from hls.core.plan import Plan

COLUMNS = 5
ROWS = 5


@dataclass(frozen=True)
class TilePosition:
    """A tile's position: its sheet's number, and pixels from the sheet's top left corner."""

    sheet: int
    x: int
    y: int


def place(plan: Plan, tile: int) -> TilePosition:
    sheet, cell = divmod(tile, COLUMNS * ROWS)
    row, column = divmod(cell, COLUMNS)
    return TilePosition(sheet, column * plan.tile_width, row * plan.tile_height)


def sheet_count(plan: Plan) -> int:
    return -(-plan.tile_count // (COLUMNS * ROWS))


def sheet_size(plan: Plan, sheet: int) -> tuple[int, int]:
    """A sheet's width and height in pixels; the last one has only the rows and columns that it needs."""
    tiles = min(plan.tile_count - sheet * COLUMNS * ROWS, COLUMNS * ROWS)
    columns = min(tiles, COLUMNS)
    return columns * plan.tile_width, -(-tiles // COLUMNS) * plan.tile_height


def vtt(plan: Plan) -> str:
    """A WebVTT file with a cue for each tile, as players' thumbnail tracks expect it: `storyboard_00.jpg#xywh=…`."""
    lines = ["WEBVTT", ""]
    for tile in range(plan.tile_count):
        begin = plan.timeline.seconds(tile * plan.frames_per_tile)
        end = plan.timeline.seconds(min((tile + 1) * plan.frames_per_tile, plan.timeline.frame_count))
        spot = place(plan, tile)
        box = f"{spot.x},{spot.y},{plan.tile_width},{plan.tile_height}"
        lines += [f"{_clock(float(begin))} --> {_clock(float(end))}", f"{names.sheet_name(spot.sheet)}#xywh={box}", ""]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
