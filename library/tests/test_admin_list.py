"""Finding videos in the admin's list, and what its rows tell."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from library.tests.factories import VideoFactory

LIST = "/admin/library/video/"


def titles(client: Client, query: str = "") -> set[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200, response["Location"]
    return {video.title for video in response.context["cl"].result_list}


@pytest.fixture
def videos(db: None) -> Any:
    return [
        VideoFactory.create(title="Queued", category="drama"),
        VideoFactory.create(title="Processing", processing=True, chunks="dw", category="vlog"),
        VideoFactory.create(title="Ready", ready=True, original_name="lisbon.mov"),
        VideoFactory.create(title="Failed", failed=True, description="Boats in the harbour."),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Queued", "Processing", "Ready", "Failed"}),
        ("state=active", {"Queued", "Processing"}),
        ("state=failed", {"Failed"}),
        ("state=ready", {"Ready"}),
        ("state=cancelled", set()),
        ("state=nonsense", {"Queued", "Processing", "Ready", "Failed"}),
        ("category=vlog", {"Processing"}),
        ("q=lisbon", {"Ready"}),
        ("q=boats+harbour", {"Failed"}),
        ("q=READY", {"Ready"}),
    ],
)
def test_filters_and_search_find(at_admin: Client, videos: Any, query: str, found: set[str]) -> None:
    if not found:
        VideoFactory.create(title="Other")
    assert titles(at_admin, query) == found


@pytest.mark.parametrize("query", ["u\u0308bermut", "UBERMUT", "cafe\u0301.mp4", "café"])
def test_search_finds_accents_and_cases_in_titles_and_file_names(at_admin: Client, query: str) -> None:
    VideoFactory.create(title="Übermut", original_name="Cafe\u0301.MP4")
    VideoFactory.create(title="Other", original_name="other.mp4")
    assert titles(at_admin, f"q={query}") == {"Übermut"}


@pytest.mark.parametrize("order", ["2", "-2", "3", "-3", "4", "5"])
def test_the_list_can_be_sorted_by_its_columns(at_admin: Client, videos: Any, order: str) -> None:
    assert titles(at_admin, f"o={order}") == {"Queued", "Processing", "Ready", "Failed"}


def test_the_newest_video_comes_first(at_admin: Client) -> None:
    VideoFactory.create(title="Old", created_at=timezone.now() - timedelta(days=1))
    VideoFactory.create(title="New")
    shown = at_admin.get(LIST).context["cl"].result_list
    assert [video.title for video in shown] == ["New", "Old"]


def test_a_date_is_told_in_words_and_exactly(at_admin: Client) -> None:
    at = timezone.now() - timedelta(minutes=3, seconds=5)
    VideoFactory.create(created_at=at)
    page = at_admin.get(LIST).content.decode()
    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC">3\xa0minutes ago</time>' in page


def test_rows_show_the_poster_where_there_is_one(at_admin: Client) -> None:
    ready, queued = VideoFactory.create(ready=True), VideoFactory.create()
    page = at_admin.get(LIST).content.decode()
    assert f'src="/api/video/{ready.pk}/thumbnail.jpg?v=1"' in page
    assert f'src="/api/video/{queued.pk}/' not in page


def test_each_live_part_of_a_row_knows_its_video(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="dw")
    page = at_admin.get(LIST).content.decode()
    for part in ("cell", "poster"):
        assert f'data-live="{video.pk}" data-live-part="{part}"' in page
