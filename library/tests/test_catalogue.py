"""Which videos are shown and in which order, and when the list has changed."""

# ruff: noqa: RUF001  (letters that look alike are searched for)

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.utils import timezone

from hls import lifecycle
from hls.models import Transcode
from hls.tests.factories import TranscodeFactory
from library import catalogue
from library.catalogue import Query
from library.models import FirstCategory, Video
from library.tests.factories import VideoFactory

pytestmark = pytest.mark.django_db


def titles(**wanted: Any) -> list[str]:
    page = catalogue.page(Query(**wanted), catalogue.revision())
    return [video.title for video in catalogue.videos(page.ids)]


@pytest.fixture
def videos() -> list[Video]:
    """Five videos, the first being the oldest."""
    now = timezone.now()
    return [
        VideoFactory.create(
            ready=True,
            title=title,
            description=description,
            category=category,
            created_at=now - timedelta(days=5 - number),
        )
        for number, (title, description, category) in enumerate(
            [
                ("Harbour at Dawn", "Boats leave.", FirstCategory.DOCUMENTARY),
                ("Storm", "A harbour in winter.", FirstCategory.DRAMA),
                ("Über den Dächern", "100% real", FirstCategory.DRAMA),
                ("Knitting", "", FirstCategory.TUTORIAL),
                ("Night Boats", "At the harbour.", FirstCategory.DOCUMENTARY),
            ]
        )
    ]


def test_newest_video_comes_first(videos: list[Video]) -> None:
    assert titles() == ["Night Boats", "Knitting", "Über den Dächern", "Storm", "Harbour at Dawn"]


def test_videos_of_one_moment_have_an_order_that_stays() -> None:
    now = timezone.now()
    made = [VideoFactory.create(ready=True, created_at=now).pk for _ in range(5)]
    assert list(catalogue.page(Query(), "one").ids) == sorted(made, reverse=True)


def test_page_is_a_slice_of_the_whole(videos: list[Video]) -> None:
    whole = titles()
    for offset in range(7):
        for limit in (1, 2, 5, 9):
            assert titles(limit=limit, offset=offset) == whole[offset : offset + limit]
    assert titles(offset=3) == whole[3:]


def test_total_is_counted_before_paging(videos: list[Video]) -> None:
    for query, total in [
        (Query(limit=2), 5),
        (Query(limit=2, category=FirstCategory.DRAMA), 2),
        (Query(limit=1, search="harbour"), 3),
        (Query(limit=1, offset=9), 5),
        (Query(limit=1, search="nothing like it"), 0),
    ]:
        assert catalogue.page(query, "one").total == total


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("harbour", {"Night Boats", "Storm", "Harbour at Dawn"}),
        ("HARBOUR boats", {"Night Boats", "Harbour at Dawn"}),
        ("boats  harbour", {"Night Boats", "Harbour at Dawn"}),
        ("ber den", {"Über den Dächern"}),
        ("über", {"Über den Dächern"}),
        ("UBER dachern", {"Über den Dächern"}),
        ("u\u0308ber", {"Über den Dächern"}),
        ("100%", {"Über den Dächern"}),
        ("%", {"Über den Dächern"}),
        ("_", set()),
        ("'; DROP TABLE library_video; --", set()),
        ("\\", set()),
        ("   ", {"Night Boats", "Knitting", "Über den Dächern", "Storm", "Harbour at Dawn"}),
    ],
)
def test_every_word_must_be_in_title_or_description(videos: list[Video], search: str, found: set[str]) -> None:
    assert set(titles(search=search)) == found


@pytest.mark.parametrize(
    ("title", "search"),
    [
        ("Übermut", "übermut"),
        ("U\u0308bermut", "übermut"),
        ("Übermut", "u\u0308bermut"),
        ("Москва", "москва"),
        ("Ёлка", "елка"),
        ("Cafe\u0301 de nuit", "CAFÉ"),
        ("Die Straße", "STRASSE"),
        ("İstanbul'da", "istanbul"),
        ("Αθήνα", "ΑΘΗΝΑ"),
        ("東京物語", "東京"),
        ("50 % off_season", "% off_"),
    ],
)
def test_letters_that_people_take_for_the_same_are_found(title: str, search: str) -> None:
    video = VideoFactory.create(ready=True, title=title)
    VideoFactory.create(ready=True, title="Another", description="50 times offXseason")
    assert titles(search=search) == [title]
    Video.objects.filter(pk=video.pk).update(title="Another", description=title)
    assert len(titles(search=search)) == 1


def test_every_way_to_write_a_title_keeps_what_is_searched() -> None:
    video = VideoFactory.create(ready=True, title="Übermut", description="Ö", original_name="Äpfel.mp4")

    def kept() -> tuple[str, str]:
        fresh = Video.objects.get(pk=video.pk)
        return fresh.search_text, fresh.name_text

    assert kept() == ("ubermut\no", "apfel.mp4")
    video.title = "Älter"
    video.save(update_fields=["title"])
    assert kept() == ("alter\no", "apfel.mp4")
    Video.objects.filter(title="Älter").update(title="Ärger", original_name="Ö.mov")
    assert kept() == ("arger\no", "o.mov")
    video.refresh_from_db()
    video.description = "Ü"
    Video.objects.bulk_update([video], ["description"])
    assert kept() == ("arger\nu", "o.mov")
    Video.objects.filter(pk=video.pk).only("title").get().save()
    assert kept() == ("arger\nu", "o.mov")


def test_videos_made_in_bulk_are_found_too() -> None:
    transcode = TranscodeFactory.create(ready=True)
    Video.objects.bulk_create([Video(title="Übermut", video_file=transcode.source, transcode=transcode)])
    assert titles(search="ubermut") == ["Übermut"]


