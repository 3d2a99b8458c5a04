"""Pages of the list, wherever they begin: the right videos, the right total, and the same queries each time."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls.models import Revision
from hls.tests.plans import VIDEO_TABLES, plan
from library import catalogue
from library.catalogue import Query
from library.models import FirstCategory, Video
from library.tests.factories import VideoFactory
from library.tests.videos import Player, crowd_of_videos

pytestmark = pytest.mark.django_db

VIDEOS = 24
OFFSETS = (0, 1, 7, 11, 12, 19, 20, 23, 24, 25, 1_000, 10_000_000)
FILTERS = ("", "&category=drama", "&search=storm", "&category=drama&search=storm")


@pytest.fixture
def videos() -> list[Video]:
    """Every second one is a drama, every third one speaks of a storm; their ids say nothing of their age."""
    now = timezone.now()
    return [
        VideoFactory.create(
            ready=True,
            title=f"Storm {number}" if number % 3 == 0 else f"Calm {number}",
            category=FirstCategory.DRAMA if number % 2 else FirstCategory.VLOG,
            created_at=now - timedelta(hours=(7 * number) % VIDEOS),
        )
        for number in range(VIDEOS)
    ]


def expected(videos: list[Video], wanted: str) -> list[int]:
    """The ids, newest first, told without a database."""
    return [
        video.pk
        for video in sorted(videos, key=lambda video: video.created_at, reverse=True)
        if ("category=drama" not in wanted or video.category == FirstCategory.DRAMA)
        and ("search=storm" not in wanted or video.title.startswith("Storm"))
    ]


@pytest.mark.parametrize("wanted", FILTERS)
def test_the_right_videos_are_at_every_offset_and_none_beyond_the_end(
    ada: Player, videos: list[Video], wanted: str
) -> None:
    whole = expected(videos, wanted)
    for offset in OFFSETS:
        response = ada.get(f"/api/video/?limit=5&offset={offset}{wanted}")
        assert [video["id"] for video in json.loads(response.sent)] == whole[offset : offset + 5], offset
        assert response["X-Total-Count"] == str(len(whole)), offset


@pytest.mark.parametrize("wanted", FILTERS)
def test_every_offset_takes_the_same_queries(ada: Player, videos: list[Video], wanted: str) -> None:
    ada.get(f"/api/video/?limit=3{wanted}")  # after this the ids are known
    within = [offset for offset in OFFSETS if offset < len(expected(videos, wanted))]
    taken = []
    for offset in within:
        with CaptureQueriesContext(connection) as captured:
            ada.get(f"/api/video/?limit=3&offset={offset}{wanted}")
        taken.append(len(captured))
    assert len(within) > 1
    assert set(taken) == {taken[0]}
    assert taken[0] <= (5 if "search" in wanted else 3)


def test_a_page_beyond_the_end_reads_no_video(ada: Player, videos: list[Video]) -> None:
    ada.get("/api/video/?limit=3")
    with CaptureQueriesContext(connection) as captured:
        ada.get("/api/video/?limit=3&offset=1000")
    assert not [query for query in captured.captured_queries if '"title"' in query["sql"]]


def test_no_page_of_known_ids_skips_over_videos_in_the_database(ada: Player, videos: list[Video]) -> None:
    """The database would read the videos that an offset skips, and all videos to count them."""
    ada.get("/api/video/?limit=3&category=drama")
    with CaptureQueriesContext(connection) as captured:
        ada.get("/api/video/?limit=3&offset=9&category=drama")
    asked = " ".join(query["sql"] for query in captured.captured_queries if "library_video" in query["sql"])
    assert "OFFSET" not in asked
    assert "COUNT(" not in asked


def test_the_videos_of_a_page_are_looked_up_by_their_keys(videos: list[Video]) -> None:
    crowd_of_videos()
    ids = list(catalogue.page(Query(limit=5, offset=15), "one").ids)
    steps = plan(lambda: catalogue.videos(ids))
    if connection.vendor == "postgresql":
        assert "index cond: (id = any" in steps
        assert "seq scan" not in steps
    else:
        assert "search library_video using integer primary key" in steps
        assert "search hls_transcode using integer primary key" in steps
        assert "scan " not in steps


def test_the_revision_is_told_without_a_look_at_any_video() -> None:
    """In one query, which finds the moments of those that are scheduled in an index of their own."""
    crowd_of_videos()
    with CaptureQueriesContext(connection) as captured:
        catalogue.revision()
    (asked,) = (query["sql"] for query in captured.captured_queries)
    assert "hls_revision" in asked
    assert not [table for table in VIDEO_TABLES if table in asked and table != "library_video"]
    steps = plan(catalogue.revision)
    assert "video_moments" in steps
    assert "scan library_video" not in steps
    assert "scan on library_video" not in steps
    assert Revision.objects.count() == 1
