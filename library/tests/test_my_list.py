"""Videos that viewers put on a list of their own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from library.errors import NotFound
from library.models import MyListEntry, Video
from library.tests.factories import VideoFactory
from library.tests.videos import Player, make_viewer, published, sign_in
from library.watching import lists

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def harbour(settled: object) -> Video:
    return published()


def at(video: Video) -> str:
    return f"/api/me/list/{video.pk}/"


def put(player: Player, video: Video) -> Any:
    return player.put(at(video))


def titles(player: Player, query: str = "") -> list[str]:
    return [item["title"] for item in player.get(f"/api/me/list/{query}").json()]


def test_video_is_put_on_the_list_and_taken_off_again(settled: object) -> None:
    harbour = published()
    with time_machine.travel(NOON, tick=False):
        make_viewer()
        ada = sign_in(Player())
        assert ada.get(at(harbour)).status_code == 404
        entry = {"video": harbour.pk, "added_at": "2026-11-27T12:00:00Z"}
        for answer in (put(ada, harbour), put(ada, harbour), ada.get(at(harbour))):  # twice is as good as once
            assert (answer.status_code, answer.json()) == (200, entry)
        [listed] = ada.get("/api/video/").json()
        assert ada.get("/api/me/list/").json() == [{**listed, "added_at": "2026-11-27T12:00:00Z"}]
        for _ in range(2):
            assert ada.delete(at(harbour)).status_code == 204
        assert titles(ada) == []


def test_newest_comes_first_and_is_paged_as_the_list_is(ada: Player, settled: object) -> None:
    for title in ("One", "Two", "Three"):
        put(ada, published(title=title))
    assert titles(ada) == ["Three", "Two", "One"]
    page = ada.get("/api/me/list/?limit=1&offset=1")
    assert ([item["title"] for item in page.json()], page["X-Total-Count"]) == (["Two"], "3")
    assert ada.get("/api/me/list/?offset=0")["X-Total-Count"] == "3"
    assert titles(ada, "?offset=2") == ["One"]
    assert ada.get("/api/me/list/?limit=x").status_code == 400


def test_nobody_else_sees_or_changes_it(ada: Player, harbour: Video) -> None:
    put(ada, harbour)
    make_viewer("bob@example.com")
    bob = sign_in(Player(), "bob@example.com")
    assert (titles(bob), bob.get(at(harbour)).status_code) == ([], 404)
    bob.delete(at(harbour))
    assert titles(ada) == ["Harbour at Dawn"]
    for method in ("get", "put", "delete"):
        assert getattr(Player(), method)(at(harbour)).status_code == 401


def test_answers_are_stored_nowhere(ada: Player, harbour: Video) -> None:
    for answer in (put(ada, harbour), ada.get(at(harbour)), ada.get("/api/me/list/")):
        assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_video_that_is_gone_or_hidden_is_not_found(ada: Player, harbour: Video, method: str) -> None:
    draft = published(title="Draft", is_published=False)
    later = published(title="Later", publish_at=timezone.now() + timedelta(hours=1))
    address = at(harbour)
    put(ada, harbour)
    harbour.delete()
    for path in (at(draft), at(later), address, "/api/me/list/x/"):
        assert getattr(ada, method)(path).status_code == 404
    assert not MyListEntry.objects.exists()


def test_video_that_cannot_be_watched_now_waits_on_the_list(ada: Player, settled: object) -> None:
    video, waiting = published(), VideoFactory.create()
    assert (put(ada, video).status_code, put(ada, waiting).status_code) == (200, 200)
    Video.objects.filter(pk=video.pk).update(is_published=False)
    assert titles(ada) == []
    Video.objects.filter(pk=video.pk).update(is_published=True)
    assert titles(ada) == ["Harbour at Dawn"]


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_time_make_one_entry_and_none_for_a_video_that_is_gone(settled: object) -> None:
    viewer, video = make_viewer(), published()

    def put_once(_: int) -> int:
        try:
            return lists.put(viewer.pk, video).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(put_once, range(16)))) == 1
    stale = Video.objects.get(pk=video.pk)
    video.delete()
    with pytest.raises(NotFound):
        lists.put(viewer.pk, stale)
