"""Publishing in the admin: the form, one video, many at once, and how the list tells drafts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models.signals import pre_save
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from library.models import Video
from library.tests.factories import AdministratorFactory, VideoFactory, uploaded

LIST = "/admin/library/video/"


def loaded(client: Client, path: str) -> str:
    """What a browser sends back of the page."""
    return str(client.get(path).context["adminform"].form["loaded"].value())


def save(client: Client, video: Video, **fields: str) -> Any:
    path = f"{LIST}{video.pk}/change/"
    sent = {"title": video.title, "category": video.category, "loaded": loaded(client, path), **fields}
    return client.post(path, sent)


def publication(video: Video) -> tuple[bool, Any]:
    return Video.objects.values_list("is_published", "publish_at").get(pk=video.pk)


@pytest.mark.parametrize(
    ("more", "is_published"), [({}, True), ({"loaded": "{}"}, True), ({"is_published": "on"}, True)]
)
def test_new_video_is_published_by_default(
    at_admin: Client, folders: Path, more: dict[str, str], is_published: bool
) -> None:
    at_admin.post(f"{LIST}add/", {"title": "Harbour", "category": "drama", "video_file": uploaded(), **more})
    assert Video.objects.get().is_published


def test_box_without_a_tick_makes_a_draft(at_admin: Client, folders: Path) -> None:
    page = loaded(at_admin, f"{LIST}add/")
    at_admin.post(f"{LIST}add/", {"title": "A", "category": "drama", "video_file": uploaded(), "loaded": page})
    assert not Video.objects.get().is_published


def test_box_of_the_form_is_ticked_and_draft_and_moment_are_kept(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    save(at_admin, video, publish_at="2031-05-06T07:08", is_published="on")
    is_published, publish_at = publication(video)
    assert (is_published, f"{publish_at:%Y-%m-%d %H:%M %Z}") == (True, "2031-05-06 07:08 UTC")
    assert 'value="2031-05-06T07:08"' in at_admin.get(f"{LIST}{video.pk}/change/").content.decode()
    save(at_admin, video, publish_at="")
    assert publication(video) == (False, None)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_moment_that_some_calendar_does_not_have_is_refused(at_admin: Client, settings: Settings, moment: str) -> None:
    settings.TIME_ZONE = "Asia/Tokyo" if moment[0] == "0" else "America/New_York"
    video = VideoFactory.create(ready=True)
    page = save(at_admin, video, publish_at=moment).content.decode()
    assert "Input should be a time from 0001-01-02 to 9999-12-30, in UTC." in page


def test_moment_keeps_its_seconds_while_nobody_changes_it(at_admin: Client) -> None:
    at = timezone.now() + timedelta(days=1)
    video = VideoFactory.create(ready=True, publish_at=at)
    save(at_admin, video, title="Other", publish_at=f"{at:%Y-%m-%dT%H:%M}", is_published="on")
    assert publication(video) == (True, at)


def test_form_of_a_script_that_names_neither_leaves_both(at_admin: Client) -> None:
    at = timezone.now() + timedelta(days=1)
    video = VideoFactory.create(ready=True, is_published=False, publish_at=at)
    at_admin.post(f"{LIST}{video.pk}/change/", {"title": "Other", "category": "drama"})
    assert publication(video) == (False, at)


def test_moment_for_a_draft_is_refused_in_words(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    page = save(at_admin, video, publish_at="2031-05-06T07:08").content.decode()
    assert "tick Published too" in page
    assert publication(video) == (True, None)


def bulk(client: Client, action: str, *videos: Video, **more: str) -> str:
    data = {"action": action, "_selected_action": [video.pk for video in videos], **more}
    return str(client.post(LIST, data, follow=True).content.decode())


def test_many_are_published_after_a_question_and_it_is_kept_in_their_history(at_admin: Client) -> None:
    draft = VideoFactory.create(title="Draft one", is_published=False)
    planned = VideoFactory.create(title="Planned", publish_at=timezone.now() + timedelta(days=1))
    shown = VideoFactory.create(title="Shown")
    page = bulk(at_admin, "publish_selected", draft, planned, shown)
    assert [f"<li>{video.title}</li>" in page for video in (draft, planned, shown)] == [True, True, False]
    assert publication(draft) == (False, None)
    bulk(at_admin, "publish_selected", draft, planned, shown, confirmed="yes")
    assert {publication(video) for video in (draft, planned, shown)} == {(True, None)}
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["Published."] * 2


def test_one_of_many_that_was_deleted_meanwhile_is_named_and_the_others_are_published(at_admin: Client) -> None:
    gone, stays = [VideoFactory.create(title=title, is_published=False) for title in ("Gone", "Stays")]

    def delete(instance: Video, **arguments: Any) -> None:
        if instance.pk == gone.pk:
            Video.objects.filter(pk=gone.pk).delete()

    pre_save.connect(delete, sender=Video)
    try:
        page = bulk(at_admin, "publish_selected", gone, stays, confirmed="yes")
    finally:
        pre_save.disconnect(delete, sender=Video)
    assert publication(stays) == (True, None)
    assert "Gone was deleted meanwhile." in page
    assert "Published: Stays." in page


def test_many_are_unpublished(at_admin: Client) -> None:
    videos = [VideoFactory.create(), VideoFactory.create(publish_at=timezone.now() + timedelta(days=1))]
    bulk(at_admin, "unpublish_selected", *videos, confirmed="yes")
    assert {publication(video) for video in videos} == {(False, None)}
    assert "none of the selected videos" in bulk(at_admin, "unpublish_selected", *videos, confirmed="yes")


def test_onlooker_publishes_nothing(client: Client, db: None) -> None:
    onlooker: Any = AdministratorFactory.create(is_superuser=False)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_video"))
    client.force_login(onlooker)
    video = VideoFactory.create(is_published=False)
    bulk(client, "publish_selected", video, confirmed="yes")
    assert client.post(f"{LIST}{video.pk}/publish/").status_code == 403
    assert publication(video) == (False, None)
    page = client.get(f"{LIST}{video.pk}/change/")
    assert (page.status_code, "id_loaded" in page.content.decode()) == (200, False)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("published", {"Shown", "Past"}), ("draft", {"Draft one"}), ("scheduled", {"Planned"}), ("x", None)],
)
def test_list_is_filtered_and_tells_drafts(at_admin: Client, wanted: str, found: set[str] | None) -> None:
    now = timezone.now()
    VideoFactory.create(title="Shown")
    VideoFactory.create(title="Past", publish_at=now - timedelta(days=1))
    VideoFactory.create(title="Draft one", is_published=False, publish_at=now + timedelta(days=1))
    VideoFactory.create(title="Planned", publish_at=now + timedelta(days=1, minutes=1))
    page = at_admin.get(f"{LIST}?publication={wanted}")
    titles = {video.title for video in page.context["cl"].result_list}
    assert titles == (found or {"Shown", "Past", "Draft one", "Planned"})
    words = page.content.decode()
    assert words.count('<span class="vf-draft">Draft</span>') == ("Draft one" in titles)
    assert words.count('<span class="vf-draft">Scheduled</span> <time') == ("Planned" in titles)
