"""The list and a single video over HTTP: shapes, paging, validators, and how many queries they take."""

import json
from typing import Any

import pytest

from library import listing
from library.models import Video
from library.schemas import VideoDetailOut, VideoOut
from library.tests.factories import VideoFactory
from library.tests.videos import Player, make_viewer, published, sign_in

pytestmark = pytest.mark.django_db

FIELDS = {"id", "created_at", "title", "description", "thumbnail_url", "category", "duration", "hls_url"}


def listed(client: Player, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"/api/video/{query}")
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = json.loads(response.sent)
    return found


@pytest.mark.parametrize("spelling", ["{}.0", "+{}", "0{}", "%20{}", "{}%20", "{}_0"])
def test_video_is_not_found_under_another_spelling_of_its_number(ada: Player, spelling: str) -> None:
    """The edge does not know it either, nor does the path of the playback cookie."""
    number = spelling.format(published().pk)
    for path in ("", "master.m3u8", "480p/segment_000.ts", "thumbnail.jpg"):
        assert ada.get(f"/api/video/{number}/{path}").status_code == 404, path


def test_list_is_a_bare_array_of_videos(ada: Player) -> None:
    video = published(title="Harbour at Dawn", description="Boats leave.", category="documentary")
    (shown,) = listed(ada)
    assert shown.keys() == FIELDS
    assert shown == {
        "id": video.pk,
        "created_at": video.created_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "title": "Harbour at Dawn",
        "description": "Boats leave.",
        "thumbnail_url": f"http://testserver/api/video/{video.pk}/thumbnail.jpg?v=1",
        "category": "documentary",
        "duration": 12.0,
        "hls_url": f"http://testserver/api/video/{video.pk}/master.m3u8",
    }
    VideoOut.model_validate(shown)


def test_addresses_in_the_list_lead_somewhere(ada: Player) -> None:
    published()
    (shown,) = listed(ada)
    assert ada.get(shown["hls_url"].removeprefix("http://testserver")).status_code == 200
    assert ada.get(shown["thumbnail_url"].removeprefix("http://testserver")).status_code == 200


def test_empty_library_is_an_empty_array(ada: Player) -> None:
    assert ada.get("/api/video/").sent == b"[]"
    assert ada.get("/api/video").sent == b"[]"


def test_strangers_see_no_list(db: None) -> None:
    published()
    for path in ("/api/video/", "/api/video/1/"):
        response = Player().get(path)
        assert (response.status_code, response.json().keys()) == (401, {"detail"})


def test_page_tells_how_many_there_are(ada: Player) -> None:
    VideoFactory.create_batch(5, ready=True)
    whole = listed(ada)
    response = ada.get("/api/video/?limit=2&offset=1")
    assert response["X-Total-Count"] == "5"
    assert json.loads(response.sent) == whole[1:3]
    assert listed(ada, "?offset=4") == whole[4:]
    assert ada.get("/api/video/?offset=0")["X-Total-Count"] == "5"
    assert "X-Total-Count" not in ada.get("/api/video/")


def test_category_and_search_narrow_the_list(ada: Player) -> None:
    VideoFactory.create(ready=True, title="Storm", category="drama")
    VideoFactory.create(ready=True, title="Knitting", category="tutorial")
    assert [video["title"] for video in listed(ada, "?category=drama")] == ["Storm"]
    assert [video["title"] for video in listed(ada, "?search=knit")] == ["Knitting"]
    assert listed(ada, "?search=knit&category=drama") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?limit=0", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=x", "limit"),
        ("?limit=1.5", "limit"),
        ("?limit=%00", "limit"),
        (f"?limit={'9' * 400}", "limit"),
        ("?offset=-1", "offset"),
        ("?offset=1e9", "offset"),
        ("?offset=99999999999", "offset"),
        ("?category=horror", "category"),
        ("?category=%00", "category"),
        (f"?search={'x' * 201}", "search"),
    ],
)
def test_bad_values_are_named_by_their_field(ada: Player, query: str, field: str) -> None:
    response = ada.get(f"/api/video/{query}")
    assert response.status_code == 400
    assert response.json().keys() == {field}
    assert all(isinstance(sentence, str) for sentence in response.json()[field])


@pytest.mark.parametrize("search", ["%00", "a%00b", "%F0%9F%8E%AC", "%25", "_", "%5C", "%27%22", "%ff%fe", "%E2%80%AE"])
def test_odd_searches_are_harmless(ada: Player, search: str) -> None:
    VideoFactory.create(ready=True, title="Storm")
    assert ada.get(f"/api/video/?search={search}").status_code == 200


def test_known_list_is_not_built_again(ada: Player, django_assert_max_num_queries: Any) -> None:
    VideoFactory.create_batch(3, ready=True)
    for query in ("", "?limit=2", "?search=video", "?category=documentary"):
        etag = ada.get(f"/api/video/{query}")["ETag"]
        assert etag.startswith('W/"')
        with django_assert_max_num_queries(2):  # one for the viewer, one for the revision
            again = ada.get(f"/api/video/{query}", headers={"If-None-Match": etag})
        assert (again.status_code, again.sent, again["ETag"]) == (304, b"", etag)
        assert "Content-Type" not in again


