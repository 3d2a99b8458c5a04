"""A long video's first chunk is planned by its beginning, and stays what the whole source would make of it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hls.core.encoding.agreement import has_same_first_chunk
from hls.core.errors import Code, TranscodeError
from hls.core.inspection.opening import LONG_S, OPENING_S
from hls.core.plan import Plan, make_plan
from hls.core.probe import Copyable, Limits, Obstacle, Source, probe
from hls.tests.clips import Look, ffmpeg, fit_h264, in_a_row, make, remux, with_last_lasting
from hls.tests.factories import SOUNDS, source
from hls.tests.watching import LIMITS, encode_one

RATE = 10
LASTS_S = LONG_S + 10
LOOK = Look(width=160, height=120, rate=str(RATE), duration_s=10)
LARGE = Look(width=720, height=720, rate="3")  # it can be copied
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-keyint_min", "20", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "32k", "-ar", "16000")


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of pictures: long films are made of them by repetition."""
    return make(tmp_path_factory.mktemp("part") / "part.mp4", look=LOOK, video=H264, audio=None)


@pytest.fixture(scope="module")
def long(part: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_a_row(tmp_path_factory.mktemp("long") / "video.mp4", *[part] * (LASTS_S // 10), audio=AAC)


def group(folder: Path, seconds: int, *options: str) -> Path:
    """One group of pictures that can be copied: 720p at three pictures a second."""
    video = fit_h264(3, gop=9999, options=("-bf", "2", *options))
    return make(folder / f"{seconds}.mp4", look=replace(LARGE, duration_s=seconds), video=video, audio=None)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    return in_a_row(folder / "video.mp4", *[group(folder, 2)] * (LASTS_S // 2), audio=AAC)


@pytest.fixture(scope="module")
def long_later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It could be copied, but for the ten seconds between two IDR pictures near its end."""
    folder = tmp_path_factory.mktemp("later")
    usual, far = group(folder, 4), group(folder, 10)
    return in_a_row(folder / "video.mp4", *[usual] * 50, far, *[usual] * 25, audio=AAC)


def first_look(path: Path, limits: Limits = LIMITS) -> Source:
    return probe(path, limits=limits, is_opening_enough=True)


def assert_agrees(path: Path) -> Plan:
    """The opening's plan, after comparing it with the whole's."""
    opening, whole = make_plan(first_look(path)), make_plan(probe(path, limits=LIMITS))
    assert opening.source.is_opening
    assert not whole.source.is_opening
    assert has_same_first_chunk(opening, whole)
    assert abs(opening.timeline.duration_s - whole.timeline.duration_s) < 1
    return opening


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_usual_videos_first_chunk_is_that_of_the_whole(long: Path, tmp_path: Path, suffix: str) -> None:
    plan = assert_agrees(remux(long, tmp_path / f"video.{suffix}"))
    assert plan.timeline.chunks[0].frame_count == 2 * RATE
    assert encode_one(plan, 0, tmp_path / f"video.{suffix}", tmp_path).index == 0


@pytest.mark.ffmpeg
def test_a_copied_videos_first_chunk_is_that_of_the_whole(fit: Path) -> None:
    plan = assert_agrees(fit)
    assert plan.is_copying
    assert plan.timeline.chunks[0].frame_count == 6


@pytest.mark.ffmpeg
def test_a_copied_videos_first_chunk_may_be_as_long_as_its_first_group(tmp_path: Path) -> None:
    """Five seconds, then eight; the opening that is read ends within these."""
    first, other = (group(tmp_path, seconds, "-profile:v", "main") for seconds in (5, 8))
    plan = assert_agrees(in_a_row(tmp_path / "video.mp4", first, *[other] * 39, audio=AAC))
    assert plan.is_copying
    assert plan.timeline.chunks[0].frame_count == 15


@pytest.mark.ffmpeg
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_group_that_is_too_long_is_found_by_the_index(long_later: Path, tmp_path: Path, suffix: str) -> None:
    """So a long film need not be read as a whole before it is known that its top will be encoded."""
    plan = assert_agrees(remux(long_later, tmp_path / f"video.{suffix}"))
    assert plan.obstacle == Obstacle.FAR_APART


@pytest.mark.ffmpeg
def test_a_video_without_sound_has_an_opening(long: Path, tmp_path: Path) -> None:
    assert assert_agrees(remux(long, tmp_path / "mute.mp4", after=("-an",))).source.audio is None


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("name", "suffix"), [("long", "mp4"), ("long", "mkv"), ("fit", "mp4")])
def test_a_last_picture_that_stays_is_no_matter_of_the_first_chunk(
    name: str, suffix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Where pictures could be copied but for that, the index of an MP4 file tells it at once."""
    mute = remux(request.getfixturevalue(name), tmp_path / f"mute.{suffix}", after=("-an",))
    plan = assert_agrees(with_last_lasting(mute, tmp_path / f"video.{suffix}", 20, is_shown_last=suffix == "mkv"))
    assert not plan.is_copying
    assert float(plan.timeline.duration_s) == pytest.approx(LASTS_S + 20, abs=1)


@pytest.mark.ffmpeg
def test_nothing_of_what_comes_later_is_read(long: Path, tmp_path: Path) -> None:
    """Everything but the first quarter and the index is overwritten; reading all of it would find no sound in it."""
    damaged = tmp_path / "video.mp4"
    data = bytearray(long.read_bytes())
    begin, end = len(data) // 4, data.rindex(b"moov") - 4
    data[begin:end] = bytes(end - begin)
    damaged.write_bytes(data)
    assert first_look(damaged) == first_look(long)
    assert 4 * 2 * OPENING_S < LASTS_S


@pytest.mark.ffmpeg
def test_a_short_video_is_read_as_a_whole(tmp_path: Path) -> None:
    short = make(tmp_path / "video.mp4", look=replace(LOOK, duration_s=20), video=H264)
    assert not first_look(short).is_opening


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("video.ts", ()),  # another recording may follow
        ("video.avi", ()),  # it tells no times
        ("two.mp4", ("-map", "0:v", "-map", "0:a", "-map", "0:a")),
    ],
)
def test_other_videos_are_read_as_a_whole(long: Path, tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    assert not first_look(remux(long, tmp_path / name, after=words)).is_opening


@pytest.mark.ffmpeg
def test_pictures_at_irregular_times_are_read_as_a_whole(tmp_path: Path) -> None:
    chosen = "select='not(mod(n,7))+lt(mod(n,50),12)'"
    part = make(tmp_path / "part.mp4", look=LOOK, video=H264, audio=None, filters=chosen, after=("-fps_mode", "vfr"))
    assert not first_look(in_a_row(tmp_path / "video.mkv", *[part] * (LASTS_S // 10), audio=AAC)).is_opening


@pytest.mark.ffmpeg
def test_pictures_that_begin_after_the_sound_are_read_as_a_whole(long: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.mp4"
    ffmpeg("-itsoffset", "2", "-i", str(long), "-i", str(long), "-map", "0:v", "-map", "1:a", "-c", "copy", str(late))
    assert not first_look(late).is_opening


@pytest.mark.ffmpeg
def test_pictures_to_be_copied_without_an_index_of_sizes_are_read_as_a_whole(fit: Path, tmp_path: Path) -> None:
    assert not first_look(remux(fit, tmp_path / "video.mkv")).is_opening


@pytest.mark.ffmpeg
def test_a_video_that_is_too_long_is_refused_at_the_first_look(long: Path) -> None:
    with pytest.raises(TranscodeError) as raised:
        first_look(long, replace(LIMITS, max_duration_s=LONG_S))
    assert raised.value.code == Code.TOO_LONG


PROBED = source(seconds=600)


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        ({"rate": Fraction(24)}, {}),
        ({"is_variable_rate": True}, {}),
        ({"shapes": ()}, {"is_changing": True}),
        ({"copyable": Copyable((0, 50, *range(150, 15_000, 150)), 2, 4000)}, {}),
        ({"width": 1280, "height": 720}, {}),
        ({}, {"frame_samples": 1024}),
    ],
)
def test_a_source_that_turns_out_otherwise_does_not_agree(video: dict[str, object], audio: dict[str, object]) -> None:
    assert PROBED.audio is not None
    changed = replace(
        PROBED,
        video=replace(PROBED.video, **video),  # type: ignore[arg-type]
        audio=replace(PROBED.audio, **audio),  # type: ignore[arg-type]
    )
    assert has_same_first_chunk(make_plan(PROBED), make_plan(PROBED))
    assert not has_same_first_chunk(make_plan(PROBED), make_plan(changed))


def test_other_recordings_sounds_and_bytes_do_not_agree() -> None:
    several = replace(PROBED, audio=SOUNDS[1], sounds=SOUNDS)
    for other in (several, replace(PROBED, size_bytes=7), replace(PROBED, audio=None)):
        assert not has_same_first_chunk(make_plan(PROBED), make_plan(other))


def test_sound_that_goes_on_after_the_pictures_is_no_matter_of_the_first_chunk() -> None:
    assert PROBED.audio is not None
    longer = make_plan(replace(PROBED, audio=replace(PROBED.audio, heard_s=Fraction(0), end_s=Fraction(610))))
    assert longer.tail == 250
    assert has_same_first_chunk(make_plan(PROBED), longer)
