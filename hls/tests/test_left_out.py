"""A rendition that brings nothing is left out of a long video: another one plays under its name."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hls import finishing, lifecycle, steps
from hls.completeness import expected, published_names
from hls.conformance.m3u8 import parse
from hls.core import names
from hls.core.chunk import ChunkFacts
from hls.core.encoding.command import Encoder, chunk_command
from hls.core.plan import Plan
from hls.core.quality import CHUNKS_BY_LADDER, Quality, RenditionQuality, Why
from hls.core.sampling.places import LONG_S
from hls.folders import version_folder
from hls.models import Chunk, ChunkState, State, Transcode
from hls.partial import PartialVersion
from hls.published import PublishedVersion, current
from hls.status import status_of
from hls.tests.clips import ffmpeg
from hls.tests.factories import ChunkFactory, TranscodeFactory, Unclaimed, plan_of_several_sounds
from hls.tests.test_core_sampling import long_source
from hls.tests.test_partly_made import facts, partial

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio", "stop_flag")]

ALL = ("480p", "720p", "1080p")


def without(made: Plan, *left_out: str, first_chunk: int = CHUNKS_BY_LADDER) -> Plan:
    """The plan after samples have shown that these renditions bring nothing."""
    found = [
        RenditionQuality(entry.name, entry.crf, 93.0, str(Why.LEFT_OUT if entry.name in left_out else Why.LADDER))
        for entry in made.renditions
    ]
    return replace(made, quality=Quality(tuple(found), first_chunk))


PLAN = without(long_source(), "1080p")
OWN = sum(len(span.segments) for span in PLAN.timeline.chunks[:CHUNKS_BY_LADDER])  # segments of 1080p
LAST = len(PLAN.timeline.segments) - 1


def transcode_of(made: Plan, chunks: int) -> Transcode:
    """So many chunks are done."""
    transcode: Transcode = TranscodeFactory.create(processing=True, plan=made.to_json())
    for span in made.timeline.chunks[:chunks]:
        ChunkFactory.create(transcode=transcode, index=span.index, state=ChunkState.DONE, facts=facts(made, span.index))
    return transcode


def uris(text: object) -> list[str]:
    assert isinstance(text, str)
    return [entry.uri for entry in parse("playlist", text).entries]


@pytest.mark.parametrize(
    ("left_out", "made", "plays"),
    [
        (["1080p"], ["480p", "720p"], ["480p", "720p", "720p"]),
        (["720p"], ["480p", "1080p"], ["480p", "480p", "1080p"]),
        (["720p", "1080p"], ["480p"], ["480p", "480p", "480p"]),
    ],
)
def test_later_chunks_are_made_without_it(left_out: list[str], made: list[str], plays: list[str]) -> None:
    plan = without(long_source(), *left_out)
    first, later = (plan.timeline.chunks[index] for index in (CHUNKS_BY_LADDER - 1, CHUNKS_BY_LADDER))
    assert [entry.name for entry in plan.made(first)] == list(ALL)
    assert [entry.name for entry in plan.made(later)] == made
    assert [plan.playing(entry).name for entry in plan.renditions] == plays
    for span, wanted in ((first, list(ALL)), (later, made)):
        command = " ".join(
            chunk_command(
                plan, span.index, source=Path("/video.mp4"), encoder=Encoder(Path("/ffmpeg")), has_zscale=True
            )
        )
        assert [name for name in ALL if f"{name}/segment_" in command] == wanted
        assert command.count("-crf:v:") == len(wanted)


def test_whoever_watches_it_already_goes_on_with_the_next_smaller_one() -> None:
    version = partial(transcode_of(PLAN, CHUNKS_BY_LADDER + 1))
    text = version.playlist(names.INDEX, "1080p")
    found = uris(text)
    numbers = range(len(found))
    assert len(found) > OWN
    assert found[:OWN] == [names.segment_name(number) for number in numbers[:OWN]]
    assert found[OWN:] == [f"../720p/{names.segment_name(number)}" for number in numbers[OWN:]]
    before, after = str(text).split("#EXT-X-DISCONTINUITY\n")
    assert (before.count("#EXTINF"), after.count("#EXTINF")) == (OWN, len(found) - OWN)
    assert "#EXT-X-DISCONTINUITY" not in str(version.playlist(names.INDEX, "720p"))
    assert uris(version.playlist(names.MASTER)) == [f"{name}/index.m3u8?v=1" for name in ("480p", "720p")]


def test_it_is_named_until_samples_have_told() -> None:
    made = replace(PLAN, quality=None)
    version = partial(transcode_of(made, CHUNKS_BY_LADDER))
    assert uris(version.playlist(names.MASTER)) == [f"{name}/index.m3u8?v=1" for name in ALL]


@pytest.fixture
def published(tmp_path: Path) -> Callable[[Plan], tuple[PublishedVersion, Path]]:
    """A finished version by its rows, and its folder with the playlists."""

    def publish(made: Plan) -> tuple[PublishedVersion, Path]:
        transcode = transcode_of(made, len(made.timeline.chunks))
        folder = tmp_path / "finish"
        found = finishing.write_files(transcode, folder, Unclaimed())
        assert PublishedVersion.from_json(transcode.pk, found.as_json()) == found
        return found, folder

    return publish


@pytest.mark.ffmpeg
def test_its_name_goes_on_with_the_next_smaller_one(published: Callable[[Plan], tuple[PublishedVersion, Path]]) -> None:
    version, folder = published(PLAN)
    assert [entry.name for entry in version.renditions] == ["480p", "720p"]
    assert uris((folder / names.MASTER).read_text()) == [f"{name}/index.m3u8?v=1" for name in ("480p", "720p")]
    for name in (names.INDEX, names.IFRAMES):
        own, borrowed = ((folder / rendition / name).read_text() for rendition in ("720p", "1080p"))
        assert borrowed.replace("../720p/", "").replace("#EXT-X-DISCONTINUITY\n", "") == own
        before, after = borrowed.split("#EXT-X-DISCONTINUITY\n")
        assert (before.count("../720p/"), after.count("../720p/")) == (0, after.count(".ts"))
        assert uris(before)[-1] == names.segment_name(OWN - 1)
    assert str(version.playlist(names.INDEX, "1080p")).endswith("/1080p/index.m3u8")
    assert version.playlist(names.PICTURES, "1080p") is None


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ALL)
def test_a_player_that_has_begun_while_it_was_made_meets_no_other_addresses(
    published: Callable[[Plan], tuple[PublishedVersion, Path]], name: str
) -> None:
    """hls.js ends with an error where a segment that it knows gets another address."""
    _, folder = published(PLAN)
    lines = (folder / name / names.INDEX).read_text().splitlines()
    for done in range(1, len(PLAN.timeline.chunks) + 1):
        plan = PLAN if done > CHUNKS_BY_LADDER else replace(PLAN, quality=None)
        grown = str(partial(transcode_of(plan, done)).playlist(names.INDEX, name)).splitlines()
        first = grown.index(next(line for line in grown if line.startswith("#EXTINF")))
        listed = grown[first:]
        begin = lines.index(listed[0])
        assert lines[begin : begin + len(listed)] == listed


@pytest.mark.ffmpeg
def test_what_was_made_of_it_keeps_its_addresses(published: Callable[[Plan], tuple[PublishedVersion, Path]]) -> None:
    version, _ = published(PLAN)
    while_made = PartialVersion.of(Transcode.objects.get())
    assert while_made is not None
    for number in (0, OWN - 1, OWN, LAST):
        name = names.segment_name(number)
        place = version.segment("1080p", name)
        assert str(place).endswith(f"/{'1080p' if number < OWN else '720p'}/{name}")
        assert str(while_made.segment("1080p", name)) == str(place)
    assert version.segment("1080p", names.segment_name(LAST + 1)) is None
    assert version.folder("1080p") == "1080p", "the edge looks there, and asks where a file is missing"


@pytest.mark.ffmpeg
def test_all_files_of_it_are_counted_and_none_twice(
    published: Callable[[Plan], tuple[PublishedVersion, Path]],
) -> None:
    version, folder = published(PLAN)
    done = [ChunkFacts.from_json(told) for told in Chunk.objects.values_list("facts", flat=True) if told]
    segments = {name for chunk in done for name in expected(chunk)}
    assert {name for name in published_names(version) if name.endswith(".ts")} == segments
    beside = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert version.size_bytes == beside + 100_000 * len(segments)


@pytest.mark.ffmpeg
def test_several_sounds_play_with_what_plays_instead(
    published: Callable[[Plan], tuple[PublishedVersion, Path]],
) -> None:
    made = without(plan_of_several_sounds(seconds=90), "1080p", first_chunk=1)
    version, folder = published(made)
    assert "RESOLUTION=1920x1080" in (folder / "1080p" / names.INDEX).read_text()
    own = len(made.timeline.chunks[0].segments)
    pictures = uris((folder / "1080p" / names.PICTURES).read_text())
    assert pictures[own - 1 : own + 1] == [names.segment_name(own - 1), f"../720p/{names.segment_name(own)}"]
    assert version.playlist(names.PICTURES, "1080p") is not None


def test_a_middle_one_is_left_out_too() -> None:
    """Where the largest is the file's own pictures, which cost nothing to keep."""
    version = partial(transcode_of(without(long_source(), "720p"), CHUNKS_BY_LADDER + 1))
    assert uris(version.playlist(names.INDEX, "720p"))[OWN:][0] == f"../480p/{names.segment_name(OWN)}"
    assert uris(version.playlist(names.INDEX, "1080p"))[OWN:][0] == names.segment_name(OWN)
    assert uris(version.playlist(names.MASTER)) == [f"{name}/index.m3u8?v=1" for name in ("480p", "1080p")]


