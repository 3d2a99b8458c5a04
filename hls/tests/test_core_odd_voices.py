"""Several sounds in one video, where one of them changes, breaks, is elsewhere, or the pictures fail."""

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hls.core.encoding.encode import encode_chunk
from hls.core.encoding.sounds import Sound, all_apart, expected, read_on_s
from hls.core.formats import transport
from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack, probe
from hls.tests.clips import Look, fit_h264
from hls.tests.factories import source as make_source
from hls.tests.test_core_damage import without_pictures
from hls.tests.voices import EXACT, H264, Voice, assert_beeps, difference, loudest, record, samples
from hls.tests.watching import (
    ENCODER,
    LIMITS,
    WatchedVideo,
    complaints,
    encode,
    encode_plan,
    frames,
    luma,
    numbers,
    violations,
)

pytestmark = pytest.mark.ffmpeg

LASTS_S = 9.0
SMALL = Look(160, 120, "10", LASTS_S)
MP2 = ("mp2", "-b:a", "384k")
LOW, HIGH = Voice(440, LASTS_S), Voice(610, LASTS_S)


def assert_heard(clip: WatchedVideo, number: int, voice: Voice, *parts_s: tuple[float, float]) -> None:
    whole = clip.joined(f"audio_{number}")
    assert complaints(whole) == ""
    heard = samples(whole)
    for begin_s, end_s in parts_s:
        assert difference(voice, heard, begin_s, end_s) < EXACT, (number, begin_s)


def assert_silent(clip: WatchedVideo, number: int, begin_s: float, end_s: float) -> None:
    assert loudest(samples(clip.joined(f"audio_{number}")), begin_s, end_s) < 0.01


def with_changing(plan: Plan, *numbers: int) -> Plan:
    """The plan, as if probing had found that these sounds change their format, and no others."""
    sounds = [replace(track, is_changing=number in numbers) for number, track in enumerate(plan.source.sounds)]
    return replace(plan, source=replace(plan.source, sounds=tuple(sounds)))


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """A source whose first sound is mono and then stereo; the second one is always stereo."""
    folder = tmp_path_factory.mktemp("changing")
    target = folder / "video.ts"
    for begin_s, end_s, layout in ((0, 3, "mono"), (3, 9, "stereo")):
        voices = (Voice(440, end_s, begin_s, layout=layout, codec=MP2), Voice(610, end_s, begin_s, codec=MP2))
        look = replace(SMALL, duration_s=end_s - begin_s)
        part = record(folder / f"{begin_s}.ts", voices, look, shown_s=begin_s)
        with target.open("ab") as joined:
            joined.write(part.read_bytes())
    return target, make_plan(probe(target, limits=LIMITS))


