"""Two editors of one video: nothing that one has saved is lost by what the other saves afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from library.models import Video
from library.tests.factories import AdministratorFactory, VideoFactory, picture, uploaded


class Editor:
    """Somebody with a video's page open: what they see there, and what they enter."""

    def __init__(self, client: Client, video: Video) -> None:
        self.client, self.path = client, f"/admin/library/video/{video.pk}/change/"
        self.fields = self.entries(client.get(self.path).context["adminform"].form)

    @staticmethod
    def entries(form: Any) -> dict[str, Any]:
        """What a browser sends of a form that nothing was entered into."""
        values = {name: form[name].value() for name in ("title", "description", "category", "publish_at", "loaded")}
        box = {"is_published": "on"} if form["is_published"].value() else {}
        return {name: "" if value is None else value for name, value in values.items()} | box

    def save(self, **entered: Any) -> str:
        fields = {name: value for name, value in (self.fields | entered).items() if value is not None}
        answer = self.client.post(self.path, fields)
        if answer.status_code == 302:
            return str(self.client.get("/admin/library/video/").content.decode())
        self.fields = self.entries(answer.context["adminform"].form)
        return str(answer.content.decode())


@pytest.fixture
def video(db: None) -> Video:
    return VideoFactory.create(ready=True, title="Harbour", description="Boats\nleave.", category="drama")


@pytest.fixture
def ann(at_admin: Client, video: Video) -> Editor:
    return Editor(at_admin, video)


@pytest.fixture
def ben(video: Video) -> Editor:
    client = Client()
    client.force_login(AdministratorFactory.create())
    return Editor(client, video)


def row(video: Video) -> Video:
    return Video.objects.get(pk=video.pk)


def test_each_writes_only_what_they_have_changed(ann: Editor, ben: Editor, video: Video) -> None:
    ann.save(title="Port", is_published=None)
    page = ben.save(description="Boats come.", category="vlog")
    found = row(video)
    assert (found.title, found.description, found.category, found.is_published) == (
        "Port",
        "Boats come.",
        "vlog",
        False,
    )
    assert "Saved by somebody else meanwhile, and kept: Title is “Port” now, it was “Harbour”." in page
    messages = [json.loads(entry.change_message) for entry in LogEntry.objects.order_by("pk")]
    assert messages == [
        [{"changed": {"fields": ["title", "Published"]}}],
        [{"changed": {"fields": ["description", "category"]}}],
    ]


def test_what_both_have_changed_is_asked_once_with_both_values(ann: Editor, ben: Editor, video: Video) -> None:
    ann.save(title="Port", description="Only by Ann.")
    page = ben.save(title="Haven", category="vlog")
    assert "Title is “Port” now. Yours is “Haven”." in page
    assert (row(video).title, row(video).category) == ("Port", "drama")
    assert (ben.fields["title"], ben.fields["description"]) == ("Haven", "Only by Ann.")
    ben.save()
    found = row(video)
    assert (found.title, found.description, found.category) == ("Haven", "Only by Ann.", "vlog")


def test_a_third_change_is_asked_about_too(ann: Editor, ben: Editor, video: Video) -> None:
    ann.save(title="Port")
    ben.save(title="Haven")
    Video.objects.filter(pk=video.pk).update(title="Quay")
    assert "Title is “Quay” now. Yours is “Haven”." in ben.save()
    ben.save()
    assert row(video).title == "Haven"


def test_the_same_change_twice_needs_no_question(ann: Editor, ben: Editor, video: Video) -> None:
    ann.save(title="Port")
    page = ben.save(title="Port", description="Boats come.")
    assert "Saved by somebody else" not in page
    assert (row(video).title, row(video).description) == ("Port", "Boats come.")


def test_what_was_entered_stays_when_another_field_is_refused(ann: Editor, ben: Editor, video: Video) -> None:
    ann.save(is_published=None)
    ben.save(title="", description="Boats come.")
    assert "is_published" not in ben.fields
    ben.save(title="Haven")
    found = row(video)
    assert (found.title, found.description, found.is_published) == ("Haven", "Boats come.", False)


def test_a_file_that_both_replace_is_asked_about(ann: Editor, ben: Editor, video: Video, folders: Path) -> None:
    ann.save(video_file=uploaded("ann.mp4"))
    assert "Somebody else has replaced it meanwhile." in ben.save(video_file=uploaded("ben.mp4"), title="Haven")
    assert (row(video).original_name, row(video).title) == ("ann.mp4", "Harbour")
    ben.save(video_file=uploaded("ben.mp4"))
    assert (row(video).original_name, row(video).title) == ("ben.mp4", "Haven")


def test_a_file_and_a_title_do_not_meet(ann: Editor, ben: Editor, video: Video, folders: Path) -> None:
    ann.save(video_file=uploaded("ann.mp4"), thumbnail=uploaded("a.png", picture()))
    page = ben.save(title="Haven")
    assert "Video file is another one now. Poster is another one now." in page
    found = row(video)
    assert (found.original_name, found.title, bool(found.thumbnail)) == ("ann.mp4", "Haven", True)


def test_saving_without_a_change_writes_nothing_but_the_time(ann: Editor, video: Video) -> None:
    before = timezone.now()
    ann.save()
    found = row(video)
    assert (found.title, found.description, found.category) == ("Harbour", "Boats\nleave.", "drama")
    assert found.updated_at >= before


def test_a_long_text_is_shortened_in_the_question(ann: Editor, ben: Editor, video: Video) -> None:
    ann.save(description="a" * 500)
    page = ben.save(description="b" * 500)
    assert f"“{'a' * 120}…”" in page
    assert row(video).description == "a" * 500
