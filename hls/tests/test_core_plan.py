"""What is decided for any video before it is encoded: rates, boundaries, renditions."""

import json
from dataclasses import replace
from fractions import Fraction
from heapq import heapreplace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.chunk import ChunkFacts, IFrame, RenditionFacts, SegmentFacts, joined
from hls.core.encoding.filters import tiles
from hls.core.encoding.sounds import audio_span
from hls.core.inspection.rates import STANDARD, measure, nearest_standard
from hls.core.ladder import renditions
from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack, Landing, Source, VideoTrack
from hls.core.timeline import Timeline, output_rate, timeline
from hls.core.wire import dump, load

NTSC = Fraction(30000, 1001)
VIDEO = VideoTrack(
    index=0,
    codec="h264",
    width=1920,
    height=1080,
    rotation=0,
    rate=Fraction(24000, 1001),
    frame_count=2158,
    start_s=Fraction(1, 3),
    duration_s=Fraction(2158 * 1001, 24000),
    is_variable_rate=False,
    is_interlaced=False,
    is_full_range=False,
    pixel_format="yuv420p",
    transfer="bt709",
    primaries="bt709",
    matrix="bt709",
    landings=(Landing(seek_s=11.25, shown_s=Fraction(34, 3), picture=264), Landing(40.5, Fraction(81, 2), byte=7)),
)
AUDIO = AudioTrack(index=1, codec="aac", channels=2, sample_rate=44_100, start_s=Fraction(-1, 7), frame_samples=1024)
SOURCE = Source(demuxer="mov", size_bytes=10, duration_s=90.0, video=VIDEO, audio=AUDIO)


def clip(**changes: object) -> Source:
    return replace(SOURCE, video=replace(VIDEO, **changes))  # type: ignore[arg-type]


rates = st.one_of(
    st.sampled_from([rate for rate in STANDARD if rate <= 60]),
    st.fractions(min_value=1, max_value=60, max_denominator=1001),
)
frame_counts = st.integers(1, 20_000)


@given(rate=rates, frame_count=frame_counts)
def test_segments_tile_the_video(rate: Fraction, frame_count: int) -> None:
    grid = timeline(rate, frame_count)
    assert grid.segments[0].first_frame == 0
    assert grid.segments[-1].end_frame == frame_count
    assert all(one.end_frame == other.first_frame for one, other in pairwise(grid.segments))
    assert all(segment.frame_count > 0 for segment in grid.segments)
    assert [segment.number for segment in grid.segments] == list(range(len(grid.segments)))


@given(rate=rates, frame_count=frame_counts)
def test_chunks_tile_the_segments_and_the_first_is_short(rate: Fraction, frame_count: int) -> None:
    grid = timeline(rate, frame_count)
    assert tuple(segment for chunk in grid.chunks for segment in chunk.segments) == grid.segments
    *sizes, last = (len(chunk.segments) for chunk in grid.chunks)
    most = [1, 1, 1, 2, *[5] * len(sizes)]
    assert sizes[:4] == most[: len(sizes)][:4]
    assert all(2 <= size <= 5 for size in sizes[4:])
    assert sizes[4:] == sorted(sizes[4:], reverse=True)
    assert last <= most[len(sizes)] + (frame_count - grid.segments[-1].first_frame < 3)
    assert all(chunk.frame_count >= 3 for chunk in grid.chunks[1:])
    assert all(chunk.frame_count >= 3 for chunk in grid.chunks) or frame_count < 3
    assert [chunk.index for chunk in grid.chunks] == list(range(len(grid.chunks)))


@given(rate=rates, frame_count=frame_counts)
def test_no_segment_is_longer_than_the_target_duration(rate: Fraction, frame_count: int) -> None:
    """RFC 8216 4.3.3.1, and Apple's limit of half a second."""
    grid = timeline(rate, frame_count)
    for segment in grid.segments:
        duration_s = segment.frame_count / rate
        assert int(duration_s + Fraction(1, 2)) <= grid.target_duration_s
        assert duration_s <= grid.target_duration_s + Fraction(1, 2)