def test_tag_belongs_to_one_page_and_one_state(ada: Player) -> None:
    video = VideoFactory.create(ready=True)
    VideoFactory.create(ready=True)
    tags = [ada.get(f"/api/video/{query}")["ETag"] for query in ("", "?limit=1", "?limit=1&offset=1", "?search=f")]
    assert len(set(tags)) == 4
    video.title = "Renamed"
    video.save()
    changed = ada.get("/api/video/", headers={"If-None-Match": tags[0]})
    assert changed.status_code == 200
    assert b"Renamed" in changed.sent


@pytest.mark.parametrize("query", ["?limit=10", "?limit=10&offset=20", "?limit=10&search=video", ""])
def test_queries_do_not_grow_with_the_list(ada: Player, query: str, django_assert_max_num_queries: Any) -> None:
    for _ in range(2):
        VideoFactory.create_batch(20, ready=True)
        with django_assert_max_num_queries(5):
            listed(ada, query)


def test_videos_in_the_making_cost_one_query_more_and_tell_their_length(
    ada: Player, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.HLS_LIST_WHEN = "playable"
    for video in VideoFactory.create_batch(5, processing=True):
        type(video.transcode).objects.filter(pk=video.transcode_id).update(playable_at=video.created_at)
    with django_assert_max_num_queries(5):
        shown = listed(ada)
    assert [entry["duration"] for entry in shown] == [90.0] * 5
    assert [entry["thumbnail_url"] for entry in shown] == [None] * 5


def test_large_list_is_streamed_and_says_the_same(ada: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    VideoFactory.create_batch(7, ready=True)
    whole = listed(ada)
    monkeypatch.setattr(listing, "STREAMED_FROM", 5)
    monkeypatch.setattr(listing, "AT_ONCE", 3)
    listing.kept.clear()
    response = ada.get("/api/video/")
    assert response.streaming
    assert json.loads(response.sent) == whole
    assert response["ETag"] == ada.head("/api/video/")["ETag"]
    assert ada.head("/api/video/").sent == b""


def test_whole_list_is_rendered_once_for_each_host(
    ada: Player, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.ALLOWED_HOSTS = ["one.example", "two.example", "testserver"]
    VideoFactory.create_batch(3, ready=True)
    first = ada.get("/api/video/", headers={"Host": "one.example"}).sent
    other = ada.get("/api/video/", headers={"Host": "two.example"}).sent
    assert b"http://one.example/" in first
    assert b"http://two.example/" in other
    assert b"one.example" not in other
    with django_assert_max_num_queries(2):
        assert ada.get("/api/video/", headers={"Host": "one.example"}).sent == first


def test_memory_of_renderings_is_bounded() -> None:
    kept = listing.Renderings()
    for number in range(listing.MOST_KEPT + 3):
        kept.keep(listing.RenderingKey(str(number), "http://here", None), b"[]")
    assert kept.get(listing.RenderingKey("0", "http://here", None)) is None
    assert kept.get(listing.RenderingKey(str(listing.MOST_KEPT), "http://here", None)) == b"[]"


def test_one_video_has_the_lists_fields_and_what_there_is_to_play(ada: Player) -> None:
    video = published()
    response = ada.get(f"/api/video/{video.pk}/")
    assert response["Cache-Control"] == "private, no-cache"
    shown = response.json()
    (in_list,) = listed(ada)
    assert {name: shown[name] for name in FIELDS} == in_list
    assert shown["status"] == "ready"
    assert shown["resolutions"] == ["480p", "720p"]
    assert shown["storyboard_url"] == f"http://testserver/api/video/{video.pk}/storyboard.vtt"
    VideoDetailOut.model_validate(shown)


def test_video_that_waits_can_be_looked_at_but_has_nothing_to_play(ada: Player) -> None:
    video: Video = VideoFactory.create()
    shown = ada.get(f"/api/video/{video.pk}/").json()
    assert (shown["status"], shown["resolutions"], shown["storyboard_url"]) == ("queued", [], None)
    assert (shown["thumbnail_url"], shown["duration"]) == (None, None)
    assert ada.get(f"/api/video/{video.pk}/master.m3u8").status_code == 404


def test_transcode_is_for_staff(ada: Player) -> None:
    video = published()
    assert ada.get(f"/api/video/{video.pk}/transcode/").status_code == 403
    make_viewer("carol@example.com", is_staff=True)
    carol = sign_in(Player(), "carol@example.com")
    response = carol.get(f"/api/video/{video.pk}/transcode/")
    assert (response.status_code, response.json()["state"], response["Cache-Control"]) == (200, "ready", "no-store")
    assert response.json()["warnings"] == []
    assert carol.get("/api/video/999/transcode/").status_code == 404
