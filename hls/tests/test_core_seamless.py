"""Chunks that are encoded one by one join into a video without a seam."""

from itertools import pairwise
from pathlib import Path

import pytest

from hls.core.formats.transport import parameters, tables, units
from hls.tests.clips import Look, make
from hls.tests.watching import (
    WatchedVideo,
    assert_plays,
    complaints,
    encode,
    numbers,
    picture_times,
    steps,
    timestamps,
    violations,
)

pytestmark = pytest.mark.ffmpeg

TICKS = 90_000
RATE = 4
AAC_FRAME = 1920  # 1024 samples at 48 kHz, in ticks


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> WatchedVideo:
    """90 seconds in two renditions and eight chunks."""
    folder = tmp_path_factory.mktemp("video")
    look = Look(width=720, height=720, rate=str(RATE), duration_s=90)
    return encode(make(folder / "source.mp4", look=look), folder)


RENDITIONS = ["480p", "720p"]


def test_ninety_seconds_become_several_chunks(clip: WatchedVideo) -> None:
    assert [span.frame_count for span in clip.plan.timeline.chunks] == [
        RATE * seconds for seconds in (2, 4, 6, 12, 24, 18, 12, 12)
    ]


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_joined_segments_decode_without_a_word(clip: WatchedVideo, rendition: str) -> None:
    assert complaints(clip.joined(rendition)) == ""


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_joined_segments_show_every_frame_of_the_source_in_order(clip: WatchedVideo, rendition: str) -> None:
    assert numbers(clip.joined(rendition)) == list(range(90 * RATE))


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_picture_and_sound_packets_are_regular_across_chunks(clip: WatchedVideo, rendition: str) -> None:
    whole = clip.joined(rendition)
    assert steps(timestamps(whole, "video")) == {TICKS // RATE}
    assert steps(timestamps(whole, "audio")) == {AAC_FRAME}
    sound = timestamps(whole, "audio")
    assert sound[0] == 10 * TICKS
    assert 0 <= sound[-1] + AAC_FRAME - 100 * TICKS < AAC_FRAME


def test_published_files_break_no_rule(clip: WatchedVideo) -> None:
    assert violations(clip) == ()


def test_renditions_have_the_same_boundaries(clip: WatchedVideo) -> None:
    """RFC 8216 6.2.4: matching content has matching timestamps in all renditions."""
    begins: dict[str, list[int]] = {}
    for rendition in RENDITIONS:
        begins[rendition] = []
        for path in clip.segments(rendition):
            data = path.read_bytes()
            pid = tables(data).video_pid
            pictures = units(data, pid)
            assert pictures[0].is_random_access
            assert parameters(data, pictures[0], pid).profile == 100
            begins[rendition].append(min(unit.pts for unit in pictures))
    assert begins["480p"] == begins["720p"] == [(10 + at_s) * TICKS for at_s in (0, 2, *range(6, 90, 6))]


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60000/1001", "12.5"])
def test_any_rate_has_regular_steps_across_chunks(tmp_path: Path, rate: str) -> None:
    """Steps of a rate that 90 kHz can't divide differ by one tick, as rounding does; never by more."""
    source = make(tmp_path / "source.mkv", look=Look(width=160, height=120, rate=rate, duration_s=13.3))
    clip = encode(source, tmp_path)
    assert len(clip.plan.timeline.chunks) == 4
    whole = clip.joined("480p")
    assert_plays(clip)
    found = steps(timestamps(whole, "video"))
    assert max(found) - min(found) <= 1
    assert steps(timestamps(whole, "audio")) == {AAC_FRAME}
    shown = picture_times(whole)
    assert list(shown) == list(range(clip.plan.source.video.frame_count))
    assert all(
        abs((later - earlier) * clip.plan.timeline.rate - 1) < 0.01 for earlier, later in pairwise(shown.values())
    )


@pytest.mark.parametrize(("rate", "duration_s"), [(1, 13), (1, 14), (2, 13), (2, 12.5)])
def test_slow_videos_are_decoded_at_one_pace_to_their_last_picture(
    tmp_path: Path, rate: int, duration_s: float
) -> None:
    """An encoder delays no picture if it gets no more than two."""
    source = make(tmp_path / "source.mkv", look=Look(160, 120, str(rate), duration_s))
    clip = encode(source, tmp_path)
    assert steps(timestamps(clip.joined("480p"), "video")) == {TICKS // rate}
    assert numbers(clip.joined("480p")) == list(range(round(duration_s * rate)))
    assert_plays(clip)
