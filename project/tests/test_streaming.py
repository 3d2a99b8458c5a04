"""Django sends from the bucket without an edge: in constant memory, however many read at once and however slowly."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import web_server
from hls.store.bucket_address import BucketAddress
from library.tests.videos import PASSWORD
from project.tests.bucket_site import bucket_variables, run

pytestmark = [pytest.mark.services, pytest.mark.bucket]

SEGMENT_MB = 4
FEW, MANY = 20, 100
MOST_FOR_EACH_MB = 0.5  # a thread, a connection to the bucket, and what is read at once
SETUP = f"""
from library.tests.videos import in_bucket, make_viewer, published
make_viewer()
video = published(size={SEGMENT_MB} * 1_000_000)
in_bucket(video)
print(video.pk)
"""


@dataclass(frozen=True)
class Streaming:
    folder: Path
    address: str
    video: int

    def highest_memory_mb(self) -> float:
        """The most that the web process has had in memory so far."""
        told = [
            int(line.split()[1]) / 1024
            for process in Path("/proc").glob("[0-9]*")
            if self.is_ours(process)
            for line in (process / "status").read_text().splitlines()
            if line.startswith("VmHWM")
        ]
        return max(told)

    def is_ours(self, process: Path) -> bool:
        try:
            is_gunicorn = b"gunicorn" in (process / "cmdline").read_bytes()
            return is_gunicorn and f"DATA_DIR={self.folder}\0".encode() in (process / "environ").read_bytes()
        except OSError:
            return False


@pytest.fixture
def streaming(
    tmp_path: Path, object_store: BucketAddress, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Streaming]:
    variables = bucket_variables(replace(object_store, prefix=f"{uuid4().hex}/"))
    with django_db_blocker.unblock():
        with web_server(tmp_path, WEB_WORKERS="1", WEB_THREADS="128", **variables) as address:
            yield Streaming(tmp_path, address, int(run(tmp_path, SETUP, variables)))
        call_command("flush", interactive=False, verbosity=0)


def read_at_once(site: Streaming, headers: dict[str, str], count: int) -> None:
    """So many players that all wait after their first bytes until the last one has some, and then read on in turns.

    None may read nothing for a minute: the server takes that for a broken connection.
    """
    with ExitStack() as stack:
        players = [
            stack.enter_context(closing(HTTPConnection(urlsplit(site.address).netloc, timeout=60)))
            for _ in range(count)
        ]
        for player in players:
            player.request("GET", f"/api/video/{site.video}/720p/segment_001.ts", headers=headers)
        answers = [player.getresponse() for player in players]
        lengths = [len(answer.read(1000)) for answer in answers]
        reading = set(range(count))
        while reading:
            for number in list(reading):
                received = len(answers[number].read(200_000))
                lengths[number] += received
                if not received:
                    reading.remove(number)
    assert set(lengths) == {SEGMENT_MB * 1_000_000}


def test_memory_does_not_grow_with_what_is_sent(streaming: Streaming) -> None:
    with httpx.Client(base_url=streaming.address, timeout=30) as client:
        client.post("/api/login/", json={"email": "ada@example.com", "password": PASSWORD})
        granted = client.get(f"/api/video/{streaming.video}/master.m3u8").cookies["playback_token"]
    cookie = {"Cookie": f"playback_token={granted}"}
    read_at_once(streaming, cookie, FEW)
    with_few = streaming.highest_memory_mb()
    read_at_once(streaming, cookie, MANY)
    with_many = streaming.highest_memory_mb()
    print(f"{with_few:.0f} MB, then {with_many:.0f} MB")
    assert with_many - with_few < (MANY - FEW) * MOST_FOR_EACH_MB
