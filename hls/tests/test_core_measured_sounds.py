"""Every mistake that an encoder could make with one of several sounds is found before publishing."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core import names
from hls.core.chunk import SegmentFacts
from hls.core.encoding.measure import measured
from hls.core.encoding.sounds import audio_frame
from hls.core.errors import Code, TranscodeError
from hls.core.formats import transport
from hls.core.probe import AudioTrack
from hls.core.timeline import timeline
from hls.tests.factories import evenly_planned, source
from hls.tests.packets import AAC_TICKS, adts, pat, pictures_of, pmt, sound_of, write_chunk, written, written_sound

SOUNDS = (AudioTrack(1, "aac", 2, 48_000), AudioTrack(2, "ac3", 6, 48_000))
PLAN = evenly_planned(replace(source(seconds=7, width=64, height=48, rate=10), audio=SOUNDS[1], sounds=SOUNDS))
FIRST, LAST = PLAN.timeline.segments
SEGMENT = names.segment_name(0)


@pytest.fixture
def chunk(tmp_path: Path) -> Path:
    write_chunk(PLAN, 0, tmp_path / "chunk")
    return tmp_path / "chunk"


def refused(chunk: Path) -> str:
    with pytest.raises(TranscodeError) as raised:
        measured(PLAN, 0, chunk)
    assert raised.value.code == Code.ENCODER_FAILED
    return raised.value.detail


def test_sounds_that_are_as_planned_are_measured_in_their_order(chunk: Path) -> None:
    facts = measured(PLAN, 0, chunk)
    assert [rendition.codecs for rendition in facts.renditions] == ["avc1.64001f"]
    assert [(sound.name, sound.codecs) for sound in facts.sounds] == [
        ("audio_0", "mp4a.40.2"),
        ("audio_1", "mp4a.40.2"),
    ]
    sizes = [(chunk / "audio_1" / names.segment_name(number)).stat().st_size for number in (0, 1)]
    assert facts.sounds[1].segments == (SegmentFacts(0, 282, sizes[0], ()), SegmentFacts(1, 47, sizes[1], ()))


def test_a_sounds_tables_are_put_at_the_beginning(chunk: Path) -> None:
    path = chunk / "audio_0" / SEGMENT
    whole = path.read_bytes()
    tables = pat() + pmt(((0x0F, 0x101),))
    path.write_bytes(whole + tables)
    measured(PLAN, 0, chunk)
    assert path.read_bytes() == whole


def pictured(times: list[int]) -> bytes:
    return written(pictures_of(PLAN, FIRST), times)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda times: written_sound(times[1:]), "instead of"),
        (lambda times: written_sound(times[:-1]), "instead of"),
        (lambda times: written_sound([*times, times[-1] + AAC_TICKS]), "instead of"),
        (lambda times: written_sound([time + 2 for time in times]), "instead of"),
        (lambda times: written_sound([*times[:9], *times[10:]]), "sound at"),
        (lambda times: written_sound(times, adts(object_type=1)), "instead of"),
        (lambda times: written_sound(times, adts(rate_index=4)), "sound at"),
        (lambda times: written_sound([]), "None instead of"),
        (pictured, "not one AAC stream alone"),
        (lambda times: written(pictures_of(PLAN, FIRST), ()), "not one AAC stream alone"),
        (lambda times: b"", "audio_1/segment_000.ts"),
        (lambda times: b"G" * 187, "not whole transport packets"),
    ],
)
def test_a_sound_other_than_planned_is_refused(chunk: Path, change: Callable[[list[int]], bytes], why: str) -> None:
    (chunk / "audio_1" / SEGMENT).write_bytes(change(sound_of(PLAN, FIRST)))
    detail = refused(chunk)
    assert why in detail
    assert "audio_1/segment_000.ts" in detail


def test_a_segment_cut_at_another_frame_is_refused(chunk: Path) -> None:
    """Together the two have each frame once, but players would look for one of them in the other."""
    first, last = sound_of(PLAN, FIRST), sound_of(PLAN, LAST)
    (chunk / "audio_0" / SEGMENT).write_bytes(written_sound(first[:-1]))
    (chunk / "audio_0" / names.segment_name(1)).write_bytes(written_sound([first[-1], *last]))
    assert "audio_0/segment_000.ts" in refused(chunk)


@pytest.mark.parametrize("name", ["segment_002.ts", "sound.nut"])
def test_a_file_too_many_is_refused(chunk: Path, name: str) -> None:
    (chunk / "audio_0" / name).write_bytes((chunk / "audio_0" / SEGMENT).read_bytes())
    assert refused(chunk) == "audio_0: other segments than planned"


def test_a_missing_segment_is_refused(chunk: Path) -> None:
    (chunk / "audio_1" / SEGMENT).unlink()
    assert refused(chunk) == "audio_1: other segments than planned"


def test_pictures_that_have_a_sound_beside_them_are_refused(chunk: Path) -> None:
    (chunk / "480p" / SEGMENT).write_bytes(pictured(sound_of(PLAN, FIRST)))
    assert refused(chunk) == "480p/segment_000.ts: sound beside the pictures"


def test_pictures_are_not_replaced_by_sound(chunk: Path) -> None:
    (chunk / "480p" / SEGMENT).write_bytes(written_sound(sound_of(PLAN, FIRST)))
    assert "no H.264 stream" in refused(chunk)


def test_the_tables_of_sound_alone_name_its_stream() -> None:
    data = written_sound(sound_of(PLAN, FIRST))
    assert transport.sound_tables(data) == transport.SoundTables(0x1000, 0x101)
    with pytest.raises(transport.Malformed, match=r"no H\.264 stream"):
        transport.tables(data)


@given(rate=st.fractions(1, 60, max_denominator=1001), frame_count=st.integers(1, 2000))
def test_sound_begins_in_each_segment(rate: Fraction, frame_count: int) -> None:
    """A segment of sound can't be empty."""
    plan = replace(PLAN, timeline=timeline(rate, frame_count))
    for segment in plan.timeline.segments:
        assert audio_frame(plan, segment.first_frame) < audio_frame(plan, segment.end_frame)