@pytest.mark.parametrize("known", [(), (0,)])
def test_a_sound_that_changes_its_format_goes_on(
    changing: tuple[Path, Plan], tmp_path: Path, known: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Whether or not probing has noticed it."""
    caplog.set_level(logging.INFO)
    source, plan = changing
    clip = encode_plan(with_changing(plan, *known), source, tmp_path)
    assert ("changes its format" in caplog.text) == (not known)
    for number, voice in enumerate((LOW, HIGH)):
        whole = clip.joined(f"audio_{number}")
        assert complaints(whole) == ""
        assert_beeps(voice, samples(whole), range(9))
    assert not list(tmp_path.rglob("*.nut"))


def test_a_sound_that_can_not_be_decoded_is_silent_and_leaves_the_others_alone(tmp_path: Path) -> None:
    """Its codec's name is overwritten after probing, so that ffmpeg finds no decoder."""
    source = record(tmp_path / "video.mkv", (LOW, replace(LOW, codec=("flac",)), HIGH), SMALL)
    plan = make_plan(probe(source, limits=LIMITS))
    source.write_bytes(source.read_bytes().replace(b"A_FLAC", b"A_NONE", 1))
    clip = encode_plan(plan, source, tmp_path)
    assert_heard(clip, 0, LOW, (0.1, 0.4), (5.7, 6.3), (8.7, 8.9))
    assert_silent(clip, 1, 0, LASTS_S)
    assert_heard(clip, 2, HIGH, (0.1, 0.4), (5.7, 6.3), (8.7, 8.9))
    assert numbers(clip.joined("480p")) == list(range(90))


def test_a_chunk_whose_pictures_are_lost_keeps_the_sounds_that_can_be_decoded(tmp_path: Path) -> None:
    """Of the last sound, ffmpeg doesn't know the codec."""
    voices = (replace(LOW, codec=("aac",)), replace(HIGH, codec=("aac",)), replace(LOW, codec=("flac",)))
    video = (*H264, "-g", "20", "-keyint_min", "20")
    source = record(tmp_path / "video.mp4", voices, SMALL, video=video)
    plan = make_plan(probe(source, limits=LIMITS))
    without_pictures(source, 4, 9)
    source.write_bytes(source.read_bytes().replace(b"fLaC", b"zzzz", 1))
    clip = encode_plan(plan, source, tmp_path)
    shown = list(frames(clip.joined("480p")))
    assert len(shown) == 90
    assert luma(shown[-1], 1 / 16, 1 / 16) < 20
    for number in (0, 1):
        assert_heard(clip, number, voices[number], (0.1, 0.4), (5.7, 6.3), (8.7, 8.9))
    assert_silent(clip, 2, 0, LASTS_S)


def test_pictures_are_copied_without_sound(tmp_path: Path) -> None:
    look = Look(720, 720, "12", LASTS_S)
    source = record(tmp_path / "video.mp4", (LOW, HIGH), look, video=fit_h264(12), after=("-f", "mov"))
    clip = encode(source, tmp_path)
    assert [rendition.is_copied for rendition in clip.plan.renditions] == [False, True]
    for name in ("480p", "720p"):
        whole = clip.joined(name)
        assert complaints(whole) == ""
        assert numbers(whole) == list(range(108))
        assert transport.tables(whole.read_bytes()).audio_pid is None
    for number, voice in enumerate((LOW, HIGH)):
        assert_heard(clip, number, voice, (0.1, 0.4), (5.7, 6.3), (8.7, 8.9))
    assert violations(clip) == ()


def test_all_sounds_are_heard_before_the_first_picture_and_after_the_last_one(tmp_path: Path) -> None:
    voices = (Voice(440, 27), Voice(610, 26, begin_s=0.5))
    source = record(tmp_path / "video.mov", voices, replace(SMALL, duration_s=1), shown_s=12.5)
    clip = encode(source, tmp_path)
    plan = clip.plan
    assert (plan.lead, plan.tail) == (125, 135)
    assert plan.is_before_pictures(plan.timeline.chunks[0])
    assert len(numbers(clip.joined("480p"))) == 270
    for number, voice in enumerate(voices):
        assert_heard(clip, number, voice, (1.7, 2.3), (11.7, 12.4), (25.7, 25.9))


def test_recordings_that_are_joined_keep_each_sound(tmp_path: Path) -> None:
    """Each recording's clock begins anew."""
    voices = (Voice(440, 8, codec=MP2), Voice(610, 8, codec=MP2))
    one = record(tmp_path / "one.ts", voices, replace(SMALL, duration_s=8))
    source = tmp_path / "joined.ts"
    source.write_bytes(one.read_bytes() * 2)
    clip = encode(source, tmp_path)
    assert clip.plan.source.joins
    assert numbers(clip.joined("480p")) == [*range(80)] * 2
    assert violations(clip) == ()
    for number, voice in enumerate(voices):
        whole = clip.joined(f"audio_{number}")
        assert complaints(whole) == ""
        assert_beeps(voice, samples(whole), range(16))


def test_a_sound_that_is_elsewhere_is_not_looked_for() -> None:
    """ffmpeg would read up to the file's end, and decode all pictures until then."""
    made = make_source(seconds=90)
    late = AudioTrack(2, "aac", 2, 48_000, heard_s=Fraction(50), end_s=Fraction(90))
    early = AudioTrack(3, "aac", 2, 48_000, heard_s=Fraction(0), end_s=Fraction(10), is_changing=True)
    unknown = AudioTrack(1, "aac", 2, 48_000)
    plan = make_plan(replace(made, sounds=(unknown, late, early)))
    found = [expected(plan, span) for span in plan.timeline.chunks]
    of_source, apart, silent = Sound.OF_SOURCE, Sound.APART, Sound.SILENT
    first, middle, last = (of_source, silent, apart), (of_source, silent, silent), (of_source, of_source, silent)
    assert found == [first, first, first, middle, middle, last, last, last]
    assert all_apart(plan, plan.timeline.chunks[3]) == (apart, silent, silent)
    assert [read_on_s(plan, span) for span in plan.timeline.chunks] == [0, 0, 78, 0, 0, 0, 0, 0]


def test_progress_is_told_while_there_are_several_sounds(changing: tuple[Path, Plan], tmp_path: Path) -> None:
    source, plan = changing
    progress: list[int] = []
    encode_chunk(
        plan,
        0,
        source=source,
        folder=tmp_path,
        encoder=ENCODER,
        on_progress=progress.append,
        should_stop=lambda: False,
    )
    assert progress == sorted(progress)
    assert progress[-1] == 20
