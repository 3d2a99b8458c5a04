"""Every mistake that an encoder could make is found before publishing; no encoder is needed for these tests."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hls.conformance.checker import Violation, check
from hls.core import multivariant, names, playlists
from hls.core.encoding.measure import measured
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.tests.factories import evenly_planned, source
from hls.tests.packets import (
    AAC_TICKS,
    OTHER_PICTURE,
    Picture,
    adts,
    annex_b,
    key_picture,
    pictures_of,
    sound_of,
    write_chunk,
    written,
)

SOURCE = source(seconds=7, width=64, height=48, rate=10)
PLAN = evenly_planned(SOURCE)
SILENT = evenly_planned(replace(SOURCE, audio=None))
FIRST, LAST = PLAN.timeline.segments
SEGMENT = names.segment_name(0)


@pytest.fixture
def chunk(tmp_path: Path) -> Path:
    write_chunk(PLAN, 0, tmp_path / "chunk")
    return tmp_path / "chunk"


def rewrite(chunk: Path, pictures: list[Picture], sound: list[int] | None = None, stream: bytes = adts()) -> None:
    """Write a different first segment."""
    times = sound_of(PLAN, FIRST) if sound is None else sound
    (chunk / "480p" / SEGMENT).write_bytes(written(pictures, times, stream))


def test_what_is_as_planned_is_measured(chunk: Path) -> None:
    facts = measured(PLAN, 0, chunk)
    (rendition,) = facts.renditions
    assert (rendition.name, rendition.codecs) == ("480p", "avc1.64001f,mp4a.40.2")
    assert [(segment.number, segment.frame_count) for segment in rendition.segments] == [(0, 60), (1, 10)]
    assert [[iframe.frame for iframe in segment.iframes] for segment in rendition.segments] == [[0, 20, 40], [60]]
    sizes = [(chunk / "480p" / names.segment_name(number)).stat().st_size for number in (0, 1)]
    assert [segment.size_bytes for segment in rendition.segments] == sizes
    assert facts.tiles == tuple(f"tiles/{number:05d}.jpg" for number in range(10))


def test_a_silent_video_has_no_sound_among_its_codecs(tmp_path: Path) -> None:
    write_chunk(SILENT, 0, tmp_path / "chunk")
    assert measured(SILENT, 0, tmp_path / "chunk").renditions[0].codecs == "avc1.64001f"


def test_an_iframes_range_is_its_picture_and_nothing_else(chunk: Path) -> None:
    """RFC 8216 4.3.3.6: PAT and PMT, the media initialization section, aren't in any range."""
    iframes = measured(PLAN, 0, chunk).renditions[0].segments[0].iframes
    data = (chunk / "480p" / SEGMENT).read_bytes()
    pictures = [picture.packets() for picture in pictures_of(PLAN, FIRST) if picture.is_random_access]
    assert iframes[0].offset == 376
    assert [data[iframe.offset : iframe.offset + iframe.size] for iframe in iframes] == pictures


def moved(frame: int, ticks: int) -> Callable[[list[Picture]], None]:
    def change(pictures: list[Picture]) -> None:
        pictures[frame] = replace(pictures[frame], pts=pictures[frame].pts + ticks)

    return change


def restreamed(frame: int, stream: bytes) -> Callable[[list[Picture]], None]:
    def change(pictures: list[Picture]) -> None:
        pictures[frame] = replace(pictures[frame], stream=stream)

    return change


def extra_key(pictures: list[Picture]) -> None:
    pictures[7] = replace(pictures[7], stream=key_picture(64, 48), is_random_access=True)


def missing_key(pictures: list[Picture]) -> None:
    pictures[20] = replace(pictures[20], stream=annex_b(OTHER_PICTURE), is_random_access=False)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda pictures: pictures.pop(), "too many or too few"),
        (lambda pictures: pictures.append(pictures[-1]), "too many or too few"),
        (moved(5, 2), "off the frame grid"),
        (moved(5, -9000), "off the frame grid"),
        (extra_key, "off their places"),
        (missing_key, "off their places"),
        (restreamed(20, annex_b(OTHER_PICTURE)), "isn't IDR"),
        (restreamed(0, key_picture(64, 50)), "64 x 50 pixels"),
        (restreamed(0, annex_b(OTHER_PICTURE)), "without its SPS"),
        (restreamed(0, key_picture(64, 48, level=30)), "the codec changes"),
        (lambda pictures: pictures.clear(), "480p/segment_000.ts"),
    ],
)
def test_pictures_other_than_planned_are_refused(
    chunk: Path, change: Callable[[list[Picture]], None], why: str
) -> None:
    pictures = pictures_of(PLAN, FIRST)
    change(pictures)
    rewrite(chunk, pictures)
    with pytest.raises(TranscodeError, match=why) as raised:
        measured(PLAN, 0, chunk)
    assert raised.value.code == Code.ENCODER_FAILED


