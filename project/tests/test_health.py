"""`/api/health/` and `/api/ready/` name what fails, and never hang."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from huey import RedisHuey
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from hls.identity import FILE
from hls.models import Worker
from hls.store import connection
from hls.store.bucket_address import BucketAddress
from project.health import probes
from scripts import services

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def mute_server() -> Iterator[int]:
    """Accepts connections and never answers, like a database that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def database(engine: str, **values: Any) -> dict[str, Any]:
    """Settings of another database for threads that connect from now on."""
    return {**connections.settings["default"], "ENGINE": f"django.db.backends.{engine}", "OPTIONS": {}, **values}


def make_worker(*, silent_for: timedelta) -> None:
    now = timezone.now()
    Worker.objects.create(
        host="h", hostname="h", pid=1, pid_started="1", slots=1, started_at=now, last_seen=now - silent_for
    )


@pytest.mark.parametrize("path", ["/api/health/", "/api/health"])
def test_working_parts_answer_200_without_signing_in(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert body.pop("ffmpeg")[0].isdigit()
    assert body == {"status": "ok", "database": "ok", "queue": "ok"}


def test_container_asks_by_a_name_that_viewers_may_not_use(client: Client, settings: Settings) -> None:
    """deploy/healthcheck.py asks localhost, whatever ALLOWED_HOSTS is: otherwise no public server would start."""
    settings.ALLOWED_HOSTS = ["api.example.com"]

    assert client.get("/api/health/", headers={"Host": "localhost"}).status_code == 200


def test_missing_ffmpeg_is_named(client: Client, settings: Settings) -> None:
    settings.FFMPEG = "/nowhere/ffmpeg"

    answer = client.get("/api/health/")

    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "database": "ok", "queue": "ok", "ffmpeg": "missing"}


def test_program_that_is_no_ffmpeg_is_named(client: Client, settings: Settings) -> None:
    settings.FFMPEG = shutil.which("true")

    assert client.get("/api/health/").json()["ffmpeg"] == "broken"


def test_queue_that_refuses_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(probes, "HUEY", RedisHuey("dead", url=f"redis://127.0.0.1:{port}/0"))

    answer = client.get("/api/health/")

    assert (answer.status_code, answer.json()["queue"]) == (503, "not reachable")
    assert str(port) not in answer.text


@pytest.mark.services
@pytest.mark.skipif(not services.redis_binary(), reason="no Redis found")
@pytest.mark.parametrize("setting", ["maxmemory 1", "min-replicas-to-write 1"])
def test_queue_that_takes_no_tasks_is_named(client: Client, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """As a Redis that is full, or whose disk is; it goes on answering questions."""
    with services.redis() as server:
        place = RedisHuey("full", url=f"redis://127.0.0.1:{server.port}/0")
        monkeypatch.setattr(probes, "HUEY", place)
        assert client.get("/api/health/").json()["queue"] == "ok"
        place.storage.conn.config_set(*setting.split())

        answer = client.get("/api/health/")
        place.storage.conn.connection_pool.disconnect()

    assert (answer.status_code, answer.json()["queue"]) == (503, "takes no tasks")


def test_hung_queue_answers_within_three_seconds_and_again_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mute_server() as port:
        monkeypatch.setattr(probes, "HUEY", RedisHuey("hung", url=f"redis://127.0.0.1:{port}/0"))
        began = time.monotonic()

        answer = client.get("/api/health/")

        assert time.monotonic() - began < 3
        assert (answer.status_code, answer.json()["queue"]) == (503, "no answer")


def test_unreachable_database_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings, "default", database("sqlite3", NAME="/proc/videoflix/secret-name"))

    answer = client.get("/api/health/")

    assert (answer.status_code, answer.json()["database"]) == (503, "not reachable")
    assert "secret-name" not in answer.text


def test_hung_database_answers_within_three_seconds(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with mute_server() as port:
        hung = database("postgresql", NAME="x", HOST="127.0.0.1", PORT=port, OPTIONS={"connect_timeout": 5})
        monkeypatch.setitem(connections.settings, "default", hung)
        began = time.monotonic()

        answer = client.get("/api/health/")

        assert time.monotonic() - began < 3
        assert (answer.status_code, answer.json()["database"]) == (503, "no answer")
        assert answer.json()["queue"] == "ok"


def test_ready_with_room_and_a_living_worker(client: Client) -> None:
    make_worker(silent_for=timedelta(seconds=5))

    answer = client.get("/api/ready/")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "queue": "ok",
        "disk": "ok",
        "files": "ok",
        "worker": "ok",
    }


def test_not_ready_when_every_worker_is_silent(client: Client) -> None:
    make_worker(silent_for=timedelta(minutes=2))

    answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["worker"]) == (503, "none is running")


def test_not_ready_when_the_disk_reserve_is_touched(client: Client, settings: Settings) -> None:
    make_worker(silent_for=timedelta(0))
    settings.DISK_RESERVE_BYTES = shutil.disk_usage(Path(settings.DATA_DIR)).total + 1

    answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["disk"]) == (503, "nearly full")


def test_not_ready_without_any_room_whatever_the_reserve(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite can't write a row there, although nothing is said to be kept free."""
    make_worker(silent_for=timedelta(0))
    settings.DISK_RESERVE_BYTES = 0
    usage = shutil.disk_usage(Path(settings.DATA_DIR))
    monkeypatch.setattr("project.health.probes.shutil.disk_usage", lambda folder: usage._replace(free=0))

    answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["disk"]) == (503, "nearly full")


def test_not_ready_while_files_are_another_installations(client: Client, settings: Settings, tmp_path: Path) -> None:
    make_worker(silent_for=timedelta(0))
    settings.HLS_ROOT = tmp_path
    (tmp_path / FILE).write_text("another")

    with capture_logs() as logged:
        answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["files"]) == (503, "of another installation")
    assert str(tmp_path) in logged[0]["reason"], "the log says which folder; the answer is for anybody"


def test_not_ready_while_the_bucket_is_away(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_worker(silent_for=timedelta(0))
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    settings.BUCKET = BucketAddress("videos", "", "http://127.0.0.1:1", "us-east-1", "id", "secret")
    connection.client_of(settings.BUCKET)  # the first one takes as long as all of a probe may, on a busy machine

    with capture_logs() as logged:
        answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["files"]) == (503, "bucket not reachable")
    assert "The bucket can't be reached" in logged[0]["reason"]


def test_not_ready_when_the_disk_was_made_read_only(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux does with a disk after an error. It was ready, and took no upload."""
    make_worker(silent_for=timedelta(0))
    found = os.statvfs(settings.DATA_DIR)
    read_only = os.statvfs_result([*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax])
    monkeypatch.setattr("os.statvfs", lambda folder: read_only)

    answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["disk"]) == (503, "read-only")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, a file system without any room")
@pytest.mark.parametrize("folder", ["MEDIA_ROOT", "HLS_ROOT"])
def test_not_ready_when_a_folder_s_own_disk_is_full(client: Client, settings: Settings, folder: str) -> None:
    make_worker(silent_for=timedelta(0))
    setattr(settings, folder, "/proc")

    answer = client.get("/api/ready/")

    assert (answer.status_code, answer.json()["disk"]) == (503, "nearly full")
