"""Tracks as players get them: in the multivariant playlist, cut into segments, and whole."""

import gzip
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hls.models import Track, TrackText
from hls.tracks import editing, texts
from library.delivery import places
from library.models import Video
from library.tests.tracks import SUBRIP, put
from library.tests.videos import MASTER, Player, make_viewer, published, serve_version, sign_in

pytestmark = pytest.mark.django_db

HEAD = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n"
URI = re.compile(r'URI="([^"]+)"')


@pytest.fixture
def video() -> Video:
    return published()


@pytest.fixture
def dora() -> Player:
    make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    return sign_in(Player(), "dora@example.com")


@pytest.fixture
def ada() -> Player:
    make_viewer()
    return sign_in(Player())


def address(video: Video, name: str) -> str:
    return f"/api/video/{video.pk}/{name}"


def master(client: Player, video: Video) -> str:
    return str(client.get(address(video, "master.m3u8")).sent.decode())


def text_playlist(client: Player, video: Video) -> str:
    """The address that the multivariant playlist gives for the only text track."""
    [uri] = URI.findall(master(client, video))
    return address(video, uri)


def test_video_without_tracks_has_the_playlist_it_had(ada: Player, video: Video) -> None:
    response = ada.get(address(video, "master.m3u8"))
    assert response.sent.decode() == MASTER.replace(".m3u8", ".m3u8?v=1")


def test_multivariant_playlist_names_the_track(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video, is_default="true").json()["id"]
    lines = master(ada, video).splitlines()
    assert lines[1] == (
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="texts",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,'
        f'URI="tracks/{track}/index.m3u8?v=1&r=1"'
    )
    streams = [line for line in lines if line.startswith("#EXT-X-STREAM-INF")]
    assert len(streams) == 2
    assert all(line.endswith(',SUBTITLES="texts"') for line in streams)


def test_captions_are_told_as_such(dora: Player, ada: Player, video: Video) -> None:
    put(dora, video, kind="captions")
    wanted = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
    assert f'CHARACTERISTICS="{wanted}"' in master(ada, video)


def test_multivariant_playlist_changes_its_tag_with_a_track(dora: Player, ada: Player, video: Video) -> None:
    tags = set()
    for text in ("", SUBRIP, SUBRIP.replace("boats", "nets")):
        if text:
            put(dora, video, text)
        tags.add(ada.get(address(video, "master.m3u8"))["ETag"])
    assert len(tags) == 3


def test_track_is_cut_where_the_pictures_are_cut(dora: Player, ada: Player, video: Video) -> None:
    put(dora, video)
    playlist = ada.get(text_playlist(ada, video))
    assert playlist["Content-Type"] == "application/vnd.apple.mpegurl"
    assert playlist["Cache-Control"] == "private, max-age=5"
    assert playlist.sent.decode() == (
        "#EXTM3U\n#EXTINF:6.0,\nsegment_000.vtt?v=1&r=1\n#EXTINF:6.0,\nsegment_001.vtt?v=1&r=1\n#EXT-X-ENDLIST\n"
    )
    folder = text_playlist(ada, video).partition("index.m3u8")[0]
    first = ada.get(f"{folder}segment_000.vtt?v=1&r=1")
    second = ada.get(f"{folder}segment_001.vtt?v=1&r=1")
    over = "\n00:00:05.000 --> 00:00:07.000\nOver the border.\n"
    assert first["Content-Type"] == "text/vtt; charset=utf-8"
    assert first.sent.decode() == f"{HEAD}\n00:00:01.000 --> 00:00:03.500\nThe boats come in.\n{over}"
    assert second.sent.decode() == f"{HEAD}{over}"


