"""A finished upload becomes a film's file once: with the row or not at all, whoever else wants it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from hls.models import Transcode
from library import films, uploads
from library.errors import NoRoom, UploadGone
from library.models import Upload, Video
from library.tests.test_metadata import header

pytestmark = pytest.mark.django_db(transaction=True)

FILM = b"\0\0\0\x18ftypmp42" + bytes(100)


def finished(owner: Any, **told: str) -> Upload:
    upload = uploads.begin(owner, length=len(FILM), header=header(filename="harbour.mp4", **told))
    uploads.append(upload, offset=0, blocks=[FILM])
    return upload


def stored(folders: Path) -> list[Path]:
    folder = folders / "uploads" / "videos"
    return list(folder.iterdir()) if folder.exists() else []


def test_the_film_has_the_file_and_the_upload_keeps_none(dora: Any, folders: Path) -> None:
    upload = finished(dora, title="Harbour", category="vlog", description="At dawn")
    video = uploads.make_film(upload)
    assert video is not None
    assert (video.title, video.category, video.description) == ("Harbour", "vlog", "At dawn")
    assert (Path(video.video_file.path).read_bytes(), video.original_name) == (FILM, "harbour.mp4")
    assert stored(folders) == [Path(video.video_file.path)]
    assert not uploads.path_of(upload).exists()


def test_a_film_is_made_once_however_often_it_is_asked_for(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    assert uploads.make_film(upload) == uploads.make_film(Upload.objects.get()) == Video.objects.get()
    assert Transcode.objects.count() == 1


def test_the_slower_of_two_requests_makes_no_second_film(dora: Any, folders: Path) -> None:
    """Both have read the row before either has written it."""
    upload = finished(dora, title="Harbour")
    slower = Upload.objects.get()
    uploads.make_film(upload)
    with pytest.raises(UploadGone):
        uploads.make_film(slower)
    assert (Video.objects.count(), Transcode.objects.count(), len(stored(folders))) == (1, 1, 1)


def test_a_film_that_could_not_be_saved_leaves_the_upload_for_another_try(
    dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = finished(dora, title="Harbour")

    def broken(video: Video) -> None:
        raise DatabaseError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(films, "save_new", broken)
        with pytest.raises(DatabaseError):
            uploads.make_film(upload)
    assert uploads.path_of(upload).read_bytes() == FILM
    again = Upload.objects.get()
    assert (again.taken_at, Video.objects.exists(), Transcode.objects.exists()) == (None, False, False)
    assert uploads.make_film(again) == Video.objects.get()


def test_an_upload_that_lost_its_file_makes_no_film(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    uploads.path_of(upload).unlink()
    with pytest.raises(UploadGone):
        uploads.make_film(upload)
    assert not Video.objects.exists()
    assert Upload.objects.get().taken_at is None, "the claim was rolled back"


def test_an_upload_that_is_not_complete_is_not_to_be_had(dora: Any) -> None:
    upload = uploads.begin(dora, length=len(FILM), header=header(filename="a.mp4", title="Harbour"))
    uploads.append(upload, offset=0, blocks=[FILM[:50]])
    assert uploads.make_film(upload) is None
    with pytest.raises(UploadGone), transaction.atomic():
        uploads.take(upload, Video())


def test_an_upload_without_a_title_waits_for_a_form(dora: Any) -> None:
    upload = finished(dora)
    assert uploads.make_film(upload) is None
    assert uploads.unfinished(dora) == [upload]
    assert uploads.path_of(upload).read_bytes() == FILM


def test_the_first_name_goes_only_with_the_commit(dora: Any) -> None:
    upload = finished(dora)
    video = Video()
    with transaction.atomic():
        uploads.take(upload, video)
        assert uploads.path_of(upload).exists()
        transaction.set_rollback(True)
    assert uploads.path_of(upload).exists()
    assert Upload.objects.get().taken_at is None


def test_a_taken_upload_is_no_longer_offered_but_still_tells_its_film(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    uploads.make_film(upload)
    assert uploads.unfinished(dora) == []
    found = uploads.find(dora, upload.pk)
    assert (found.video, uploads.offset_of(found)) == (Video.objects.get(), len(FILM))
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert uploads.find(dora, upload.pk) == upload


def test_a_deleted_film_leaves_its_upload_without_one(dora: Any) -> None:
    upload = finished(dora, title="Harbour")
    uploads.make_film(upload)
    Video.objects.get().delete()
    assert uploads.make_film(Upload.objects.get()) is None
    assert not Transcode.objects.exists()


def test_what_is_still_to_come_is_kept_free_for_it(dora: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.disk.free_bytes", lambda: 1000)
    first = uploads.begin(dora, length=600, header=header(filename="a.mp4"))
    with pytest.raises(NoRoom):
        uploads.begin(dora, length=401, header=header(filename="b.mp4"))
    uploads.append(first, offset=0, blocks=[bytes(1) + FILM])
    assert uploads.reserved_bytes() == 600 - len(FILM) - 1
    uploads.discard(first)
    assert uploads.begin(dora, length=1000, header=header(filename="b.mp4")).length == 1000
