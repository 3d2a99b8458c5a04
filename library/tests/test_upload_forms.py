"""A finished resumable upload in the place of the form's file: once, complete, and the editor's own."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hls.models import State
from library import upkeep
from library.models import Upload, Video
from library.tests.factories import AdministratorFactory, VideoFactory
from library.uploads import in_folder, resumable
from library.viewers import Owner

VIDEO = b"\0\0\0\x18ftypmp42 a video"
ADD = "/admin/library/video/add/"
UNKNOWN = "0b5f3f0e-5d2c-4a57-9e8d-3f1f4a6f2f10"


def uploaded_by(owner: Any, content: bytes = VIDEO, *, length: int = len(VIDEO)) -> Upload:
    upload = resumable.begin(Owner(owner.pk), length=length, header="filename aGFyYm91ci5tb3Y=")  # harbour.mov
    resumable.append(upload, offset=0, blocks=[content])
    upload.refresh_from_db()
    return upload


def save(client: Client, upload: object, path: str = ADD, **changes: str) -> Any:
    return client.post(path, {"title": "Harbour", "category": "drama", "upload": str(upload), **changes})


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


@pytest.mark.django_db(transaction=True)
def test_a_finished_upload_becomes_the_video(at_admin: Client, dora: Any, folders: Path) -> None:
    upload = uploaded_by(dora)
    assert save(at_admin, upload.pk).status_code == 302
    video = Video.objects.get()
    assert Path(video.video_file.path).read_bytes() == VIDEO
    assert (video.original_name, video.transcode.state) == ("harbour.mov", State.QUEUED)
    assert str(video.video_file.name).endswith(".mov")
    assert not in_folder.path_of(upload).exists()
    assert Upload.objects.get().video == video


def test_a_finished_upload_replaces_the_file_of_a_video(at_admin: Client, dora: Any) -> None:
    video = VideoFactory.create(ready=True)
    save(at_admin, uploaded_by(dora).pk, f"/admin/library/video/{video.pk}/change/")
    video.refresh_from_db()
    assert Path(video.video_file.path).read_bytes() == VIDEO
    assert (video.transcode.state, video.transcode.version, video.transcode.served_version) == (State.QUEUED, 2, 1)


def test_an_upload_is_used_once(at_admin: Client, dora: Any) -> None:
    upload = uploaded_by(dora)
    save(at_admin, upload.pk)
    response = save(at_admin, upload.pk, title="Again")
    assert "used already" in errors(response)["video_file"][0]
    assert Video.objects.count() == 1


def test_an_incomplete_upload_is_refused_and_stays(at_admin: Client, dora: Any) -> None:
    upload = uploaded_by(dora, VIDEO[:5])
    response = save(at_admin, upload.pk)
    assert "not complete" in errors(response)["video_file"][0]
    assert resumable.offset_of(upload) == 5
    assert not Video.objects.exists()


def test_an_invalid_form_keeps_the_upload_and_names_it_again(at_admin: Client, dora: Any) -> None:
    upload = uploaded_by(dora)
    response = save(at_admin, upload.pk, title="")
    assert set(errors(response)) == {"title"}
    assert f'value="{upload.pk}" data-upload-id' in response.content.decode()
    assert save(at_admin, upload.pk).status_code == 302


def test_an_upload_of_which_no_video_can_come_is_a_form_error(at_admin: Client, dora: Any) -> None:
    """Its metadata were accepted once, and no longer are."""
    upload = uploaded_by(dora)
    Upload.objects.update(metadata="title SGFyYm91cg==")  # and no file name
    assert "video_file" in errors(save(at_admin, upload.pk))
    assert not Video.objects.exists()


def test_a_part_of_a_file_is_no_video(at_admin: Client, dora: Any) -> None:
    upload = resumable.begin(Owner(dora.pk), length=len(VIDEO), header="", is_part=True)
    resumable.append(upload, offset=0, blocks=[VIDEO])
    assert "video_file" in errors(save(at_admin, upload.pk))
    assert not Video.objects.exists()


def test_another_persons_upload_can_not_be_taken(at_admin: Client) -> None:
    upload = uploaded_by(AdministratorFactory.create())
    assert "video_file" in errors(save(at_admin, upload.pk))
    assert not Video.objects.exists()


@pytest.mark.parametrize("identity", [UNKNOWN, "nonsense", "../../etc/passwd"])
def test_an_upload_that_does_not_exist_is_a_form_error(at_admin: Client, identity: str) -> None:
    response = save(at_admin, identity)
    assert errors(response)
    assert not Video.objects.exists()


def test_the_sweep_leaves_uploads_on_their_way_and_removes_what_no_row_names(dora: Any, folders: Path) -> None:
    upload = uploaded_by(dora, VIDEO[:5])
    lost = folders / "uploads/partial/4711.form"
    fresh = folders / "uploads/partial/4712.form"
    for path in (lost, fresh):
        path.write_bytes(b"x")
    for path in (lost, in_folder.path_of(upload)):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    upkeep.sweep()
    assert in_folder.path_of(upload).exists()
    assert fresh.exists()
    assert not lost.exists()


def test_the_sweep_removes_expired_uploads(dora: Any) -> None:
    upload = uploaded_by(dora, VIDEO[:5])
    Upload.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    upkeep.sweep()
    assert not in_folder.path_of(upload).exists()
    assert not Upload.objects.exists()
