"""From a file to a served version with a real ffmpeg, and every way in which this can be interrupted."""

import re
import shutil
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from hls import binary, claims, identity, lifecycle, steps, stores, upkeep
from hls.conformance.checker import check
from hls.core import names
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.folders import version_folder
from hls.identity import FILE
from hls.models import Chunk, ChunkState, State, Transcode
from hls.published import current, retired
from hls.removal import TRASH
from hls.renewal import ChunkRenewal
from hls.sources import local
from hls.tests.clips import Look, fit_h264, make, with_damaged_keyframe
from hls.tests.videos import only_sound, paced_ffmpeg, small_video

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg, pytest.mark.usefixtures("stop_flag")]


def queued(studio: Path, name: str = "videos/video.mp4", *, seconds: float = 20) -> Transcode:
    small_video(studio / "uploads" / name, seconds=seconds, rate=5)
    return lifecycle.submit(name)


def work_to_the_end() -> int:
    """Do all steps there are, as the only worker would, and return how many they were."""
    return sum(1 for _ in iter(steps.do_next, False))


def files_of(transcode: Transcode) -> set[str]:
    folder = version_folder(transcode.pk, transcode.version)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_video_of_several_chunks_becomes_ready(studio: Path) -> None:
    transcode = queued(studio)
    assert work_to_the_end() == 5, "one to plan, and four chunks of which the last also finishes"
    transcode.refresh_from_db()
    assert (transcode.state, transcode.percent, transcode.served_version, transcode.lease_token) == (
        State.READY,
        100,
        1,
        "",
    )
    segments = {f"480p/segment_{number:03d}.ts" for number in range(5)}
    texts = {"master.m3u8", "480p/index.m3u8", "480p/iframes.m3u8", "storyboard.vtt"}
    assert files_of(transcode) == segments | texts | {f"{text}.gz" for text in texts} | {
        "poster.jpg",
        "storyboard_00.jpg",
    }
    version = current(transcode)
    assert version is not None
    assert (version.duration_s, version.segment_count, version.has_poster) == (20.0, 5, True)
    assert version.size_bytes == sum(
        path.stat().st_size for path in Path(str(version.place)).rglob("*") if path.is_file()
    )
    assert upkeep.orphans() == []


def test_video_that_was_half_made_when_its_files_were_lost_is_made_whole(studio: Path) -> None:
    """As after a restore: backups are taken while videos are made, and have no files that are served."""
    transcode = queued(studio)
    for _ in range(3):
        assert steps.do_next()
    shutil.rmtree(studio / "hls")
    with capture_logs() as told:
        work_to_the_end()
    assert [line["chunks"] for line in told if line["event"] == "segments lost"] == [[0, 1]]
    version = current(Transcode.objects.get(pk=transcode.pk))
    assert version is not None
    assert check(lambda name: version.place.below(name.partition("?")[0]).read(), names.MASTER) == ()
    assert (version.has_poster, version.size_bytes) == (True, version.place.size_bytes())


def test_a_short_video_behind_a_long_one_waits_for_no_more_than_as_much_of_that(studio: Path) -> None:
    long = queued(studio, "videos/long.mp4", seconds=75)
    assert steps.do_next()
    assert steps.do_next()
    short = queued(studio, "videos/short.mp4", seconds=10)
    assert [steps.do_next() for _ in range(6)] == [True] * 6, "a plan, a first chunk, and two chunks of each"
    states = dict(Transcode.objects.values_list("pk", "state"))
    assert states == {long.pk: State.PROCESSING, short.pk: State.READY}
    assert work_to_the_end() == 5
    assert current(Transcode.objects.get(pk=long.pk)) is not None


def test_sound_alone_is_refused_with_its_code(studio: Path) -> None:
    only_sound(studio / "uploads" / "videos" / "song.mp4")
    transcode = lifecycle.submit("videos/song.mp4")
    work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code, transcode.retry_at) == (State.FAILED, Code.NO_VIDEO, None)
    assert not Chunk.objects.exists()


def test_a_missing_source_is_named(studio: Path) -> None:
    transcode = lifecycle.submit("videos/gone.mp4")
    work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.SOURCE_MISSING)


