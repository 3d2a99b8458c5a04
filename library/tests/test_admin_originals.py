"""The original in the admin: for staff alone, with its name, in ranges; and what is told beside it."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from library.models import Video
from library.tests.factories import AdministratorFactory, VideoFactory, uploaded
from library.tests.test_uploads import VIDEO, begun, send

CONTENT = bytes(range(256)) * 1_000


@pytest.fixture
def video(folders: Path, db: None) -> Video:
    path = folders / "uploads/videos/a.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return VideoFactory.create(
        ready=True, video_file="videos/a.mp4", original_name="Über „uns“.mov", is_published=False
    )


def address(video: Video) -> str:
    return f"/admin/library/video/{video.pk}/original/"


def sent(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def test_original_is_sent_with_its_own_name(at_admin: Client, video: Video) -> None:
    answer = at_admin.get(address(video))
    assert (answer.status_code, sent(answer) == CONTENT) == (200, True)
    assert answer["Content-Disposition"] == ("attachment; filename*=utf-8''%C3%9Cber%20%E2%80%9Euns%E2%80%9C.mov")
    headers = [answer[name] for name in ("Content-Type", "Content-Length", "Accept-Ranges")]
    assert headers == ["application/octet-stream", "256000", "bytes"]
    assert "no-store" in answer["Cache-Control"]


def test_a_download_goes_on_where_it_stopped(at_admin: Client, video: Video) -> None:
    answer = at_admin.get(address(video), headers={"Range": "bytes=255990-"})
    assert (answer.status_code, answer["Content-Range"]) == (206, "bytes 255990-255999/256000")
    assert sent(answer) == CONTENT[-10:]
    assert at_admin.get(address(video), headers={"Range": "bytes=256000-"}).status_code == 416


def test_it_is_for_staff_who_may_see_videos(client: Client, video: Video) -> None:
    assert client.get(address(video)).status_code == 302
    onlooker: Any = AdministratorFactory.create(is_superuser=False)
    client.force_login(onlooker)
    assert client.get(address(video)).status_code == 403
    onlooker.user_permissions.add(Permission.objects.get(codename="view_video"))
    assert sent(client.get(address(video))) == CONTENT
    assert client.post(address(video)).status_code == 403


def test_lost_file_and_unknown_video_are_404(at_admin: Client, video: Video) -> None:
    Path(video.video_file.path).unlink()
    assert at_admin.get(address(video)).status_code == 404
    assert at_admin.get("/admin/library/video/0/original/").status_code == 404


def test_page_has_id_and_absolute_address_to_copy(at_admin: Client, video: Video) -> None:
    page = at_admin.get(f"/admin/library/video/{video.pk}/change/").content.decode()
    assert f'readonly value="http://testserver/api/video/{video.pk}/master.m3u8"' in page
    assert f'id="vf-id" readonly value="{video.pk}"' in page
    assert "Download Über „uns“.mov" in page


def test_who_added_a_video_is_kept_and_shown(at_admin: Client, folders: Path, dora: Any) -> None:
    at_admin.post("/admin/library/video/add/", {"title": "By form", "category": "drama", "video_file": uploaded()})
    send(at_admin, begun(at_admin, title="By tus"), VIDEO, 0)
    assert set(Video.objects.values_list("title", "added_by")) == {("By form", dora.pk), ("By tus", dora.pk)}
    made = Video.objects.get(title="By tus")
    page = at_admin.get(f"/admin/library/video/{made.pk}/change/").content.decode()
    assert f"<dt>Added by</dt><dd>{dora.username}</dd>" in page
    dora.delete()
    assert set(Video.objects.values_list("added_by", flat=True)) == {None}


def test_somebody_elses_change_leaves_who_added_it(at_admin: Client, video: Video) -> None:
    at_admin.post(f"/admin/library/video/{video.pk}/change/", {"title": "Port", "category": "drama"})
    assert Video.objects.get().added_by is None


def test_list_tells_length_resolution_and_size(at_admin: Client, video: Video) -> None:
    video.transcode.source_bytes = 3_500_000
    video.transcode.save()
    VideoFactory.create()
    page = at_admin.get("/admin/library/video/").content.decode()
    for text in ("0:12", "720p", "3.5 MB"):
        assert text in page, text