def test_the_migration_folds_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("library.migrations.0005_search_text")
    monkeypatch.setattr(migration, "AT_ONCE", 2)
    for title in ("Übermut", "Москва", "Café", "Harbour", "Straße"):
        VideoFactory.create(ready=True, title=title, original_name="Ä.mp4")
    before = catalogue.revision()
    Video.objects.update(search_text="", name_text="")
    assert titles(search="cafe") == []
    migration.fold(apps, None)
    assert [titles(search=word) for word in ("cafe", "МОСКВА", "strasse")] == [["Café"], ["Москва"], ["Straße"]]
    assert set(Video.objects.values_list("name_text", flat=True)) == {"a.mp4"}
    assert catalogue.revision() == before, "nothing that is shown has changed"


def test_search_keeps_order_and_pages(videos: list[Video]) -> None:
    assert titles(search="harbour", limit=2) == ["Night Boats", "Storm"]
    assert titles(search="harbour", limit=2, offset=2) == ["Harbour at Dawn"]


def test_unfinished_videos_are_not_shown(videos: list[Video], settings: Any) -> None:
    VideoFactory.create(title="Waiting")
    VideoFactory.create(title="Failed", failed=True)
    growing = VideoFactory.create(title="Growing", processing=True)
    Transcode.objects.filter(pk=growing.transcode_id).update(playable_at=timezone.now())
    assert "Growing" not in titles()
    settings.HLS_LIST_WHEN = "playable"
    assert titles()[0] == "Growing"
    assert not {"Waiting", "Failed"} & set(titles())


def test_video_deleted_between_two_looks_is_left_out(videos: list[Video]) -> None:
    ids = catalogue.page(Query(), "one").ids
    videos[2].delete()
    assert [video.title for video in catalogue.videos(ids)] == ["Night Boats", "Knitting", "Storm", "Harbour at Dawn"]


def test_every_kind_of_change_makes_a_new_revision(videos: list[Video]) -> None:
    seen = {catalogue.revision()}

    def is_new() -> bool:
        before = len(seen)
        seen.add(catalogue.revision())
        return len(seen) > before

    assert not is_new()
    videos[0].title = "Harbour at Noon"
    videos[0].save()
    assert is_new()
    videos[1].delete()
    assert is_new()
    Video.objects.filter(pk=videos[2].pk).delete()
    assert is_new()
    waiting = VideoFactory.create()
    assert is_new()
    Transcode.objects.filter(pk=waiting.transcode_id).update(playable_at=timezone.now())
    assert is_new()
    Transcode.objects.filter(pk=waiting.transcode_id).update(served_at=timezone.now(), served_version=1)
    assert is_new()
    Video.objects.filter(pk=videos[3].pk).update(category=FirstCategory.VLOG)
    assert is_new()
    videos[3].title = "Knots"
    Video.objects.bulk_update([videos[3]], ["title"])
    assert is_new()
    Video.objects.bulk_create([Video(title="Fog", video_file="fog.mp4", transcode=TranscodeFactory.create())])
    assert is_new()
    assert not is_new()


def test_what_nobody_is_shown_makes_no_new_revision(videos: list[Video]) -> None:
    seen = catalogue.revision()
    transcode = Transcode.objects.filter(pk=videos[0].transcode_id)
    transcode.update(percent=50, lease_token="a")
    Transcode.objects.filter(pk=0).update(playable_at=timezone.now())
    Video.objects.filter(pk=0).update(title="Nobody's")
    assert catalogue.revision() == seen


def test_video_that_can_be_played_no_longer_leaves_the_list_at_once(settings: Any) -> None:
    """It is not the video that became playable last, so the latest of these times stays the same."""
    settings.HLS_LIST_WHEN = "playable"
    now = timezone.now()
    for title, seconds in (("First", 2), ("Last", 1)):
        video = VideoFactory.create(title=title, processing=True)
        Transcode.objects.filter(pk=video.transcode_id).update(playable_at=now - timedelta(seconds=seconds))
    assert titles() == ["Last", "First"]
    lifecycle.replace(Transcode.objects.get(video__title="First"), "videos/another.mp4")
    assert titles() == ["Last"]


def test_change_that_is_committed_late_is_seen_all_the_same(videos: list[Video]) -> None:
    """Its time lies before that of a change that was seen already."""
    began = timezone.now()
    videos[0].save()
    seen = catalogue.revision()
    page = catalogue.page(Query(), seen)
    Video.objects.filter(pk=videos[1].pk).update(title="Late", updated_at=began)
    with time_machine.travel(began + timedelta(seconds=70)):
        assert catalogue.revision() != seen
        settled = catalogue.revision()
    with time_machine.travel(began + timedelta(days=1)):
        assert catalogue.revision() == settled
    assert page.total == 5


def test_ids_are_read_once_for_each_revision(videos: list[Video], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        for offset in range(5):
            catalogue.page(Query(limit=1, offset=offset), "one")
    with django_assert_num_queries(1):
        catalogue.page(Query(limit=1), "two")
    with django_assert_num_queries(1):
        catalogue.page(Query(limit=1, category=FirstCategory.DRAMA), "two")
        catalogue.page(Query(limit=1), "two")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite reads through the table")
def test_search_uses_the_trigrams(videos: list[Video]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        found = catalogue.searched(Video.objects.all(), "HÄRBOUR")
        sql, parameters = found.order_by().query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", parameters)
        assert "library_video_search_words" in "\n".join(row[0] for row in cursor.fetchall())
