"""The cache of sources that lie in a bucket: whole, bounded, shared by processes, and right after any crash."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from hls.core.blocks import BLOCK_BYTES, BlockRecord
from hls.core.errors import Code, Stopped, TranscodeError
from hls.sources import cache, fetching
from hls.sources.fetching import CacheCounts, cached
from hls.sources.sweeping import sweep
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from hls.store.interface import StoreFailed
from hls.tests.factories import TranscodeFactory
from hls.tests.line import bad_line
from project.env import BASE_DIR

pytestmark = pytest.mark.bucket

MB = 1_000_000
NAME = "videos/a.mkv"


@pytest.fixture(autouse=True)
def in_bucket(studio: Path, settings: Settings, bucket: BucketAddress) -> None:
    settings.BUCKET = bucket


def put(bucket: BucketAddress, name: str, data: bytes, **metadata: str) -> bytes:
    key = f"{bucket.prefix}uploads/{name}"
    client_of(bucket).put_object(Bucket=bucket.bucket, Key=key, Body=data, Metadata=metadata)
    return data


def some(size_bytes: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def gone_on() -> None:
    """The claim still holds."""


def read_whole(name: str = NAME, go_on: Callable[[], None] = gone_on) -> bytes:
    with cached(name, go_on) as source:
        assert source is not None
        source.bring_all()
        return source.path.read_bytes()


def test_a_source_is_fetched_once(bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SYNCED_BYTES", 4 * MB)
    data = put(bucket, NAME, some(9 * MB))
    assert read_whole() == data
    assert fetching.counts() == CacheCounts(hits=0, misses=1, fetched_bytes=len(data))
    assert read_whole() == data
    assert fetching.counts() == CacheCounts(hits=1, misses=1, fetched_bytes=len(data))
    assert len(data) <= cache.used_bytes() < len(data) + MB


def test_only_missing_parts_are_fetched_and_holes_take_no_room(bucket: BucketAddress) -> None:
    data = put(bucket, NAME, some(9 * MB))
    with cached(NAME, gone_on) as source:
        assert source is not None
        source.bring([(5, 10), (4 * MB, 4 * MB + 1000)])
        source.bring([(0, 20)])
        assert source.path.stat().st_size == len(data)
        assert source.path.read_bytes()[4 * MB : 4 * MB + 1000] == data[4 * MB : 4 * MB + 1000]
        assert source.record.has(4 * MB, 4 * MB + 1000)
        assert not source.record.has(4 * MB, 5 * MB)
        assert not source.is_whole
    assert fetching.counts().fetched_bytes <= 3 * BLOCK_BYTES
    assert cache.used_bytes() < MB
    assert read_whole() == data
    assert fetching.counts().fetched_bytes == len(data), "nothing twice"


def test_a_line_that_breaks_costs_no_byte(bucket: BucketAddress, settings: Settings) -> None:
    data = put(bucket, NAME, some(3 * MB))
    with bad_line(bucket, breaks=5, broken_after=300_000) as line:
        settings.BUCKET = line.address
        assert read_whole() == data
        assert line.breaks == 0


FETCH = """
import django
django.setup()
from django.conf import settings
from hls import stores
from hls.sources.fetching import cached
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
import json, sys
stores.uploads = lambda: BucketStore("uploads", BucketAddress(**json.loads(sys.argv[1])))
settings.SOURCE_CACHE_ROOT = sys.argv[2]
with cached(sys.argv[3], lambda: None) as source:
    source.bring_all()
