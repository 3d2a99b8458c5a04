"""A finished upload becomes a video's file once: with the row or not at all, whoever else wants it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.test import Client
from django.utils import timezone

from hls.models import Transcode
from library import upkeep, videos
from library.errors import NoRoom, UploadGone
from library.models import Upload, Video
from library.tests.test_metadata import header
from library.uploads import finishing, in_folder, resumable
from library.viewers import Owner

pytestmark = pytest.mark.django_db(transaction=True)

PIECE = "application/offset+octet-stream"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(100)


def finished(owner: Any, **told: str) -> Upload:
    upload = resumable.begin(Owner(owner.pk), length=len(VIDEO), header=header(filename="harbour.mp4", **told))
    resumable.append(upload, offset=0, blocks=[VIDEO])
    return upload


def stored(folders: Path) -> list[Path]:
    folder = folders / "uploads" / "videos"
    return list(folder.iterdir()) if folder.exists() else []


def test_the_video_has_the_file_and_the_upload_keeps_none(dora: Any, folders: Path) -> None:
    upload = finished(dora, title="Harbour", category="vlog", description="At dawn")
    video = finishing.make_video(upload)
    assert video is not None
    assert (video.title, video.category, video.description) == ("Harbour", "vlog", "At dawn")
    assert (Path(video.video_file.path).read_bytes(), video.original_name) == (VIDEO, "harbour.mp4")
    assert stored(folders) == [Path(video.video_file.path)]
    assert not in_folder.path_of(upload).exists()


def test_a_video_is_made_once_however_often_it_is_asked_for(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    assert finishing.make_video(upload) == finishing.make_video(Upload.objects.get()) == Video.objects.get()
    assert Transcode.objects.count() == 1


def test_the_slower_of_two_requests_makes_no_second_video(dora: Any, folders: Path) -> None:
    """Both have read the row before either has written it."""
    upload = finished(dora, title="Harbour")
    slower = Upload.objects.get()
    finishing.make_video(upload)
    with pytest.raises(UploadGone):
        finishing.make_video(slower)
    assert (Video.objects.count(), Transcode.objects.count(), len(stored(folders))) == (1, 1, 1)


def test_a_video_that_could_not_be_saved_leaves_the_upload_for_another_try(
    dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = finished(dora, title="Harbour")

    def broken(video: Video) -> None:
        raise DatabaseError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(videos, "save_new", broken)
        with pytest.raises(DatabaseError):
            finishing.make_video(upload)
    assert in_folder.path_of(upload).read_bytes() == VIDEO
    again = Upload.objects.get()
    assert (again.taken_at, Video.objects.exists(), Transcode.objects.exists()) == (None, False, False)
    assert finishing.make_video(again) == Video.objects.get()


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The database is away whenever a video is to be saved; `undo()` brings it back."""

    def away(video: Video) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(videos, "save_new", away)
    return monkeypatch


def patched(client: Client, upload: Upload, piece: bytes, offset: int = 0) -> Any:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    return client.generic("PATCH", f"/api/uploads/{upload.pk}/", piece, PIECE, headers=headers)


@pytest.mark.parametrize("comes", ["HEAD", "PATCH", "sweep"])
def test_a_video_that_could_not_be_made_is_made_by_whoever_comes_next(
    at_admin: Client, dora: Any, busy: pytest.MonkeyPatch, comes: str
) -> None:
    upload = resumable.begin(Owner(dora.pk), length=len(VIDEO), header=header(filename="harbour.mp4", title="Harbour"))
    refused = patched(at_admin, upload, VIDEO)
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert not Video.objects.exists()
    busy.undo()
    if comes == "HEAD":
        asked = at_admin.head(f"/api/uploads/{upload.pk}/")
        assert asked["X-Video-ID"] == str(Video.objects.get().pk)
    elif comes == "PATCH":
        assert patched(at_admin, upload, VIDEO).status_code == 409
    else:
        upkeep.sweep()
    assert Path(Video.objects.get().video_file.path).read_bytes() == VIDEO
    assert at_admin.head(f"/api/uploads/{upload.pk}/")["X-Video-ID"] == str(Video.objects.get().pk)


def test_an_upload_to_which_a_video_is_owed_does_not_expire(
    at_admin: Client, dora: Any, busy: pytest.MonkeyPatch
) -> None:
    upload = resumable.begin(Owner(dora.pk), length=len(VIDEO), header=header(filename="harbour.mp4", title="Harbour"))
    patched(at_admin, upload, VIDEO)
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=30))
    upkeep.sweep()
    assert in_folder.path_of(upload).read_bytes() == VIDEO
    busy.undo()
    upkeep.sweep()
    assert Path(Video.objects.get().video_file.path).read_bytes() == VIDEO


def test_a_kill_between_the_last_byte_and_its_row_does_not_let_it_expire(dora: Any) -> None:
    upload = resumable.begin(Owner(dora.pk), length=len(VIDEO), header=header(filename="harbour.mp4", title="Harbour"))
    in_folder.path_of(upload).write_bytes(VIDEO)
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=30))
    assert resumable.find(Owner(dora.pk), upload.pk) == upload
    upkeep.sweep()
    assert Path(Video.objects.get().video_file.path).read_bytes() == VIDEO


