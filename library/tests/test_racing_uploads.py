"""Several requests at once for one upload in a bucket: none loses a byte, and none adds one twice."""

import os
import random
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from hls.store import sections
from hls.store.bucket_address import BucketAddress
from library.models import StoredPart, Upload, Video
from library.tests.test_uploads import ask, begun, send
from library.uploads import bucket_rows, resumable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.bucket]

VIDEO = b"\0\0\0\x18ftypmp42" + os.urandom(12 << 20)
LONGEST_PIECE = 6 << 20
MOST_MEMORY_BYTES = 4 << 20


@pytest.fixture(autouse=True)
def in_a_bucket(settings: Any, bucket: BucketAddress) -> None:
    settings.BUCKET = bucket


def test_racing_pieces_make_the_file_that_was_sent(
    at_admin: Client, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "USUAL_PART_BYTES", sections.LEAST_PART_BYTES)
    url = begun(at_admin, len(VIDEO), title="Harbour")

    def client(seed: int) -> set[int]:
        """Sends pieces from wherever the upload ends, until it is complete. Returns the answers' statuses."""
        own, lengths, statuses = Client(), random.Random(seed), set[int]()
        own.cookies = at_admin.cookies
        try:
            while (offset := int(ask(own, url)["Upload-Offset"])) < len(VIDEO):
                end = offset + lengths.randint(1, LONGEST_PIECE)
                statuses.add(send(own, url, VIDEO[offset:end], offset).status_code)
        finally:
            connection.close()
        return statuses

    with ThreadPoolExecutor(max_workers=3) as pool:
        statuses = set.union(*pool.map(client, range(3)))
    assert statuses <= {204, 409}
    video = Video.objects.get()
    assert bucket_rows.bucket().read(str(video.video_file.name)) == VIDEO
    assert sum(part.size_bytes for part in StoredPart.objects.all()) == len(VIDEO)
    assert ask(at_admin, url)["X-Video-ID"] == str(video.pk)


def test_a_piece_of_any_length_takes_constant_memory(at_admin: Client) -> None:
    length = 40 << 20
    begun(at_admin, length)
    block = os.urandom(256 << 10)

    def blocks() -> Iterator[bytes]:
        yield from [block] * (length // len(block))

    upload = Upload.objects.get()
    bucket_rows.bucket().exists("videos")  # loads what a process loads once
    tracemalloc.start()
    try:
        assert resumable.append(upload, offset=0, blocks=blocks()) == length
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY_BYTES
    finally:
        tracemalloc.stop()
    assert [part.size_bytes >> 20 for part in StoredPart.objects.order_by("number")] == [16, 16, 8]