"""


def test_a_killed_worker_loses_nothing_of_what_it_has_fetched(bucket: BucketAddress, settings: Settings) -> None:
    data = put(bucket, NAME, some(24 * MB))
    with bad_line(bucket, bytes_per_s=2 * MB) as line:
        address = json.dumps(asdict(line.address) | {"secret_access_key": bucket.secret_access_key})
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
        command = [sys.executable, "-c", FETCH, address, str(settings.SOURCE_CACHE_ROOT), NAME]
        worker = subprocess.Popen(command, cwd=BASE_DIR, env=environment)
        deadline = time.monotonic() + 60
        while line.came_bytes < 6 * MB and time.monotonic() < deadline:
            assert worker.poll() is None
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    before = cache.used_bytes()
    assert before > 2 * MB
    assert read_whole() == data
    assert fetching.counts().fetched_bytes < len(data) - 2 * MB


def test_what_was_fetched_partly_is_not_believed_after_the_machine_has_stopped(bucket: BucketAddress) -> None:
    data = put(bucket, NAME, some(MB))
    with cached(NAME, gone_on) as source:
        assert source is not None
        source.bring([(0, MB // 2)])
        about = source.entry.folder / "about.json"
        source.path.write_bytes(bytes(MB))  # the machine stopped before it was written through
    about.write_text(json.dumps(json.loads(about.read_text()) | {"boot": "another"}))
    assert read_whole() == data
    about.write_text(json.dumps(json.loads(about.read_text()) | {"boot": "another"}))
    fetched = fetching.counts().fetched_bytes
    assert read_whole() == data
    assert fetching.counts().fetched_bytes == fetched, "what is whole is written through"


def test_a_file_that_takes_the_place_of_another_is_never_mixed_with_it(bucket: BucketAddress) -> None:
    put(bucket, NAME, some(5 * MB, seed=1))
    with cached(NAME, gone_on) as source:
        assert source is not None
        source.bring([(0, MB)])
        other = put(bucket, NAME, some(5 * MB, seed=2))
        with pytest.raises(TranscodeError) as failed:
            source.bring_all()
    assert failed.value.code == Code.SOURCE_MISSING
    assert read_whole() == other


def test_a_deleted_source_is_missing_as_a_deleted_file_is(bucket: BucketAddress) -> None:
    put(bucket, NAME, some(MB))
    with cached(NAME, gone_on) as source:
        assert source is not None
        client_of(bucket).delete_object(Bucket=bucket.bucket, Key=f"{bucket.prefix}uploads/{NAME}")
        with pytest.raises(TranscodeError) as failed:
            source.bring_all()
    assert failed.value.code == Code.SOURCE_MISSING
    with pytest.raises(TranscodeError) as failed:
        read_whole()
    assert failed.value.code == Code.SOURCE_MISSING


def test_another_content_than_was_uploaded_is_refused(bucket: BucketAddress) -> None:
    put(bucket, NAME, some(MB), **{"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    with pytest.raises(TranscodeError) as failed:
        read_whole()
    assert failed.value.code == Code.UNREADABLE


def test_a_lost_claim_stops_the_fetch(bucket: BucketAddress, settings: Settings) -> None:
    put(bucket, NAME, some(8 * MB))
    calls: list[float] = []

    def lost_soon() -> None:
        calls.append(time.monotonic())
        if len(calls) == 2:
            raise Stopped

    with bad_line(bucket, bytes_per_s=100_000) as line:
        settings.BUCKET = line.address
        with pytest.raises(Stopped):
            read_whole(go_on=lost_soon)
        assert line.came_bytes < 4 * MB


def test_the_least_recently_used_goes_first_and_what_is_in_use_stays(bucket: BucketAddress, settings: Settings) -> None:
    settings.SOURCE_CACHE_BYTES = 5 * MB
    names = [f"videos/{number}.mkv" for number in range(4)]
    for number, name in enumerate(names):
        put(bucket, name, some(2 * MB, seed=number))
    read_whole(names[0])
    read_whole(names[1])
    with cached(names[0], gone_on) as used:
        assert used is not None
        read_whole(names[2])
        read_whole(names[3])
        assert used.path.read_bytes() == some(2 * MB, seed=0)
    there = {about.name for folder in cache.entries() if (about := cache.about_in(folder))}
    assert there == {names[0], names[3]}
    assert cache.used_bytes() <= 5 * MB


def test_a_source_that_is_larger_than_the_cache_is_kept_while_it_is_used(
    bucket: BucketAddress, settings: Settings
) -> None:
    settings.SOURCE_CACHE_BYTES = MB
    data = put(bucket, NAME, some(3 * MB))
    assert read_whole() == data


def test_a_full_disk_is_told_before_it_is_filled(bucket: BucketAddress, settings: Settings) -> None:
    put(bucket, NAME, some(MB))
    settings.DISK_RESERVE_BYTES = 1 << 60
    with pytest.raises(TranscodeError) as failed:
        read_whole()
    assert failed.value.code == Code.DISK_FULL


def test_who_needs_the_whole_meanwhile_waits_for_the_one_that_fetches_it(
    bucket: BucketAddress, settings: Settings
) -> None:
    data = put(bucket, NAME, some(3 * MB))
    waited = threading.Event()
    with ThreadPoolExecutor() as pool, bad_line(bucket, bytes_per_s=MB) as line:
        settings.BUCKET = line.address
        first = pool.submit(read_whole)
        while line.came_bytes < 100_000 and not first.done():
            time.sleep(0.01)
        second = pool.submit(read_whole, NAME, waited.set)
        assert first.result() == second.result() == data
    assert waited.is_set()
    assert fetching.counts() == CacheCounts(hits=1, misses=1, fetched_bytes=len(data))


@pytest.mark.django_db
def test_a_sweep_forgets_what_no_video_has(bucket: BucketAddress) -> None:
    for name in ("videos/kept.mkv", "videos/deleted.mkv", "videos/used.mkv"):
        put(bucket, name, some(MB))
        read_whole(name)
    TranscodeFactory.create(source="videos/kept.mkv")
    (cache.root() / f"{cache.GONE}1").mkdir()
    with cached("videos/used.mkv", gone_on):
        sweep()
    there = {about.name for folder in cache.entries() if (about := cache.about_in(folder))}
    assert there == {"videos/kept.mkv", "videos/used.mkv"}
    assert list(cache.root().glob(f"{cache.GONE}*")) == []
    sweep()
    assert len(cache.entries()) == 1


def test_a_store_that_is_down_is_no_missing_source(bucket: BucketAddress, settings: Settings) -> None:
    put(bucket, NAME, some(MB))
    with bad_line(bucket) as line:
        settings.BUCKET = line.address
        with cached(NAME, gone_on) as source:
            assert source is not None
            line.breaks = 1000
            with pytest.raises(StoreFailed):
                source.bring_all()


def test_a_block_counts_once_all_of_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "record").write_bytes(bytes(3))
    record = BlockRecord(tmp_path / "record", 2 * BLOCK_BYTES + 10, writable=True)
    record.note(1, 2 * BLOCK_BYTES - 1)
    assert list(record.missing(0, 1 << 40)) == [(0, 2 * BLOCK_BYTES + 10)]
    record.note(BLOCK_BYTES, 2 * BLOCK_BYTES)
    assert list(record.missing(0, 1 << 40)) == [(0, BLOCK_BYTES), (2 * BLOCK_BYTES, 2 * BLOCK_BYTES + 10)]
    record.note(2 * BLOCK_BYTES, 2 * BLOCK_BYTES + 10)
    assert list(record.missing(0, 1 << 40)) == [(0, BLOCK_BYTES)]
