"""Workers and people who change one video at the same moment: everybody waits for a short while, and nobody fails."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from hls import claims, lifecycle, steps, upkeep
from hls.core.chunk import ChunkFacts
from hls.core.errors import Stopped
from hls.folders import chunk_folder
from hls.models import Chunk, ChunkState, State, Transcode
from hls.tests.factories import ChunkFactory, TranscodeFactory
from hls.tests.racing import is_waiting_for_a_lock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("studio", "stop_flag")]

CHANGES: dict[str, Callable[[Transcode], None]] = {
    "replaced": lambda transcode: lifecycle.replace(transcode, "videos/other.mp4"),
    "cancelled": lifecycle.cancel,
    "deleted": lambda transcode: lifecycle.discard(transcode.pk),
}


def elsewhere(do: Callable[[], object]) -> Future[None]:
    """Do it in a thread with a connection of its own."""

    def work() -> None:
        try:
            do()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1)
    begun = pool.submit(work)
    pool.shutdown(wait=False)
    return begun


def claimed() -> tuple[Chunk, claims.Claim]:
    found = claims.claim_chunk(None)
    assert found is not None
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_a_video_is_changed_just_as_its_first_chunk_is_put_in(change: str) -> None:
    transcode = TranscodeFactory.create(processing=True, chunks=1)
    chunk, claim = claimed()
    folder = chunk_folder(transcode.pk, 1, 0, claim.token)
    (folder / "480p").mkdir(parents=True)
    with transaction.atomic():
        Transcode.objects.select_for_update().get(pk=transcode.pk)
        accepting = elsewhere(lambda: steps.accept_chunk(chunk, claim, folder, ChunkFacts(0, (), ())))
        if connection.vendor == "postgresql":  # in SQLite the other one begins when this one is over
            assert is_waiting_for_a_lock()
        CHANGES[change](transcode)
    with pytest.raises(Stopped):
        accepting.result()


def test_a_worker_that_hangs_while_it_puts_files_in_keeps_no_other_from_its_work() -> None:
    """As one that is stopped, or whose machine is gone: its rows stay locked until the database notices."""
    held = {"lease_token": "a", "lease_until": timezone.now() - timedelta(minutes=1)}
    hanging = ChunkFactory.create(state=ChunkState.RUNNING, **held)
    other = ChunkFactory.create(state=ChunkState.RUNNING, **held)
    finishing = TranscodeFactory.create(processing=True, **held)
    planning = TranscodeFactory.create(state=State.QUEUED, **held)
    with transaction.atomic():
        Chunk.objects.filter(pk=hanging.pk).update(state=ChunkState.DONE)
        Transcode.objects.filter(pk=finishing.pk).update(state=State.READY)
        if connection.vendor == "postgresql":  # in SQLite nobody writes meanwhile
            elsewhere(upkeep.take_back_lapsed).result(timeout=10)
            other.refresh_from_db()
            assert other.state == ChunkState.WAITING
    upkeep.take_back_lapsed()
    for row in (hanging, other, finishing, planning):
        row.refresh_from_db()
    assert (hanging.state, other.state, finishing.lease_token, planning.lease_token) == ("done", "waiting", "", "")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's lock ends with the process that has it")
def test_a_worker_that_hangs_for_long_while_it_puts_files_in_loses_its_chunk_and_then_writes_nothing() -> None:
    ChunkFactory.create()
    chunk, claim = claimed()
    hangs, is_over = threading.Event(), threading.Event()

    def hang() -> None:
        with claims.putting_in(at_most_s=1):
            claims.owned_chunk(chunk, claim).update(state=ChunkState.DONE)
            hangs.set()
            is_over.wait(60)
            claims.still_ours(Chunk.objects.filter(pk=chunk.pk, state=ChunkState.DONE))()

    hanging = elsewhere(hang)
    hangs.wait()
    Chunk.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # waits for the end of the transaction
    upkeep.take_back_lapsed()
    is_over.set()
    with pytest.raises(DatabaseError):
        hanging.result()
    chunk.refresh_from_db()
    assert chunk.state == ChunkState.WAITING
