"""Storyboard, poster and stills from tiles that may be missing, black or empty."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from hls import pictures, stills
from hls.core import names, storyboard
from hls.core.encoding.command import Encoder
from hls.core.encoding.poster_frames import moment_of_tile
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.folders import version_folder
from hls.models import State, Transcode
from hls.published import PublishedRendition, PublishedVersion
from hls.store import connection
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.folder import FolderStore
from hls.store.interface import Place, StoreFailed
from hls.tests.factories import TranscodeFactory, Unclaimed, plan

PLAN = plan(seconds=100)  # ten tiles
LONG = plan(seconds=600)  # sixty, on three sheets


def tile(shade: int, *, contrast: int = 0) -> Image.Image:
    """A grey picture whose right half is lighter by so much."""
    picture = Image.new("L", (PLAN.tile_width, PLAN.tile_height), shade)
    box = (PLAN.tile_width // 2, 0, PLAN.tile_width, PLAN.tile_height)
    ImageDraw.Draw(picture).rectangle(box, fill=shade + contrast)
    return picture


def written(folder: Path, tiles: Sequence[Image.Image | None]) -> Place:
    """Tiles as the chunks leave them; None for one that is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(tiles):
        if picture:
            picture.save(folder / Path(names.tile_name(number)).name)
    return place(folder)


def place(folder: Path) -> Place:
    return Place(FolderStore("hls", folder.parent), folder.name)


BLACK, FLAT, LIVELY, LIVELIER = tile(0, contrast=10), tile(128), tile(80, contrast=60), tile(80, contrast=150)


@pytest.mark.parametrize(
    ("tiles", "chosen"),
    [
        ([LIVELIER, LIVELY, LIVELY], 1),  # the very first picture is a title or a fade
        ([BLACK, FLAT, LIVELY, LIVELIER], 2),  # the first that tells something, not the best
        ([BLACK] * 6 + [LIVELY, LIVELIER], 7),  # nothing in the first half: the liveliest
        ([BLACK] * 10, 0),
        ([FLAT] * 10, 0),
        ([BLACK, FLAT, BLACK], 1),
        ([None, None, LIVELY], 2),
        ([], 0),
    ],
)
def test_the_poster_is_taken_from_the_first_tile_that_is_neither_black_nor_empty(
    tmp_path: Path, tiles: list[Image.Image | None], chosen: int
) -> None:
    assert pictures.poster_tile(PLAN, written(tmp_path, tiles), Unclaimed()) == chosen


