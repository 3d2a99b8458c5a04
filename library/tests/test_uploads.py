"""Resumable uploads as tus 1.0 says (https://tus.io/protocols/resumable-upload)."""

import errno
import hashlib
import os
from base64 import b64encode
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from hls.models import State
from library import disk
from library.errors import UploadBusy, UploadGone
from library.models import Upload, Video
from library.tests.factories import AdministratorFactory, VideoFactory
from library.uploads import finishing, in_folder, resumable
from library.uploads.request_body import next_block

ROOT = "/api/uploads/"
PIECE = "application/offset+octet-stream"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40


def metadata(**pairs: Any) -> str:
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in pairs.items())


def begin(client: Client, length: int = len(VIDEO), *, body: bytes | None = None, **pairs: Any) -> Any:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length)}
    headers["Upload-Metadata"] = metadata(**{"filename": "harbour.mp4", **pairs})
    if body is None:
        return client.generic("POST", ROOT, b"", "", headers=headers)
    return client.generic("POST", ROOT, body, PIECE, headers=headers)


def begun(client: Client, length: int = len(VIDEO), **pairs: Any) -> str:
    response = begin(client, length, **pairs)
    assert response.status_code == 201, response.content
    return str(response["Location"])


def send(client: Client, url: str, piece: bytes, offset: int, **headers: str) -> Any:
    given = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset), **headers}
    return client.generic("PATCH", url, piece, PIECE, headers=given)


def ask(client: Client, url: str) -> Any:
    return client.head(url, headers={"Tus-Resumable": "1.0.0"})


def sha1(piece: bytes) -> str:
    return f"sha1 {b64encode(hashlib.sha1(piece).digest()).decode()}"


def only_upload() -> Upload:
    return Upload.objects.get()


def test_the_server_tells_what_it_can_without_being_signed_in_to(client: Client, settings: Any, db: None) -> None:
    """tus "OPTIONS"."""
    response = client.options(ROOT)
    assert response.status_code == 204
    assert response["Tus-Version"] == "1.0.0"
    assert set(response["Tus-Extension"].split(",")) == {
        "creation",
        "creation-defer-length",
        "concatenation",
        "creation-with-upload",
        "checksum",
        "expiration",
        "termination",
    }
    assert response["Tus-Max-Size"] == str(settings.UPLOAD_MAX_BYTES)
    assert "sha1" in response["Tus-Checksum-Algorithm"].split(",")


def test_an_upload_in_two_pieces_is_whole(at_admin: Client) -> None:
    url = begun(at_admin)
    first = send(at_admin, url, VIDEO[:5000], 0)
    assert (first.status_code, first["Upload-Offset"], first["Tus-Resumable"]) == (204, "5000", "1.0.0")
    assert ask(at_admin, url)["Upload-Offset"] == "5000"
    second = send(at_admin, url, VIDEO[5000:], 5000)
    assert second["Upload-Offset"] == str(len(VIDEO))
    upload = only_upload()
    assert upload.finished_at is not None
    assert in_folder.path_of(upload).read_bytes() == VIDEO
    assert not Video.objects.exists()


def test_head_tells_offset_length_and_metadata_and_is_not_stored(at_admin: Client) -> None:
    """tus "HEAD"; "Creation": the metadata as it was given."""
    url = begun(at_admin)
    response = ask(at_admin, url)
    assert response.status_code == 200
    assert response["Upload-Offset"] == "0"
    assert response["Upload-Length"] == str(len(VIDEO))
    assert response["Upload-Metadata"] == metadata(filename="harbour.mp4")
    assert response["Cache-Control"] == "no-store"


def test_creation_may_bring_the_first_piece(at_admin: Client) -> None:
    """tus "Creation With Upload"."""
    response = begin(at_admin, body=VIDEO[:700])
    assert (response.status_code, response["Upload-Offset"]) == (201, "700")
    assert ask(at_admin, response["Location"])["Upload-Offset"] == "700"