@given(rate=rates, frame_count=frame_counts)
def test_every_segment_begins_with_a_keyframe_on_the_chunks_own_grid(rate: Fraction, frame_count: int) -> None:
    grid = timeline(rate, frame_count)
    for chunk in grid.chunks[:3]:
        for segment in chunk.segments:
            assert (segment.first_frame - chunk.first_frame) % grid.gop == 0
            keyframes = grid.keyframes(segment)
            assert keyframes[0] == segment.first_frame
            assert {later - earlier for earlier, later in pairwise(keyframes)} <= {grid.gop}


@given(rate=rates)
def test_keyframes_are_about_two_seconds_apart(rate: Fraction) -> None:
    grid = timeline(rate, 1000)
    assert abs(grid.gop / rate - 2) <= Fraction(1, 2) / rate


@given(rate=rates, frame_count=frame_counts, start=st.fractions(-10, 100, max_denominator=90_000))
def test_sound_of_chunks_joins_without_gap_or_overlap(rate: Fraction, frame_count: int, start: Fraction) -> None:
    plan = make_plan(clip(rate=rate, frame_count=frame_count, start_s=start))
    spans = [audio_span(plan, chunk) for chunk in plan.timeline.chunks]
    assert spans[0].first_frame == 0
    assert all(one.end_frame == other.first_frame for one, other in pairwise(spans))
    lasts_s = Fraction(spans[-1].end_frame * 1024, 48_000)
    assert 0 <= lasts_s - plan.timeline.duration_s < Fraction(1024, 48_000)


@given(rate=rates, frame_count=frame_counts)
def test_tiles_of_chunks_are_the_videos(rate: Fraction, frame_count: int) -> None:
    plan = make_plan(clip(rate=rate, frame_count=frame_count, duration_s=frame_count / rate))
    numbers = [number for chunk in plan.timeline.chunks for number in tiles(plan, chunk)]
    assert numbers == list(range(plan.tile_count))
    assert plan.tile_count >= min(10, frame_count) * 2 / 3
    assert float(plan.frames_per_tile / rate) <= max(10.5, float(1 / rate))


@pytest.mark.parametrize(("rate", "frame_count"), [(Fraction(25), 0), (Fraction(61), 10), (Fraction(1, 2), 10)])
def test_timeline_that_makes_no_sense_is_refused(rate: Fraction, frame_count: int) -> None:
    with pytest.raises(ValueError, match="no timeline"):
        timeline(rate, frame_count)


def test_short_rest_goes_into_the_last_segment() -> None:
    assert [segment.frame_count for segment in timeline(Fraction(25), 310).segments] == [50, 100, 160]
    assert [segment.frame_count for segment in timeline(Fraction(25), 315).segments] == [50, 100, 150, 15]
    assert [segment.frame_count for segment in timeline(Fraction(25), 62).segments] == [62]
    assert [segment.frame_count for segment in timeline(Fraction(25), 63).segments] == [50, 13]
    assert [segment.frame_count for segment in timeline(Fraction(25), 160).segments] == [50, 110]


def test_a_film_begins_with_short_segments_and_chunks_and_goes_on_with_as_few_as_ever() -> None:
    grid = timeline(Fraction(24), 24 * 7200)
    assert [segment.frame_count / 24 for segment in grid.segments[:5]] == [2, 4, 6, 6, 6]
    assert [chunk.frame_count / 24 for chunk in grid.chunks[:7]] == [2, 4, 6, 12, 30, 30, 30]
    assert (len(grid.segments), len(grid.chunks)) == (1201, 245)
    assert {segment.first_frame % 144 for segment in grid.segments} == {0, 48}


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("seconds", [120, 150, 180, 270, 360, 1800])
def test_workers_of_one_video_are_done_at_about_the_same_time(seconds: int, workers: int) -> None:
    """With chunks of half a minute up to the end, one may have begun its last one when the others are done."""
    grid = timeline(Fraction(24), 24 * seconds)
    free_at_s = [Fraction(0)] * workers
    for chunk in grid.chunks:
        heapreplace(free_at_s, free_at_s[0] + grid.seconds(chunk.frame_count))
    assert max(free_at_s) - grid.duration_s / workers <= 12
    assert max(free_at_s) - min(free_at_s) <= 18


def test_a_few_frames_a_second_are_not_enough_for_a_short_segment() -> None:
    """With less than three frames in a chunk, x264 delays none."""
    assert [segment.frame_count for segment in timeline(Fraction(1), 20).segments] == [6, 6, 6, 2]
    assert [segment.frame_count for segment in timeline(Fraction(3, 2), 20).segments] == [3, 6, 9, 2]


