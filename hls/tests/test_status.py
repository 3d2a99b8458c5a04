"""The progress that people see."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hls import lifecycle
from hls.models import Chunk, ChunkState, State, Transcode
from hls.renewal import update_percent
from hls.status import Phase, status_of, statuses
from hls.tests.factories import ChunkFactory, TranscodeFactory, served

pytestmark = pytest.mark.django_db


def test_queued_videos_know_their_place() -> None:
    now = timezone.now()
    second = TranscodeFactory.create(queued_at=now)
    first = TranscodeFactory.create(queued_at=now - timedelta(seconds=9))
    assert [status_of(transcode).queue_position for transcode in (first, second)] == [1, 2]
    assert status_of(first).phase == Phase.WAITING


def test_a_video_is_not_called_encoding_before_a_worker_took_one_of_its_chunks() -> None:
    transcode = TranscodeFactory.create(processing=True, chunks=2)
    assert (status_of(transcode).phase, status_of(transcode).eta_s) == (Phase.WAITING, None)
    Chunk.objects.filter(index=0).update(state=ChunkState.RUNNING, started_at=timezone.now())
    assert status_of(transcode).phase == Phase.ENCODING


def test_a_ready_video_is_at_a_hundred_percent() -> None:
    status = status_of(TranscodeFactory.create(ready=True))
    assert (status.state, status.percent, status.phase, status.playable) == ("ready", 100, Phase.DONE, True)
    assert (status.eta_s, status.queue_position, status.error) == (None, None, None)
    assert [rendition.name for rendition in status.renditions] == ["480p", "720p", "1080p"]


def test_a_ready_video_says_what_could_not_be_decoded() -> None:
    spans = [[12.0, 14.5], [3600.0, 3725.04]]
    transcode = TranscodeFactory.create(ready=True, served={**served(), "undecoded": spans})
    first, second = status_of(transcode).warnings
    assert (first.code, second.code) == ("undecodable", "undecodable")
    assert "from 0:12.0 to 0:14.5" in first.message
    assert "from 1:00:00.0 to 1:02:05.0" in second.message
    assert status_of(TranscodeFactory.create(ready=True)).warnings == ()
    lifecycle.replace(transcode, "videos/another.mp4")
    assert status_of(transcode).warnings == ()


def test_a_failed_video_says_what_happened_and_what_to_do() -> None:
    error = status_of(TranscodeFactory.create(failed=True)).error
    assert error is not None
    assert error.code == "no_video"
    assert error.message.endswith(".")
    assert error.hint.endswith(".")


def test_the_rest_is_expected_to_take_as_long_as_the_frames_so_far() -> None:
    """750 frames at 25 fps are 30 s of video, made in 20 s; 45 s are left: 30 s, and a moment to finish."""
    transcode = TranscodeFactory.create(processing=True, percent=40)
    now = timezone.now()
    ChunkFactory.create(
        transcode=transcode, index=0, done=True, started_at=now - timedelta(seconds=20), finished_at=now
    )
    ChunkFactory.create(transcode=transcode, index=1, frame_count=1125)
    status = status_of(transcode)
    assert status.speed == pytest.approx(1.5, rel=0.01)
    assert status.eta_s == pytest.approx(31, abs=0.5)
    assert (status.phase, status.playable, status.chunks) == (Phase.ENCODING, True, ("done", "waiting"))


def test_two_workers_at_once_count_as_twice_the_speed() -> None:
    transcode = TranscodeFactory.create(processing=True)
    now = timezone.now()
    for index in range(2):
        ChunkFactory.create(
            transcode=transcode, index=index, done=True, started_at=now - timedelta(seconds=20), finished_at=now
        )
    assert status_of(transcode).speed == pytest.approx(3.0, rel=0.01)


def test_hours_in_which_nobody_worked_do_not_slow_the_estimate() -> None:
    transcode = TranscodeFactory.create(processing=True)
    now = timezone.now()
    early = now - timedelta(hours=5)
    ChunkFactory.create(
        transcode=transcode, index=0, done=True, started_at=early, finished_at=early + timedelta(seconds=30)
    )
    ChunkFactory.create(
        transcode=transcode, index=1, done=True, started_at=now - timedelta(seconds=30), finished_at=now
    )
    assert status_of(transcode).speed == pytest.approx(1.0, rel=0.01)


def test_percent_never_falls_when_a_chunk_is_lost() -> None:
    transcode = TranscodeFactory.create(processing=True)
    ChunkFactory.create(transcode=transcode, index=0, running=True, frames_done=600)
    ChunkFactory.create(transcode=transcode, index=1)
    assert update_percent(transcode)
    assert Transcode.objects.get().percent == 40
    Chunk.objects.update(state=ChunkState.WAITING, frames_done=0)
    assert update_percent(transcode)
    assert Transcode.objects.get().percent == 40


def test_percent_stays_below_a_hundred_until_the_video_is_served() -> None:
    transcode = TranscodeFactory.create(processing=True)
    ChunkFactory.create(transcode=transcode, index=0, done=True)
    update_percent(transcode)
    assert Transcode.objects.get().percent == 99
    assert status_of(Transcode.objects.get()).phase == Phase.FINISHING


def test_a_cancelled_video_gains_no_percent() -> None:
    transcode = TranscodeFactory.create(processing=True)
    ChunkFactory.create(transcode=transcode, index=0, running=True, frames_done=600)
    Transcode.objects.update(state=State.CANCELLED)
    assert not update_percent(transcode)
    assert Transcode.objects.get().percent == 0


def test_a_page_of_videos_costs_five_queries_however_long_it_is(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    transcodes = [TranscodeFactory.create(processing=True, chunks=3) for _ in range(5)] + [
        TranscodeFactory.create() for _ in range(5)
    ]
    with django_assert_num_queries(5):
        assert len(statuses(transcodes)) == 10
