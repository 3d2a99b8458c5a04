"""What was typed into a form is not lost: the page is told what was saved, and a deleted video's text is offered."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from library.admin import VideoAdmin
from library.models import Video
from library.tests.factories import VideoFactory, uploaded
from library.tests.test_upload_forms import ADD, uploaded_by

ENTRIES = {"title": "Harbour", "description": "Boats.", "category": "vlog"}


def change_page(video: Video) -> str:
    return reverse("admin:library_video_change", args=[video.pk])


def test_a_form_that_was_saved_names_its_draft(at_admin: Client) -> None:
    added = at_admin.post(ADD, {**ENTRIES, "video_file": uploaded(), "draft": "1-2-3"})
    assert added.cookies["saved_form"].value == "1-2-3"
    changed = at_admin.post(change_page(Video.objects.get()), {**ENTRIES, "draft": "4-5-6"})
    assert changed.cookies["saved_form"].value == "4-5-6"


def test_a_form_that_was_not_saved_names_none(at_admin: Client) -> None:
    assert "saved_form" not in at_admin.post(ADD, {**ENTRIES, "title": "", "draft": "1-2-3"}).cookies


@pytest.mark.parametrize("name", ["a; Path=/; b", "\u0661", "\u00e9"])
def test_a_name_that_is_none_is_not_repeated(at_admin: Client, name: str) -> None:
    saved = at_admin.post(ADD, {**ENTRIES, "video_file": uploaded(), "draft": name})
    assert saved.status_code == 302
    assert "saved_form" not in saved.cookies


def test_what_was_entered_for_a_deleted_video_is_offered_for_a_new_one(at_admin: Client, dora: Any) -> None:
    video = VideoFactory.create(ready=True)
    video.delete()
    upload = uploaded_by(dora)
    response = at_admin.post(
        f"/admin/library/video/{video.pk or 1}/change/", {**ENTRIES, "upload": str(upload.pk)}, follow=True
    )
    assert response.redirect_chain == [(ADD, 302)]
    page = response.content.decode()
    assert "Somebody has deleted this video meanwhile" in page
    assert 'value="Harbour"' in page
    assert "Boats." in page
    assert '<option value="vlog" selected>' in page
    assert str(upload.pk) in page, "the file that was to replace the deleted one"
    assert 'value="Harbour"' not in at_admin.get(ADD).content.decode()


def test_looking_at_a_deleted_video_offers_nothing(at_admin: Client) -> None:
    response = at_admin.get("/admin/library/video/4711/change/", follow=True)
    assert "Somebody has deleted" not in response.content.decode()


def test_the_history_of_a_replacement_names_both_files(at_admin: Client, dora: Any) -> None:
    video = VideoFactory.create(ready=True, title="Port", category="vlog")
    at_admin.post(change_page(video), {**ENTRIES, "upload": str(uploaded_by(dora).pk)})
    at_admin.post(change_page(video), {**ENTRIES, "video_file": uploaded("third.mp4")})
    second, first = [entry.get_change_message() for entry in LogEntry.objects.all()]
    assert first == "Changed title, description and Video file (holiday.mp4 replaced by harbour.mov)."
    assert second == "Changed Video file (harbour.mov replaced by third.mp4)."


def test_what_was_entered_is_offered_when_the_video_is_deleted_while_it_is_saved(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion, which another transaction makes between reading the row and writing it, is played here."""
    video = VideoFactory.create(ready=True)
    deleted: list[int] = []
    found = VideoAdmin.get_object

    def deleted_meanwhile(self: Video, **options: Any) -> None:
        deleted.append(self.pk)
        raise Video.NotUpdated

    monkeypatch.setattr(Video, "save", deleted_meanwhile)
    monkeypatch.setattr(VideoAdmin, "get_object", lambda *asked: None if deleted else found(*asked))
    response = at_admin.post(change_page(video), ENTRIES, follow=True)
    assert response.redirect_chain == [(ADD, 302)]
    assert "Somebody has deleted this video meanwhile" in response.content.decode()
