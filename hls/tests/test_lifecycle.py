"""What can be done with a transcode in which state."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from hls import lifecycle
from hls.errors import NotPossible
from hls.models import Chunk, ChunkState, Discarded, State, Transcode
from hls.tests.factories import ChunkFactory, TranscodeFactory, served

pytestmark = pytest.mark.django_db


def test_submitting_queues_the_video() -> None:
    transcode = lifecycle.submit("videos/a.mp4")
    assert (transcode.state, transcode.version, transcode.attempts, transcode.source) == (
        State.QUEUED,
        1,
        1,
        "videos/a.mp4",
    )


@pytest.mark.parametrize("state", [State.QUEUED, State.PROCESSING, State.READY])
def test_a_video_that_has_not_failed_is_not_tried_again(state: State) -> None:
    transcode = TranscodeFactory.create(state=state)
    with pytest.raises(NotPossible, match="failed or cancelled"):
        lifecycle.retry(transcode)
    assert Transcode.objects.get().attempts == 1


def test_a_retry_counts_and_forgets_the_error() -> None:
    transcode = TranscodeFactory.create(failed=True, error_reason="encrypted", losses=4)
    lifecycle.retry(transcode)
    assert (transcode.state, transcode.attempts, transcode.losses) == (State.QUEUED, 2, 0)
    assert (transcode.error_code, transcode.error_reason) == ("", "")


@pytest.mark.parametrize("state", [State.READY, State.FAILED, State.CANCELLED])
def test_only_a_queued_or_running_transcode_can_be_cancelled(state: State) -> None:
    with pytest.raises(NotPossible, match="queued or running"):
        lifecycle.cancel(TranscodeFactory.create(state=state))


def test_cancelling_frees_running_chunks_and_keeps_done_ones() -> None:
    transcode = TranscodeFactory.create(processing=True)
    ChunkFactory.create(transcode=transcode, index=0, done=True)
    ChunkFactory.create(transcode=transcode, index=1, running=True)
    lifecycle.cancel(transcode)
    assert transcode.state == State.CANCELLED
    states = list(Chunk.objects.order_by("index").values_list("state", "lease_token"))
    assert states == [(ChunkState.DONE, ""), (ChunkState.WAITING, "")]


def test_replacing_begins_anew_and_keeps_the_version_that_is_served() -> None:
    transcode = TranscodeFactory.create(ready=True, chunks=2, error_reason="encrypted")
    lifecycle.replace(transcode, "videos/b.mp4")
    assert transcode.error_reason == ""
    assert (transcode.state, transcode.version, transcode.percent, transcode.plan) == (State.QUEUED, 2, 0, None)
    assert (transcode.served_version, transcode.served) == (1, served())
    assert not Chunk.objects.exists()


def test_discarding_deletes_the_chunks_too() -> None:
    transcode = TranscodeFactory.create(processing=True, chunks=3)
    lifecycle.discard(transcode.pk)
    assert not Chunk.objects.exists()


def test_a_replaced_video_that_was_never_served_can_not_be_played() -> None:
    transcode = TranscodeFactory.create(processing=True, playable_at=timezone.now())
    lifecycle.replace(transcode, "videos/b.mp4")
    assert transcode.playable_at is None


def test_a_replaced_video_that_is_served_stays_playable() -> None:
    transcode = TranscodeFactory.create(ready=True)
    since = transcode.playable_at
    lifecycle.replace(transcode, "videos/b.mp4")
    assert transcode.playable_at == since


def test_what_is_replaced_or_discarded_is_written_down_for_the_sweep() -> None:
    transcode = TranscodeFactory.create(ready=True, source="videos/a.mp4")
    lifecycle.replace(transcode, "videos/b.mp4")
    lifecycle.replace(transcode, "videos/b.mp4")  # as when it is only made again
    written = {"uploads/videos/a.mp4", f"hls/{transcode.pk}/1", f"hls/{transcode.pk}/2"}
    assert {str(row) for row in Discarded.objects.all()} == written
    lifecycle.discard(transcode.pk, pictures=["thumbnails/a.jpg", ""])
    written |= {"uploads/videos/b.mp4", "uploads/thumbnails/a.jpg", f"hls/{transcode.pk}"}
    assert {str(row) for row in Discarded.objects.all()} == written


def test_the_size_of_the_source_is_kept_in_the_row(studio: Path) -> None:
    folder = studio / "uploads" / "videos"
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(bytes(70))
    (folder / "b.mp4").write_bytes(bytes(9))
    transcode = lifecycle.submit("videos/a.mp4")
    assert transcode.source_bytes == 70
    lifecycle.replace(transcode, "videos/b.mp4")
    assert transcode.source_bytes == 9


@pytest.mark.parametrize("state", [State.QUEUED, State.PROCESSING, State.READY])
def test_a_refused_retry_leaves_the_attempts_of_its_chunks(state: State) -> None:
    transcode = TranscodeFactory.create(processing=True)
    Transcode.objects.update(state=state)
    later = timezone.now() + timedelta(minutes=1)
    ChunkFactory.create(transcode=transcode, attempts=2, losses=5, not_before=later)
    with pytest.raises(NotPossible):
        lifecycle.retry(transcode)
    assert Chunk.objects.values_list("attempts", "losses", "not_before").get() == (2, 5, later)
