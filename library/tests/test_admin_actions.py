"""Retry, cancel and delete: asked first, permitted, and kept in the history."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from hls.models import State, Transcode
from library.models import Video
from library.tests.factories import AdministratorFactory, VideoFactory

LIST = "/admin/library/video/"


def state_of(video: Video) -> str:
    return str(Transcode.objects.get(video=video).state)


def test_retry_asks_first_and_changes_nothing_by_a_get(at_admin: Client) -> None:
    video = VideoFactory.create(failed=True)
    page = at_admin.get(f"{LIST}{video.pk}/retry/")
    assert "Transcode again?" in page.content.decode()
    assert state_of(video) == State.FAILED


def test_a_confirmed_retry_queues_the_video_and_is_kept_in_its_history(at_admin: Client, dora: Any) -> None:
    video = VideoFactory.create(failed=True)
    response = at_admin.post(f"{LIST}{video.pk}/retry/")
    assert response["Location"] == reverse("admin:library_video_change", args=[video.pk])
    assert state_of(video) == State.QUEUED
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id, entry.get_change_message()) == (
        dora.pk,
        str(video.pk),
        "Transcode queued again.",
    )


def test_a_second_retry_is_told_why_it_is_not_possible(at_admin: Client) -> None:
    video = VideoFactory.create(failed=True)
    at_admin.post(f"{LIST}{video.pk}/retry/")
    page = at_admin.post(f"{LIST}{video.pk}/retry/", follow=True).content.decode()
    assert "Only a failed or cancelled video can be tried again." in page
    assert LogEntry.objects.count() == 1


def test_cancel_stops_a_running_video(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="drw")
    at_admin.post(f"{LIST}{video.pk}/cancel/")
    assert state_of(video) == State.CANCELLED


@pytest.mark.parametrize(
    ("trait", "offered"), [("failed", {"retry"}), ("processing", {"cancel"}), ("ready", set()), ("queued", {"cancel"})]
)
def test_only_what_the_state_allows_is_offered(at_admin: Client, trait: str, offered: set[str]) -> None:
    video = VideoFactory.create(**({} if trait == "queued" else {trait: True}))
    page = at_admin.get(reverse("admin:library_video_change", args=[video.pk])).content.decode()
    assert {name for name in ("retry", "cancel") if f"/{video.pk}/{name}/" in page} == offered


@pytest.mark.parametrize(("trait", "name"), [("failed", "retry"), ("processing", "cancel"), ("ready", "publish")])
def test_each_button_stands_once(at_admin: Client, trait: str, name: str) -> None:
    """In the panel where it depends on what changes by itself, else in the page's head."""
    video = VideoFactory.create(**{trait: True}, is_published=False)
    page = at_admin.get(reverse("admin:library_video_change", args=[video.pk])).content.decode()
    assert page.count(f'/{video.pk}/{name}/"') == 1


def bulk(client: Client, action: str, *videos: Video, **more: str) -> Any:
    data = {"action": action, "_selected_action": [video.pk for video in videos], **more}
    return client.post(LIST, data, follow=True)


def test_retry_of_many_asks_first_and_takes_only_those_that_can_be_retried(at_admin: Client) -> None:
    failed, ready = VideoFactory.create(failed=True), VideoFactory.create(ready=True)
    page = bulk(at_admin, "retry_selected", failed, ready).content.decode()
    assert failed.title in page
    assert f">{ready.title}<" not in page
    assert state_of(failed) == State.FAILED
    bulk(at_admin, "retry_selected", failed, ready, confirmed="yes")
    assert (state_of(failed), state_of(ready)) == (State.QUEUED, State.READY)


def test_an_action_that_fits_no_selected_video_says_so(at_admin: Client) -> None:
    page = bulk(at_admin, "cancel_selected", VideoFactory.create(ready=True)).content.decode()
    assert "none of the selected videos" in page


def test_many_are_cancelled_at_once(at_admin: Client) -> None:
    videos = [VideoFactory.create(), VideoFactory.create(processing=True)]
    bulk(at_admin, "cancel_selected", *videos, confirmed="yes")
    assert {state_of(video) for video in videos} == {State.CANCELLED}
    assert LogEntry.objects.count() == 2


def test_deleting_tells_the_room_that_gets_free(at_admin: Client, folders: Path) -> None:
    video = VideoFactory.create(ready=True)
    path = Path(video.video_file.path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 1_000_000)
    page = at_admin.get(f"{LIST}{video.pk}/delete/").content.decode()
    assert "4.0 MB" in page  # the file, and 3,000,000 bytes of segments


def test_deleting_many_tells_the_room_that_gets_free(at_admin: Client) -> None:
    videos = VideoFactory.create_batch(3, ready=True)
    page = bulk(at_admin, "delete_selected", *videos).content.decode()
    assert "9.0 MB" in page  # three times 3,000,000 bytes of segments
    assert Video.objects.count() == 3


def test_a_deleted_video_is_kept_in_the_history(at_admin: Client, dora: Any) -> None:
    video = VideoFactory.create(ready=True, title="Harbour")
    at_admin.post(f"{LIST}{video.pk}/delete/", {"post": "yes"})
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_repr, entry.is_deletion()) == (dora.pk, "Harbour", True)


def test_posters_of_many_are_asked_for_first_and_a_video_without_pictures_says_so(at_admin: Client) -> None:
    bare, waiting = VideoFactory.create(ready=True, title="Bare"), VideoFactory.create(title="Waiting")
    page = bulk(at_admin, "regenerate_selected", bare, waiting).content.decode()
    assert "Take a new poster from the video?" in page
    assert "<li>Bare</li>" in page
    assert "<li>Waiting</li>" not in page
    page = bulk(at_admin, "regenerate_selected", bare, waiting, confirmed="yes").content.decode()
    assert "Bare: There is no storyboard to take a picture from." in page
    assert not LogEntry.objects.exists()


def test_deleting_forgets_the_transcode(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="drw")
    at_admin.post(f"{LIST}{video.pk}/delete/", {"post": "yes"})
    assert not Video.objects.exists()
    assert not Transcode.objects.exists()


def test_deleting_many_forgets_their_transcodes(at_admin: Client) -> None:
    videos = VideoFactory.create_batch(2, ready=True)
    bulk(at_admin, "delete_selected", *videos, post="yes")
    assert not Video.objects.exists()
    assert not Transcode.objects.exists()


def test_somebody_who_may_only_look_can_do_nothing(client: Client, db: None) -> None:
    onlooker = AdministratorFactory.create(is_superuser=False)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_video"))
    client.force_login(onlooker)
    video = VideoFactory.create(failed=True)
    page = client.get(reverse("admin:library_video_change", args=[video.pk]))
    assert page.status_code == 200
    assert "/retry/" not in page.content.decode()
    assert client.post(f"{LIST}{video.pk}/retry/").status_code == 403
    bulk(client, "retry_selected", video, confirmed="yes")
    assert state_of(video) == State.FAILED


@pytest.mark.parametrize("name", ["nonsense", "1/nonsense", "9" * 30])
def test_mistyped_address_of_a_video_is_no_error_of_the_server(at_admin: Client, name: str) -> None:
    assert at_admin.get(f"{LIST}{name}/change/").status_code == 302  # as Django does, with a sentence
    assert at_admin.get(f"{LIST}{name}/retry/").status_code == 404
    assert at_admin.post(f"{LIST}{name}/retry/").status_code == 404