def test_segment_in_which_nothing_is_said_is_empty(dora: Player, ada: Player, video: Video) -> None:
    put(dora, video, "1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
    folder = text_playlist(ada, video).partition("index.m3u8")[0]
    assert ada.get(f"{folder}segment_001.vtt").sent.decode() == HEAD


@pytest.mark.parametrize(
    "name", ["segment_002.vtt", "segment_999999.vtt", "segment_0.vtt", "segment_000.ts", "..%2f1.vtt", "index.vtt"]
)
def test_name_that_is_none_of_the_track_is_not_found(dora: Player, ada: Player, video: Video, name: str) -> None:
    track = put(dora, video).json()["id"]
    assert ada.get(address(video, f"tracks/{track}/{name}")).status_code == 404


@pytest.mark.parametrize("track", ["0", "1", "01", "-1", "x", "99999999999999999999"])
def test_track_that_is_not_there_is_not_found(ada: Player, video: Video, track: str) -> None:
    for name in (f"{track}.vtt", f"{track}/index.m3u8", f"{track}/segment_000.vtt"):
        assert ada.get(address(video, f"tracks/{name}")).status_code == 404


def test_nobody_reads_tracks_without_signing_in(dora: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    for name in (f"{track}.vtt", f"{track}/index.m3u8", f"{track}/segment_000.vtt", "chapters.vtt"):
        assert Player().get(address(video, f"tracks/{name}")).status_code == 401


def test_drafts_tracks_are_for_staff_alone(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    Video.objects.filter(pk=video.pk).update(is_published=False)
    places.memory.clear()
    for name in (f"{track}.vtt", f"{track}/index.m3u8", f"{track}/segment_000.vtt"):
        assert ada.get(address(video, f"tracks/{name}")).status_code == 404
        assert dora.get(address(video, f"tracks/{name}")).status_code == 200


def test_texts_come_in_gzip_and_are_asked_for_anew_with_their_tag(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    for name in (f"tracks/{track}.vtt", f"tracks/{track}/segment_000.vtt"):
        plain = ada.get(address(video, name))
        packed = ada.get(address(video, name), headers={"Accept-Encoding": "gzip"})
        assert packed["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.sent) == plain.sent
        assert packed["ETag"] != plain["ETag"]
        assert "Accept-Encoding" in packed["Vary"]
        known = ada.get(address(video, name), headers={"If-None-Match": plain["ETag"]})
        assert (known.status_code, known.sent) == (304, b"")


def test_addresses_answer_with_and_without_their_slash(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    for name in (f"tracks/{track}.vtt", f"tracks/{track}/segment_000.vtt"):
        assert ada.get(f"{address(video, name)}/").sent == ada.get(address(video, name)).sent
    moved = ada.get(f"{address(video, f'tracks/{track}/index.m3u8')}/").sent.decode()
    assert "\n../segment_000.vtt?v=1&r=1\n" in moved
    assert f'URI="../tracks/{track}/index.m3u8?v=1&r=1"' in ada.get(address(video, "master.m3u8/")).sent.decode()


def test_who_watches_keeps_a_text_that_is_replaced_or_deleted(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    watched = address(video, f"tracks/{track}/segment_000.vtt?v=1&r=1")
    before = ada.get(watched).sent
    put(dora, video, SUBRIP.replace("boats", "nets"))
    texts.memory.clear()
    assert ada.get(watched).sent == before
    assert "nets" in ada.get(address(video, f"tracks/{track}/segment_000.vtt?v=1&r=2")).sent.decode()
    assert dora.delete(address(video, f"tracks/{track}/")).status_code == 204
    texts.memory.clear()
    assert ada.get(watched).sent == before
    assert ada.get(address(video, f"tracks/{track}.vtt")).status_code == 404
    assert "SUBTITLES" not in master(ada, video)


def test_text_that_is_not_kept_any_more_is_answered_with_the_newest(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    put(dora, video, SUBRIP.replace("boats", "nets"))
    TrackText.objects.filter(revision=1).update(replaced_at=timezone.now() - timedelta(days=2))
    editing.forget_old()
    assert not TrackText.objects.filter(revision=1).exists()
    assert "nets" in ada.get(address(video, f"tracks/{track}/segment_000.vtt?v=1&r=1")).sent.decode()


def test_text_of_another_revision_than_asked_for_is_never_kept(dora: Player, ada: Player, video: Video) -> None:
    """Else the edge would keep it under the revision of an upload to come."""
    track = put(dora, video).json()["id"]
    kept = {
        query: ada.get(address(video, f"tracks/{track}/segment_000.vtt{query}"))["Cache-Control"]
        for query in ("?v=1&r=1", "?v=1&r=2", "?v=1")
    }
    assert kept == {"?v=1&r=1": "private, max-age=5", "?v=1&r=2": "no-store", "?v=1": "private, max-age=5"}


def test_deleted_track_is_forgotten_after_a_day(dora: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    dora.delete(address(video, f"tracks/{track}/"))
    editing.forget_old()
    assert Track.objects.exists()
    Track.objects.update(deleted_at=timezone.now() - timedelta(days=2))
    editing.forget_old()
    assert not Track.objects.exists()


def test_replaced_video_keeps_uploaded_tracks_cut_anew(dora: Player, ada: Player, video: Video) -> None:
    put(dora, video)
    serve_version(video, 2)
    places.memory.clear()
    assert "?v=2&r=1" in text_playlist(ada, video)
    assert "segment_001.vtt?v=2&r=1" in ada.get(text_playlist(ada, video)).sent.decode()


def test_tracks_of_another_file_are_not_shown(dora: Player, ada: Player, video: Video) -> None:
    """What came out of a file goes with the version that was made of it."""
    of_file = {"transcode": video.transcode, "kind": "subtitles", "origin": "embedded", "state": "ready"}
    Track.objects.create(**of_file, label="Of the file before", source="videos/before.mp4", source_index=2)
    assert "SUBTITLES" not in master(ada, video)


def test_deleted_video_takes_its_tracks_along(dora: Player, video: Video) -> None:
    put(dora, video)
    Video.objects.get(pk=video.pk).delete()
    assert not Track.objects.exists()
    assert not TrackText.objects.exists()


def test_multivariant_playlist_costs_one_query_more_and_others_none(
    dora: Player, ada: Player, video: Video, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    put(dora, video)
    for name in ("master.m3u8", "480p/index.m3u8"):  # afterwards the viewer and the version are known
        ada.get(address(video, name))
    for name, queries in (("master.m3u8", 1), ("480p/index.m3u8", 0)):
        with django_assert_num_queries(queries):
            ada.get(address(video, name))


def test_segment_of_a_text_costs_no_query_once_it_is_known(dora: Player, ada: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    fields: Any = address(video, f"tracks/{track}/segment_000.vtt?v=1&r=1")
    ada.get(fields)
    with CaptureQueriesContext(connection) as captured:
        ada.get(fields)
    assert not [query for query in captured.captured_queries if "hls_track" in query["sql"]]


def test_text_that_is_asked_for_without_a_revision_is_read_once(dora: Player, video: Video) -> None:
    track = put(dora, video).json()["id"]
    put(dora, video, SUBRIP.replace("boats", "nets"))
    newest = texts.text_of(video.transcode_id, track, None)
    assert newest is not None
    assert texts.text_of(video.transcode_id, track, None) is newest
    assert texts.text_of(video.transcode_id, track, 9) is newest
