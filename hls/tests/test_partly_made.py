"""A video of which some chunks are done: what may be watched of it, told by rows alone."""

from pathlib import Path

import pytest

from hls.conformance.m3u8 import attributes, parse
from hls.core.chunk import ChunkFacts, IFrame, RenditionFacts, SegmentFacts
from hls.core.plan import Plan
from hls.models import ChunkState, Transcode
from hls.partial import PartialVersion
from hls.published import PublishedRendition, PublishedVersion, current, retired
from hls.tests.factories import ChunkFactory, TranscodeFactory, plan, plan_of_several_sounds, served

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio")]

SMALL = plan(seconds=90, width=640, height=480)


def facts(made: Plan, index: int) -> dict[str, object]:
    """What measuring would have told of a chunk."""
    span = made.timeline.chunks[index]
    segments = tuple(
        SegmentFacts(segment.number, segment.frame_count, 100_000, (IFrame(segment.first_frame, 0, 9_000),))
        for segment in span.segments
    )
    codecs = "avc1.640028" if made.sounds else "avc1.640028,mp4a.40.2"
    renditions = tuple(RenditionFacts(entry.name, codecs, segments) for entry in made.made(span))
    heard = tuple(SegmentFacts(segment.number, 281, 50_000, ()) for segment in span.segments)
    sounds = tuple(RenditionFacts(entry.name, "mp4a.40.2", heard) for entry in made.sounds)
    return ChunkFacts(index, renditions, (), sounds=sounds).to_json()


def partly(done: list[int], *, made: Plan = SMALL, version: int = 1) -> Transcode:
    transcode = TranscodeFactory.create(processing=True, plan=made.to_json(), version=version)
    for span in made.timeline.chunks:
        state = ChunkState.DONE if span.index in done else ChunkState.RUNNING
        told = facts(made, span.index) if span.index in done else None
        ChunkFactory.create(transcode=transcode, index=span.index, state=state, facts=told)
    return transcode


def partial(transcode: Transcode) -> PartialVersion:
    found = PartialVersion.of(transcode)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("done", "segments"), [([0], 2), ([0, 1], 7), ([1, 0, 2], 12), ([0, 2, 3], 2), ([0, 1, 2, 3], 15)]
)
def test_what_is_done_without_a_gap_may_be_watched(done: list[int], segments: int) -> None:
    transcode = partial(partly(done))
    text = transcode.playlist("index.m3u8", "480p")
    assert text is not None
    entries = parse("index.m3u8", text).entries
    assert [entry.uri for entry in entries] == [f"segment_{number:03d}.ts" for number in range(segments)]


@pytest.mark.parametrize("done", [[], [1], [1, 2, 3]])
def test_without_its_beginning_nothing_may_be_watched(done: list[int]) -> None:
    assert PartialVersion.of(partly(done)) is None


def test_a_video_whose_plan_was_taken_back_shows_nothing() -> None:
    transcode = partly([0])
    transcode.plan = None
    assert PartialVersion.of(transcode) is None


@pytest.mark.parametrize("resolution", ["480p", "720p", "1080p"])
def test_every_resolution_plays_the_best_real_one(resolution: str) -> None:
    transcode = partial(partly([0]))
    assert transcode.rendition(resolution).name == "480p"


def test_trick_play_grows_with_the_video() -> None:
    """The multivariant playlist named playlists that there were not before the end."""
    transcode = partial(partly([0], made=plan(), version=2))
    named = [line for line in lines(transcode.playlist("master.m3u8")) if "I-FRAME" in line]
    assert len(named) == 3
    for resolution, line in zip(("480p", "720p", "1080p"), named, strict=True):
        assert f'URI="{resolution}/iframes.m3u8?v=2"' in line
        text = transcode.playlist("iframes.m3u8", resolution)
        assert text is not None
        assert {"#EXT-X-I-FRAMES-ONLY", "#EXT-X-PLAYLIST-TYPE:EVENT"} <= set(text.splitlines())
        assert "#EXT-X-ENDLIST" not in text
    assert transcode.playlist("master.m3u8", "480p") is None


@pytest.mark.parametrize(("version", "suffix"), [(1, ""), (2, "?v=2")])
def test_a_replacement_has_addresses_of_its_own(version: int, suffix: str) -> None:
    transcode = partial(partly([0], version=version))
    text = transcode.playlist("index.m3u8", "480p")
    assert text is not None
    assert parse("x", text).entries[0].uri == f"segment_000.ts{suffix}"
    master = transcode.playlist("master.m3u8")
    assert master is not None
    assert parse("x", master).entries[0].uri == f"480p/index.m3u8?v={version}"
    assert transcode.place.name == str(version)


