"""Which worker gets which work, and that a lost claim changes nothing."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hls import claims
from hls.models import Chunk, ChunkState, Extraction, State, Transcode
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory
from hls.tests.racing import deleted_once_claimed

pytestmark = pytest.mark.django_db


def test_a_claimed_chunk_is_not_claimed_again() -> None:
    ChunkFactory.create()
    first = claims.claim_chunk(None)
    assert first is not None
    assert first[0].state == ChunkState.RUNNING
    assert claims.claim_chunk(None) is None


def test_a_chunk_of_a_cancelled_video_is_not_claimed() -> None:
    TranscodeFactory.create(state=State.CANCELLED, chunks=2)
    assert claims.claim_chunk(None) is None


def test_early_chunks_go_first_so_a_short_video_overtakes_a_long_one() -> None:
    long = TranscodeFactory.create(processing=True, queued_at=timezone.now() - timedelta(hours=1), chunks=5)
    Chunk.objects.filter(transcode=long, index__lt=2).update(state=ChunkState.DONE)
    short = TranscodeFactory.create(processing=True, chunks=2)
    order = [found[0] for found in iter(lambda: claims.claim_chunk(None), None)]
    assert [(chunk.transcode_id, chunk.index) for chunk in order] == [
        (short.pk, 0),
        (short.pk, 1),
        (long.pk, 2),
        (long.pk, 3),
        (long.pk, 4),
    ]


def test_of_two_videos_at_the_same_chunk_the_one_queued_first_goes_first() -> None:
    second = TranscodeFactory.create(processing=True, chunks=1)
    first = TranscodeFactory.create(processing=True, chunks=1, queued_at=second.queued_at - timedelta(seconds=5))
    found = claims.claim_chunk(None)
    assert found is not None
    assert found[0].transcode_id == first.pk


def test_a_chunk_that_waits_for_its_next_try_is_left_alone() -> None:
    ChunkFactory.create(not_before=timezone.now() + timedelta(minutes=1))
    assert claims.claim_chunk(None) is None
    assert not claims.is_work_waiting()


def test_a_chunk_whose_wait_is_over_is_claimed() -> None:
    ChunkFactory.create(not_before=timezone.now() - timedelta(seconds=1))
    assert claims.is_work_waiting()
    assert claims.claim_chunk(None) is not None


def test_a_worker_that_lost_its_lease_changes_nothing() -> None:
    ChunkFactory.create()
    found = claims.claim_chunk(None)
    assert found is not None
    chunk, stale = found
    claims.take_back_chunks(Chunk.objects.all())
    again = claims.claim_chunk(None)
    assert again is not None
    claims.give_back_chunk(chunk, stale)
    assert claims.owned_chunk(chunk, stale).update(state=ChunkState.DONE) == 0
    chunk.refresh_from_db()
    assert chunk.state == ChunkState.RUNNING
    assert chunk.lease_token == again[1].token


def test_work_taken_back_counts_as_a_loss_and_work_given_back_does_not() -> None:
    ChunkFactory.create()
    found = claims.claim_chunk(None)
    assert found is not None
    claims.give_back_chunk(*found)
    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.losses, chunk.lease_token) == (ChunkState.WAITING, 0, "")
    claims.claim_chunk(None)
    claims.take_back_chunks(Chunk.objects.all())
    chunk.refresh_from_db()
    assert (chunk.state, chunk.losses) == (ChunkState.WAITING, 1)


def test_a_video_is_finished_only_when_its_last_chunk_is_done() -> None:
    transcode = TranscodeFactory.create(processing=True, chunks=2)
    assert claims.claim_transcode(claims.unfinished(), None) is None
    Chunk.objects.update(state=ChunkState.DONE)
    found = claims.claim_transcode(claims.unfinished(), None)
    assert found is not None
    assert found[0] == transcode
    assert claims.claim_transcode(claims.unfinished(), None) is None


def test_a_video_replaced_meanwhile_is_no_longer_owned() -> None:
    TranscodeFactory.create()
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    Transcode.objects.update(version=2)
    assert not claims.owned_transcode(*found).exists()


def test_the_claim_names_the_worker() -> None:
    worker = WorkerFactory.create()
    ChunkFactory.create()
    found = claims.claim_chunk(worker)
    assert found is not None
    assert found[0].worker == worker


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_get_eight_different_chunks() -> None:
    TranscodeFactory.create(processing=True, chunks=8)
    barrier = threading.Barrier(8)
    won: list[int] = []

    def work() -> None:
        barrier.wait()
        try:
            found = None
            while found is None and claims.is_work_waiting():
                found = claims.claim_chunk(None)
            if found:
                won.append(found[0].index)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == len(set(won)), "one chunk was claimed twice"
    assert Chunk.objects.filter(state=ChunkState.RUNNING).count() == len(won) == 8


CLAIMS: dict[str, Callable[[], object]] = {
    "transcode": lambda: claims.claim_transcode(claims.unplanned(), None),
    "chunk": lambda: claims.claim_chunk(None),
    "extraction": lambda: claims.claim_extraction(None),
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_work_that_is_deleted_while_it_is_claimed_is_let_go(kind: str) -> None:
    if kind == "transcode":
        TranscodeFactory.create(state=State.QUEUED)
    elif kind == "chunk":
        ChunkFactory.create()
    else:
        Extraction.objects.create(transcode=TranscodeFactory.create(ready=True))
    with deleted_once_claimed(Transcode):
        assert CLAIMS[kind]() is None
    assert not Transcode.objects.exists(), "it was claimed"
