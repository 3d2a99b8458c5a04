"""Several videos from one form: all of them are saved, or none is."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from library.models import Upload, Video
from library.tests.factories import AdministratorFactory
from library.tests.test_upload_forms import ADD, VIDEO, uploaded_by
from library.uploads import finishing, resumable


def save(client: Client, uploads: Sequence[object], titles: Sequence[str], **changes: Any) -> Any:
    rows = {"row_upload": [str(upload) for upload in uploads], "row_title": titles}
    rows["row_category"] = ["vlog"] * len(titles)
    return client.post(ADD, {"title": "", "category": "drama", "upload": "", **rows, **changes})


def row_errors(response: Any) -> list[list[str]]:
    return [row.sentences() for row in response.context["adminform"].form.rows]


def test_each_row_becomes_a_video_with_its_own_title_and_category(at_admin: Client, dora: Any) -> None:
    uploads = [uploaded_by(dora).pk for _ in range(3)]
    response = save(at_admin, uploads, ["One", "Two", "Three"], description="All of them.")
    assert response.status_code == 302
    assert {(video.title, video.category, video.description) for video in Video.objects.all()} == {
        (title, "vlog", "All of them.") for title in ("One", "Two", "Three")
    }
    assert Upload.objects.exclude(video=None).count() == 3


def test_the_history_names_each_video_and_its_file(at_admin: Client, dora: Any) -> None:
    save(at_admin, [uploaded_by(dora).pk for _ in range(2)], ["One", "Two"])
    entries = LogEntry.objects.filter(user=dora)
    assert {entry.object_repr for entry in entries} == {"One", "Two"}
    assert {entry.get_change_message() for entry in entries} == {"Added file “harbour.mov”."}


def test_one_invalid_row_saves_none_and_keeps_all(at_admin: Client, dora: Any) -> None:
    uploads = [uploaded_by(dora).pk, uploaded_by(dora, VIDEO[:5]).pk, uploaded_by(dora).pk]
    response = save(at_admin, uploads, ["One", "Two", ""])
    assert row_errors(response)[0] == []
    assert "not complete" in row_errors(response)[1][0]
    assert row_errors(response)[2] == ["Enter a title."]
    assert not Video.objects.exists()
    page = response.content.decode()
    assert all(str(upload) in page for upload in uploads)
    assert "Nothing was saved yet" in page


def test_an_upload_is_in_one_row_only(at_admin: Client, dora: Any) -> None:
    upload = uploaded_by(dora).pk
    response = save(at_admin, [upload, upload], ["One", "Two"])
    assert row_errors(response) == [[], ["This upload is in another row already."]]
    assert not Video.objects.exists()


@pytest.mark.parametrize("missing", [str(uuid4()), "nonsense", ""], ids=["unknown", "no id", "none"])
def test_a_row_without_an_upload_is_an_error(at_admin: Client, missing: str) -> None:
    assert row_errors(save(at_admin, [missing], ["One"]))[0]
    assert not Video.objects.exists()


def test_another_persons_upload_can_not_be_taken_in_a_row(at_admin: Client) -> None:
    assert row_errors(save(at_admin, [uploaded_by(AdministratorFactory.create()).pk], ["One"]))[0]
    assert not Video.objects.exists()


def test_lists_of_different_lengths_are_no_rows(at_admin: Client, dora: Any) -> None:
    response = save(at_admin, [uploaded_by(dora).pk], ["One", "Two"])
    assert "video_file" in response.context["adminform"].form.errors
    assert not Video.objects.exists()


def test_an_upload_that_goes_while_the_form_is_saved_is_a_form_error_and_nothing_is_saved(
    at_admin: Client, dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form found it complete; then another window ends it."""
    uploads = [uploaded_by(dora) for _ in range(2)]
    save_video = finishing.save_video

    def ended(upload: Upload, video: Video) -> None:
        if upload == uploads[1]:
            resumable.discard(upload)
        save_video(upload, video)

    monkeypatch.setattr(finishing, "save_video", ended)
    response = save(at_admin, [upload.pk for upload in uploads], ["One", "Two"])
    assert "expired or was used" in row_errors(response)[1][0]
    assert not Video.objects.exists()