def test_a_piece_that_begins_elsewhere_is_refused(at_admin: Client) -> None:
    """tus "PATCH": 409 when the offsets differ."""
    url = begun(at_admin)
    send(at_admin, url, VIDEO[:100], 0)
    response = send(at_admin, url, VIDEO[:100], 0)
    assert response.status_code == 409
    assert list(response.json()) == ["detail"]
    assert response["Tus-Resumable"] == "1.0.0"
    assert ask(at_admin, url)["Upload-Offset"] == "100"


def test_more_bytes_than_announced_are_refused(at_admin: Client) -> None:
    url = begun(at_admin, 10)
    assert send(at_admin, url, VIDEO[:11], 0).status_code == 413
    assert ask(at_admin, url)["Upload-Offset"] == "0"


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "multipart/form-data; boundary=x"])
def test_a_piece_of_another_content_type_is_refused(at_admin: Client, kind: str) -> None:
    """tus "PATCH": 415."""
    url = begun(at_admin)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    response = at_admin.generic("PATCH", url, VIDEO, kind, headers=headers)
    assert response.status_code == 415
    assert ask(at_admin, url)["Upload-Offset"] == "0"


@pytest.mark.parametrize("version", ["0.2.2", "2.0.0", ""])
def test_another_version_of_the_protocol_is_refused(at_admin: Client, version: str) -> None:
    """tus "Tus-Version": 412, with the versions there are."""
    response = at_admin.generic("POST", ROOT, b"", "", headers={"Tus-Resumable": version, "Upload-Length": "1"})
    assert response.status_code == 412
    assert response["Tus-Version"] == "1.0.0"


@pytest.mark.parametrize("length", ["", "-1", "x", "1.5", "9" * 19, "0"])
def test_an_impossible_length_is_refused(at_admin: Client, length: str) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": length, "Upload-Metadata": metadata(filename="a.mp4")}
    response = at_admin.generic("POST", ROOT, b"", "", headers=headers)
    assert response.status_code == 400
    assert not Upload.objects.exists()


@pytest.mark.parametrize("name", ["notes.txt", "video", "video.mp4.exe", "", "mp4"])
def test_a_file_of_a_foreign_kind_is_refused_at_creation(at_admin: Client, name: str) -> None:
    response = begin(at_admin, filename=name)
    assert response.status_code == 400
    assert "accepted are .mp4" in response.json()["filename"][0]
    assert not Upload.objects.exists()


def test_metadata_that_is_no_base64_is_refused(at_admin: Client) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": "filename %%%"}
    assert at_admin.generic("POST", ROOT, b"", "", headers=headers).status_code == 400


def test_the_uploaders_name_is_never_a_path(at_admin: Client) -> None:
    begun(at_admin, filename="../../../etc/cron.d/video.mp4")
    assert only_upload().name == "video.mp4"


