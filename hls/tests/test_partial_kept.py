"""What is kept of a video that is being made between two polls: enough to save reading, and never too long."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls import lifecycle
from hls.models import Chunk, ChunkState, Transcode
from hls.partial import MOST_KEPT, PartialVersion, measured
from hls.tests.factories import ChunkFactory
from hls.tests.plans import crowd, plan
from hls.tests.test_partly_made import SMALL, facts, partly

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio")]


def segments(transcode: Transcode) -> int:
    """How many may be watched."""
    partial = PartialVersion.of(transcode)
    return len(partial.renditions[0].segments) if partial else 0


def finish(transcode: Transcode, index: int) -> None:
    Chunk.objects.filter(transcode=transcode, index=index).update(
        state=ChunkState.DONE, facts=facts(SMALL, index), finished_at=timezone.now()
    )


def begin_anew(transcode: Transcode, done: list[int]) -> None:
    lifecycle.replace(transcode, "videos/other.mp4")
    Transcode.objects.filter(pk=transcode.pk).update(state="processing", plan=SMALL.to_json())
    transcode.refresh_from_db()
    for span in SMALL.timeline.chunks:
        ChunkFactory.create(transcode=transcode, index=span.index, state=ChunkState.WAITING)
    for index in done:
        finish(transcode, index)


def test_a_poll_of_an_unchanged_video_is_one_query_that_reads_no_facts() -> None:
    transcode = partly([0, 1])
    assert segments(transcode) == 7
    with CaptureQueriesContext(
        connection,
    ) as polled:
        assert segments(transcode) == 7
    (query,) = polled.captured_queries
    assert '"facts"' not in query["sql"]
    assert '"plan"' not in query["sql"]


def test_the_one_query_finds_its_chunks_by_index() -> None:
    crowd()
    transcode = partly([0, 1])
    segments(transcode)
    steps = plan(lambda: segments(transcode))
    assert "hls_chunk" in steps
    assert not re.search(r"(seq scan on|\bscan) hls_chunk", steps), steps


def test_a_poll_costs_as_many_queries_for_many_chunks_as_for_few(django_assert_num_queries: Any) -> None:
    few, many = partly([0]), partly([0, 1, 2, 3])
    for transcode in (few, many):
        with django_assert_num_queries(2):
            segments(transcode)
        with django_assert_num_queries(1):
            segments(transcode)


def test_each_newly_done_chunk_is_in_the_very_next_answer() -> None:
    transcode = partly([0])
    seen = [segments(transcode)]
    for index in (1, 2, 3):
        finish(transcode, index)
        seen.append(segments(transcode))
    assert seen == [2, 7, 12, 15]


def test_a_gap_is_filled_in_the_very_next_answer() -> None:
    transcode = partly([0, 2, 3])
    assert segments(transcode) == 2
    finish(transcode, 1)
    assert segments(transcode) == 15


def test_the_first_chunk_is_seen_though_nothing_was_there_before() -> None:
    transcode = partly([])
    assert segments(transcode) == 0
    finish(transcode, 0)
    assert segments(transcode) == 2


def test_a_chunk_whose_worker_has_a_slow_clock_is_seen() -> None:
    """It fills a gap, and seems to have been done before those that are known: their number alone tells."""
    transcode = partly([])
    finish(transcode, 0)
    finish(transcode, 2)
    assert segments(transcode) == 2
    finish(transcode, 1)
    Chunk.objects.filter(transcode=transcode, index=1).update(finished_at=timezone.now() - timedelta(hours=1))
    assert segments(transcode) == 12


@pytest.mark.parametrize("done", [[], [0], [0, 1]])
def test_a_replaced_video_shows_only_its_own_chunks(done: list[int]) -> None:
    transcode = partly([0, 1])
    assert segments(transcode) == 7
    begin_anew(transcode, done)
    assert transcode.version == 2
    assert segments(transcode) == {0: 0, 1: 2, 2: 7}[len(done)]
    partial = PartialVersion.of(transcode)
    assert partial is None or partial.place.name == "2"


def test_a_replacement_has_the_sizes_that_were_measured_of_it() -> None:
    transcode = partly([0])
    before = PartialVersion.of(transcode)
    begin_anew(transcode, [0])
    told = facts(SMALL, 0)
    told["renditions"][0]["segments"][0]["size_bytes"] = 77  # type: ignore[index]
    Chunk.objects.filter(transcode=transcode, index=0).update(facts=told)
    after = PartialVersion.of(transcode)
    assert before is not None
    assert after is not None
    assert before.renditions[0].segments[0].size_bytes == 100_000
    assert after.renditions[0].segments[0].size_bytes == 77


def test_a_video_read_before_it_was_replaced_shows_nothing_of_the_new_one() -> None:
    """Its folder would be the old version's."""
    read_before = partly([0])
    begin_anew(Transcode.objects.get(pk=read_before.pk), [0, 1])
    assert PartialVersion.of(read_before) is None


def test_videos_do_not_mix() -> None:
    one, other = partly([0]), partly([0, 1, 2])
    assert [segments(transcode) for transcode in (one, other, one, other)] == [2, 12, 2, 12]


def test_a_few_videos_are_kept_and_no_more(django_assert_num_queries: Any) -> None:
    transcodes = [partly([0]) for _ in range(MOST_KEPT + 1)]
    for transcode in transcodes:
        segments(transcode)
    assert measured.cache_info().currsize == MOST_KEPT
    with django_assert_num_queries(1):
        segments(transcodes[-1])
    with django_assert_num_queries(2):
        segments(transcodes[0])
