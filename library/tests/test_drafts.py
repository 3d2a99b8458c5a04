"""Drafts and scheduled videos: staff watch them, viewers neither find nor open them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from library import visibility
from library.delivery import places
from library.errors import NotFound
from library.models import Video
from library.tests.videos import Player, make_viewer, published, sign_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HIDDEN: list[dict[str, Any]] = [
    {"is_published": False},
    {"publish_at": NOW + timedelta(hours=1)},
    {"is_published": False, "publish_at": NOW - timedelta(hours=1)},
    {"is_published": False, "publish_at": NOW + timedelta(hours=1)},
]
SHOWN: list[dict[str, Any]] = [{}, {"publish_at": NOW}, {"publish_at": NOW - timedelta(seconds=1)}]
FILES = [
    "",
    "master.m3u8",
    "480p/index.m3u8",
    "480p/iframes.m3u8",
    "480p/segment_000.ts",
    "1080p/segment_001.ts?v=1",
    "thumbnail.jpg",
    "storyboard.vtt",
    "storyboard_00.jpg",
]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def dora() -> Player:
    make_viewer("dora@example.com", is_staff=True)
    return sign_in(Player(), "dora@example.com")


def listed(player: Player) -> list[str]:
    return [video["title"] for video in player.get("/api/video/").json()]


@pytest.mark.parametrize("fields", HIDDEN)
@pytest.mark.parametrize("name", FILES)
def test_hidden_video_is_404_for_viewers_and_plays_for_staff(
    ada: Player, dora: Player, name: str, fields: dict[str, Any]
) -> None:
    video = published(**fields)
    for _ in range(2):  # what was found for staff is not remembered for viewers
        assert dora.get(f"/api/video/{video.pk}/{name}").status_code == 200
        answer = ada.get(f"/api/video/{video.pk}/{name}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("fields", HIDDEN)
def test_hidden_video_is_in_nobodys_list(ada: Player, dora: Player, fields: dict[str, Any]) -> None:
    published(title="Hidden", **fields)
    published(title="Shown")
    assert listed(ada) == listed(dora) == ["Shown"]
    assert ada.get("/api/video/?search=hidden").json() == []
    assert ada.get("/api/video/?limit=5")["X-Total-Count"] == "1"


@pytest.mark.parametrize(("fields", "is_shown"), [(f, False) for f in HIDDEN] + [(f, True) for f in SHOWN])
def test_rows_and_sql_have_the_same_rule(fields: dict[str, Any], is_shown: bool) -> None:
    video = published(**fields)
    assert Video.objects.filter(visibility.published()).exists() is is_shown
    assert (visibility.draft_word(video) == "") is is_shown
    try:
        found = places.video_of(video.pk)
    except NotFound:
        found = None
    assert (found is not None) is is_shown


def test_playback_address_of_a_draft_is_made_for_staff_alone(ada: Player, dora: Player) -> None:
    video = published(is_published=False)
    assert ada.post(f"/api/video/{video.pk}/playback-address/").status_code == 404
    made = dora.post(f"/api/video/{video.pk}/playback-address/")
    assert Player().get(made.json()["url"]).status_code == 200


@pytest.mark.parametrize("name", ["master.m3u8", "480p/index.m3u8?v=1", "480p/segment_000.ts", "storyboard.vtt"])
def test_unpublishing_stops_whoever_watches_within_a_minute_and_the_list_at_once(
    ada: Player, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("library.delivery.places.time.monotonic", lambda: clock[0])
    video = published()
    assert listed(ada) == [video.title]
    ada.get(f"/api/video/{video.pk}/master.m3u8")
    del ada.cookies["access_token"]  # the playback cookie alone
    assert ada.get(f"/api/video/{video.pk}/{name}").status_code == 200
    Video.objects.filter(pk=video.pk).update(is_published=False)
    clock[0] += 59
    assert ada.get(f"/api/video/{video.pk}/{name}").status_code == 404
    assert listed(sign_in(Player())) == []


def test_list_changes_by_itself_when_the_moment_has_come(ada: Player, clock: time_machine.Traveller) -> None:
    published(title="Now")
    published(title="Soon", publish_at=NOW + timedelta(minutes=1))
    published(title="Later", publish_at=NOW + timedelta(minutes=2))
    tags = []
    for expected in ({"Now"}, {"Soon", "Now"}, {"Later", "Soon", "Now"}):
        assert set(listed(ada)) == expected
        assert ada.get("/api/video/?category=drama&limit=9")["X-Total-Count"] == str(len(expected))
        tags.append(ada.get("/api/video/")["ETag"])
        clock.shift(timedelta(seconds=59))
        assert ada.get("/api/video/", headers={"If-None-Match": tags[-1]}).status_code == 304
        clock.shift(timedelta(seconds=1))
    assert len(set(tags)) == 3


def test_scheduled_video_plays_from_its_moment_on(ada: Player, clock: time_machine.Traveller) -> None:
    video = published(publish_at=NOW + timedelta(seconds=1))
    assert ada.get(f"/api/video/{video.pk}/480p/segment_000.ts").status_code == 404
    clock.shift(timedelta(seconds=1))
    assert ada.get(f"/api/video/{video.pk}/480p/segment_000.ts").status_code == 200


def test_setting_and_taking_back_a_moment_is_a_new_revision(ada: Player) -> None:
    video = published()
    seen = [ada.get("/api/video/")["ETag"]]
    for publish_at in (timezone.now() + timedelta(days=1), None):
        Video.objects.filter(pk=video.pk).update(publish_at=publish_at)
        seen.append(ada.get("/api/video/")["ETag"])
    assert len(set(seen)) == 3
    assert listed(ada) == [video.title]


def test_staffs_transcode_of_a_draft_is_answered(dora: Player) -> None:
    video = published(is_published=False)
    assert dora.get(f"/api/video/{video.pk}/transcode/").json()["state"] == "ready"
