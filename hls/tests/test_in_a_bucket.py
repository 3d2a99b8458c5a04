"""A video from its file to a served version in a bucket: no worker's disk keeps it, and no failure costs it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from hls import claims, identity, lifecycle, patience, steps, stores, upkeep
from hls.conformance.checker import check
from hls.core import names
from hls.core.chunk import ChunkFacts
from hls.core.errors import Stopped
from hls.folders import chunk_folder, hls_root
from hls.models import Chunk, ChunkState, PeriodicTask, State, Transcode
from hls.published import PublishedVersion, current
from hls.removal import Trash
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.interface import Staged, StoreFailed, StoreRefused
from hls.tests.factories import TranscodeFactory, Unclaimed
from hls.tests.videos import small_video

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]


@pytest.fixture(autouse=True)
def in_bucket(studio: Path, settings: Settings, bucket: BucketAddress) -> None:
    settings.BUCKET = bucket


def uploaded(studio: Path) -> str:
    """A video of twenty seconds, in the bucket as an editor's upload is."""
    stores.uploads().put_file(small_video(studio / "video.mp4", seconds=20), "videos/video.mp4")
    return "videos/video.mp4"


def version_of(transcode: Transcode) -> PublishedVersion:
    transcode.refresh_from_db()
    version = current(transcode)
    assert version is not None
    return version


def files_on_disk() -> list[str]:
    return [path.name for path in hls_root().rglob("*") if path.is_file()]


@pytest.mark.ffmpeg
def test_a_video_is_made_and_served_from_a_bucket(studio: Path) -> None:
    transcode = lifecycle.submit(uploaded(studio))
    while steps.do_next():
        pass
    version = version_of(transcode)
    assert (version.segment_count, version.has_poster, version.storyboard_sheets) == (5, True, 1)
    assert check(lambda name: version.place.below(name.partition("?")[0]).read(), names.MASTER) == ()
    assert version.size_bytes == version.place.size_bytes()
    assert files_on_disk() == []
    assert upkeep.orphans() == []


@pytest.mark.ffmpeg
@pytest.mark.parametrize("changed_to", [None, b"of another length"])
def test_what_is_lost_behind_the_programs_back_is_made_again_before_it_is_published(
    studio: Path, bucket: BucketAddress, changed_to: bytes | None
) -> None:
    transcode = lifecycle.submit(uploaded(studio))
    steps.do_next()
    steps.do_next()
    segment = stores.version_place(transcode.pk, 1).below("480p/segment_000.ts")
    whole = segment.read()
    segment.remove()
    if changed_to is not None:
        segment.store.write_once(segment.key, changed_to.decode())
    with capture_logs() as told:
        while steps.do_next():
            pass
    assert [line["chunks"] for line in told if line["event"] == "segments lost"] == [[0]]
    version = version_of(transcode)
    assert segment.read() == whole
    assert version.size_bytes == version.place.size_bytes()


def begun() -> tuple[Chunk, claims.Claim]:
    transcode = TranscodeFactory.create(processing=True, chunks=3)
    found = claims.claim_chunk(None)
    assert found is not None
    assert found[0].transcode_id == transcode.pk
    return found


def made(chunk: Chunk, claim: claims.Claim, text: str = "segment") -> Path:
    folder = chunk_folder(chunk.transcode_id, 1, chunk.index, claim.token)
    (folder / "480p").mkdir(parents=True)
    (folder / "480p/segment_000.ts").write_text(text)
    return folder


FACTS = ChunkFacts(0, (), ())


def segment(chunk: Chunk) -> bytes:
    return stores.version_place(chunk.transcode_id, 1).below("480p/segment_000.ts").read()


def test_whoever_has_lost_the_chunk_puts_nothing_in_and_leaves_nothing() -> None:
    chunk, claim = begun()
    folder = made(chunk, claim)
    claims.take_back_chunks(Chunk.objects.filter(pk=chunk.pk))
    with pytest.raises(Stopped):
        steps.accept_chunk(chunk, claim, folder, FACTS)
    steps.clear_away(chunk.transcode, folder)
    assert stores.version_place(chunk.transcode_id, 1).size_bytes() == 0


