"""Repair: lapsed leases, dead workers, due retries, and files that no row names."""

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hls import heartbeat, lifecycle, upkeep
from hls.folders import TILES, chunk_folder, transcode_folder, version_folder
from hls.identity import FILE
from hls.models import Chunk, ChunkState, State, Transcode, Worker
from hls.removal import TRASH
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory, served

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def hls_root(settled: Path) -> Path:
    return settled / "hls"


def fill(folder: Path, size: int = 10) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "segment_000.ts").write_bytes(b"x" * size)
    return folder


def test_a_lapsed_lease_is_taken_back_and_a_live_one_is_not() -> None:
    lapsed = ChunkFactory.create(lapsed=True, frames_done=100)
    live = ChunkFactory.create(running=True)
    upkeep.take_back_lapsed()
    lapsed.refresh_from_db()
    live.refresh_from_db()
    assert (lapsed.state, lapsed.losses, lapsed.frames_done) == (ChunkState.WAITING, 1, 0)
    assert live.state == ChunkState.RUNNING


def test_a_dead_worker_of_this_host_loses_its_chunk_at_once() -> None:
    child = subprocess.Popen(["sleep", "60"])
    worker = WorkerFactory.create(host=heartbeat.this_host(), pid=child.pid, pid_started=heartbeat.started(child.pid))
    chunk = ChunkFactory.create(running=True, worker=worker)
    assert not heartbeat.is_dead(worker)
    child.kill()
    child.wait()
    assert heartbeat.is_dead(worker)
    upkeep.take_back_dead([worker])
    chunk.refresh_from_db()
    assert chunk.state == ChunkState.WAITING
    assert not Worker.objects.exists()


def test_a_pid_that_was_used_again_is_not_the_worker() -> None:
    assert heartbeat.is_dead(WorkerFactory.create(host=heartbeat.this_host(), pid=os.getpid(), pid_started="1"))


def test_nothing_is_known_of_a_worker_on_another_host() -> None:
    assert not heartbeat.is_dead(WorkerFactory.create(host="elsewhere:boot:1", pid=1, pid_started="1"))


def test_a_video_that_failed_for_a_passing_cause_is_queued_again_when_due() -> None:
    due = TranscodeFactory.create(failed=True, error_code="disk_full", retry_at=timezone.now() - timedelta(seconds=1))
    later = TranscodeFactory.create(failed=True, error_code="disk_full", retry_at=timezone.now() + timedelta(minutes=1))
    for_good = TranscodeFactory.create(failed=True)
    ChunkFactory.create(transcode=due, index=0, done=True)
    ChunkFactory.create(transcode=due, index=1, state=ChunkState.FAILED, attempts=3)
    upkeep.retry_due()
    states = dict(Transcode.objects.values_list("pk", "state"))
    assert states == {due.pk: State.QUEUED, later.pk: State.FAILED, for_good.pk: State.FAILED}
    assert list(Chunk.objects.values_list("state", "attempts")) == [(ChunkState.DONE, 0), (ChunkState.WAITING, 0)]


def test_tiles_that_a_worker_left_which_died_after_publishing_are_removed(hls_root: Path) -> None:
    finished = TranscodeFactory.create(ready=True)
    left = fill(version_folder(finished.pk, 1) / TILES)
    fill(version_folder(finished.pk, 1) / "480p")
    replaced = TranscodeFactory.create(ready=True)
    Transcode.objects.filter(pk=replaced.pk).update(state=State.PROCESSING, version=2)
    needed = fill(version_folder(replaced.pk, 2) / TILES)
    assert [str(orphan.place) for orphan in upkeep.orphans()] == [str(left)]
    upkeep.sweep()
    assert (left.exists(), needed.exists()) == (False, True)
    assert (version_folder(finished.pk, 1) / "480p/segment_000.ts").exists()
    assert not (hls_root / TRASH).exists(), "nobody wants them back"


