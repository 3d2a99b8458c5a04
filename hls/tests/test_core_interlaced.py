"""Interlaced sources: each field becomes a picture, unless both fields belong to one progressive picture."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.frame import VideoFrame

from hls.core.inspection.interlacing import show_two_moments
from hls.core.inspection.probing import look
from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.tests.clips import ffmpeg, remux
from hls.tests.watching import LIMITS, assert_plays, encode, frames, steps, timestamps

pytestmark = pytest.mark.ffmpeg

WIDTH, HEIGHT, BAR = 320, 120, 24
STEP = 4  # pixels that the bar moves from one moment to the next
ROUND = WIDTH - BAR
LASTS_S = 9
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme")
PROGRESSIVE = (*H264[:-2], "-g", "25")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p")


def clip(target: Path, rate: str, filters: str, *, codec: Sequence[str] = H264, duration_s: float = LASTS_S) -> Path:
    """A bar that moves with each picture; `filters` turn pictures into fields."""
    black = f"color=black:s={WIDTH}x{HEIGHT}:r={rate}:d={duration_s}"
    white = f"color=white:s={BAR}x{HEIGHT}:r={rate}:d={duration_s}"
    graph = f"[0][1]overlay=x='mod(n*{STEP},{ROUND})':shortest=1,{filters}"
    ffmpeg(
        *("-f", "lavfi", "-i", black, "-f", "lavfi", "-i", white, "-filter_complex", graph),
        *codec,
        str(target),
    )
    return target


def bar(frame: VideoFrame) -> float:
    """The middle of the white bar, in pixels."""
    plane = frame.planes[0]
    luma = bytes(plane)
    lines = [luma[y * plane.line_size :][:WIDTH] for y in range(20, HEIGHT - 20, 9)]
    white = [x for line in lines for x in range(WIDTH) if line[x] > 128]
    return sum(white) / len(white)


def bars(frame: VideoFrame, *, is_upended: bool) -> list[float]:
    """The middle of the white bar in each line, or in each column if the bar lies."""
    plane = frame.planes[0]
    luma = bytes(plane)
    lines = [luma[y * plane.line_size :][: frame.width] for y in range(frame.height)]
    across = [bytes(line[x] for line in lines) for x in range(frame.width)] if is_upended else lines
    white = [[place for place, level in enumerate(line) if level > 128] for line in across]
    return [sum(places) / len(places) for places in white]


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bar that goes to the right, in two chunks of fields."""
    folder = tmp_path_factory.mktemp("fields")
    return clip(folder / "fields.mov", "50", "interlace=scan=tff:lowpass=off,setfield=tff", duration_s=3)


def looked_at(path: Path) -> list[VideoFrame]:
    with av.open(str(path)) as container:
        return [frame for frame, _ in zip(container.decode(video=0), range(12), strict=False)]