def test_a_source_that_vanishes_between_chunks_fails_and_a_retry_goes_on_where_it_was(studio: Path) -> None:
    transcode = queued(studio)
    source = studio / "uploads" / transcode.source
    assert steps.do_next()
    assert steps.do_next()
    shutil.move(source, studio / "elsewhere.mp4")
    work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.SOURCE_MISSING)
    first = Chunk.objects.get(index=0)
    shutil.move(studio / "elsewhere.mp4", source)
    lifecycle.retry(transcode)
    work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.attempts) == (State.READY, 2)
    assert Chunk.objects.get(index=0).finished_at == first.finished_at, "what was done stays done"


def test_a_full_disk_fails_at_once_and_is_tried_again_by_itself(studio: Path, settings: Settings) -> None:
    transcode = queued(studio, seconds=2)
    settings.DISK_RESERVE_BYTES = 1 << 60
    work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.DISK_FULL)
    assert transcode.retry_at is not None
    settings.DISK_RESERVE_BYTES = 0
    upkeep.retry_due()
    assert Transcode.objects.get().state == State.FAILED, "not before its time"
    Transcode.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    upkeep.retry_due()
    work_to_the_end()
    transcode.refresh_from_db()
    assert transcode.state == State.READY


def test_a_chunk_that_keeps_failing_fails_its_video_after_three_tries(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcode = queued(studio, seconds=2)

    def broken(*args: object, **options: object) -> None:
        raise TranscodeError(Code.ENCODER_FAILED, "on purpose")

    monkeypatch.setattr(local, "encode_chunk", broken)
    work_to_the_end()
    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.attempts) == (ChunkState.WAITING, 1)
    assert chunk.not_before is not None
    assert chunk.not_before > timezone.now()
    for _ in range(2):
        Chunk.objects.update(not_before=None)
        work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.ENCODER_FAILED)
    assert upkeep.orphans() == []


def test_a_video_whose_pictures_turn_out_damaged_is_encoded_instead_of_copied(studio: Path) -> None:
    videos = studio / "uploads" / "videos"
    videos.mkdir(parents=True)
    whole = make(videos / "whole.mp4", look=Look(width=720, height=720, rate="8", duration_s=14), video=fit_h264(8))
    with_damaged_keyframe(whole, videos / "video.mp4", -1)
    transcode = lifecycle.submit("videos/video.mp4")
    assert steps.do_next()
    assert steps.do_next()
    transcode.refresh_from_db()
    copied, percent = Plan.from_json(transcode.plan or {}), transcode.percent
    assert copied.is_copying
    assert (transcode.version, transcode.playable_at is None) == (1, False)
    assert [steps.do_next() for _ in range(3)] == [True] * 3
    transcode.refresh_from_db()
    assert (transcode.version, transcode.playable_at) == (2, None)
    assert transcode.percent >= percent
    assert set(transcode.chunks.values_list("state", flat=True)) == {ChunkState.WAITING}
    work_to_the_end()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.served_version, transcode.attempts) == (State.READY, 2, 1)
    assert not Plan.from_json(transcode.plan or {}).is_copying
    upkeep.sweep()
    assert upkeep.orphans() == []


