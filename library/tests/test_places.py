"""Where files are looked up: only names of the served version lead to one, and what is remembered is soon forgotten."""

from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries

from hls import lifecycle
from hls.core.chunk import ChunkFacts, RenditionFacts, SegmentFacts
from hls.models import ChunkState, Transcode
from hls.published import PublishedRendition, PublishedVersion
from hls.shared_cache import SharedCache
from hls.tests.factories import ChunkFactory, plan
from library.delivery import places
from library.delivery.places import Key, short_lived
from library.errors import NotFound
from library.models import Video
from library.tests.factories import VideoFactory
from library.tests.videos import published, serve_version
from library.visibility import Sight

pytestmark = pytest.mark.django_db

RENDITIONS = (PublishedRendition("480p", 854, 480), PublishedRendition("720p", 1280, 720))
VERSION = PublishedVersion(7, 1, 72.0, 1000, 12, RENDITIONS, 2, True)


@pytest.mark.parametrize(
    ("resolution", "name", "path"),
    [
        ("480p", "segment_000.ts", "480p/segment_000.ts"),
        ("720p", "segment_011.ts", "720p/segment_011.ts"),
        ("1080p", "segment_001.ts", "720p/segment_001.ts"),
    ],
)
def test_a_segment_of_the_version_is_found(resolution: str, name: str, path: str) -> None:
    assert VERSION.segment(resolution, name) == VERSION.place.below(path)


@pytest.mark.parametrize(
    ("resolution", "name"),
    [
        ("480p", "segment_012.ts"),
        ("480p", "segment_0001.ts"),
        ("480p", "segment_-01.ts"),
        ("480p", "../480p/segment_000.ts"),
        ("480p", "index.m3u8"),
        ("480p", ""),
        ("360p", "segment_000.ts"),
        ("..", "segment_000.ts"),
        ("480p/", "segment_000.ts"),
        ("", "segment_000.ts"),
    ],
)
def test_other_names_are_no_segment(resolution: str, name: str) -> None:
    assert VERSION.segment(resolution, name) is None


@pytest.mark.parametrize("name", ["storyboard_02.jpg", "storyboard_0.jpg", "poster.jpg", "../storyboard_00.jpg", ""])
def test_other_names_are_no_sheet(name: str) -> None:
    assert VERSION.sheet("storyboard_01.jpg") == VERSION.place.below("storyboard_01.jpg")
    assert VERSION.sheet(name) is None


@pytest.mark.parametrize(
    ("resolution", "name"), [("480p", "master.m3u8"), ("480p", "index.m3u8.gz"), ("2160p", "index.m3u8"), ("480p", "")]
)
def test_other_names_are_no_playlist(resolution: str, name: str) -> None:
    assert VERSION.playlist("iframes.m3u8", "1080p") == VERSION.place.below("720p/iframes.m3u8")
    assert VERSION.playlist(name, resolution) is None


@pytest.mark.parametrize(
    ("name", "folder", "path"),
    [
        ("index.m3u8", "1080p", "720p/index.m3u8"),
        ("video.m3u8", "480p", "480p/video.m3u8"),
        ("video.m3u8", "1080p", "720p/video.m3u8"),
        ("iframes.m3u8", "720p", "720p/iframes.m3u8"),
        ("index.m3u8", "audio_0", "audio_0/index.m3u8"),
        ("index.m3u8", "audio_11", "audio_11/index.m3u8"),
        ("video.m3u8", "audio_0", None),
        ("iframes.m3u8", "audio_0", None),
        ("index.m3u8", "audio_12", None),
        ("index.m3u8", "audio_01", None),
        ("index.m3u8", "audio_", None),
        ("index.m3u8", "audio_0/../480p", None),
        ("video.m3u8", "360p", None),
        ("video.m3u8.gz", "480p", None),
    ],
)
def test_playlists_of_several_sounds(name: str, folder: str, path: str | None) -> None:
    several = replace(VERSION, sounds=12)
    assert several.playlist(name, folder) == (path and several.place.below(path))


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [
        ("audio_0", "segment_000.ts", "audio_0/segment_000.ts"),
        ("audio_11", "segment_011.ts", "audio_11/segment_011.ts"),
        ("1080p", "segment_011.ts", "720p/segment_011.ts"),
        ("audio_11", "segment_012.ts", None),
        ("audio_12", "segment_000.ts", None),
        ("audio_-1", "segment_000.ts", None),
        ("audio_0", "index.m3u8", None),
    ],
)
def test_segments_of_several_sounds(folder: str, name: str, path: str | None) -> None:
    several = replace(VERSION, sounds=12)
    assert several.segment(folder, name) == (path and several.place.below(path))