def test_a_grid_that_was_planned_before_segments_could_be_short_stays_as_it_was() -> None:
    stored = {
        "rate": "25/1",
        "frame_count": 2250,
        "gop": 50,
        "frames_per_segment": 150,
        "segments_first_chunk": 2,
        "segments_per_chunk": 5,
        "starts": [],
        "least_frames_per_chunk": 3,
    }
    grid = load(Timeline, stored)
    assert [segment.frame_count for segment in grid.segments] == [150] * 15
    assert [len(chunk.segments) for chunk in grid.chunks] == [2, 5, 5, 3]


def test_a_grid_that_was_planned_before_the_last_chunks_could_be_shorter_stays_as_it_was() -> None:
    film = timeline(Fraction(24), 24 * 180)
    grid = load(Timeline, {name: value for name, value in dump(film).items() if not name.endswith("_at_end")})
    assert [len(chunk.segments) for chunk in film.chunks] == [1, 1, 1, 2, 5, 5, 5, 4, 3, 2, 2]
    assert [len(chunk.segments) for chunk in grid.chunks] == [1, 1, 1, 2, 5, 5, 5, 5, 5, 1]


@given(rate=st.fractions(min_value=Fraction(1, 100), max_value=1000, max_denominator=1001))
def test_output_rate_is_a_whole_part_of_the_sources(rate: Fraction) -> None:
    made = output_rate(rate)
    assert 1 <= made <= 60
    is_hair_below = made == 60 and 0 < rate / made % 1 <= rate / made / 200
    assert (rate / made).denominator == 1 or (made / rate).denominator == 1 or is_hair_below


@pytest.mark.parametrize(
    ("given_rate", "made"),
    [
        *(("120", "60"), ("100", "50"), ("144", "48"), ("120000/1001", "60000/1001"), ("60", "60"), ("1/2", "1")),
        *(("60.003", "60"), ("60.058", "60"), ("60.2", "60"), ("61", "30.5")),
        *(("120.1", "60"), ("239.9", "59.975"), ("240.2", "60"), ("59.97", "59.97")),
    ],
)
def test_high_rates_are_divided_and_low_ones_multiplied(given_rate: str, made: str) -> None:
    assert output_rate(Fraction(given_rate)) == Fraction(made)


sizes = st.tuples(st.integers(2, 8192), st.integers(2, 8192))


@given(size=sizes)
def test_renditions_have_even_sizes_and_are_never_upscaled(size: tuple[int, int]) -> None:
    width, height = size
    ladder = renditions(clip(width=width, height=height))
    for rendition in ladder:
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert 2 <= rendition.width <= width
        assert 2 <= rendition.height <= height
    assert [rendition.name for rendition in ladder] == ["480p", "720p", "1080p"][: len(ladder)]


