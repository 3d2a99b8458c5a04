"""Two web processes with folders of their own and one bucket: an upload goes on at the other, whatever happens to one.

Here they share SQLite's file, which one of them reaches by a link; several machines have PostgreSQL.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from uuid import uuid4

import httpx
import pytest
from django.conf import settings
from tusclient.client import TusClient

from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from project.tests.installation import Installation, is_answering, stop, wait_for
from project.tests.test_killed_web import MAKE_TOKEN, encoded, execute

pytestmark = [pytest.mark.services, pytest.mark.bucket]

PIECE = "application/offset+octet-stream"
VIDEO = b"\0\0\0\x18ftypmp42" + os.urandom(20 << 20)
PART_BYTES = 16 << 20


@dataclass
class Pair:
    """Two installations. The second one's server is up all the time, the first one's as each test needs it."""

    first: Installation
    second: Installation
    store: BucketStore
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"}

    def client(self, installation: Installation) -> httpx.Client:
        return httpx.Client(base_url=installation.url, headers=self.headers, timeout=60)

    def begun(self, client: httpx.Client, **told: str) -> str:
        named = ",".join(f"{name} {encoded(text)}" for name, text in {"filename": "harbour.mp4", **told}.items())
        headers = {"Upload-Length": str(len(VIDEO)), "Upload-Metadata": named}
        answer = client.post("/api/uploads/", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Location"])

    def stored(self, video: str) -> bytes:
        """The only file of this video, by its id, that is in the bucket. No other video has it."""
        [name] = execute(self.first, f"SELECT video_file FROM library_video WHERE id = {int(video)}")
        assert execute(self.first, "SELECT count(*), count(DISTINCT video_file) FROM library_video") == (
            len(self.store.sizes("videos")),
            len(self.store.sizes("videos")),
        )
        return self.store.read(name)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, object_store: BucketAddress) -> Iterator[Pair]:
    bucket, folder = replace(object_store, prefix=f"{uuid4().hex}/"), tmp_path_factory.mktemp("two")
    environment = {
        "WEB_WORKERS": "1",
        "SECRET_KEY": "only-for-tests-" * 5,
        "S3_BUCKET": bucket.bucket,
        "S3_ENDPOINT_URL": bucket.endpoint_url or "",
        "S3_REGION": bucket.region,
        "S3_ACCESS_KEY_ID": bucket.access_key_id,
        "S3_SECRET_ACCESS_KEY": bucket.secret_access_key,
        "S3_PREFIX": bucket.prefix,
    }
    first, second = (Installation(folder / name, environment=dict(environment)) for name in ("one", "two"))
    first.prepare()
    (second.folder / "var").mkdir(parents=True)
    (second.folder / "var/db.sqlite3").symlink_to(first.folder / "var/db.sqlite3")
    with serving(second):
        yield Pair(first, second, BucketStore("uploads", bucket), first.shell(MAKE_TOKEN).strip())


@contextmanager
def serving(installation: Installation, module: str = "project.wsgi") -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:project.web", module]
    with (installation.folder / "gunicorn.log").open("ab") as log:
        server = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=installation.variables(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(lambda: is_answering(installation), seconds=60, what="gunicorn answers")
        yield server
    finally:
        stop(server)


def kill(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def files(installation: Installation) -> list[str]:
    """What lies in its folder of uploads."""
    return [path.name for path in (installation.folder / "var/uploads").rglob("*") if path.is_file()]


def test_tuspy_goes_from_one_to_the_other_with_each_piece(pair: Pair) -> None:
    with serving(pair.first), pair.client(pair.first) as client:
        path = pair.begun(client, title="Harbour")
        for number in range(7):
            there = (pair.first, pair.second)[number % 2]
            tus = TusClient(f"{there.url}/api/uploads/", headers={"Authorization": f"Bearer {pair.token}"})
            uploader = tus.uploader(
                file_stream=BytesIO(VIDEO), chunk_size=3 << 20, url=f"{there.url}{path}", upload_checksum=True
            )
            assert uploader.offset == number * (3 << 20)
            uploader.upload(stop_at=min(len(VIDEO), uploader.offset + (3 << 20)))
        told = client.head(path)
    assert told.headers["Upload-Offset"] == str(len(VIDEO))
    assert pair.stored(told.headers["X-Video-ID"]) == VIDEO
    assert (files(pair.first), files(pair.second)) == ([], [])


def test_a_process_that_is_killed_in_mid_piece_costs_one_part_at_most(pair: Pair) -> None:
    with serving(pair.first) as server, pair.client(pair.first) as client:
        path = pair.begun(client, title="Harbour")

        def piece() -> Iterator[bytes]:
            yield VIDEO[: PART_BYTES + 1000]
            received = "SELECT received FROM library_upload ORDER BY created_at DESC"
            wait_for(lambda: execute(pair.first, received)[0] == PART_BYTES, seconds=60, what="a part counts")
            kill(server)
            yield VIDEO[PART_BYTES + 1000 :]

        headers = {"Upload-Offset": "0", "Content-Type": PIECE, "Content-Length": str(len(VIDEO))}
        with pytest.raises(httpx.TransportError):
            client.patch(path, headers=headers, content=piece())
        with pair.client(pair.second) as other:
            assert other.head(path).headers["Upload-Offset"] == str(PART_BYTES)
            headers = {"Upload-Offset": str(PART_BYTES), "Content-Type": PIECE}
            answer = other.patch(path, headers=headers, content=VIDEO[PART_BYTES:])
    assert pair.stored(answer.headers["X-Video-ID"]) == VIDEO
    assert files(pair.first) == []


def test_an_upload_gets_on_over_connections_that_always_break_off(pair: Pair) -> None:
    """Each after 20 kB, within a chunk."""
    with pair.client(pair.second) as client:
        path, reached = pair.begun(client), 0
        for _ in range(3):
            told = {"Upload-Offset": str(reached), "Content-Type": PIECE, "Transfer-Encoding": "chunked"}
            lines = [f"{name}: {value}" for name, value in (pair.headers | told).items()]
            head = "\r\n".join([f"PATCH {path} HTTP/1.1", "Host: localhost", *lines, "", "f4240", ""])
            with socket.create_connection(("127.0.0.1", pair.second.port), timeout=60) as connected:
                connected.sendall(head.encode() + VIDEO[reached : reached + 20_000])
                connected.shutdown(socket.SHUT_WR)
                assert connected.recv(65_536).startswith(b"HTTP/1.1 400")
            offset = int(client.head(path).headers["Upload-Offset"])
            assert offset >= reached + 10_000
            reached = offset
        client.delete(path)


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_process_that_is_killed_at_the_last_step_leaves_it_to_the_other(pair: Pair, dies: str) -> None:
    pair.first.environment["DIES"] = dies
    with (
        serving(pair.first, "project.tests.dying_in_bucket"),
        pair.client(pair.first) as client,
        pair.client(pair.second) as other,
    ):
        path = pair.begun(client, title="Harbour")
        with pytest.raises(httpx.TransportError):
            client.patch(path, headers={"Upload-Offset": "0", "Content-Type": PIECE}, content=VIDEO)
        assert execute(pair.first, "SELECT count(*) FROM library_upload WHERE finished_at IS NULL") == (1,)
        told = other.head(path)
    assert pair.stored(told.headers["X-Video-ID"]) == VIDEO
    assert list(pair.store.begun()) == []