@pytest.mark.parametrize(
    ("name", "rate", "scan", "codec"),
    [
        ("video.mkv", "50", "tff", H264),
        ("video.ts", "50", "bff", H264),
        ("video.mpg", "60000/1001", "tff", MPEG2),
    ],
)
def test_each_field_is_a_picture_also_across_a_seam(
    tmp_path: Path, name: str, rate: str, scan: str, codec: Sequence[str]
) -> None:
    fields = f"interlace=scan={scan}:lowpass=off,setfield={scan}"
    made = encode(clip(tmp_path / name, rate, fields, codec=codec), tmp_path)
    assert len(made.plan.timeline.chunks) == 3
    assert made.plan.timeline.rate == Fraction(rate)
    assert made.plan.source.video.rate * 2 == Fraction(rate)
    assert_plays(made)
    whole = made.joined("480p")
    places = [bar(frame) for frame in frames(whole)]
    assert len(places) == made.plan.timeline.frame_count == round(LASTS_S * Fraction(rate) / 2) * 2
    moments = [round((place - BAR / 2) / STEP) for place in places]
    expected = [(moments[0] + number) % (ROUND // STEP) for number in range(len(places))]
    assert moments == expected
    assert max(steps(timestamps(whole, "video"))) - min(steps(timestamps(whole, "video"))) <= 1


SEI = ("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")


@pytest.mark.parametrize(
    ("before", "after", "is_upended", "is_reversed"),
    [
        (("-display_rotation", "90"), (), True, True),
        (("-display_rotation", "-90"), (), True, False),
        (("-display_rotation", "180"), (), False, True),
        (("-display_rotation", "90", "-display_vflip"), (), True, False),
        (("-display_hflip",), (), False, True),
        (("-display_vflip",), (), False, False),
        ((), SEI, True, True),
    ],
    ids=["to the left", "to the right", "upside down", "turned and mirrored", "mirrored", "flipped", "by the stream"],
)
def test_fields_of_a_turned_picture_keep_their_order_and_leave_no_combs(
    tmp_path: Path,
    fields: Path,
    before: Sequence[str],
    after: Sequence[str],
    is_upended: bool,
    is_reversed: bool,
) -> None:
    made = encode(remux(fields, tmp_path / "video.mov", before=before, after=after), tmp_path)
    shown = list(frames(made.joined("480p")))
    assert len(shown) == 150
    assert (shown[0].width, shown[0].height) == ((HEIGHT, WIDTH) if is_upended else (WIDTH, HEIGHT))
    lines = [bars(frame, is_upended=is_upended)[20:-20:9] for frame in shown]
    assert max(max(places) - min(places) for places in lines) < STEP / 2, "the bar's edge is straight"
    places = [sum(places) / len(places) for places in lines]
    places = [WIDTH - place for place in places] if is_reversed else places
    moments = [round((place - BAR / 2) / STEP) for place in places]
    assert moments == [(moments[0] + number) % (ROUND // STEP) for number in range(len(places))]


def test_a_picture_that_is_stored_as_fields_stays_one(tmp_path: Path) -> None:
    source = probe(clip(tmp_path / "video.mkv", "25", "setfield=tff", duration_s=1), limits=LIMITS)
    assert source.video.is_interlaced
    assert make_plan(source).timeline.rate == 25


def test_pictures_that_hardly_tell_are_taken_for_fields(tmp_path: Path) -> None:
    """A source that begins with black: making twice the frames for nothing is the smaller mistake."""
    still = clip(tmp_path / "video.mkv", "25", "setfield=tff,drawbox=color=black:t=fill", duration_s=1)
    assert make_plan(probe(still, limits=LIMITS)).timeline.rate == 50


@pytest.mark.parametrize(("rate", "made"), [("25", "25"), ("50", "50")])
def test_no_more_than_60_pictures_are_made_of_fields(tmp_path: Path, rate: str, made: str) -> None:
    """50 frames per second would have a hundred fields."""
    flagged = clip(tmp_path / "video.mkv", rate, "setfield=tff", duration_s=1)
    assert make_plan(probe(flagged, limits=LIMITS)).timeline.rate == Fraction(made)


@pytest.mark.parametrize(
    ("rate", "filters", "has_two"),
    [
        ("25", "null", False),
        ("25", "noise=alls=8:allf=t", False),
        ("50", "interlace=scan=tff:lowpass=off", True),
        ("50", "interlace=scan=bff:lowpass=complex", True),
        ("50", "interlace=scan=tff,noise=alls=8:allf=t", True),
        ("24000/1001", "telecine=pattern=23", True),
    ],
)
def test_moments_are_told_by_what_moves(tmp_path: Path, rate: str, filters: str, has_two: bool) -> None:
    found = looked_at(clip(tmp_path / "video.mkv", rate, filters, duration_s=1))
    assert show_two_moments(found) is has_two


def programmes(target: Path, *, codec: Sequence[str], progressive_s: float, interlaced_s: float) -> Path:
    """A progressive programme, and an interlaced one after it."""
    plain = tuple("-ildct" if word == "+ildct+ilme" else word for word in codec)
    first = clip(target.with_stem("first"), "25", "null", codec=plain, duration_s=progressive_s)
    offset = ("-output_ts_offset", str(progressive_s))
    fields = "interlace=scan=tff:lowpass=off,setfield=tff"
    second = clip(target.with_stem("second"), "50", fields, codec=(*codec, *offset), duration_s=interlaced_s)
    target.write_bytes(first.read_bytes() + second.read_bytes())
    return target


@pytest.mark.parametrize("codec", [H264, MPEG2])
def test_an_interlaced_programme_behind_a_progressive_one_shows_no_combs(tmp_path: Path, codec: Sequence[str]) -> None:
    made = encode(programmes(tmp_path / "video.ts", codec=codec, progressive_s=2, interlaced_s=5), tmp_path)
    assert made.plan.timeline.rate == 50
    assert_plays(made)
    moments = [round((bar(frame) - BAR / 2) / STEP) for frame in frames(made.joined("480p"))]
    assert moments[:96] == [moments[0] + at // 2 for at in range(96)], "each of the progressive ones is shown twice"
    behind = moments[105:345]  # not what is next to the join, or to the end
    assert behind == [(behind[0] + number) % (ROUND // STEP) for number in range(len(behind))]


def test_a_short_interlaced_part_makes_no_film_faster(tmp_path: Path) -> None:
    source = programmes(tmp_path / "video.ts", codec=MPEG2, progressive_s=5, interlaced_s=2)
    assert probe(source, limits=LIMITS).video.is_interlaced
    assert make_plan(probe(source, limits=LIMITS)).timeline.rate == 25


def test_a_progressive_film_is_not_looked_into_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but its first pictures is decoded."""
    source = clip(tmp_path / "video.ts", "25", "null", codec=PROGRESSIVE, duration_s=6)
    monkeypatch.setattr("hls.core.inspection.later_fields.key_picture", None)
    assert not look(source, LIMITS).video.is_interlaced