def test_the_tiles_of_a_version_that_no_row_names_go_with_it() -> None:
    transcode = TranscodeFactory.create(ready=True)
    version = version_folder(transcode.pk, 7)
    fill(version / TILES)
    assert [str(orphan.place) for orphan in upkeep.orphans()] == [str(version)]


def test_what_rows_name_is_kept() -> None:
    transcode = TranscodeFactory.create(ready=True)
    fill(version_folder(transcode.pk, 1) / "480p")
    assert upkeep.orphans() == []


def test_a_deleted_video_leaves_no_file(hls_root: Path) -> None:
    transcode = TranscodeFactory.create(ready=True)
    fill(version_folder(transcode.pk, 1) / "480p", size=1234)
    folder = transcode_folder(transcode.pk)
    transcode.delete()
    assert [Path(str(orphan.place)) for orphan in upkeep.orphans()] == [folder]
    assert upkeep.orphans()[0].size_bytes == 1234
    upkeep.sweep()
    assert {path.name for path in hls_root.iterdir()} == {FILE, TRASH}


def test_an_unfinished_version_is_kept_while_it_may_still_be_finished() -> None:
    transcode = TranscodeFactory.create(processing=True, version=2, served=served(1), served_version=1)
    fill(version_folder(transcode.pk, 1))
    fill(version_folder(transcode.pk, 2))
    abandoned = fill(version_folder(transcode.pk, 3))
    assert [Path(str(orphan.place)) for orphan in upkeep.orphans()] == [abandoned]


def test_the_folder_of_a_lost_claim_is_removed_and_that_of_a_live_one_kept() -> None:
    chunk = ChunkFactory.create(running=True, index=0)
    transcode = chunk.transcode
    live = fill(chunk_folder(transcode.pk, transcode.version, 0, chunk.lease_token))
    lost = fill(chunk_folder(transcode.pk, transcode.version, 0, "f" * 32))
    upkeep.sweep()
    assert live.exists()
    assert not lost.exists()


def test_a_retired_version_is_removed_when_its_time_is_over() -> None:
    transcode = TranscodeFactory.create(
        ready=True,
        version=2,
        served=served(2),
        served_version=2,
        retired=served(1),
        retired_version=1,
        retired_until=timezone.now() + timedelta(minutes=1),
    )
    old, new = fill(version_folder(transcode.pk, 1)), fill(version_folder(transcode.pk, 2))
    upkeep.sweep()
    assert old.exists()
    Transcode.objects.update(retired_until=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    assert not old.exists()
    assert new.exists()


def test_looking_for_orphans_costs_a_constant_number_of_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(5):
        fill(version_folder(TranscodeFactory.create(ready=True).pk, 1))
    with django_assert_num_queries(5):
        upkeep.orphans()


def test_the_lost_and_found_of_a_disk_is_neither_a_video_nor_an_orphan(hls_root: Path) -> None:
    """`lost+found` is in the root of every ext4 file system."""
    (hls_root / FILE).unlink()
    (hls_root / "lost+found").mkdir()
    assert upkeep.orphans() == []
    upkeep.sweep()
    assert {path.name for path in hls_root.iterdir()} == {FILE, "lost+found"}


def test_any_number_of_versions_that_were_given_up_is_removed(hls_root: Path) -> None:
    """As when a script replaces videos while they are made: no person need confirm that."""
    transcodes = TranscodeFactory.create_batch(12, processing=True)
    for transcode in transcodes:
        fill(version_folder(transcode.pk, 1) / "480p")
        lifecycle.replace(transcode, "videos/other.mp4")
    upkeep.sweep()
    assert not any(version_folder(transcode.pk, 1).exists() for transcode in transcodes)


def test_the_version_that_is_served_is_kept_when_its_video_is_replaced() -> None:
    transcode = TranscodeFactory.create(ready=True)
    fill(version_folder(transcode.pk, 1) / "480p")
    lifecycle.replace(transcode, "videos/other.mp4")
    upkeep.sweep()
    assert version_folder(transcode.pk, 1).exists()