@pytest.mark.ffmpeg
def test_a_long_video_that_was_enlarged_before_is_made_without_its_largest_size(studio: Path) -> None:
    small = "testsrc2=s=180x180:r=1,gblur=sigma=1,scale=720:720:flags=bicubic"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "14", "-g", "10", "-pix_fmt", "yuv420p")
    path = studio / "uploads" / "videos" / "video.mkv"
    path.parent.mkdir(parents=True)
    ffmpeg("-f", "lavfi", "-i", small, "-t", str(LONG_S + 10), *codec, str(path))
    transcode = lifecycle.submit("videos/video.mkv")
    seen: dict[str, str] = {}
    while transcode.state != State.READY:
        assert steps.do_next()
        transcode.refresh_from_db()
        assert transcode.state in (State.PROCESSING, State.READY)
        if not seen and Chunk.objects.filter(index=CHUNKS_BY_LADDER - 1, state=ChunkState.DONE).exists():
            version = partial(transcode)
            count = len(version.rendition("720p").segments)
            places = [version.segment("720p", names.segment_name(number)) for number in range(count)]
            seen = {str(place): digest(Path(str(place))) for place in places}
    told = {entry.name: entry.reason for entry in status_of(transcode).quality or ()}
    assert told["720p"] == Why.LEFT_OUT
    assert [entry.name for entry in status_of(transcode).renditions] == ["480p"]
    published = current(transcode)
    assert published is not None
    assert [entry.name for entry in published.renditions] == ["480p"]
    assert seen == {name: digest(Path(name)) for name in seen}, "segments never change"
    folder = version_folder(transcode.pk, 1)
    assert len([*(folder / "720p").glob("*.ts")]) == len(seen)
    for name in published_names(published):
        assert (folder / name).is_file()
    for uri in uris((folder / "720p" / names.INDEX).read_text()):
        assert (folder / "720p" / uri).resolve().is_file()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