@pytest.mark.django_db(transaction=True)
def test_an_ffmpeg_killed_from_outside_counts_as_a_loss_and_is_begun_again(
    long_transcode: Transcode, stop_flag: threading.Event, studio: Path
) -> None:
    thread = encode_in_the_background(stop_flag)
    source = re.escape(str(studio / "uploads" / long_transcode.source))
    subprocess.run(["pkill", "-KILL", "-f", f"file:{source}"], check=True)
    thread.join(timeout=20)
    chunk = Chunk.objects.get(index=0)
    assert (chunk.state, chunk.losses, chunk.attempts) == (ChunkState.WAITING, 1, 0)
    work_to_the_end()
    assert Transcode.objects.get().state == State.READY


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_does_not_cost_the_chunk(
    long_transcode: Transcode, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed: list[int] = []

    def away(lease: ChunkRenewal) -> bool:
        missed.append(lease.frames_done)
        raise OperationalError("gone for a moment")

    monkeypatch.setattr(ChunkRenewal, "renew", away)
    work_to_the_end()
    assert missed
    assert Transcode.objects.get().state == State.READY


def encode_in_the_background(stop: threading.Event) -> threading.Thread:
    """Start a long chunk in a thread, and return half a second after it was claimed."""

    def work() -> None:
        try:
            steps.do_next()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 20
    while not Chunk.objects.filter(state=ChunkState.RUNNING).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    return thread


@pytest.fixture
def long_transcode(studio: Path, settings: Settings) -> Transcode:
    """A video whose first chunk takes some seconds, as ffmpeg is as slow as the video."""
    small_video(studio / "uploads" / "videos" / "long.mp4", seconds=4)
    settings.FFMPEG = str(paced_ffmpeg(studio, speed=1))
    binary.ffmpeg_path.cache_clear()
    transcode = lifecycle.submit("videos/long.mp4")
    assert steps.do_next()
    return transcode


@pytest.mark.django_db(transaction=True)
def test_a_worker_told_to_stop_gives_its_chunk_back_at_once(
    long_transcode: Transcode, stop_flag: threading.Event
) -> None:
    thread = encode_in_the_background(stop_flag)
    asked = time.monotonic()
    steps.stop_working()
    thread.join()
    assert time.monotonic() - asked < 5
    chunk = Chunk.objects.get(index=0)
    assert (chunk.state, chunk.lease_token, chunk.losses, chunk.attempts) == (ChunkState.WAITING, "", 0, 0)
    assert steps.do_next() is False, "a stopping worker takes nothing new"
    assert upkeep.orphans() == []


@pytest.mark.django_db(transaction=True)
def test_cancelling_ends_the_encoder_and_keeps_no_unfinished_file(
    long_transcode: Transcode, stop_flag: threading.Event
) -> None:
    thread = encode_in_the_background(stop_flag)
    lifecycle.cancel(long_transcode)
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert Transcode.objects.get().state == State.CANCELLED
    assert Chunk.objects.get(index=0).state == ChunkState.WAITING
    assert files_of(long_transcode) == set()


@pytest.mark.django_db(transaction=True)
def test_deleting_ends_the_encoder_and_the_sweep_leaves_no_byte(
    long_transcode: Transcode, stop_flag: threading.Event, studio: Path
) -> None:
    thread = encode_in_the_background(stop_flag)
    lifecycle.discard(long_transcode.pk)
    thread.join(timeout=10)
    assert not thread.is_alive()
    identity.adopt(stores.versions())
    upkeep.sweep()
    assert {path.name for path in (studio / "hls").iterdir()} == {FILE, TRASH}


def test_a_replaced_video_serves_the_old_one_until_the_new_one_is_ready(studio: Path) -> None:
    transcode = queued(studio, seconds=3)
    work_to_the_end()
    small_video(studio / "uploads" / "videos" / "new.mp4", seconds=5)
    transcode.refresh_from_db()
    lifecycle.replace(transcode, "videos/new.mp4")
    assert (transcode.state, transcode.percent) == (State.QUEUED, 0)
    version = current(transcode)
    assert version is not None
    assert version.duration_s == 3.0
    work_to_the_end()
    transcode.refresh_from_db()
    new, old = current(transcode), retired(transcode)
    assert new is not None
    assert old is not None
    assert (new.version, new.duration_s, old.version, old.duration_s) == (2, 5.0, 1, 3.0)
    assert "segment_000.ts?v=2" in new.place.below("480p/index.m3u8").read().decode()
    assert "segment_000.ts?v=1" not in old.place.below("480p/index.m3u8").read().decode()
    assert upkeep.orphans() == []


def test_a_worker_that_was_thought_dead_changes_nothing_when_it_wakes_up(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease lapses while it encodes, and another worker makes the chunk before it moves its files in."""
    transcode = queued(studio, seconds=2)
    assert steps.do_next()
    found = claims.claim_chunk(None)
    assert found is not None
    claims.take_back_chunks(Chunk.objects.all())
    work_to_the_end()
    before = {name: (version_folder(transcode.pk, 1) / name).stat().st_mtime_ns for name in files_of(transcode)}
    steps.do_chunk(*found)
    after = {name: (version_folder(transcode.pk, 1) / name).stat().st_mtime_ns for name in files_of(transcode)}
    assert after == before
    assert Transcode.objects.get().state == State.READY