@pytest.mark.parametrize("ticks", [-1, 0, 1])
def test_a_time_that_was_rounded_the_other_way_is_still_on_the_grid(chunk: Path, ticks: int) -> None:
    pictures = pictures_of(PLAN, FIRST)
    moved(5, ticks)(pictures)
    rewrite(chunk, pictures)
    assert measured(PLAN, 0, chunk).renditions[0].segments[0].frame_count == 60


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda times: times[:-1], "the sound has a gap"),
        (lambda times: [*times, times[-1] + AAC_TICKS], "the sound has a gap"),
        (lambda times: [*times[:9], *times[10:]], "sound at"),
        (lambda times: [time + 1 for time in times], "the sound has a gap"),
        (lambda times: times[1:], "AAC frames"),
        (lambda times: [times[0] - AAC_TICKS, *times], "AAC frames"),
    ],
)
def test_sound_other_than_planned_is_refused(chunk: Path, change: Callable[[list[int]], list[int]], why: str) -> None:
    rewrite(chunk, pictures_of(PLAN, FIRST), change(sound_of(PLAN, FIRST)))
    with pytest.raises(TranscodeError, match=why):
        measured(PLAN, 0, chunk)


def test_sound_that_is_late_from_its_beginning_to_its_end_is_refused(chunk: Path) -> None:
    for segment in PLAN.timeline.segments:
        late = [time + AAC_TICKS for time in sound_of(PLAN, segment)]
        (chunk / "480p" / names.segment_name(segment.number)).write_bytes(written(pictures_of(PLAN, segment), late))
    with pytest.raises(TranscodeError, match="off its grid"):
        measured(PLAN, 0, chunk)


@pytest.mark.parametrize("name", [SEGMENT, names.segment_name(1), names.tile_name(9)])
def test_a_file_that_is_missing_is_named(chunk: Path, name: str) -> None:
    (chunk / name if "/" in name else chunk / "480p" / name).unlink()
    with pytest.raises(TranscodeError, match="other segments than planned" if "ts" in name[-3:] else "is missing"):
        measured(PLAN, 0, chunk)


def test_a_segment_too_many_is_refused(chunk: Path) -> None:
    (chunk / "480p" / names.segment_name(2)).write_bytes((chunk / "480p" / SEGMENT).read_bytes())
    with pytest.raises(TranscodeError, match="other segments than planned"):
        measured(PLAN, 0, chunk)


@pytest.mark.parametrize("data", [b"", b"G" * 187, b"<html>"])
def test_a_segment_that_is_no_transport_stream_is_refused(chunk: Path, data: bytes) -> None:
    (chunk / "480p" / SEGMENT).write_bytes(data)
    with pytest.raises(TranscodeError, match=r"480p/segment_000\.ts"):
        measured(PLAN, 0, chunk)


def published(chunk: Path, plan: Plan = PLAN) -> dict[str, bytes]:
    """A video of one chunk as it is served."""
    renditions = measured(plan, 0, chunk).renditions
    files = {"master.m3u8": multivariant.master(plan, renditions).encode()}
    segments = renditions[0].segments
    files["480p/index.m3u8"] = playlists.media(plan, "480p", segments, is_finished=True).encode()
    files["480p/iframes.m3u8"] = playlists.iframes(plan, "480p", segments, is_finished=True).encode()
    return files | {f"480p/{path.name}": path.read_bytes() for path in (chunk / "480p").iterdir()}


def violations(files: dict[str, bytes]) -> set[tuple[str, str]]:
    found: tuple[Violation, ...] = check(lambda name: files[name])
    return {(violation.rule, violation.sentence) for violation in found}


@pytest.mark.parametrize("plan", [PLAN, SILENT])
def test_what_was_measured_conforms(tmp_path: Path, plan: Plan) -> None:
    write_chunk(plan, 0, tmp_path / "chunk")
    assert violations(published(tmp_path / "chunk", plan)) == set()


@pytest.mark.parametrize(
    ("stream", "sound", "rule", "sentence"),
    [
        (key_picture(64, 48, profile=110), adts(), "Apple-1", "avc1.6e001f is above High profile, level 5.2."),
        (key_picture(64, 48, level=60), adts(), "Apple-1", "avc1.64003c is above High profile, level 5.2."),
        (key_picture(64, 48), adts(object_type=1), "Apple-2", "Its sound isn't AAC-LC."),
    ],
)
def test_streams_that_players_need_not_support_are_named(
    chunk: Path, stream: bytes, sound: bytes, rule: str, sentence: str
) -> None:
    files = published(chunk)
    pictures = [replace(p, stream=stream) if p.is_random_access else p for p in pictures_of(PLAN, FIRST)]
    files["480p/segment_000.ts"] = written(pictures, sound_of(PLAN, FIRST), sound)
    assert (rule, sentence) in violations(files)


def test_a_gap_in_the_sound_between_segments_is_named(chunk: Path) -> None:
    files = published(chunk)
    late = [time + 100 for time in sound_of(PLAN, LAST)]
    files["480p/segment_001.ts"] = written(pictures_of(PLAN, LAST), late)
    sentences = {sentence for _, sentence in violations(files)}
    assert "Its sound doesn't go on where the segment before ended." in sentences


@pytest.mark.parametrize(("plan", "codecs"), [(PLAN, "avc1.64001f"), (SILENT, "avc1.64001f,mp4a.40.2")])
def test_codecs_that_lie_about_the_sound_are_named(tmp_path: Path, plan: Plan, codecs: str) -> None:
    write_chunk(plan, 0, tmp_path / "chunk")
    files = published(tmp_path / "chunk", plan)
    text = files["master.m3u8"].decode()
    declared = text.partition('CODECS="')[2].partition('"')[0]
    files["master.m3u8"] = text.replace(f'CODECS="{declared}"', f'CODECS="{codecs}"', 1).encode()
    assert ("RFC8216-4.3.4.2", "CODECS doesn't tell whether there is sound.") in violations(files)
