"""Resumable uploads into a bucket: each piece at another web process, with no folder in common."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from hls import stores
from hls.models import State
from hls.removal import Trash
from hls.store import connection, sections
from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.store.interface import StoreFailed, StoreFull
from hls.tests.factories import Unclaimed
from library import disk, upkeep
from library.errors import OffsetConflict, UploadBusy, UploadGone
from library.models import StoredPart, Upload, UploadKind, Video
from library.tests.test_uploads import ask, begin, begun, metadata, send, sha1
from library.uploads import bucket_rows, finishing, in_bucket, resumable
from library.uploads.arriving import ArrivingBytes
from library.uploads.checksums import Digest

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]

KIND: ArrivingBytes = in_bucket
LEAST = sections.LEAST_PART_BYTES
VIDEO = b"\0\0\0\x18ftypmp42" + os.urandom(3 * LEAST + 1000)
SMALL = VIDEO[:1000]


@pytest.fixture(autouse=True)
def in_a_bucket(settings: Any, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUCKET = bucket
    monkeypatch.setattr(sections, "USUAL_PART_BYTES", LEAST)


@pytest.fixture
def move(settings: Any, tmp_path: Path) -> Callable[[], None]:
    """Go on as the other of two web processes, each with a folder of its own."""
    others = iter(range(1000))

    def move() -> None:
        settings.MEDIA_ROOT = tmp_path / f"other-{next(others) % 2}"

    return move


def bucket_store() -> BucketStore:
    return bucket_rows.bucket()


def content(key: str) -> str:
    return hashlib.sha256(bucket_store().read(key)).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def all_keys() -> list[str]:
    """All objects of the uploads, but the one that says whose they are."""
    found = [key for folder in ("videos", "partial", "thumbnails") for key in bucket_store().sizes(folder)]
    return sorted(found)


def begun_keys() -> list[str]:
    return [found.multipart.key for found in bucket_store().begun()]


def row() -> Upload:
    return Upload.objects.get()


def files_on_disk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_each_piece_may_come_to_another_process(
    at_admin: Client, move: Callable[[], None], folders: Path, tmp_path: Path
) -> None:
    cuts = [0, 1, 1000, LEAST, LEAST + 1, 2 * LEAST + 70_000, len(VIDEO)]
    url = begun(at_admin, len(VIDEO), title="Harbour")
    for start, end in pairwise(cuts):
        move()
        assert ask(at_admin, url)["Upload-Offset"] == str(start)
        answer = send(at_admin, url, VIDEO[start:end], start)
        assert (answer.status_code, answer["Upload-Offset"]) == (204, str(end)), answer.content
    video = Video.objects.get()
    assert answer["X-Video-ID"] == str(video.pk)
    assert content(str(video.video_file.name)) == sha256(VIDEO)
    assert (video.transcode.source, video.transcode.source_bytes) == (video.video_file.name, len(VIDEO))
    assert video.transcode.state == State.QUEUED
    assert all_keys() == [str(video.video_file.name).partition("/")[2]], "neither rests nor parts are left"
    assert (begun_keys(), files_on_disk(tmp_path)) == ([], [])


def test_an_upload_is_one_file_with_its_creation(at_admin: Client) -> None:
    answer = begin(at_admin, len(SMALL), body=SMALL, title="Harbour")
    assert (answer.status_code, answer["Upload-Offset"]) == (201, str(len(SMALL)))
    assert content(str(Video.objects.get().video_file.name)) == sha256(SMALL)


def test_of_two_at_the_same_offset_one_wins(at_admin: Client) -> None:
    """Both have asked for the offset before either has sent anything."""
    url = begun(at_admin, len(VIDEO))
    slower = row()
    assert send(at_admin, url, VIDEO[: LEAST + 5], 0).status_code == 204
    with pytest.raises(OffsetConflict):
        resumable.append(slower, offset=0, blocks=[VIDEO[:LEAST], VIDEO[LEAST : LEAST + 7]])
    assert ask(at_admin, url)["Upload-Offset"] == str(LEAST + 5)
    assert send(at_admin, url, VIDEO, 0).status_code == 409
    assert send(at_admin, url, VIDEO[LEAST + 5 :], LEAST + 5).status_code == 204
    assert content(row().key) == sha256(VIDEO)


def test_the_slower_of_two_in_mid_piece_adds_nothing(at_admin: Client) -> None:
    begun(at_admin, len(VIDEO))
    slow, quick = row(), row()

    def overtaken() -> Iterator[bytes]:
        yield VIDEO[: LEAST - 1]
        resumable.append(quick, offset=0, blocks=[VIDEO[:10]])
        yield VIDEO[LEAST - 1 : 2 * LEAST]

    with pytest.raises(OffsetConflict):
        resumable.append(slow, offset=0, blocks=overtaken())
    assert (row().received, StoredPart.objects.count()) == (10, 0)
    resumable.append(row(), offset=10, blocks=[VIDEO[10:]])
    assert content(row().key) == sha256(VIDEO)


def test_whoever_is_overtaken_by_the_last_piece_is_told_so(at_admin: Client) -> None:
    """The bucket knows the multipart upload no more."""
    begun(at_admin, len(VIDEO))
    slow = row()

    def overtaken() -> Iterator[bytes]:
        yield VIDEO[: LEAST - 1]
        resumable.append(row(), offset=0, blocks=[VIDEO])
        yield VIDEO[LEAST - 1 : 2 * LEAST]

    with pytest.raises(OffsetConflict):
        resumable.append(slow, offset=0, blocks=overtaken())
    assert content(row().key) == sha256(VIDEO)


def test_whoever_comes_between_the_object_and_its_row_is_overtaken(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(at_admin, len(VIDEO))
    slow, complete = row(), BucketStore.complete

    def completed(self: BucketStore, *arguments: Any) -> None:
        complete(self, *arguments)
        with pytest.raises(OffsetConflict):
            resumable.append(slow, offset=0, blocks=[VIDEO])

    monkeypatch.setattr(BucketStore, "complete", completed)
    resumable.append(row(), offset=0, blocks=[VIDEO])
    assert content(row().key) == sha256(VIDEO)


def test_a_piece_that_was_cut_off_counts_as_far_as_it_came(at_admin: Client) -> None:
    begun(at_admin, len(VIDEO))

    def cut(length: int, start: int = 0) -> Iterator[bytes]:
        yield VIDEO[start:length]
        raise OSError("connection lost")

    for start, end in ((0, 300), (300, 2 * LEAST + 9)):
        with pytest.raises(OSError, match="connection lost"):
            resumable.append(row(), offset=start, blocks=cut(end, start))
        assert resumable.offset_of(row()) == end
    resumable.append(row(), offset=2 * LEAST + 9, blocks=[VIDEO[2 * LEAST + 9 :]])
    assert content(row().key) == sha256(VIDEO)


def test_a_piece_counts_only_with_its_checksum(at_admin: Client) -> None:
    url = begun(at_admin, len(VIDEO))
    assert send(at_admin, url, VIDEO[:50], 0, **{"Upload-Checksum": sha1(VIDEO[:50])}).status_code == 204
    wrong = send(at_admin, url, VIDEO[50 : 2 * LEAST], 50, **{"Upload-Checksum": sha1(b"something else")})
    assert wrong.status_code == 460
    assert ask(at_admin, url)["Upload-Offset"] == "50"

    def cut() -> Iterator[bytes]:
        yield VIDEO[50 : 2 * LEAST]
        raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        resumable.append(row(), offset=50, blocks=cut(), digest=Digest(sha1(VIDEO[50:])))
    assert ask(at_admin, url)["Upload-Offset"] == "50"
    right = {"Upload-Checksum": sha1(VIDEO[50:])}
    assert send(at_admin, url, VIDEO[50:], 50, **right).status_code == 204
    assert content(row().key) == sha256(VIDEO)


def test_a_length_that_is_told_at_the_end(at_admin: Client) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1", "Upload-Metadata": metadata(filename="a.mp4")}
    url = at_admin.generic("POST", "/api/uploads/", b"", "", headers=headers)["Location"]
    send(at_admin, url, VIDEO[: LEAST + 9], 0)
    assert row().rest_bytes == 9
    told = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(LEAST + 9), "Upload-Length": str(LEAST + 9)}
    piece = "application/offset+octet-stream"
    answer = at_admin.patch(url, b"", content_type=piece, headers={**told, "Content-Type": piece})
    assert answer.status_code == 204
    assert row().finished_at is not None
    assert content(row().key) == sha256(VIDEO[: LEAST + 9])


@pytest.mark.parametrize("comes", ["HEAD", "PATCH", "sweep"])
@pytest.mark.parametrize("dies", ["before the object is there", "after it"])
def test_a_crash_at_the_last_step_is_caught_up_by_whoever_comes_next(
    at_admin: Client, settled: Path, monkeypatch: pytest.MonkeyPatch, comes: str, dies: str
) -> None:
    url = begun(at_admin, len(SMALL), title="Harbour")
    complete = BucketStore.complete

    def killed(self: BucketStore, *arguments: Any) -> None:
        if dies == "after it":
            complete(self, *arguments)
        raise StoreFailed(5, "killed")

    with monkeypatch.context() as patched:
        patched.setattr(BucketStore, "complete", killed)
        assert send(at_admin, url, SMALL, 0).status_code == 503
    assert (row().received, row().finished_at) == (len(SMALL), None)
    assert not Video.objects.exists()
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=30))
    if comes == "HEAD":
        assert ask(at_admin, url)["X-Video-ID"] == str(Video.objects.get().pk)
    elif comes == "PATCH":
        assert send(at_admin, url, SMALL, 0).status_code == 409
    else:
        upkeep.sweep()
    assert content(str(Video.objects.get().video_file.name)) == sha256(SMALL)


def test_an_upload_that_two_complete_is_one_video(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(at_admin, len(SMALL), title="Harbour")
    with monkeypatch.context() as patched:
        patched.setattr(in_bucket, "complete", lambda upload: None)
        resumable.append(row(), offset=0, blocks=[SMALL])
    slower = row()
    finishing.finish(row())
    finishing.finish(slower)
    assert content(str(Video.objects.get().video_file.name)) == sha256(SMALL)


def test_an_ended_upload_leaves_nothing_and_its_writer_notices(at_admin: Client) -> None:
    url = begun(at_admin, len(VIDEO))
    send(at_admin, url, VIDEO[: LEAST + 9], 0)
    writing = row()

    def ended() -> Iterator[bytes]:
        yield VIDEO[LEAST + 9 : LEAST + 20]
        assert at_admin.delete(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
        yield VIDEO[LEAST + 20 :]

    with pytest.raises(UploadGone):
        resumable.append(writing, offset=LEAST + 9, blocks=ended())
    assert ask(at_admin, url).status_code == 410
    assert (all_keys(), begun_keys(), Upload.objects.count(), StoredPart.objects.count()) == ([], [], 0, 0)


def test_what_is_no_video_leaves_nothing(at_admin: Client) -> None:
    url = begun(at_admin, len(VIDEO))
    assert send(at_admin, url, b"%PDF-1.7" + VIDEO[8:], 0).status_code == 400
    assert (all_keys(), begun_keys(), Upload.objects.exists()) == ([], [], False)


def test_an_ended_upload_does_not_take_the_videos_file_along(at_admin: Client) -> None:
    url = begun(at_admin, len(SMALL), title="Harbour")
    send(at_admin, url, SMALL, 0)
    slow = row()
    assert at_admin.delete(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    in_bucket.remove_bytes(slow)
    assert content(str(Video.objects.get().video_file.name)) == sha256(SMALL)


def test_a_sweep_removes_what_expired_and_nothing_that_is_needed(
    at_admin: Client, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = timezone.now() - timedelta(seconds=1)
    send(at_admin, begun(at_admin, len(SMALL), title="A video's"), SMALL, 0)
    send(at_admin, begun(at_admin, len(SMALL)), SMALL, 0)
    send(at_admin, begun(at_admin, len(VIDEO)), VIDEO[: LEAST + 9], 0)
    kept, kept_begun = all_keys(), begun_keys()
    assert (len(kept), len(kept_begun)) == (3, 1)
    send(at_admin, begun(at_admin, len(VIDEO)), VIDEO[: LEAST + 9], 0)
    send(at_admin, begun(at_admin, len(SMALL)), SMALL, 0)
    Upload.objects.filter(pk__in=Upload.objects.order_by("-created_at").values("pk")[:2]).update(expires_at=past)
    bucket_store().begin("videos/forgotten.mp4")
    lost = bucket_store()
    (settled / "rest").write_bytes(b"of nobody")
    lost.put_file(settled / "rest", "partial/4711.0")
    upkeep.sweep()
    assert all_keys() == sorted([*kept, "4711.0"]), "what is young may still be entered"
    assert sorted(begun_keys()) == sorted([*kept_begun, "videos/forgotten.mp4"])
    monkeypatch.setattr(upkeep, "YOUNG_S", dict.fromkeys(upkeep.YOUNG_S, -5.0))
    monkeypatch.setattr(in_bucket, "FORGOTTEN_AFTER", timedelta(seconds=-5))
    upkeep.sweep()
    assert (all_keys(), begun_keys()) == (kept, kept_begun)


def test_a_deleted_videos_file_goes_to_the_trash_and_comes_back(at_admin: Client, settled: Path) -> None:
    send(at_admin, begun(at_admin, len(SMALL), title="Harbour"), SMALL, 0)
    video = Video.objects.get()
    key = str(video.video_file.name)
    video.delete()
    upkeep.sweep()
    assert not bucket_store().exists(key)
    assert Trash(stores.uploads()).restore([key]) == [key]
    assert content(key) == sha256(SMALL)


def test_an_upload_that_was_begun_in_a_folder_is_gone(at_admin: Client, settings: Any, settled: Path) -> None:
    address, settings.BUCKET = settings.BUCKET, None
    url = begun(at_admin, len(SMALL), title="Harbour")
    settings.BUCKET = address
    assert ask(at_admin, url).status_code == 410
    assert at_admin.get("/api/uploads/").json() == []
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    assert not Upload.objects.exists()


def test_a_store_that_is_away_is_told_and_loses_nothing(
    at_admin: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    url = begun(at_admin, len(VIDEO), title="Harbour")
    send(at_admin, url, VIDEO[: LEAST + 9], 0)
    address = settings.BUCKET
    settings.BUCKET = replace(address, endpoint_url="http://127.0.0.1:2")
    answer = send(at_admin, url, VIDEO[LEAST + 9 :], LEAST + 9)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert begin(at_admin).status_code == 503
    assert ask(at_admin, url)["Upload-Offset"] == str(LEAST + 9)
    settings.BUCKET = address
    assert send(at_admin, url, VIDEO[LEAST + 9 :], LEAST + 9).status_code == 204
    assert content(str(Video.objects.get().video_file.name)) == sha256(VIDEO)


def test_a_sweep_without_its_store_tells_why_and_removes_nothing(
    at_admin: Client, settings: Any, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    send(at_admin, begun(at_admin, len(SMALL)), SMALL, 0)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    address = settings.BUCKET
    settings.BUCKET = replace(address, endpoint_url="http://127.0.0.1:2")
    with capture_logs() as told:
        upkeep.sweep_minutely(Unclaimed())
    reasons = [line["reason"] for line in told if line["event"] == "nothing removed"]
    assert reasons == ["The bucket can't be reached (EndpointConnectionError)."]
    settings.BUCKET = address
    assert len(all_keys()) == 1


def test_a_full_store_is_told(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: BucketStore, *arguments: Any) -> None:
        raise StoreFull(28, "The bucket is full.")

    url = begun(at_admin, len(SMALL))
    monkeypatch.setattr(BucketStore, "put", full)
    answer = send(at_admin, url, SMALL, 0)
    assert (answer.status_code, answer.json()) == (
        507,
        {"detail": "There is not enough free space where files are kept."},
    )


def test_the_disk_needs_room_for_what_is_buffered_alone(
    at_admin: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda: LEAST)
    assert begin(at_admin, 1_000_000_000).status_code == 201
    monkeypatch.setattr(disk, "free_bytes", lambda: LEAST - 1)
    assert begin(at_admin, 1_000_000_000).status_code == 507
    settings.UPLOAD_MAX_BYTES = 1000
    assert begin(at_admin, 1001).status_code == 413


def part(client: Client, piece: bytes) -> str:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Concat": "partial", "Upload-Length": str(len(piece))}
    made = client.generic("POST", "/api/uploads/", piece, "application/offset+octet-stream", headers=headers)
    assert made.status_code == 201, made.content
    return str(made["Location"])


def joined(client: Client, parts: list[str], **told: str) -> Any:
    named = metadata(**{"filename": "harbour.mp4", **told})
    headers = {"Tus-Resumable": "1.0.0", "Upload-Concat": f"final;{' '.join(parts)}", "Upload-Metadata": named}
    return client.generic("POST", "/api/uploads/", b"", "", headers=headers)


SIZES = [1, LEAST - 1, LEAST, 3, 7, 3 * LEAST + 5, 1]


@pytest.fixture
def pieces() -> list[bytes]:
    data = b"\0" + os.urandom(sum(SIZES))
    return [data[sum(SIZES[:number]) : sum(SIZES[: number + 1])] for number in range(len(SIZES))]


def test_parts_are_joined_within_the_bucket(
    at_admin: Client, pieces: list[bytes], move: Callable[[], None], monkeypatch: pytest.MonkeyPatch, settled: Path
) -> None:
    addresses = []
    for piece in pieces:
        move()
        addresses.append(part(at_admin, piece))
    monkeypatch.setattr("library.uploads.bucket_joining.COPIED_AT_ONCE", LEAST)
    answer = joined(at_admin, addresses, title="Harbour")
    assert answer.status_code == 201
    video = Video.objects.get()
    assert answer["X-Video-ID"] == str(video.pk)
    assert content(str(video.video_file.name)) == sha256(b"".join(pieces))
    assert (len(all_keys()), begun_keys()) == (1, []), "no part keeps an object"
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    assert (Upload.objects.count(), len(all_keys())) == (0, 1)


@pytest.mark.parametrize("comes", ["HEAD", "sweep"])
def test_joining_that_was_broken_off_goes_on(
    at_admin: Client, pieces: list[bytes], monkeypatch: pytest.MonkeyPatch, settled: Path, comes: str
) -> None:
    addresses = [part(at_admin, piece) for piece in pieces]
    monkeypatch.setattr("library.uploads.bucket_joining.COPIED_AT_ONCE", LEAST)
    monkeypatch.setattr(in_bucket, "AT_ONCE", 2)
    enter, entered = bucket_rows.enter, 0

    def killed(*arguments: Any) -> None:
        nonlocal entered
        entered += 1
        if entered == 2:
            raise StoreFailed(5, "killed")
        enter(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(in_bucket, "enter", killed)
        answer = joined(at_admin, addresses, title="Harbour")
    assert (answer.status_code, "X-Video-ID" in answer, "Upload-Offset" in answer) == (201, False, False)
    assert 0 < Upload.objects.get(kind=UploadKind.FINAL).received < sum(SIZES)
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=30))
    if comes == "HEAD":
        assert ask(at_admin, answer["Location"])["X-Video-ID"] == str(Video.objects.get().pk)
    else:
        upkeep.sweep()
    assert content(str(Video.objects.get().video_file.name)) == sha256(b"".join(pieces))


def test_two_never_join_at_once(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [part(at_admin, piece) for piece in (SMALL, SMALL)]
    with monkeypatch.context() as patched:
        patched.setattr(in_bucket, "join", lambda whole, parts: None)
        joined(at_admin, addresses)
    whole = Upload.objects.get(kind=UploadKind.FINAL)
    slower, parts = Upload.objects.get(pk=whole.pk), list(whole.parts.order_by("part_number"))
    in_bucket.join(whole, parts)
    with pytest.raises(UploadBusy):
        in_bucket.join(slower, parts)
    assert content(whole.key) == sha256(SMALL + SMALL)


def test_a_whole_that_lost_a_part_expires(at_admin: Client, monkeypatch: pytest.MonkeyPatch, settled: Path) -> None:
    addresses = [part(at_admin, piece) for piece in (SMALL, SMALL)]
    with monkeypatch.context() as patched:
        patched.setattr(in_bucket, "join", lambda whole, parts: None)
        url = joined(at_admin, addresses, title="Harbour")["Location"]
    bucket_store().remove(f"partial/{addresses[1].split('/')[3]}")
    assert ask(at_admin, url).status_code == 410
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upkeep.sweep()
    assert (Upload.objects.count(), all_keys(), begun_keys()) == (0, [], [])


def test_a_part_that_is_no_video_is_refused_for_the_whole(at_admin: Client) -> None:
    addresses = [part(at_admin, piece) for piece in (b"%PDF-1.7" + SMALL, SMALL)]
    assert joined(at_admin, addresses).status_code == 400
    assert joined(at_admin, addresses[::-1]).status_code == 201
