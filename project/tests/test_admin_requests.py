"""Addresses and forms that no page of the admin makes: refused in a sentence or as no page, never an error of ours."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin as django_admin
from django.test import Client

from accounts.models import Mail
from library.admin import videos
from library.models import Category, Video
from library.tests.factories import VideoFactory
from library.webhooks.models import WebhookEndpoint
from project.admin.requests import ALL_IS_SHOWN, NO_FIELD_TO_FIND_BY, NO_PAGE, NO_ROWS, NULL_CHARACTER

pytestmark = pytest.mark.django_db

VIDEOS = "/admin/library/video/"
LISTS = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in django_admin.site._registry]
LISTS_BY_NUMBER = [path for path in LISTS if not path.endswith(("/hueydashboard/", "/category/"))]


@pytest.fixture
def at_admin(admin: Client) -> Client:
    """An administrator, for whom each list has rows."""
    VideoFactory.create(ready=True)
    Mail.objects.create(kind=Mail.Kind.ACTIVATION, address="ada@example.com")
    WebhookEndpoint.objects.create(url="https://example.com/hook")
    return admin


def refusal(answer: Any) -> str:
    """The sentence of a page that says 400."""
    assert answer.status_code == 400, answer.wsgi_request.get_full_path()
    return str(answer.context["sentence"])


def told_after(client: Client, address: str) -> str:
    """What the whole list says that a list leads to."""
    answer = client.get(address)
    path = address.partition("?")[0]
    assert (answer.status_code, answer.get("Location")) == (302, f"{path}?e=1")
    page = client.get(answer["Location"])
    assert page.status_code == 200
    return ", ".join(str(message) for message in page.context["messages"])


@pytest.mark.parametrize("path", LISTS_BY_NUMBER)
def test_an_action_on_rows_that_there_can_not_be_is_refused_in_a_sentence(at_admin: Client, path: str) -> None:
    for row in ("%", "", "\0", "-", "1.5", "9" * 19, "9" * 5000):
        answer = at_admin.post(path, {"action": "delete_selected", "_selected_action": ["1", row], "index": "0"})
        assert (answer.status_code, row) == (400, row)
        assert refusal(answer) == NO_ROWS, row


@pytest.mark.parametrize("row", ["", "\0", "a\0b", "a" * 5000])
def test_an_action_on_categories_that_there_can_not_be_is_refused_in_a_sentence(at_admin: Client, row: str) -> None:
    form = {"action": "delete_selected", "_selected_action": row, "index": "0"}
    assert refusal(at_admin.post("/admin/library/category/", form)) == NO_ROWS


@pytest.mark.parametrize("row", ["", "\0", "a" * 5000])
def test_an_edit_of_a_row_that_there_can_not_be_is_refused_in_a_sentence(at_admin: Client, row: str) -> None:
    form = {
        "_save": "1",
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-slug": row,
        "form-0-position": "1",
    }
    assert refusal(at_admin.post("/admin/library/category/", form)) == NO_ROWS


@pytest.mark.parametrize("path", LISTS)
def test_a_null_character_in_an_address_is_refused_in_a_sentence(at_admin: Client, path: str) -> None:
    for parameter in ("state", "category", "kind__exact", "q", "o", "p", "e", "_changelist_filters"):
        assert refusal(at_admin.get(f"{path}?{parameter}=%00")) == NULL_CHARACTER, parameter
        assert refusal(at_admin.get(f"{path}?a{parameter}%00b=1")) == NULL_CHARACTER, parameter


@pytest.mark.parametrize("path", LISTS)
def test_the_page_of_a_row_with_a_null_character_is_none(at_admin: Client, path: str) -> None:
    for page in ("change", "delete", "history"):
        assert (page, at_admin.get(f"{path}%00/{page}/").status_code) == (page, 404)
        assert (page, at_admin.post(f"{path}a%00b/{page}/").status_code) == (page, 404)


@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_the_queue_has_no_pages_of_rows(at_admin: Client, page: str) -> None:
    assert at_admin.get(f"/admin/hueystats/hueydashboard/0/{page}/").status_code == 404


@pytest.mark.parametrize("path", [*LISTS, "/admin/hueystats/hueydashboard/events/"])
def test_the_number_of_a_page_that_no_list_has_is_refused_in_a_sentence(at_admin: Client, path: str) -> None:
    assert refusal(at_admin.get(f"{path}?p={'9' * 30}")) == NO_PAGE


@pytest.mark.parametrize(
    "query",
    [
        "created_at__year=99999",
        "created_at__year=0",
        f"pk__in={'9' * 5000}",
        "id__range=0",
        "title__range=99999",
        "title__regex=[]",
        "title__iregex=(a*)*b",
        "title__nope=1",
        "p=99",
    ],
)
@pytest.mark.parametrize("flag", ["", "&e=1"])
def test_a_list_that_can_not_be_filtered_so_is_shown_whole_and_says_so(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch, query: str, flag: str
) -> None:
    VideoFactory.create_batch(2)
    monkeypatch.setattr(videos.VideoAdmin, "list_per_page", 2)
    assert told_after(at_admin, f"{VIDEOS}?{query}{flag}") == ALL_IS_SHOWN


def test_a_number_that_no_row_can_have_is_compared_or_the_list_shown_whole(at_admin: Client) -> None:
    """PostgreSQL compares it, and SQLite can't be asked for it."""
    page = at_admin.get(f"{VIDEOS}?id__in=1,{'9' * 19}", follow=True)
    assert page.status_code == 200
    shown = {str(message) for message in page.context["messages"]}
    assert shown == ({ALL_IS_SHOWN} if page.redirect_chain else set())


def test_an_action_in_a_list_that_can_not_be_filtered_so_is_not_done(at_admin: Client) -> None:
    video = Video.objects.get()
    form = {"action": "delete_selected", "_selected_action": video.pk, "index": "0", "post": "yes"}
    answer = at_admin.post(f"{VIDEOS}?created_at__year=99999", form)
    assert (answer.status_code, answer["Location"]) == (302, f"{VIDEOS}?e=1")
    assert Video.objects.filter(pk=video.pk).exists()


@pytest.mark.parametrize("field", ["", "nope", "title"])
@pytest.mark.parametrize("page", ["change", "delete"])
def test_a_field_to_find_rows_by_that_is_none_is_refused_in_a_sentence(at_admin: Client, field: str, page: str) -> None:
    answer = at_admin.get(f"{VIDEOS}{Video.objects.get().pk}/{page}/?{urlencode({'_to_field': field})}")
    assert refusal(answer) == NO_FIELD_TO_FIND_BY


@pytest.mark.parametrize("query", ["?state=ready", "?created_at__year=2026", "?_to_field=id", "?e=1", "?_facets=True"])
def test_what_a_list_can_be_asked_is_answered(at_admin: Client, query: str) -> None:
    page = at_admin.get(f"{VIDEOS}{query}")
    assert page.status_code == 200
    assert list(page.context["messages"]) == []


def test_an_error_of_ours_in_a_filtered_list_is_no_fault_of_the_address(
    at_admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "attach_progress", lambda rows: [int(row.title) for row in rows])
    with pytest.raises(ValueError, match="invalid literal"):
        at_admin.get(f"{VIDEOS}?state=ready")


def test_an_action_on_a_category_is_not_hindered(at_admin: Client) -> None:
    Category.objects.create(slug="a%b", name="Odd")
    form = {"action": "delete_selected", "_selected_action": "a%b", "index": "0", "post": "yes"}
    assert at_admin.post("/admin/library/category/", form).status_code == 302
    assert not Category.objects.filter(slug="a%b").exists()
