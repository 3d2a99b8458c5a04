"""Categories are rows: the six of the start, those that editors add, and what hiding and deleting one means."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from library import categories
from library.models import Category, Video
from library.tests.factories import AdministratorFactory, VideoFactory, uploaded
from library.tests.test_uploads import VIDEO, begun, send
from library.tests.videos import Player, published

pytestmark = pytest.mark.django_db

LIST = "/admin/library/category/"
VIDEOS = "/admin/library/video/"
FIRST = ["drama", "romance", "action", "documentary", "tutorial", "vlog"]


def test_six_are_there_from_the_start_in_their_order(ada: Player) -> None:
    told = ada.get("/api/categories/").json()
    assert [entry["slug"] for entry in told] == FIRST
    assert told[0] == {"slug": "drama", "name": "Drama"}


def test_strangers_get_no_list() -> None:
    assert Player().get("/api/categories/").status_code == 401


def test_editors_order_and_names_are_told_and_hidden_ones_left_out(ada: Player) -> None:
    Category.objects.filter(pk="vlog").update(position=0, name="Diaries")
    Category.objects.filter(pk="action").update(is_hidden=True)
    told = ada.get("/api/categories").json()
    assert told[0] == {"slug": "vlog", "name": "Diaries"}
    assert "action" not in {entry["slug"] for entry in told}


def test_list_is_narrowed_by_any_category_there_is(ada: Player) -> None:
    Category.objects.create(slug="western", name="Western", position=7)
    Category.objects.filter(pk="action").update(is_hidden=True)
    published(title="Duel", category="western")
    published(title="Chase", category="action")
    for slug, titles in (("western", ["Duel"]), ("action", ["Chase"]), ("drama", [])):
        assert [video["title"] for video in ada.get(f"/api/video/?category={slug}").json()] == titles
    answer = ada.get("/api/video/?category=horror")
    sentence = "Input should be 'drama', 'romance', 'documentary', 'tutorial', 'vlog', 'western' or 'action'."
    assert (answer.status_code, answer.json()) == (400, {"category": [sentence]})
    assert ada.get("/api/video/?category=").status_code == 400


def test_categories_come_back_after_a_flush_and_not_while_there_is_one() -> None:
    Category.objects.exclude(pk="vlog").delete()
    call_command("migrate", verbosity=0)
    assert categories.slugs() == ["vlog"]
    call_command("flush", verbosity=0, interactive=False)
    assert categories.slugs() == FIRST


def sent(name: str) -> dict[str, Any]:
    return {"name": name, "position": 9}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Science Fiction", "science-fiction"),
        ("Drama!", "drama-2"),
        ("Драма", "category"),
        ("é" * 60, "e" * 40),
    ],
)
def test_slug_is_made_of_the_first_name_and_stays(at_admin: Client, name: str, slug: str) -> None:
    at_admin.post(f"{LIST}add/", sent(name))
    assert Category.objects.get(name=name).pk == slug
    at_admin.post(f"{LIST}{slug.replace('_', '_5F')}/change/", sent("Renamed"))
    assert Category.objects.get(pk=slug).name == "Renamed"


def test_name_that_is_taken_is_refused(at_admin: Client) -> None:
    page = at_admin.post(f"{LIST}add/", sent("Drama")).content.decode()
    assert "already exists" in page
    assert Category.objects.count() == 6


def test_order_and_hiding_are_set_in_the_list(at_admin: Client) -> None:
    rows: dict[str, Any] = {"form-TOTAL_FORMS": 6, "form-INITIAL_FORMS": 6, "_save": "Save"}
    for number, slug in enumerate(FIRST):
        rows |= {f"form-{number}-slug": slug, f"form-{number}-position": 6 - number}
    at_admin.post(LIST, rows | {"form-0-is_hidden": "on"})
    assert categories.slugs() == ["vlog", "tutorial", "documentary", "action", "romance", "drama"]
    assert Category.objects.get(is_hidden=True).pk == "drama"


def test_category_in_use_is_not_deleted_and_says_why(at_admin: Client) -> None:
    VideoFactory.create_batch(2, category="vlog")
    page = at_admin.get(f"{LIST}vlog/delete/").content.decode()
    assert "Vlog: 2 videos have this category. Give them another one first, or hide it." in page
    at_admin.post(f"{LIST}vlog/delete/", {"post": "yes"})
    data = {"action": "delete_selected", "_selected_action": ["vlog", "action"], "post": "yes"}
    at_admin.post(LIST, data)
    assert Category.objects.count() == 6
    at_admin.post(f"{LIST}action/delete/", {"post": "yes"})
    assert "action" not in categories.slugs()


def test_hidden_category_is_offered_only_to_a_video_that_has_it(at_admin: Client, folders: Path) -> None:
    Category.objects.filter(pk="vlog").update(is_hidden=True)
    other, own = VideoFactory.create(), VideoFactory.create(category="vlog")
    option = '<option value="vlog"'
    pages = [f"{VIDEOS}add/", f"{VIDEOS}{other.pk}/change/", f"{VIDEOS}{own.pk}/change/"]
    assert [option in at_admin.get(page).content.decode() for page in pages] == [False, False, True]
    at_admin.post(f"{VIDEOS}{own.pk}/change/", {"title": "Own", "category": "vlog"})
    assert Video.objects.get(title="Own").category == "vlog"
    at_admin.post(f"{VIDEOS}add/", {"title": "New", "category": "vlog", "video_file": uploaded()})
    assert not Video.objects.filter(title="New").exists()


def test_first_in_the_order_is_what_a_video_gets_without_a_category(at_admin: Client, folders: Path) -> None:
    Category.objects.filter(pk="drama").update(is_hidden=True)
    send(at_admin, begun(at_admin, title="Sent"), VIDEO, 0)
    path = folders / "a.mp4"
    path.write_bytes(b"a video, perhaps")
    call_command("import_video", str(path), "--title", "Imported")
    assert set(Video.objects.values_list("category", flat=True)) == {"romance"}


def test_upload_whose_category_was_deleted_meanwhile_still_becomes_a_video(at_admin: Client) -> None:
    Category.objects.create(slug="western", name="Western")
    url = begun(at_admin, title="Duel", category="western")
    Category.objects.filter(pk="western").delete()
    send(at_admin, url, VIDEO, 0)
    assert Video.objects.get().category == "drama"


def test_import_names_the_categories_there_are(folders: Path) -> None:
    path = folders / "a.mp4"
    path.write_bytes(b"a video, perhaps")
    with pytest.raises(CommandError, match=r"--category: Input should be 'drama', .* or 'vlog'"):
        call_command("import_video", str(path), "--title", "A", "--category", "western")


def test_many_get_a_category_after_a_question(at_admin: Client) -> None:
    videos = [VideoFactory.create(title=title, category="drama") for title in ("One", "Two")]
    VideoFactory.create(title="Other", category="drama")
    data = {"action": "set_category_selected", "_selected_action": [video.pk for video in videos]}
    page = at_admin.post(VIDEOS, data).content.decode()
    assert '<option value="vlog">Vlog</option>' in page
    assert set(Video.objects.values_list("category", flat=True)) == {"drama"}
    page = at_admin.post(VIDEOS, data | {"confirmed": "yes", "category": "gone"}).content.decode()
    assert '<option value="vlog">Vlog</option>' in page
    page = at_admin.post(VIDEOS, data | {"confirmed": "yes", "category": "vlog"}, follow=True).content.decode()
    assert "Category set to Vlog: Two, One." in page
    assert list(Video.objects.filter(category="vlog").values_list("title", flat=True)) == ["Two", "One"]


def test_editors_manage_categories(client: Client, db: None) -> None:
    editor: Any = AdministratorFactory.create(is_superuser=False)
    editor.groups.add(Group.objects.get(name="Editors"))
    client.force_login(editor)
    client.post(f"{LIST}add/", sent("Western"))
    assert Category.objects.filter(pk="western").exists()


def test_list_of_videos_names_the_category(at_admin: Client) -> None:
    Category.objects.filter(pk="vlog").update(name="Diaries")
    VideoFactory.create(category="vlog")
    assert ">Diaries<" in at_admin.get(VIDEOS).content.decode().replace("\n", "").replace(" ", "")