@given(size=sizes)
def test_renditions_keep_the_aspect(size: tuple[int, int]) -> None:
    width, height = size
    for rendition in renditions(clip(width=width, height=height)):
        scale = Fraction(min(rendition.width, rendition.height), min(width, height))
        assert abs(rendition.width - width * scale) <= 2 * max(1, width / height)
        assert abs(rendition.height - height * scale) <= 2 * max(1, height / width)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), [(854, 480), (1280, 720), (1920, 1080)]),
        ((1080, 1920), [(480, 854), (720, 1280), (1080, 1920)]),
        ((3840, 2160), [(854, 480), (1280, 720), (1920, 1080)]),
        ((1920, 800), [(1152, 480), (1728, 720)]),
        ((640, 480), [(640, 480)]),
        ((426, 240), [(426, 240)]),
        ((161, 121), [(160, 120)]),
        ((854, 479), [(854, 478)]),
    ],
)
def test_ladder_of_a_size(size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    made = renditions(clip(width=size[0], height=size[1]))
    assert [(rendition.width, rendition.height) for rendition in made] == expected


def test_fast_videos_may_use_more_bits() -> None:
    slow, fast = renditions(clip(rate=Fraction(30)))[-1], renditions(clip(rate=Fraction(60)))[-1]
    assert fast.maxrate_kbps > slow.maxrate_kbps
    assert fast.bufsize_kbits == 2 * fast.maxrate_kbps


@pytest.mark.parametrize("audio", [AUDIO, None])
def test_plan_survives_its_journey_as_json(audio: AudioTrack | None) -> None:
    plan = make_plan(replace(SOURCE, audio=audio))
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.timeline.rate == Fraction(24000, 1001)


def test_a_plan_from_before_goes_on_with_the_encoder_settings_that_it_was_made_with() -> None:
    older = make_plan(SOURCE).to_json()
    for rendition in older["renditions"]:
        del rendition["preset"], rendition["x264_params"]
    settings = {(rendition.preset, rendition.x264_params) for rendition in Plan.from_json(older).renditions}
    assert settings == {("faster", "subme=2")}


@pytest.mark.parametrize("change", [{"timeline": None}, {"frames_per_tile": "7"}, {"renditions": [{"name": "x"}]}])
def test_plan_that_was_tampered_with_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((TypeError, KeyError, ValueError)):
        load(Plan, make_plan(SOURCE).to_json() | change)


def test_variable_rate_is_planned_by_its_duration() -> None:
    plan = make_plan(clip(is_variable_rate=True, rate=Fraction(30), frame_count=99, duration_s=Fraction(10)))
    assert plan.timeline.frame_count == 300


def times(rate: Fraction, count: int, time_base: Fraction) -> list[int]:
    return [round(number / rate / time_base) for number in range(count)]


@pytest.mark.parametrize("rate", [rate for rate in STANDARD if rate <= 240])
@pytest.mark.parametrize("time_base", [Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 12_800)])
def test_rate_is_found_in_rounded_timestamps(rate: Fraction, time_base: Fraction) -> None:
    found = measure(times(rate, 500, time_base), time_base, [])
    assert (found.rate, found.frame_count, found.is_variable) == (rate, 500, False)


def test_rate_that_is_not_standard_is_taken_as_it_is() -> None:
    rate = Fraction(173, 10)
    found = measure(times(rate, 200, Fraction(1, 90_000)), Fraction(1, 90_000), [rate])
    assert (found.rate, found.frame_count, found.is_variable) == (rate, 200, False)


def test_holes_count_as_frames() -> None:
    stamps = [stamp for number, stamp in enumerate(times(NTSC, 300, Fraction(1, 90_000))) if number not in (7, 8, 200)]
    found = measure(stamps, Fraction(1, 90_000), [])
    assert (found.rate, found.frame_count, found.is_variable) == (NTSC, 300, False)


def test_irregular_timestamps_get_the_nearest_standard_rate_to_the_usual_interval() -> None:
    stamps = [0, 33, 51, 84, 130, 163, 214, 247, 263, 500, 533, 549, 582]
    found = measure(stamps, Fraction(1, 1000), [])
    assert found.is_variable
    assert 28 <= found.rate <= 31


def test_single_frame_has_the_declared_rate() -> None:
    assert measure([77], Fraction(1, 1000), [Fraction(24)]).rate == 24
    assert measure([77], Fraction(1, 1000), []).frame_count == 1


@given(rate=st.fractions(min_value=Fraction(1, 2), max_value=500, max_denominator=1001))
def test_nearest_standard_rate_is_nearest(rate: Fraction) -> None:
    found = nearest_standard(rate)
    assert all(max(found / rate, rate / found) <= max(other / rate, rate / other) for other in STANDARD)


def chunk(index: int, *numbers: int) -> ChunkFacts:
    segments = tuple(SegmentFacts(number, 144, 1000 + number, (IFrame(144 * number, 0, 500),)) for number in numbers)
    return ChunkFacts(index, (RenditionFacts("480p", "avc1.64001e", segments),), ())


def test_chunks_join_up_to_the_first_gap() -> None:
    chunks = [chunk(2, 7, 8), chunk(0, 0, 1), chunk(1, 2, 3, 4, 5, 6), chunk(4, 14)]
    video_so_far = joined(chunks)
    assert [segment.number for segment in video_so_far[0].segments] == list(range(9))
    assert joined(chunks[:1]) == ()
    assert joined([]) == ()


def test_facts_survive_their_journey_as_json() -> None:
    facts = chunk(1, 2, 3)
    assert ChunkFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
