"""What else the workers have to do before a video is made, read from the rows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hls.core.estimate import Crew
from hls.models import Transcode
from hls.status import status_of
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory, plan
from hls.workload import ahead_of, backlogs, crew

pytestmark = pytest.mark.django_db


def transcode(*, chunks: int, age_s: int, **facts: int) -> Transcode:
    queued_at = timezone.now() - timedelta(seconds=age_s)
    made = TranscodeFactory.create(processing=True, queued_at=queued_at, plan=plan(**facts).to_json())
    for index in range(chunks):
        ChunkFactory.create(transcode=made, index=index)
    return made


def ahead(made: Transcode, *, last: int) -> list[float]:
    return list(ahead_of(made, last, backlogs()))


def test_a_video_alone_waits_for_nobody() -> None:
    made = transcode(chunks=3, age_s=0)
    assert ahead(made, last=2) == []


def test_of_two_videos_the_later_one_waits_for_one_chunk_more() -> None:
    """Workers take first chunks first, and of those the older video's."""
    first, second = transcode(chunks=3, age_s=60), transcode(chunks=3, age_s=0)
    assert len(ahead(first, last=2)) == 2
    assert len(ahead(second, last=2)) == 3


def test_a_short_video_does_not_wait_for_a_long_ones_later_chunks() -> None:
    transcode(chunks=20, age_s=60)
    assert len(ahead(transcode(chunks=2, age_s=0), last=1)) == 2


def test_chunks_that_are_done_are_no_longer_ahead() -> None:
    other = transcode(chunks=0, age_s=60)
    ChunkFactory.create(transcode=other, index=0, done=True)
    ChunkFactory.create(transcode=other, index=1, running=True, frames_done=250)
    made = transcode(chunks=3, age_s=0)
    assert ahead(made, last=2) == [500]


def test_a_large_picture_counts_for_more_than_a_small_one() -> None:
    transcode(chunks=1, age_s=60, width=1920, height=1080)
    (frames,) = ahead(transcode(chunks=2, age_s=0, width=854, height=480), last=1)
    assert frames / 750 == pytest.approx((1920 * 1080 + 1280 * 720 + 854 * 480) / (854 * 480))


def test_the_time_left_counts_what_is_ahead() -> None:
    """750 frames took 20 s; 750 of its own are left, and the other video's two chunks go before them."""
    now = timezone.now()
    transcode(chunks=2, age_s=60)
    made = transcode(chunks=0, age_s=0)
    ChunkFactory.create(transcode=made, index=0, done=True, started_at=now - timedelta(seconds=20), finished_at=now)
    ChunkFactory.create(transcode=made, index=1)
    assert status_of(made).eta_s == pytest.approx(61, abs=0.5)


def test_the_crew_is_made_of_the_workers_that_are_alive() -> None:
    assert crew() == Crew(hosts=1, slots=1)
    WorkerFactory.create(host="a", slots=2)
    WorkerFactory.create(host="a", slots=1)
    WorkerFactory.create(host="b", slots=4)
    WorkerFactory.create(host="c", slots=9, last_seen=timezone.now() - timedelta(minutes=5))
    assert crew() == Crew(hosts=2, slots=7)
