"""`manage.py upkeep` where files of published versions are gone or changed, on a disk and in a bucket."""

import io
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from hls import numbering, stores
from hls.core.chunk import ChunkFacts, RenditionFacts, SegmentFacts
from hls.identity import adopt
from hls.models import Chunk, ChunkState, State
from hls.removal import TRASH
from hls.store import multipart
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from hls.store.folder import ARRIVING
from hls.store.interface import Place
from library.models import Video
from library.tests.videos import SEGMENT_BYTES, published

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("settled")]
KINDS = ["folder", pytest.param("bucket", marks=pytest.mark.bucket)]


def upkeep(*options: str) -> str:
    said = io.StringIO()
    with suppress(CommandError):
        call_command("upkeep", *options, stdout=said, stderr=said)
    return said.getvalue()


@pytest.fixture(params=KINDS)
def video(request: pytest.FixtureRequest, settings: Any, folders: Path) -> Video:
    """Its chunk's row knows the sizes of its segments; the uploaded file is there."""
    made = published()
    segments = tuple(SegmentFacts(number, 150, SEGMENT_BYTES, ()) for number in range(2))
    facts = ChunkFacts(0, (RenditionFacts("480p", "avc1", segments), RenditionFacts("720p", "avc1", segments)), ())
    Chunk.objects.create(
        transcode=made.transcode, index=0, frame_count=300, state=ChunkState.DONE, facts=facts.to_json()
    )
    (folders / "uploads/videos").mkdir(parents=True, exist_ok=True)
    Path(made.video_file.path).write_bytes(b"a video")
    if request.param == "bucket":
        settings.BUCKET = request.getfixturevalue("bucket")
        call_command("storage", "move", "--to", "bucket", "--grace", "0", stdout=io.StringIO())
    adopt(stores.versions())
    return made


def version_of(video: Video) -> Place:
    return stores.version_place(video.transcode_id, 1)


def remove(version: Place, *names: str) -> None:
    version.store.remove_files([f"{version.key}/{name}" for name in names])


def test_a_whole_version_is_not_complained_of(video: Video) -> None:
    assert "0 bytes in 0 places" in upkeep("--check")
    assert "listed" not in upkeep("--check")


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        (["480p/segment_001.ts"], "its file 480p/segment_001.ts is gone or changed"),
        (["master.m3u8", "720p/segment_000.ts"], "2 of its files are gone or changed, as master.m3u8"),
    ],
)
def test_a_hole_in_what_is_served_is_told_and_made_again(video: Video, removed: list[str], words: str) -> None:
    remove(version_of(video), *removed)
    assert f"Video {video.pk} (Harbour at Dawn) is listed, but {words}: `manage.py upkeep --remake`" in upkeep(
        "--check"
    )
    assert "1 of 1 videos without files are queued" in upkeep("--remake")
    video.transcode.refresh_from_db()
    assert (video.transcode.state, video.transcode.version) == (State.QUEUED, numbering.least())


def test_a_segment_of_another_size_is_told(video: Video) -> None:
    version = version_of(video)
    remove(version, "720p/segment_001.ts")
    version.store.write_once(f"{version.key}/720p/segment_001.ts", "not a segment")
    assert "its file 720p/segment_001.ts is gone or changed" in upkeep("--check")


def test_a_version_that_is_gone_as_a_whole_is_told_in_these_words(video: Video) -> None:
    version_of(video).remove()
    assert "(Harbour at Dawn) is listed, but its files are gone: `manage.py upkeep --remake`" in upkeep("--check")


def test_what_no_row_names_is_listed_and_brought_to_the_trash(video: Video) -> None:
    store = stores.versions()
    store.write_once("98/1/480p/segment_000.ts", "of a video that nobody knows")
    store.write_once(f"{video.transcode_id}/7/master.m3u8", "of no version")
    store.write_once(f"{video.transcode_id}/1/.work/0-dead/a", "of a dead worker")
    said = upkeep("--check")
    for key in ("98", f"{video.transcode_id}/7", f"{video.transcode_id}/1/.work/0-dead"):
        assert store.address(key) in said
    upkeep()
    assert not store.exists("98")
    assert not store.sizes(f"{video.transcode_id}/1/.work")
    assert sorted(name.partition("/")[2] for name in store.sizes(TRASH)) == [
        f"{video.transcode_id}/7/master.m3u8",
        "98/1/480p/segment_000.ts",
    ]


@pytest.mark.bucket
def test_parts_of_an_upload_that_nobody_finished_are_listed_and_removed(
    settings: Any, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BUCKET = bucket
    adopt(stores.versions())
    client, name = client_of(bucket), f"{bucket.prefix}hls/1/1/480p/segment_000.ts"
    begun = client.create_multipart_upload(Bucket=bucket.bucket, Key=name)["UploadId"]
    client.upload_part(Bucket=bucket.bucket, Key=name, UploadId=begun, PartNumber=1, Body=b"half")
    assert "0 bytes in 0 places" in upkeep("--check"), "it is young"
    monkeypatch.setattr(multipart, "UNFINISHED_S", -60.0)
    assert f"{4:>14,} s3://{bucket.bucket}/{name}" in upkeep("--check")
    upkeep()
    assert stores.versions().unfinished() == {}


def test_files_that_a_killed_move_left_half_are_listed_and_removed(folders: Path) -> None:
    left = folders / "hls" / ARRIVING / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert "0 bytes in 0 places" in upkeep("--check"), "it is young"
    yesterday = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(left, (yesterday, yesterday))
    assert f"{4:>14,} {left}" in upkeep("--check")
    upkeep()
    assert not left.exists()
