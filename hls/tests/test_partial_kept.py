"""What is kept of a growing film between two polls: enough to save reading, and never too long."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls import lifecycle
from hls.models import Chunk, ChunkState, Transcode
from hls.partial import MOST_KEPT, Growing, measured
from hls.tests.factories import ChunkFactory
from hls.tests.plans import crowd, plan
from hls.tests.test_partly_made import SMALL, facts, partly

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio")]


def segments(film: Transcode) -> int:
    """How many may be watched."""
    growing = Growing.of(film)
    return len(growing.renditions[0].segments) if growing else 0


def finish(film: Transcode, index: int) -> None:
    Chunk.objects.filter(transcode=film, index=index).update(
        state=ChunkState.DONE, facts=facts(SMALL, index), finished_at=timezone.now()
    )


def begin_anew(film: Transcode, done: list[int]) -> None:
    lifecycle.replace(film, "videos/other.mp4")
    Transcode.objects.filter(pk=film.pk).update(state="processing", plan=SMALL.to_json())
    film.refresh_from_db()
    for span in SMALL.timeline.chunks:
        ChunkFactory.create(transcode=film, index=span.index, state=ChunkState.WAITING)
    for index in done:
        finish(film, index)


def test_a_poll_of_an_unchanged_film_is_one_query_that_reads_no_facts() -> None:
    film = partly([0, 1])
    assert segments(film) == 7
    with CaptureQueriesContext(
        connection,
    ) as polled:
        assert segments(film) == 7
    (query,) = polled.captured_queries
    assert '"facts"' not in query["sql"]
    assert '"plan"' not in query["sql"]


def test_the_one_query_finds_its_chunks_by_index() -> None:
    crowd()
    film = partly([0, 1])
    segments(film)
    steps = plan(lambda: segments(film))
    assert "hls_chunk" in steps
    assert not re.search(r"(seq scan on|\bscan) hls_chunk", steps), steps


def test_a_poll_costs_as_many_queries_for_many_chunks_as_for_few(django_assert_num_queries: Any) -> None:
    few, many = partly([0]), partly([0, 1, 2, 3])
    for film in (few, many):
        with django_assert_num_queries(2):
            segments(film)
        with django_assert_num_queries(1):
            segments(film)


def test_each_newly_done_chunk_is_in_the_very_next_answer() -> None:
    film = partly([0])
    seen = [segments(film)]
    for index in (1, 2, 3):
        finish(film, index)
        seen.append(segments(film))
    assert seen == [2, 7, 12, 15]


def test_a_gap_is_filled_in_the_very_next_answer() -> None:
    film = partly([0, 2, 3])
    assert segments(film) == 2
    finish(film, 1)
    assert segments(film) == 15


def test_the_first_chunk_is_seen_though_nothing_was_there_before() -> None:
    film = partly([])
    assert segments(film) == 0
    finish(film, 0)
    assert segments(film) == 2


def test_a_chunk_whose_worker_has_a_slow_clock_is_seen() -> None:
    """It fills a gap, and seems to have been done before those that are known: their number alone tells."""
    film = partly([])
    finish(film, 0)
    finish(film, 2)
    assert segments(film) == 2
    finish(film, 1)
    Chunk.objects.filter(transcode=film, index=1).update(finished_at=timezone.now() - timedelta(hours=1))
    assert segments(film) == 12


@pytest.mark.parametrize("done", [[], [0], [0, 1]])
def test_a_replaced_film_shows_only_its_own_chunks(done: list[int]) -> None:
    film = partly([0, 1])
    assert segments(film) == 7
    begin_anew(film, done)
    assert film.version == 2
    assert segments(film) == {0: 0, 1: 2, 2: 7}[len(done)]
    growing = Growing.of(film)
    assert growing is None or growing.folder.name == "2"


def test_a_replacement_has_the_sizes_that_were_measured_of_it() -> None:
    film = partly([0])
    before = Growing.of(film)
    begin_anew(film, [0])
    told = facts(SMALL, 0)
    told["renditions"][0]["segments"][0]["size_bytes"] = 77  # type: ignore[index]
    Chunk.objects.filter(transcode=film, index=0).update(facts=told)
    after = Growing.of(film)
    assert before is not None
    assert after is not None
    assert before.renditions[0].segments[0].size_bytes == 100_000
    assert after.renditions[0].segments[0].size_bytes == 77


def test_a_film_read_before_it_was_replaced_shows_nothing_of_the_new_one() -> None:
    """Its folder would be the old version's."""
    read_before = partly([0])
    begin_anew(Transcode.objects.get(pk=read_before.pk), [0, 1])
    assert Growing.of(read_before) is None


def test_films_do_not_mix() -> None:
    one, other = partly([0]), partly([0, 1, 2])
    assert [segments(film) for film in (one, other, one, other)] == [2, 12, 2, 12]


def test_a_few_films_are_kept_and_no_more(django_assert_num_queries: Any) -> None:
    films = [partly([0]) for _ in range(MOST_KEPT + 1)]
    for film in films:
        segments(film)
    assert measured.cache_info().currsize == MOST_KEPT
    with django_assert_num_queries(1):
        segments(films[-1])
    with django_assert_num_queries(2):
        segments(films[0])