def test_the_lease_is_renewed_while_files_are_uploaded_and_the_progress_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow line takes longer for a chunk than a lease lasts."""
    chunk, claim = begun()
    Chunk.objects.filter(pk=chunk.pk).update(lease_until=timezone.now(), frames_done=700)
    renewed: list[Chunk] = []

    def stage(store: BucketStore, folder: Path, key: str, *, go_on: Callable[[], None]) -> Staged:
        go_on()
        renewed.append(Chunk.objects.get(pk=chunk.pk))
        return Staged(folder, key, ())

    monkeypatch.setattr(BucketStore, "stage", stage)
    steps.accept_chunk(chunk, claim, made(chunk, claim), FACTS)
    assert renewed[0].lease_until is not None
    assert renewed[0].lease_until > timezone.now()
    assert renewed[0].frames_done == chunk.frame_count


def test_a_claim_that_is_lost_while_files_are_uploaded_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk, claim = begun()

    def stage(store: BucketStore, folder: Path, key: str, *, go_on: Callable[[], None]) -> None:
        claims.take_back_chunks(Chunk.objects.filter(pk=chunk.pk))
        go_on()

    monkeypatch.setattr(BucketStore, "stage", stage)
    with pytest.raises(Stopped):
        steps.accept_chunk(chunk, claim, made(chunk, claim), FACTS)


def test_what_a_worker_left_that_died_while_putting_in_is_replaced() -> None:
    chunk, claim = begun()
    version = stores.version_place(chunk.transcode_id, 1)
    dead = made(chunk, claim, "of the dead")
    version.put_in(stores.private_place(version, dead).stage(dead, go_on=lambda: None), still_ours=lambda: None)
    claims.take_back_chunks(Chunk.objects.filter(pk=chunk.pk))
    found = claims.claim_chunk(None)
    assert found is not None
    chunk, claim = found
    steps.accept_chunk(chunk, claim, made(chunk, claim, "of the living"), FACTS)
    assert segment(chunk) == b"of the living"


def test_what_a_dead_worker_has_staged_is_swept() -> None:
    chunk, claim = begun()
    identity.adopt(stores.versions())
    version = stores.version_place(chunk.transcode_id, 1)
    folder = made(chunk, claim)
    staged = stores.private_place(version, folder)
    staged.stage(folder, go_on=lambda: None)
    upkeep.sweep()
    assert staged.exists(), "the claim still holds"
    claims.take_back_chunks(Chunk.objects.filter(pk=chunk.pk))
    upkeep.sweep()
    assert not staged.exists()


def test_the_minutely_sweep_looks_into_few_transcodes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs requests, and those are paid for: 2,000 a minute would be hundreds of dollars a month at Amazon."""
    identity.adopt(stores.versions())
    transcodes = TranscodeFactory.create_batch(3, ready=True)
    for transcode in transcodes:
        stores.versions().write_once(f"{transcode.pk}/1/master.m3u8", "#EXTM3U")
    monkeypatch.setattr(upkeep, "LOOKED_INTO_ELSEWHERE", 2)
    PeriodicTask.objects.get_or_create(name=upkeep.TASK)
    positions = []
    for _ in range(2):
        upkeep.keep_house(Unclaimed())
        positions.append(PeriodicTask.objects.get(name=upkeep.TASK).position)
    assert positions == [transcodes[1].pk, 0]


def test_what_a_dead_worker_has_left_on_its_own_disk_is_removed_by_the_next_one_there() -> None:
    chunk, claim = begun()
    held, lost = made(chunk, claim), chunk_folder(chunk.transcode_id, 1, 0, "f" * 32)
    lost.mkdir(parents=True)
    upkeep.erase_own_leftovers()
    assert (held.exists(), lost.exists()) == (True, False)


def test_a_deleted_video_goes_to_the_trash_and_can_be_taken_back() -> None:
    transcode = TranscodeFactory.create(ready=True)
    stores.versions().write_once(f"{transcode.pk}/1/master.m3u8", "#EXTM3U")
    identity.adopt(stores.versions())
    key = str(transcode.pk)
    lifecycle.discard(transcode.pk)
    upkeep.sweep()
    assert not stores.versions().exists(key)
    assert Trash(stores.versions()).restore({f"{key}/1"}) == [f"{key}/1"]
    assert stores.versions().read(f"{key}/1/master.m3u8") == b"#EXTM3U"


@pytest.mark.parametrize("request_name", ["stage", "put_in"])
def test_what_is_encoded_waits_for_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch, request_name: str) -> None:
    chunk, claim = begun()
    encoded: list[Path] = []
    failures = [StoreFailed(5, "The bucket can't be reached.")] * 2
    original = getattr(BucketStore, request_name)

    def make(*arguments: object) -> ChunkFacts:
        encoded.append(made(chunk, claim))
        return FACTS

    def away_at_first(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return original(*arguments, **options)

    monkeypatch.setattr(steps, "make_chunk", make)
    monkeypatch.setattr(BucketStore, request_name, away_at_first)
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.01)
    steps.do_chunk(chunk, claim)
    chunk.refresh_from_db()
    assert (chunk.state, len(encoded)) == (ChunkState.DONE, 1)
    assert segment(chunk) == b"segment"


def test_nobody_waits_for_a_store_that_refuses_or_for_one_whose_claim_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk, claim = begun()
    folder = made(chunk, claim)
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.01)

    def refused(*arguments: object, **options: object) -> None:
        raise StoreRefused(5, "There is no bucket of this name (S3_BUCKET).")

    monkeypatch.setattr(BucketStore, "stage", refused)
    with pytest.raises(StoreRefused):
        steps.accept_patiently(chunk, claim, folder, FACTS)

    def lost(*arguments: object, **options: object) -> None:
        claims.take_back_chunks(Chunk.objects.filter(pk=chunk.pk))
        raise StoreFailed(5, "The bucket can't be reached.")

    monkeypatch.setattr(BucketStore, "stage", lost)
    with pytest.raises(Stopped):
        steps.accept_patiently(chunk, claim, folder, FACTS)


def test_a_store_that_fails_puts_the_chunk_off_as_often_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk, claim = begun()

    def make(*arguments: object) -> ChunkFacts:
        made(chunk, claim)
        return FACTS

    def failed(*arguments: object, **options: object) -> None:
        raise StoreFailed(5, "The bucket can't be reached.")

    monkeypatch.setattr(steps, "make_chunk", make)
    monkeypatch.setattr(BucketStore, "stage", failed)
    monkeypatch.setattr(patience, "LONGEST_S", 0)
    with capture_logs() as told:
        steps.do_chunk(chunk, claim)
    chunk.refresh_from_db()
    assert (chunk.state, chunk.losses, chunk.attempts, chunk.lease_token) == (ChunkState.WAITING, 0, 0, "")
    assert chunk.not_before is not None
    assert chunk.not_before > timezone.now()
    assert [line["reason"] for line in told if line["event"] == "chunk put off"] == ["The bucket can't be reached."]
    assert files_on_disk() == []


def test_a_bucket_of_another_installation_is_not_written_to() -> None:
    stores.versions().write_once(identity.FILE, "another's")
    transcode = TranscodeFactory.create()
    assert not steps.do_next()
    transcode.refresh_from_db()
    assert transcode.state == State.QUEUED