def test_what_is_not_apart_has_no_name() -> None:
    assert VERSION.playlist("video.m3u8", "480p") is None
    assert VERSION.playlist("index.m3u8", "audio_0") is None
    assert VERSION.segment("audio_0", "segment_000.ts") is None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the memory goes by, in its only place."""
    now = [1000.0]
    monkeypatch.setattr("library.delivery.places.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("version", "seconds"), [(None, 5), (1, 30), (9, 30)])
def test_which_version_is_current_is_forgotten_sooner_than_where_one_lies(
    clock: list[float], version: int | None, seconds: float
) -> None:
    memory, key = SharedCache(short_lived()), Key(7, version)
    memory.put(key, VERSION)
    clock[0] += seconds - 0.1
    assert memory.get(key) == VERSION
    clock[0] += 0.2
    assert memory.get(key) is None


def test_videos_versions_and_previews_are_remembered_apart() -> None:
    memory = SharedCache(short_lived())
    memory.put(Key(7, 1), VERSION)
    others = (Key(8, 1), Key(7, 2), Key(7, None), Key(7, 1, is_finished=False))
    assert [memory.get(key) for key in others] == [None] * 4


def test_the_memory_has_an_end_and_what_was_put_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_REMEMBERED", 3)
    memory = SharedCache(short_lived())
    for video in (1, 2, 3, 1, 4):
        memory.put(Key(video, 1), VERSION)
    assert [video for video in range(1, 5) if memory.get(Key(video, 1))] == [1, 3, 4]


def path_of(video: Video, *, version: int | None = None, may_preview: bool = False, number: int = 0) -> Path:
    name = f"segment_{number:03d}.ts"
    return Path(str(places.segment(video.pk, "480p", name, version, Sight(may_preview=may_preview))))


def test_an_address_without_a_version_is_the_first_ones_as_long_as_that_is_there() -> None:
    video = published()
    serve_version(video, 2)
    assert path_of(video).parts[-3] == "1"
    assert path_of(video, version=2).parts[-3] == "2"
    serve_version(video, 3)
    places.memory.clear()
    for gone in (None, 1, 4):
        with pytest.raises(NotFound):
            path_of(video, version=gone)
    assert path_of(video, version=2).parts[-3] == "2"


def test_a_segment_costs_one_query_and_then_none(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    video = published()
    with django_assert_num_queries(1):
        path_of(video)
    with django_assert_num_queries(0):
        path_of(video, number=1)


@pytest.mark.parametrize("video_id", [0, -1, 2**63 - 1])
def test_a_video_that_does_not_exist_is_not_found(video_id: int) -> None:
    with pytest.raises(NotFound):
        places.segment(video_id, "480p", "segment_000.ts", None, Sight(may_preview=True))


def grows(video: Video, chunks: int) -> None:
    """So many of its chunks are done: two segments, then five each."""
    made = plan()
    Transcode.objects.filter(pk=video.transcode_id).update(plan=made.to_json(), state="processing")
    video.transcode.chunks.all().delete()
    for span in made.timeline.chunks[:chunks]:
        segments = tuple(SegmentFacts(segment.number, segment.frame_count, 10, ()) for segment in span.segments)
        facts = ChunkFacts(
            span.index, tuple(RenditionFacts(entry.name, "avc1", segments) for entry in made.renditions), ()
        )
        ChunkFactory.create(transcode=video.transcode, index=span.index, state=ChunkState.DONE, facts=facts.to_json())


def test_a_video_in_the_making_is_for_those_who_may_preview() -> None:
    video = VideoFactory.create(processing=True)
    grows(video, 1)
    assert path_of(video, may_preview=True).parts[-2:] == ("480p", "segment_000.ts")
    with pytest.raises(NotFound):
        path_of(video)


def test_what_staff_may_see_is_not_remembered_for_viewers() -> None:
    video = VideoFactory.create(processing=True)
    grows(video, 1)
    path_of(video, may_preview=True)
    with pytest.raises(NotFound):
        path_of(video, may_preview=False)


def test_a_preview_is_remembered_until_it_has_grown(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    video = VideoFactory.create(processing=True)
    grows(video, 1)
    path_of(video, may_preview=True)
    grows(video, 2)
    with django_assert_num_queries(0):
        path_of(video, may_preview=True, number=1)
    assert path_of(video, may_preview=True, number=6).name == "segment_006.ts"
    with pytest.raises(NotFound):
        path_of(video, may_preview=True, number=7)


def test_a_replacement_in_the_making_leaves_the_served_version_alone() -> None:
    video = published()
    lifecycle.replace(Transcode.objects.get(pk=video.transcode_id), "videos/b.mp4")
    grows(video, 1)
    places.memory.clear()
    assert path_of(video, may_preview=True).parts[-3] == "1"
    assert path_of(video, version=2, may_preview=True).parts[-3] == "2"
    with pytest.raises(NotFound):
        path_of(video, version=2)
