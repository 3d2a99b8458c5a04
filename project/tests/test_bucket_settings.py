"""Every wrong combination of the bucket's settings is named with a hint, by `manage.py check` as it is started."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from hls import stores
from hls.sources import fetching
from hls.store import connection
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of, try_out
from hls.store.interface import StoreFailed, StoreRefused
from project import env as environment
from project.env import BASE_DIR
from project.health import checks, probes
from project.tests.serving import clean_environment
from project.tests.test_health import mute_server

KEYS = {"S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "secret"}


def checked(tmp_path: Path, *words: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, "manage.py", "check", *words],
        cwd=BASE_DIR,
        env=clean_environment(DATA_DIR=str(tmp_path), **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    return ended.stderr


@pytest.mark.parametrize(
    ("variables", "sentence", "hint"),
    [
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:1"}, "S3_ENDPOINT_URL is set, but S3_BUCKET is not", "Set S3_BUCKET to"),
        (KEYS, "S3_ACCESS_KEY_ID is set, but S3_BUCKET is not", "Set S3_BUCKET to"),
        ({"S3_PREFIX": "videoflix"}, "S3_PREFIX is set, but S3_BUCKET is not", "Set S3_BUCKET to"),
        ({"STORE_IN": "bucket"}, "STORE_IN=bucket is set, but S3_BUCKET is not", "or remove STORE_IN"),
        ({"S3_BUCKET": "videos"}, "S3_BUCKET is set without the keys", "Set S3_ACCESS_KEY_ID and"),
        (
            {"S3_BUCKET": "videos", "S3_ACCESS_KEY_ID": "id"},
            "S3_BUCKET is set without the keys",
            "Set S3_ACCESS_KEY_ID and",
        ),
    ],
)
def test_half_a_bucket_keeps_the_program_from_starting(
    tmp_path: Path, variables: dict[str, str], sentence: str, hint: str
) -> None:
    said = checked(tmp_path, **variables)
    assert "videoflix.E008" in said
    assert sentence in said
    assert hint in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_PREFIX", "two words"),
        ("S3_PREFIX", "größe"),
        ("S3_PREFIX", "../other"),
        ("S3_PREFIX", "a/../b"),
        ("S3_PREFIX", "a//b"),
        ("S3_BUCKET", "s3://videos"),
        ("S3_BUCKET", "https://s3.example.com/videos"),
        ("S3_ENDPOINT_URL", "s3.example.com"),
        ("STORE_IN", "both"),
    ],
)
def test_a_value_that_can_not_be_used_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stop:
        environment.load()
    assert str(stop.value).startswith(f"{name} can't be used as it is set: it accepts ")


@pytest.mark.parametrize(
    ("endpoint", "is_told"),
    [
        ("http://s3.example.com", True),
        ("http://52.1.2.3:9000", True),
        ("https://s3.example.com", False),
        ("http://127.0.0.1:8333", False),
        ("http://bucket:8333", False),
        ("http://10.0.0.7:8333", False),
    ],
)
def test_an_address_without_tls_is_warned_of_where_others_may_listen(
    settings: Any, endpoint: str, is_told: bool
) -> None:
    settings.BUCKET = BucketAddress("videos", "", endpoint, "us-east-1", "id", "secret")
    assert ([message.id for message in checks.encryption()] == ["videoflix.W028"]) == is_told


@pytest.mark.bucket
@pytest.mark.django_db
class TestAgainstARealStore:
    def test_a_right_one_is_tried_out_and_nothing_is_left(self, bucket: BucketAddress) -> None:
        try_out(bucket)
        found = client_of(bucket).list_objects_v2(Bucket=bucket.bucket, Prefix=bucket.prefix)
        assert found["KeyCount"] == 0

    def test_a_clock_that_is_off_is_told(self, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch) -> None:
        yesterday = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: yesterday)
        with pytest.raises(StoreRefused, match="The clock of this machine differs"):
            try_out(bucket)

    def test_a_store_that_ignores_conditions_is_refused(
        self, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = client_of(bucket)
        put = client.put_object
        monkeypatch.setattr(client, "put_object", lambda **o: put(**{k: v for k, v in o.items() if k != "IfNoneMatch"}))
        with pytest.raises(StoreRefused, match="ignores If-None-Match"):
            try_out(bucket)

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({}, "ok"),
            ({"bucket": "no-such-bucket"}, "There is no bucket of this name (S3_BUCKET)."),
            ({"access_key_id": "x"}, "The bucket does not know this access key (S3_ACCESS_KEY_ID)."),
            ({"secret_access_key": "x"}, "The bucket refuses the secret key (S3_SECRET_ACCESS_KEY)."),
            ({"endpoint_url": "http://127.0.0.1:3"}, "The bucket can't be reached (EndpointConnectionError)."),
        ],
    )
    def test_readiness_says_in_a_sentence_what_is_wrong(
        self,
        client: Client,
        settings: Any,
        bucket: BucketAddress,
        monkeypatch: pytest.MonkeyPatch,
        wrong: dict[str, str],
        sentence: str,
    ) -> None:
        monkeypatch.setattr(probes, "DEADLINE_S", 60.0)  # how soon it is said is another test's
        settings.BUCKET = replace(bucket, **wrong)
        client_of(settings.BUCKET, is_quick=True)  # to make one takes long on a busy machine
        assert client.get("/api/ready/").json()["bucket"] == sentence

    def test_a_slow_store_is_told_in_time(self, client: Client, settings: Any, bucket: BucketAddress) -> None:
        with mute_server() as port:
            settings.BUCKET = replace(bucket, endpoint_url=f"http://127.0.0.1:{port}")
            client_of(settings.BUCKET, is_quick=True)
            began = time.monotonic()
            answer = client.get("/api/ready/").json()["bucket"]
            assert (answer, time.monotonic() - began < 3) == ("The bucket can't be reached (ReadTimeoutError).", True)

    def test_requests_are_counted_by_what_became_of_them(
        self, client: Client, settings: Any, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "ATTEMPTS", 2)
        settings.BUCKET = bucket
        store = stores.versions()
        before = client.get("/metrics").content.decode()
        store.write_once("a", "a")
        assert not store.exists("gone")
        with pytest.raises(StoreFailed):
            BucketStore("hls", replace(bucket, endpoint_url="http://127.0.0.1:4")).write_once("a", "a")
        after = client.get("/metrics").content.decode()
        assert 'videoflix_up{part="bucket"} 1.0' in after
        assert 'videoflix_stored_bytes{kind="versions"} 0.0' in after
        for line, more in [
            ('videoflix_bucket_requests_total{operation="PutObject",outcome="ok"}', 1),
            ('videoflix_bucket_requests_total{operation="HeadObject",outcome="ok"}', 1),
            ('videoflix_bucket_requests_total{operation="PutObject",outcome="failed"}', 1),
        ]:
            assert value(after, line) - value(before, line) == more, line

    def test_what_a_machine_keeps_of_uploads_is_told(
        self, client: Client, settings: Any, bucket: BucketAddress, tmp_path: Path
    ) -> None:
        settings.BUCKET, settings.SOURCE_CACHE_ROOT = bucket, tmp_path / "sources"
        (tmp_path / "video.mp4").write_bytes(bytes(300_000))
        stores.uploads().put_file(tmp_path / "video.mp4", "videos/video.mp4")
        for _ in range(3):
            with fetching.cached("videos/video.mp4", lambda: None) as source:
                assert source is not None
                source.bring_all()
        told = client.get("/metrics").content.decode()
        assert value(told, 'videoflix_source_cache_uses_total{outcome="miss"}') == 1
        assert value(told, 'videoflix_source_cache_uses_total{outcome="hit"}') == 2
        assert value(told, "videoflix_source_cache_fetched_bytes_total") == 300_000
        assert value(told, "videoflix_source_cache_bytes") >= 300_000


def value(told: str, name: str) -> float:
    return next((float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name)), 0.0)