def test_a_file_that_is_too_large_is_refused_at_creation(at_admin: Client, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    response = begin(at_admin, 1001)
    assert response.status_code == 413
    assert "at most 1.0 kB" in response.json()["detail"]


def test_a_file_that_would_fill_the_disk_is_refused_at_creation(at_admin: Client, settings: Any) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 60
    response = begin(at_admin)
    assert response.status_code == 507
    assert response.json() == {"detail": "There is not enough free space on the disk."}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_disk_that_others_fill_during_a_piece_is_told_and_the_upload_goes_on(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The reserve was there when the upload began. It was answered with 500."""
    url = begun(at_admin)
    send(at_admin, url, VIDEO[:900], 0)

    def full(*args: object) -> None:
        raise OSError(number, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(in_folder, "write", full)
        response = send(at_admin, url, VIDEO[900:], 900)
    assert response.status_code == 507
    assert response.json() == {"detail": "There is not enough free space on the disk."}
    assert send(at_admin, url, VIDEO[900:], 900).status_code == 204


def test_disk_that_was_made_read_only_asks_the_client_to_come_again(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux does with a disk after an error. It was answered with 500."""
    url = begun(at_admin)

    def read_only(*args: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(in_folder, "write", read_only)
        response = send(at_admin, url, VIDEO, 0)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert send(at_admin, url, VIDEO, 0).status_code == 204


def test_bytes_still_to_come_count_as_used(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda: 1500)
    begun(at_admin, 1000)
    assert begin(at_admin, 1000).status_code == 507
    assert begin(at_admin, 400).status_code == 201


def test_a_disk_that_fills_up_stops_the_upload_and_keeps_what_is_there(
    at_admin: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_folder, "LOOK_AT_DISK_EVERY", 1000)
    url = begun(at_admin)
    send(at_admin, url, VIDEO[:900], 0)
    settings.DISK_RESERVE_BYTES = 1 << 60
    assert send(at_admin, url, VIDEO[900:], 900).status_code == 507
    settings.DISK_RESERVE_BYTES = 0
    assert send(at_admin, url, VIDEO[900:], 900).status_code == 204


def test_a_piece_with_the_right_checksum_is_taken(at_admin: Client) -> None:
    url = begun(at_admin)
    assert send(at_admin, url, VIDEO, 0, **{"Upload-Checksum": sha1(VIDEO)}).status_code == 204


def test_a_piece_with_a_wrong_checksum_is_dropped(at_admin: Client) -> None:
    """tus "Checksum": 460, and the piece is discarded."""
    url = begun(at_admin)
    send(at_admin, url, VIDEO[:50], 0)
    response = send(at_admin, url, VIDEO[50:100], 50, **{"Upload-Checksum": sha1(b"something else")})
    assert response.status_code == 460
    assert ask(at_admin, url)["Upload-Offset"] == "50"
    assert send(at_admin, url, VIDEO[50:], 50).status_code == 204


@pytest.mark.parametrize("header", ["crc32 AAAA", "sha1 %%%", "sha1", ""])
def test_an_unknown_checksum_is_refused(at_admin: Client, header: str) -> None:
    url = begun(at_admin)
    response = send(at_admin, url, VIDEO, 0, **{"Upload-Checksum": header})
    assert response.status_code in (400, 460)
    assert ask(at_admin, url)["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("header", "status"), [(sha1(b"something else"), 460), ("sha1 !", 400), (sha1(VIDEO * 2), 413)]
)
def test_no_upload_is_left_whose_address_nobody_was_told(at_admin: Client, header: str, status: int) -> None:
    """What came with the creation was refused: without `Location` nobody could go on, nor end it."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(VIDEO)), "Upload-Checksum": header}
    headers["Upload-Metadata"] = metadata(filename="harbour.mp4")
    piece = VIDEO * 2 if status == 413 else VIDEO
    response = at_admin.generic("POST", ROOT, piece, PIECE, headers=headers)
    assert response.status_code == status
    assert "Location" not in response
    assert not Upload.objects.exists()
    assert list(disk.partial_folder().iterdir()) == []


def test_bytes_whose_checksum_was_never_compared_do_not_count(at_admin: Client) -> None:
    """A process that dies in mid-piece leaves bytes that nobody has verified."""
    url = begun(at_admin)
    send(at_admin, url, VIDEO[:50], 0)
    upload = only_upload()
    Upload.objects.update(unverified_from=50)
    with in_folder.path_of(upload).open("ab") as file:
        file.write(b"half a piece")
    assert ask(at_admin, url)["Upload-Offset"] == "50"
    assert send(at_admin, url, VIDEO[50:], 50).status_code == 204
    assert in_folder.path_of(upload).read_bytes() == VIDEO


def test_the_offset_is_the_files_own_length_after_a_crash(at_admin: Client) -> None:
    url = begun(at_admin)
    with in_folder.path_of(only_upload()).open("ab") as file:
        file.write(VIDEO[:777])  # written by a process that never got to answer
    assert ask(at_admin, url)["Upload-Offset"] == "777"
    assert send(at_admin, url, VIDEO[777:], 777)["Upload-Offset"] == str(len(VIDEO))


def test_an_upload_whose_last_answer_was_lost_is_finished_when_asked(at_admin: Client) -> None:
    url = begun(at_admin)
    in_folder.path_of(only_upload()).write_bytes(VIDEO)
    assert ask(at_admin, url)["Upload-Offset"] == str(len(VIDEO))
    assert only_upload().finished_at is not None


def test_a_piece_that_was_cut_off_is_kept_as_far_as_it_arrived(at_admin: Client) -> None:
    begun(at_admin)

    def cut() -> Any:
        yield VIDEO[:300]
        raise OSError("connection lost")

    upload = only_upload()
    with pytest.raises(OSError, match="connection lost"):
        resumable.append(upload, offset=0, blocks=cut())
    assert resumable.offset_of(upload) == 300


def test_a_piece_that_was_cut_off_renews_the_upload_as_a_whole_one_does(at_admin: Client) -> None:
    """Where each connection breaks off, no piece is ever whole."""
    begun(at_admin)
    Upload.objects.update(expires_at=timezone.now() + timedelta(hours=1))

    def cut() -> Any:
        yield VIDEO[:300]
        raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        resumable.append(only_upload(), offset=0, blocks=cut())
    assert only_upload().expires_at > timezone.now() + timedelta(hours=23)


@pytest.mark.parametrize("offset", [0, 1, 100_000, (256 << 10) - 1, 256 << 10, 5_000_003])
def test_blocks_of_a_body_grow_and_then_end_at_multiples_of_the_largest(offset: int) -> None:
    came, ends = 0, []
    while came < 3_000_000:
        size = next_block(offset + came, came=came)
        assert 0 < size <= max(4096, came), "half of what came counts, or all but 4 kB"
        came += size
        ends.append(offset + came)
    grown = [end for end in ends if end > offset + (512 << 10)]
    assert len(grown) == len(range(offset + (512 << 10), ends[-1], 256 << 10))
    assert all(end % (256 << 10) == 0 for end in grown)


def test_two_requests_never_write_at_once(at_admin: Client) -> None:
    url = begun(at_admin)
    with in_folder.held(only_upload()):
        response = send(at_admin, url, VIDEO, 0)
    assert response.status_code == 423
    assert send(at_admin, url, VIDEO, 0).status_code == 204


def test_a_busy_upload_is_not_locked_for_ever(at_admin: Client) -> None:
    begun(at_admin)
    upload = only_upload()
    with in_folder.held(upload), pytest.raises(UploadBusy), in_folder.held(upload):
        pass
    with in_folder.held(upload):
        pass


def test_the_last_byte_of_a_large_piece_waits_for_no_more_than_what_came_since(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, fsync = list[int](), os.fsync

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(disk, "SYNCED_BYTES", 4 << 20)
    monkeypatch.setattr(disk, "WRITTEN_BACK_BYTES", 1 << 20)
    content = VIDEO + os.urandom(9 << 20)
    url = begun(at_admin, len(content), filename="harbour.mp4", title="Harbour")
    send(at_admin, url, content, 0)
    assert [size >> 20 for size in sizes] == [4, 8, 9]
    assert Path(Video.objects.get().video_file.path).read_bytes() == content


def test_an_ended_upload_is_gone_with_its_bytes(at_admin: Client) -> None:
    """tus "Termination"."""
    url = begun(at_admin)
    send(at_admin, url, VIDEO[:100], 0)
    path = in_folder.path_of(only_upload())
    response = at_admin.delete(url, headers={"Tus-Resumable": "1.0.0"})
    assert response.status_code == 204
    assert not path.exists()
    assert ask(at_admin, url).status_code == 410
    assert send(at_admin, url, VIDEO, 0).status_code == 410


def test_a_writer_notices_that_the_upload_was_ended(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_folder, "LOOK_AT_DISK_EVERY", 100)
    begun(at_admin)
    upload = only_upload()

    def ended() -> Any:
        yield VIDEO[:50]
        resumable.discard(upload)
        yield VIDEO[50:300]

    with pytest.raises(UploadGone):
        resumable.append(upload, offset=0, blocks=ended())


def test_an_upload_ended_during_its_last_piece_is_gone(at_admin: Client) -> None:
    begun(at_admin)
    upload = only_upload()

    def ended() -> Any:
        yield VIDEO[:50]
        resumable.discard(upload)
        yield VIDEO[50:]

    with pytest.raises(UploadGone):
        resumable.append(upload, offset=0, blocks=ended())
    assert not Upload.objects.exists()


def test_an_upload_whose_video_was_deleted_is_gone(at_admin: Client) -> None:
    """Clients that keep the address would be told that all is there already, and nothing would arrive."""
    url = begun(at_admin, title="Harbour")
    send(at_admin, url, VIDEO, 0)
    Video.objects.get().delete()
    assert ask(at_admin, url).status_code == 410
    assert send(at_admin, url, b"x", len(VIDEO)).status_code == 410
    again = begun(at_admin, title="Harbour")
    assert send(at_admin, again, VIDEO, 0)["X-Video-ID"] == str(Video.objects.get().pk)


def test_an_upload_tells_when_it_expires_and_each_piece_renews_it(at_admin: Client) -> None:
    """tus "Expiration"."""
    url = begun(at_admin)
    Upload.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    expires = parsedate_to_datetime(send(at_admin, url, VIDEO[:10], 0)["Upload-Expires"])
    assert expires > timezone.now() + timedelta(hours=23)


def test_an_expired_upload_is_gone(at_admin: Client) -> None:
    url = begun(at_admin)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(at_admin, url).status_code == 410
    path = in_folder.path_of(only_upload())
    assert finishing.remove_expired() == 1
    assert not path.exists()
    assert not Upload.objects.exists()


def test_an_expired_upload_that_is_written_to_is_left_alone(at_admin: Client) -> None:
    begun(at_admin)
    upload = only_upload()
    with in_folder.held(upload):
        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        finishing.remove_expired()
        assert in_folder.path_of(upload).exists()
    assert Upload.objects.exists()


def test_what_is_unfinished_is_listed_with_what_it_will_become(at_admin: Client) -> None:
    begun(at_admin)
    begun(at_admin, title=" Harbour ")
    listed = at_admin.get(ROOT).json()
    assert [(upload["title"], upload["offset"], upload["length"]) for upload in listed] == [
        ("Harbour", 0, len(VIDEO)),
        (None, 0, len(VIDEO)),
    ]


def test_the_list_tells_which_video_an_upload_is_meant_to_replace_while_there_is_one(at_admin: Client) -> None:
    video = VideoFactory.create()
    begun(at_admin, replaces=str(video.pk))
    begun(at_admin, replaces="nonsense")
    assert [upload["replaces"] for upload in at_admin.get(ROOT).json()] == [None, video.pk]
    video.delete()
    assert [upload["replaces"] for upload in at_admin.get(ROOT).json()] == [None, None]


def test_an_upload_that_lost_its_file_does_not_hide_the_others(at_admin: Client) -> None:
    begun(at_admin)
    in_folder.path_of(only_upload()).unlink()
    begun(at_admin, title="Harbour")
    assert [upload["title"] for upload in at_admin.get(ROOT).json()] == ["Harbour"]


def test_draft_is_made_where_the_metadata_ask_for_it(at_admin: Client) -> None:
    send(at_admin, begun(at_admin, title="Harbour", is_published="false"), VIDEO, 0)
    assert not Video.objects.get().is_published


def test_a_title_makes_a_video_at_the_last_byte(at_admin: Client) -> None:
    url = begun(at_admin, title="Harbour", category="vlog", description="Boats.")
    assert "X-Video-ID" not in send(at_admin, url, VIDEO[:100], 0)
    response = send(at_admin, url, VIDEO[100:], 100)
    video = Video.objects.get()
    assert response["X-Video-ID"] == str(video.pk)
    assert (video.title, video.category, video.description, video.original_name) == (
        "Harbour",
        "vlog",
        "Boats.",
        "harbour.mp4",
    )
    assert Path(video.video_file.path).read_bytes() == VIDEO
    assert video.transcode.state == State.QUEUED


def test_whoever_missed_the_answer_is_told_the_video_again(at_admin: Client) -> None:
    url = begun(at_admin, title="Harbour")
    send(at_admin, url, VIDEO, 0)
    assert ask(at_admin, url)["X-Video-ID"] == str(Video.objects.get().pk)
    assert Video.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_taken_file_keeps_no_second_name(at_admin: Client, folders: Path) -> None:
    send(at_admin, begun(at_admin, title="Harbour"), VIDEO, 0)
    files = [path for path in (folders / "uploads").rglob("*") if path.is_file()]
    assert files == [Path(Video.objects.get().video_file.path)]


@pytest.mark.parametrize("pairs", [{"title": " "}, {"title": "x" * 201}, {"title": "x", "category": "opera"}])
def test_a_video_that_could_not_be_made_is_refused_before_the_first_byte(
    at_admin: Client, pairs: dict[str, Any]
) -> None:
    response = begin(at_admin, **pairs)
    assert response.status_code == 400
    assert set(response.json()) <= {"title", "category"}


@pytest.mark.parametrize("head", [b"%PDF-1.7", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b" <!DOCTYPE html>", b"#EXTM3U\n"])
def test_what_is_surely_no_video_is_refused_with_its_first_bytes(at_admin: Client, head: bytes) -> None:
    url = begun(at_admin)
    response = send(at_admin, url, head + VIDEO[: len(VIDEO) - len(head)], 0)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("This is no video but ")
    assert not Upload.objects.exists()


def test_viewers_may_not_upload(client: Client, db: None) -> None:
    client.force_login(AdministratorFactory.create(is_staff=False, is_superuser=False))
    assert begin(client).status_code == 401


def test_staff_without_the_permission_make_no_videos(client: Client, db: None) -> None:
    client.force_login(AdministratorFactory.create(is_superuser=False))
    assert begin(client, title="Harbour").status_code == 403
    assert begin(client).status_code == 201


def test_an_upload_is_its_owners_alone(at_admin: Client, client: Client) -> None:
    url = begun(at_admin)
    other = Client()
    other.force_login(AdministratorFactory.create())
    assert ask(other, url).status_code == 410
    assert send(other, url, VIDEO, 0).status_code == 410
    assert other.delete(url, headers={"Tus-Resumable": "1.0.0"}).status_code == 410
    assert other.get(ROOT).json() == []
    assert [entry["name"] for entry in at_admin.get(ROOT).json()] == ["harbour.mp4"]


def test_the_session_needs_the_csrf_token(dora: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(dora)
    assert begin(browser).status_code == 403
    assert not Upload.objects.exists()


def test_an_unknown_upload_is_gone(at_admin: Client) -> None:
    assert ask(at_admin, f"{ROOT}{uuid4()}/").status_code == 410


def test_the_method_may_stand_in_a_header(at_admin: Client) -> None:
    """tus "X-HTTP-Method-Override"."""
    url = begun(at_admin)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert at_admin.generic("POST", url, VIDEO, PIECE, headers=headers).status_code == 204
    assert only_upload().finished_at is not None


def test_a_page_of_an_allowed_origin_may_read_the_tus_headers(at_admin: Client, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]
    preflight = at_admin.options(
        ROOT,
        headers={
            "Origin": "https://app.example.com",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "tus-resumable,upload-offset",
        },
    )
    assert "PATCH" in preflight["Access-Control-Allow-Methods"]
    assert {"tus-resumable", "upload-offset", "upload-metadata"} <= set(
        preflight["Access-Control-Allow-Headers"].split(", ")
    )
    exposed = at_admin.head(ROOT, headers={"Origin": "https://app.example.com"})["Access-Control-Expose-Headers"]
    assert {"Location", "Upload-Offset", "Upload-Expires", "X-Video-ID"} <= set(exposed.split(", "))
