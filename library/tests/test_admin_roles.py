"""The group "Editors": videos, and nothing else."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from library.models import Video
from library.tests.factories import AdministratorFactory, VideoFactory, uploaded
from library.webhooks import services


@pytest.fixture
def ed(client: Client, db: None) -> Client:
    """Ed, an editor, at the admin."""
    editor: Any = AdministratorFactory.create(is_superuser=False)
    editor.groups.add(Group.objects.get(name="Editors"))
    client.force_login(editor)
    return client


def test_editors_add_change_and_delete_videos(ed: Client) -> None:
    entries = {"title": "Harbour", "category": "drama", "video_file": uploaded()}
    ed.post("/admin/library/video/add/", entries)
    video = Video.objects.get()
    ed.post(f"/admin/library/video/{video.pk}/change/", {"title": "Port", "category": "drama"})
    assert Video.objects.get().title == "Port"
    ed.post(f"/admin/library/video/{video.pk}/delete/", {"post": "yes"})
    assert not Video.objects.exists()


def test_editors_see_the_dashboard(ed: Client) -> None:
    VideoFactory.create(failed=True)
    assert ed.get("/admin/").context["tiles"][2].value == "1"


@pytest.mark.parametrize(
    "path",
    [
        "/admin/accounts/user/",
        "/admin/accounts/user/add/",
        "/admin/auth/group/",
        "/admin/hueystats/hueydashboard/",
    ],
)
def test_editors_manage_neither_people_nor_the_queue(ed: Client, path: str) -> None:
    assert ed.get(path).status_code == 403


def test_editors_are_not_shown_what_they_may_not_open(ed: Client) -> None:
    groups = ed.get("/admin/").context["sidebar_navigation"]
    shown = {item["title"] for group in groups for item in group["items"] if item["has_permission"]}
    assert shown == {"Dashboard", "Videos", "Failed", "Add videos", "Categories"}


@pytest.mark.parametrize(
    ("path", "right", "counted"),
    [("category", "view_category", "video"), ("webhookendpoint", "view_webhookendpoint", "webhookdelivery")],
)
def test_number_of_what_staff_may_not_open_is_no_link(
    client: Client, db: None, path: str, right: str, counted: str
) -> None:
    services.add("https://example.org/hook", [])
    member: Any = AdministratorFactory.create(is_superuser=False)
    member.user_permissions.add(Permission.objects.get(codename=right))
    client.force_login(member)
    page, link = f"/admin/library/{path}/", f'<a href="/admin/library/{counted}/?'
    assert link not in client.get(page).content.decode()
    member.user_permissions.add(Permission.objects.get(codename=f"view_{counted}"))
    assert link in client.get(page).content.decode()