def test_a_piece_that_was_never_verified_completes_nothing(dora: Any) -> None:
    upload = resumable.begin(Owner(dora.pk), length=len(VIDEO), header=header(filename="harbour.mp4", title="Harbour"))
    in_folder.path_of(upload).write_bytes(VIDEO)
    Upload.objects.update(unverified_from=50, expires_at=timezone.now() - timedelta(days=1))
    upkeep.sweep()
    assert (Video.objects.count(), Upload.objects.count()) == (0, 0)


def test_an_upload_that_can_become_no_video_any_more_expires(
    dora: Any, monkeypatch: pytest.MonkeyPatch, folders: Path
) -> None:
    upload = finished(dora, title="Harbour", category="vlog")
    Upload.objects.update(metadata=header(filename="harbour.exe", title="Harbour"))
    upkeep.sweep()
    assert in_folder.path_of(upload).exists()
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))
    upkeep.sweep()
    assert not Upload.objects.exists()
    assert not in_folder.path_of(upload).exists()


def test_a_creation_with_all_bytes_tells_the_address_even_if_the_video_must_wait(
    at_admin: Client, busy: pytest.MonkeyPatch
) -> None:
    told = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(VIDEO))}
    told["Upload-Metadata"] = header(filename="harbour.mp4", title="Harbour")
    begun = at_admin.generic("POST", "/api/uploads/", VIDEO, PIECE, headers=told)
    assert begun.status_code == 201
    busy.undo()
    assert at_admin.head(begun["Location"])["X-Video-ID"] == str(Video.objects.get().pk)


def test_the_slower_of_two_that_finish_is_told_the_same_video(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    slower = Upload.objects.get()
    finishing.finish(upload)
    finishing.finish(slower)
    assert Video.objects.count() == 1


def test_an_upload_that_lost_its_file_makes_no_video(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    in_folder.path_of(upload).unlink()
    with pytest.raises(UploadGone):
        finishing.make_video(upload)
    assert not Video.objects.exists()
    assert Upload.objects.get().taken_at is None, "the claim was rolled back"


def test_an_upload_that_is_ended_while_its_video_is_told_is_gone(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    finishing.make_video(upload)
    slower = Upload.objects.get()
    resumable.discard(Upload.objects.get())
    with pytest.raises(UploadGone):
        finishing.make_video(slower)


def test_an_upload_that_is_ended_while_its_length_is_told_is_gone(dora: Any) -> None:
    upload = resumable.begin(Owner(dora.pk), length=None, header=header(filename="a.mp4"))
    resumable.discard(Upload.objects.get())
    with pytest.raises(UploadGone):
        resumable.tell_length(upload, 100)


def test_an_upload_that_is_not_complete_can_not_be_taken(dora: Any) -> None:
    upload = resumable.begin(Owner(dora.pk), length=len(VIDEO), header=header(filename="a.mp4", title="Harbour"))
    resumable.append(upload, offset=0, blocks=[VIDEO[:50]])
    assert finishing.make_video(upload) is None
    with pytest.raises(UploadGone), transaction.atomic():
        finishing.take(upload, Video())


def test_an_upload_without_a_title_waits_for_a_form(dora: Any) -> None:
    upload = finished(dora)
    assert finishing.make_video(upload) is None
    assert resumable.unfinished(Owner(dora.pk)) == [upload]
    assert in_folder.path_of(upload).read_bytes() == VIDEO


def test_the_first_name_goes_only_with_the_commit(dora: Any) -> None:
    upload = finished(dora)
    video = Video()
    with transaction.atomic():
        finishing.take(upload, video)
        assert in_folder.path_of(upload).exists()
        transaction.set_rollback(True)
    assert in_folder.path_of(upload).exists()
    assert Upload.objects.get().taken_at is None


def test_a_taken_upload_is_no_longer_offered_but_still_tells_its_video(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    finishing.make_video(upload)
    assert resumable.unfinished(Owner(dora.pk)) == []
    found = resumable.find(Owner(dora.pk), upload.pk)
    assert (found.video, resumable.offset_of(found)) == (Video.objects.get(), len(VIDEO))
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert resumable.find(Owner(dora.pk), upload.pk) == upload


def test_a_deleted_video_leaves_its_upload_without_one(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    finishing.make_video(upload)
    Video.objects.get().delete()
    assert finishing.make_video(Upload.objects.get()) is None
    assert not Transcode.objects.exists()


def test_what_is_still_to_come_is_kept_free_for_it(dora: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.disk.free_bytes", lambda: 1000)
    first = resumable.begin(Owner(dora.pk), length=600, header=header(filename="a.mp4"))
    with pytest.raises(NoRoom):
        resumable.begin(Owner(dora.pk), length=401, header=header(filename="b.mp4"))
    resumable.append(first, offset=0, blocks=[bytes(1) + VIDEO])
    assert in_folder.reserved_bytes() == 600 - len(VIDEO) - 1
    resumable.discard(first)
    assert resumable.begin(Owner(dora.pk), length=1000, header=header(filename="b.mp4")).length == 1000
