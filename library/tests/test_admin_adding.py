"""Adding and changing videos with the classic form, as it works without JavaScript."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import UserFactory
from hls.models import State
from library import videos
from library.models import Video
from library.tests.factories import VideoFactory, picture, uploaded

ADD = "/admin/library/video/add/"


def entries(**changes: Any) -> dict[str, Any]:
    return {"title": "Harbour", "description": "Boats.", "category": "drama", "video_file": uploaded(), **changes}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_a_saved_video_has_its_file_and_a_queued_transcode(at_admin: Client, folders: Path) -> None:
    at_admin.post(ADD, entries())
    video = Video.objects.get()
    assert (video.title, video.original_name, video.category) == ("Harbour", "holiday.mp4", "drama")
    assert Path(video.video_file.path).read_bytes() == b"a video, perhaps"
    assert video.transcode.state == State.QUEUED
    assert video.transcode.source == video.video_file.name
    assert files_below(folders) == [f"uploads/{video.video_file.name}"]


def test_the_uploaders_name_is_never_a_path(at_admin: Client) -> None:
    at_admin.post(ADD, entries(video_file=uploaded("../../etc/passwd.mp4")))
    video = Video.objects.get()
    assert video.original_name == "passwd.mp4"
    assert str(video.video_file.name).startswith("videos/")
    assert "passwd" not in str(video.video_file.name)


def test_a_missing_file_is_a_form_error(at_admin: Client) -> None:
    response = at_admin.post(ADD, entries(video_file=""))
    assert "video_file" in errors(response)
    assert not Video.objects.exists()


def test_a_file_of_a_foreign_kind_is_refused_and_leaves_nothing(at_admin: Client, folders: Path) -> None:
    response = at_admin.post(ADD, entries(video_file=uploaded("notes.txt")))
    assert "Files of this kind can't be used" in errors(response)["video_file"][0]
    response.close()
    assert files_below(folders) == []


def test_an_invalid_form_leaves_no_file_behind(at_admin: Client, folders: Path) -> None:
    response = at_admin.post(ADD, entries(title=""))
    assert set(errors(response)) == {"title"}
    response.close()
    assert files_below(folders) == []


def test_a_file_that_is_too_large_is_a_form_error(at_admin: Client, settings: Any, folders: Path) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000
    response = at_admin.post(ADD, entries(video_file=uploaded(content=b"x" * 70_000_000)))
    assert "too large" in errors(response)["video_file"][0]
    response.close()
    assert files_below(folders) == []


def test_a_full_disk_is_a_form_error(at_admin: Client, settings: Any, folders: Path) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 60
    response = at_admin.post(ADD, entries())
    assert errors(response)["video_file"] == ["There is not enough free space on the disk."]
    assert files_below(folders) == []


def test_a_full_disk_also_stops_a_replacement(at_admin: Client, settings: Any) -> None:
    video = VideoFactory.create(ready=True)
    settings.DISK_RESERVE_BYTES = 1 << 60
    response = at_admin.post(reverse("admin:library_video_change", args=[video.pk]), entries())
    assert errors(response)["video_file"] == ["There is not enough free space on the disk."]
    video.transcode.refresh_from_db()
    assert video.transcode.state == State.READY


def test_a_visitor_can_not_fill_the_disk_by_posting_files(client: Client, db: None, folders: Path) -> None:
    """ASVS 5.0 5.2.1: only those who may upload reach the disk, though Django parses forms before it asks who sends."""
    response = client.post("/admin/login/", entries())
    assert response.status_code == 200
    assert files_below(folders) == []


def test_changing_words_does_not_transcode_again(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    at_admin.post(reverse("admin:library_video_change", args=[video.pk]), entries(title="New", video_file=""))
    video.refresh_from_db()
    assert video.title == "New"
    assert video.transcode.state == State.READY
    assert video.transcode.version == 1


def test_replacing_the_file_transcodes_anew_while_the_old_video_is_served(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    old = video.video_file.name
    at_admin.post(
        reverse("admin:library_video_change", args=[video.pk]), entries(video_file=uploaded("better.mov", b"better"))
    )
    video.refresh_from_db()
    transcode = video.transcode
    assert video.video_file.name != old
    assert video.original_name == "better.mov"
    assert (transcode.state, transcode.version, transcode.served_version) == (State.QUEUED, 2, 1)
    assert transcode.source == video.video_file.name


def test_a_thumbnail_is_stored_as_a_jpeg(at_admin: Client) -> None:
    at_admin.post(ADD, entries(thumbnail=uploaded("poster.png", picture())))
    video = Video.objects.get()
    assert str(video.thumbnail.name).endswith(".jpg")
    assert Path(video.thumbnail.path).read_bytes().startswith(b"\xff\xd8\xff")


def test_the_picture_is_called_poster_on_the_form_in_the_history_and_for_who_may_only_look(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    address = reverse("admin:library_video_change", args=[video.pk])
    at_admin.post(address, entries(title=video.title, video_file="", thumbnail=uploaded("poster.png", picture())))
    told = LogEntry.objects.latest("pk").get_change_message()
    assert "Poster" in told, told
    assert "humbnail" not in told, told
    onlooker = UserFactory.create(email="onlooker@example.com", is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_video"))
    for reader in (at_admin, Client()):
        if reader is not at_admin:
            reader.force_login(onlooker)
        page = re.sub(r"<(script|style).*?</\1>", "", reader.get(address).content.decode(), flags=re.DOTALL)
        words = re.sub(r"<[^>]+>", " ", page)
        assert "Poster" in words
        assert "thumbnail" not in words.lower()


def test_a_thumbnail_that_is_no_picture_is_a_form_error_and_no_video_is_made(at_admin: Client) -> None:
    response = at_admin.post(ADD, entries(thumbnail=uploaded("poster.png", b"<svg onload=alert(1)>")))
    assert "not a picture" in errors(response)["thumbnail"][0]
    assert not Video.objects.exists()


def test_a_thumbnail_can_be_removed(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True, thumbnail="thumbnails/old.jpg")
    data = entries(video_file="", **{"thumbnail-clear": "on"})
    at_admin.post(reverse("admin:library_video_change", args=[video.pk]), data)
    video.refresh_from_db()
    assert not video.thumbnail


def test_the_change_page_names_no_address_of_an_upload(at_admin: Client) -> None:
    """Nothing below the upload folder has a URL."""
    video = VideoFactory.create(ready=True, thumbnail="thumbnails/0123456789abcdef.jpg")
    page = at_admin.get(reverse("admin:library_video_change", args=[video.pk])).content.decode()
    assert str(video.video_file.name) not in page
    assert "thumbnails/" not in page
    assert f"/api/video/{video.pk}/thumbnail.jpg?v=01234567" in page


def test_a_failing_database_leaves_no_row(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(video: Video) -> Video:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(videos, "save_new", fails)
    with pytest.raises(RuntimeError):
        at_admin.post(ADD, entries())
    assert not Video.objects.exists()