def test_the_multivariant_playlist_tells_what_was_measured_so_far() -> None:
    text = partial(partly([0], made=plan())).playlist("master.m3u8")
    assert text is not None
    entries = parse("x", text).entries
    told = [attributes(entry.tags[0].value) for entry in entries]
    assert [entry["RESOLUTION"] for entry in told] == ["854x480", "1280x720", "1920x1080"]
    assert {entry["AVERAGE-BANDWIDTH"] for entry in told} == {str(-(-100_000 * 8 // 6))}


SEVERAL = plan_of_several_sounds(seconds=90, width=640, height=480)


def lines(text: str | None) -> list[str]:
    """What a playlist names, and in which tags."""
    assert text is not None
    return [line for line in text.splitlines() if "m3u8" in line or ".ts" in line]


def test_several_sounds_grow_with_the_pictures() -> None:
    transcode = partial(partly([0], made=SEVERAL, version=2))
    for name, resolution in (("video.m3u8", "720p"), ("index.m3u8", "audio_3")):
        text = transcode.playlist(name, resolution)
        assert lines(text) == ["segment_000.ts?v=2", "segment_001.ts?v=2"]
        assert text is not None
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert transcode.segment("audio_3", "segment_001.ts") == transcode.place.below("audio_3/segment_001.ts")
    assert transcode.segment("1080p", "segment_001.ts") == transcode.place.below("480p/segment_001.ts")


@pytest.mark.parametrize("version", [1, 2])
def test_a_resolution_of_several_sounds_names_its_pictures_and_all_sounds(version: int) -> None:
    *sounds, pictures, iframes = lines(
        partial(partly([0], made=SEVERAL, version=version)).playlist("index.m3u8", "1080p")
    )
    assert pictures == f"video.m3u8?v={version}"
    assert f'URI="iframes.m3u8?v={version}"' in iframes
    assert len(sounds) == 4
    for number, line in enumerate(sounds):
        assert line.endswith(f'URI="../audio_{number}/index.m3u8?v={version}"')


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("index.m3u8", "audio_4"),
        ("index.m3u8", "audio_"),
        ("video.m3u8", "audio_0"),
        ("iframes.m3u8", "audio_0"),
        ("video.m3u8", "360p"),
        ("video.m3u8", None),
    ],
)
def test_other_names_are_nothing_of_several_sounds(name: str, folder: str | None) -> None:
    transcode = partial(partly([0], made=SEVERAL))
    assert transcode.playlist(name, folder) is None


def test_of_a_single_sound_nothing_is_apart() -> None:
    transcode = partial(partly([0]))
    assert transcode.playlist("video.m3u8", "480p") is None
    assert transcode.playlist("index.m3u8", "audio_0") is None
    assert transcode.segment("audio_0", "segment_000.ts") is None


def test_several_sounds_end_with_what_is_done() -> None:
    transcode = partial(partly([0], made=SEVERAL))
    assert transcode.segment("audio_0", "segment_002.ts") is None
    assert transcode.segment("audio_4", "segment_000.ts") is None


def served_version(transcode: Transcode) -> PublishedVersion:
    found = current(transcode)
    assert found is not None
    return found


def test_what_is_served_survives_its_journey_as_json() -> None:
    whole = PublishedVersion.from_json(7, served(3))
    assert PublishedVersion.from_json(7, whole.as_json()) == whole
    assert isinstance(whole.renditions[0], PublishedRendition)


def test_several_sounds_and_the_source_survive_it_too() -> None:
    told = {**served(3), "sounds": 2, "source": "videos/a.mp4"}
    version = PublishedVersion.from_json(7, told)
    assert (version.sounds, version.source) == (2, "videos/a.mp4")
    assert version.as_json() == told


def test_rows_of_installations_that_run_already_are_read_and_written_as_they_are() -> None:
    row = {
        "version": 2,
        "duration_s": 12.5,
        "size_bytes": 3_000_000,
        "segment_count": 2,
        "renditions": [{"name": "480p", "width": 854, "height": 480}],
        "storyboard_sheets": 1,
        "has_poster": True,
        "undecoded": [[1.0, 2.5]],
    }
    assert PublishedVersion.from_json(7, row).as_json() == row
    del row["undecoded"]  # as the first releases wrote them
    assert PublishedVersion.from_json(7, row).undecoded == ()


@pytest.mark.parametrize(("name", "plays"), [("480p", "480p"), ("720p", "720p"), ("1080p", "720p"), ("4320p", "720p")])
def test_a_name_above_the_source_plays_the_best_there_is(name: str, plays: str) -> None:
    assert PublishedVersion.from_json(7, served()).folder(name) == plays


def test_the_served_and_the_retired_version_have_folders_of_their_own(studio: Path) -> None:
    transcode = TranscodeFactory.create(
        ready=True, served=served(2), served_version=2, retired=served(1), retired_version=1
    )
    old = retired(transcode)
    assert old is not None
    assert (str(served_version(transcode).place), str(old.place)) == (
        f"{studio}/hls/{transcode.pk}/2",
        f"{studio}/hls/{transcode.pk}/1",
    )


def test_a_video_that_was_never_ready_serves_nothing() -> None:
    transcode = TranscodeFactory.create()
    assert (current(transcode), retired(transcode)) == (None, None)