def test_tiles_lie_on_their_sheet_in_reading_order(tmp_path: Path) -> None:
    folder = written(tmp_path / "tiles", [tile(20 * number) for number in range(10)])
    assert pictures.write_storyboard(PLAN, folder, tmp_path, Unclaimed()) == 1
    with Image.open(tmp_path / "storyboard_00.jpg") as sheet:
        assert sheet.size == (5 * PLAN.tile_width, 2 * PLAN.tile_height)
        for number in range(10):
            spot = storyboard.place(PLAN, number)
            middle = (spot.x + PLAN.tile_width // 2, spot.y + PLAN.tile_height // 2)
            shade = sheet.convert("L").getpixel(middle)
            assert shade == pytest.approx(20 * number, abs=6)


def test_a_missing_tile_stays_black_and_the_others_keep_their_places(tmp_path: Path) -> None:
    folder = written(tmp_path / "tiles", [None, tile(200)])
    pictures.write_storyboard(PLAN, folder, tmp_path, Unclaimed())
    with Image.open(tmp_path / "storyboard_00.jpg") as sheet:
        shades = [sheet.convert("L").getpixel((n * PLAN.tile_width + 100, 60)) for n in range(3)]
    assert shades == pytest.approx([0, 200, 0], abs=6)


def test_a_tile_that_is_no_picture_stays_black_and_is_no_poster(tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    found = written(folder, [tile(90), tile(200), tile(210)])
    whole = (folder / "00001.jpg").read_bytes()
    (folder / "00000.jpg").write_bytes(b"")
    (folder / "00001.jpg").write_bytes(whole[: len(whole) // 2])
    pictures.write_storyboard(PLAN, found, tmp_path, Unclaimed())
    with Image.open(tmp_path / "storyboard_00.jpg") as sheet:
        shades = [sheet.convert("L").getpixel((n * PLAN.tile_width + 100, 60)) for n in range(3)]
    assert shades == pytest.approx([0, 0, 210], abs=6)
    assert pictures.poster_tile(PLAN, found, Unclaimed()) == 2


def test_a_long_video_has_several_sheets_of_which_the_last_is_smaller(tmp_path: Path) -> None:
    assert pictures.write_storyboard(LONG, written(tmp_path / "tiles", [tile(99)]), tmp_path, Unclaimed()) == 3
    heights = []
    for number in range(3):
        with Image.open(tmp_path / names.sheet_name(number)) as sheet:
            heights.append(sheet.height // LONG.tile_height)
    assert heights == [5, 5, 2]


def test_a_poster_that_can_not_be_made_is_no_failure(tmp_path: Path) -> None:
    """The video plays all the same."""
    (tmp_path / "1080p").mkdir()
    target = tmp_path / "poster.jpg"
    assert not pictures.write_poster(PLAN, place(tmp_path), target, Encoder(Path("/nonexistent/ffmpeg")), Unclaimed())
    (tmp_path / "1080p" / "segment_000.ts").write_bytes(b"no video")
    assert not pictures.write_poster(PLAN, place(tmp_path), target, Encoder(Path("/nonexistent/ffmpeg")), Unclaimed())
    assert not target.exists()


@pytest.mark.parametrize(("number", "segment", "at_s"), [(0, 0, 0.0), (1, 1, 4.0), (3, 5, 0.0), (9, 15, 0.0)])
def test_a_tiles_moment_is_counted_within_its_segment(number: int, segment: int, at_s: float) -> None:
    found = moment_of_tile(PLAN, number)
    assert (found.segment, found.at_s) == (segment, at_s)


@pytest.fixture
def transcode(db: None, studio: Path) -> Transcode:
    """A video of 100 s that is served, with its storyboard."""
    served = PublishedVersion(0, 1, 100.0, 1, 17, (PublishedRendition("1080p", 1920, 1080),), 1, True)
    made = TranscodeFactory.create(ready=True, plan=PLAN.to_json(), served=served.as_json())
    folder = version_folder(made.pk, 1)
    tiles = [FLAT] * 6 + [LIVELIER] + [LIVELY] * 3
    pictures.write_storyboard(PLAN, written(folder / "tiles", tiles), folder, Unclaimed())
    return made


def test_stills_are_offered_with_their_moments_and_places(transcode: Transcode) -> None:
    found = stills.tiles(transcode, most=60)
    assert [entry.number for entry in found] == list(range(10))
    assert [entry.at_s for entry in found] == [10.0 * number for number in range(10)]
    seventh = found[6]
    assert (seventh.sheet, seventh.x, seventh.y) == ("storyboard_00.jpg", PLAN.tile_width, PLAN.tile_height)


@pytest.mark.parametrize(("most", "numbers"), [(5, [0, 2, 4, 6, 8]), (4, [0, 3, 6, 9]), (1, [0])])
def test_no_more_stills_than_wanted_are_spread_over_the_video(
    transcode: Transcode, most: int, numbers: list[int]
) -> None:
    assert [entry.number for entry in stills.tiles(transcode, most=most)] == numbers


def test_the_liveliest_still_has_the_most_contrast(transcode: Transcode) -> None:
    assert stills.liveliest(transcode, most=60) == 6


@pytest.mark.parametrize(
    "change", [{"state": State.PROCESSING}, {"state": State.FAILED}, {"plan": None}, {"served": None}]
)
def test_a_video_whose_plan_is_of_another_version_has_no_stills(
    transcode: Transcode, change: dict[str, object]
) -> None:
    for name, value in change.items():
        setattr(transcode, name, value)
    assert stills.tiles(transcode, most=60) == []
    with pytest.raises(TranscodeError) as raised:
        stills.liveliest(transcode, most=60)
    assert raised.value.code == Code.SOURCE_MISSING
    with pytest.raises(TranscodeError) as raised:
        stills.take_still(transcode, 0, Path("still.jpg"))
    assert raised.value.code == Code.SOURCE_MISSING


@pytest.mark.parametrize("number", [-1, 10, 10**9])
def test_a_still_that_does_not_exist_is_refused(transcode: Transcode, tmp_path: Path, number: int) -> None:
    with pytest.raises(TranscodeError, match="no such tile"):
        stills.take_still(transcode, number, tmp_path / "still.jpg")


def test_a_still_of_a_segment_that_is_gone_is_refused(transcode: Transcode, tmp_path: Path) -> None:
    with pytest.raises(TranscodeError) as raised:
        stills.take_still(transcode, 0, tmp_path / "still.jpg")
    assert raised.value.code == Code.SOURCE_MISSING
    assert not (tmp_path / "still.jpg").exists()


def test_tiles_of_a_portrait_video_are_portrait() -> None:
    portrait: Plan = plan(seconds=100, width=1080, height=1920)
    assert (portrait.tile_width, portrait.tile_height) == (136, 240)
    assert storyboard.sheet_size(replace(portrait, frames_per_tile=2500), 0) == (136, 240)


def test_a_store_that_is_away_leaves_no_black_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    away = BucketStore("hls", BucketAddress("b", "", "http://127.0.0.1:9", "us-east-1", "key", "secret"))
    with pytest.raises(StoreFailed):
        pictures.tile_of(Place(away, "1/1/tiles"), 0)
