"""The last picture is shown as long as the container says, if that can be believed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hls.core.errors import Code, TranscodeError
from hls.core.omissions import omissions
from hls.core.plan import make_plan
from hls.core.probe import Obstacle, probe
from hls.tests.clips import Look, ffmpeg, fit_h264, picture, sound, with_last_lasting
from hls.tests.watching import LIMITS, assert_plays, encode, numbers, picture_times

pytestmark = pytest.mark.ffmpeg

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0")
RATE = 10
HOURS_S = 3600 * 13

type Recorded = Callable[..., Path]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Makes a recording of the pictures that `keep` selects, and gives its last picture another duration."""
    folder = tmp_path_factory.mktemp("recorded")

    def record(
        name: str,
        last_s: float,
        *,
        seconds: float = 2,
        keep: str = "1",
        sound_s: float = 0,
        video: Sequence[str] = H264,
        look: Look | None = None,
    ) -> Path:
        look = look or Look(width=160, height=120, rate=str(RATE))
        inputs = ["-f", "lavfi", "-i", f"{picture(replace(look, duration_s=seconds))},select='{keep}'"]
        inputs += ["-f", "lavfi", "-i", sound(sound_s), "-c:a", "aac"] if sound_s else []
        plain = folder / f"plain-{name}"
        ffmpeg(*inputs, *video, "-fps_mode", "vfr", "-enc_time_base:v", "1/1000", str(plain))
        return with_last_lasting(plain, folder / name, last_s, is_shown_last=name.endswith("mkv"))

    return record


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("reordering", ["0", "2"])
def test_the_last_picture_stays_as_long_as_the_container_says(
    recorded: Recorded, tmp_path: Path, suffix: str, reordering: str
) -> None:
    """Across two chunk boundaries; with pictures that are stored in another order, too."""
    video = (*H264[:-1], reordering, "-x264-params", "b-adapt=0")
    clip = encode(recorded(f"b{reordering}.{suffix}", 6, video=video), tmp_path)
    assert_plays(clip)
    assert numbers(clip.joined("480p")) == [*range(20), *[19] * 59]
    assert omissions(clip.plan) == (), "nothing is cut off"


def test_the_last_picture_of_a_variable_rate_stays_too(recorded: Recorded, tmp_path: Path) -> None:
    look = Look(width=160, height=120, rate="30")
    source = recorded("variable.mp4", 9, seconds=4, keep="not(mod(n,7))+lt(mod(n,50),12)", sound_s=4, look=look)
    clip = encode(source, tmp_path)
    assert clip.plan.source.video.is_variable_rate
    assert_plays(clip)
    begun = [n for n in range(120) if n % 7 == 0 or n % 50 < 12]
    assert list(picture_times(clip.joined("480p"))) == begun
    assert float(clip.plan.timeline.duration_s) == pytest.approx(begun[-1] / 30 + 9, abs=1 / 30)


def test_a_single_picture_is_shown_as_long_as_the_container_says(recorded: Recorded, tmp_path: Path) -> None:
    clip = encode(recorded("single.mp4", 5, seconds=0.1), tmp_path)
    assert_plays(clip)
    assert clip.plan.timeline.duration_s == 5


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("slides_s", "last_s", "sound_s"),
    [((0, 10), 4, 14), ((0, 10), 4, 0), ((0, 10), 12, 0), ((0, 6, 12), 1, 13), ((0, 5, 11, 13), 7, 0)],
)
def test_slides_end_when_the_container_says(
    recorded: Recorded, tmp_path: Path, suffix: str, slides_s: Sequence[int], last_s: int, sound_s: int
) -> None:
    keep = "+".join(f"eq(n,{at_s * RATE})" for at_s in slides_s)
    name = f"slides-{len(slides_s)}-{last_s}-{sound_s}.{suffix}"
    source = recorded(name, last_s, seconds=slides_s[-1] + 0.1, keep=keep, sound_s=sound_s)
    clip = encode(source, tmp_path)
    assert_plays(clip)
    assert clip.plan.timeline.duration_s == slides_s[-1] + last_s
    begun = {slide / RATE: float(at_s) - 10 for slide, at_s in picture_times(clip.joined("480p")).items()}
    assert list(begun) == [pytest.approx(at_s) for at_s in slides_s]
    assert all(abs(at_s - shown_s) <= 1 for at_s, shown_s in begun.items())


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_last_picture_of_hours_makes_no_hours_of_video(recorded: Recorded, suffix: str) -> None:
    source = recorded(f"hours.{suffix}", HOURS_S)
    assert make_plan(probe(source, limits=replace(LIMITS, max_duration_s=100 * 3600))).timeline.duration_s == 2


def test_no_picture_lasts_longer_than_its_track(recorded: Recorded, tmp_path: Path) -> None:
    """The track's end is that of its edit list."""
    cut = tmp_path / "cut.mp4"
    data = bytearray(recorded("cut.mp4", 9).read_bytes())
    at = data.index(b"elst") + 12
    whole_s = Fraction(109, 10)
    data[at : at + 4] = round(int.from_bytes(data[at : at + 4]) * 5 / whole_s).to_bytes(4)
    cut.write_bytes(data)
    assert make_plan(probe(cut, limits=LIMITS)).timeline.duration_s == 5


def test_a_few_more_moments_of_the_last_picture_are_rounding(recorded: Recorded) -> None:
    """A film can still be copied then."""
    look = Look(width=720, height=720, rate=str(RATE))
    plan = make_plan(probe(recorded("copied.mp4", 0.3, seconds=3, video=fit_h264(RATE), look=look), limits=LIMITS))
    assert plan.is_copying
    assert (plan.timeline.frame_count, plan.tail) == (30, 0)


def test_a_film_whose_last_picture_stays_is_not_copied(recorded: Recorded, tmp_path: Path) -> None:
    look = Look(width=720, height=720, rate=str(RATE))
    source = recorded("stays.mp4", 3, seconds=3, video=fit_h264(RATE, options=("-bf", "0")), look=look)
    clip = encode(source, tmp_path)
    assert_plays(clip)
    assert clip.plan.obstacle == Obstacle.STAYS
    for name in ("480p", "720p"):
        assert numbers(clip.joined(name)) == [*range(30), *[29] * 29]


def test_a_film_is_too_long_by_its_last_picture_too(recorded: Recorded) -> None:
    with pytest.raises(TranscodeError) as raised:
        probe(recorded("long.mp4", 9), limits=replace(LIMITS, max_duration_s=5))
    assert raised.value.code == Code.TOO_LONG
