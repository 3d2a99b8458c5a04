"""Pages of the list, wherever they begin: the right films, the right total, and the same queries each time."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls.tests.plans import plan
from library import catalogue, listing
from library.catalogue import Query
from library.models import Category, Video
from library.tests.factories import VideoFactory
from library.tests.films import Player, crowd_of_films, make_viewer, sign_in

pytestmark = pytest.mark.django_db

FILMS = 24
OFFSETS = (0, 1, 7, 11, 12, 19, 20, 23, 24, 25, 1_000, 10_000_000)
FILTERS = ("", "&category=drama", "&search=storm", "&category=drama&search=storm")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    catalogue.known.clear()
    listing.kept.clear()


@pytest.fixture
def ada() -> Player:
    make_viewer()
    return sign_in(Player())


@pytest.fixture
def films() -> list[Video]:
    """Every second one is a drama, every third one speaks of a storm; their ids say nothing of their age."""
    now = timezone.now()
    return [
        VideoFactory.create(
            ready=True,
            title=f"Storm {number}" if number % 3 == 0 else f"Calm {number}",
            category=Category.DRAMA if number % 2 else Category.VLOG,
            created_at=now - timedelta(hours=(7 * number) % FILMS),
        )
        for number in range(FILMS)
    ]


def expected(films: list[Video], wanted: str) -> list[int]:
    """The ids, newest first, told without a database."""
    return [
        film.pk
        for film in sorted(films, key=lambda film: film.created_at, reverse=True)
        if ("category=drama" not in wanted or film.category == Category.DRAMA)
        and ("search=storm" not in wanted or film.title.startswith("Storm"))
    ]


@pytest.mark.parametrize("wanted", FILTERS)
def test_the_right_films_are_at_every_offset_and_none_beyond_the_end(
    ada: Player, films: list[Video], wanted: str
) -> None:
    whole = expected(films, wanted)
    for offset in OFFSETS:
        response = ada.get(f"/api/video/?limit=5&offset={offset}{wanted}")
        assert [film["id"] for film in json.loads(response.sent)] == whole[offset : offset + 5], offset
        assert response["X-Total-Count"] == str(len(whole)), offset


@pytest.mark.parametrize("wanted", FILTERS)
def test_every_offset_takes_the_same_queries(ada: Player, films: list[Video], wanted: str) -> None:
    ada.get(f"/api/video/?limit=3{wanted}")  # whereafter the ids are known
    within = [offset for offset in OFFSETS if offset < len(expected(films, wanted))]
    taken = []
    for offset in within:
        with CaptureQueriesContext(connection) as captured:
            ada.get(f"/api/video/?limit=3&offset={offset}{wanted}")
        taken.append(len(captured))
    assert len(within) > 1
    assert set(taken) == {taken[0]}
    assert taken[0] <= (5 if "search" in wanted else 3)


def test_a_page_beyond_the_end_reads_no_film(ada: Player, films: list[Video]) -> None:
    ada.get("/api/video/?limit=3")
    with CaptureQueriesContext(connection) as captured:
        ada.get("/api/video/?limit=3&offset=1000")
    assert not [query for query in captured.captured_queries if '"title"' in query["sql"]]


def test_no_page_of_known_ids_skips_over_films_in_the_database(ada: Player, films: list[Video]) -> None:
    """What an offset skips, the database would read; and counting reads them all."""
    ada.get("/api/video/?limit=3&category=drama")
    with CaptureQueriesContext(connection) as captured:
        ada.get("/api/video/?limit=3&offset=9&category=drama")
    asked = " ".join(query["sql"] for query in captured.captured_queries if "library_video" in query["sql"])
    assert "OFFSET" not in asked
    assert "COUNT(" not in asked


def test_the_films_of_a_page_are_looked_up_by_their_keys(films: list[Video]) -> None:
    crowd_of_films()
    ids = list(catalogue.page(Query(limit=5, offset=15), "one").ids)
    steps = plan(lambda: catalogue.films(ids))
    if connection.vendor == "postgresql":
        assert "index cond: (id = any" in steps
        assert "seq scan" not in steps
    else:
        assert "search library_video using integer primary key" in steps
        assert "search hls_transcode using integer primary key" in steps
        assert "scan " not in steps


def test_the_revision_is_told_by_indexes() -> None:
    crowd_of_films()
    steps = plan(catalogue.revision)
    for column in ("updated_at", "served_at", "playable_at"):
        assert column in steps
    assert "seq scan on library_video" not in steps
    assert "seq scan on hls_transcode" not in steps
