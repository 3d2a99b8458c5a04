"""Watching a video while it is made: what is published never changes, and what is missing is never named."""

from pathlib import Path

import pytest

from hls import lifecycle, steps
from hls.models import Chunk, Transcode
from hls.partial import PartialVersion
from hls.tests.factories import TranscodeFactory
from hls.tests.videos import small_video

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stop_flag")]


def with_first_chunk(studio: Path, *, seconds: int) -> Transcode:
    """A video that is planned, and of which one chunk is made."""
    small_video(studio / "uploads" / "videos" / "video.mp4", seconds=seconds)
    transcode = lifecycle.submit("videos/video.mp4")
    steps.do_next()
    steps.do_next()
    transcode.refresh_from_db()
    return transcode


def test_nothing_grows_before_the_first_chunk() -> None:
    assert PartialVersion.of(TranscodeFactory.create(processing=True, chunks=2)) is None


@pytest.mark.ffmpeg
def test_a_video_grows_chunk_by_chunk_and_what_was_published_stays(studio: Path) -> None:
    transcode = with_first_chunk(studio, seconds=14)
    partial = PartialVersion.of(transcode)
    assert partial is not None
    first = partial.playlist("index.m3u8", "720p")
    assert first is not None
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in first
    assert "#EXT-X-START:TIME-OFFSET=0" in first
    assert "#EXT-X-ENDLIST" not in first
    assert len(partial.rendition("480p").segments) == 1
    steps.do_next()
    partial = PartialVersion.of(transcode)
    assert partial is not None
    second = partial.playlist("index.m3u8", "720p")
    assert second is not None
    assert second.startswith(first)
    assert second != first


@pytest.mark.ffmpeg
def test_a_chunk_done_out_of_order_waits_for_the_one_before_it(studio: Path) -> None:
    transcode = with_first_chunk(studio, seconds=14)
    chunk = Chunk.objects.get(index=0)
    Chunk.objects.filter(index=2).update(state="done", facts=chunk.facts)
    partial = PartialVersion.of(transcode)
    assert partial is not None
    assert [len(rendition.segments) for rendition in partial.renditions] == [1]


@pytest.mark.ffmpeg
def test_the_first_seconds_come_one_by_one(studio: Path) -> None:
    """2, 4, 6 and 12 seconds: whoever waits for the first picture waits for no more than it needs."""
    transcode = with_first_chunk(studio, seconds=26)
    lengths = []
    for _ in range(4):
        partial = PartialVersion.of(transcode)
        assert partial is not None
        text = partial.playlist("index.m3u8", "480p") or ""
        assert "#EXT-X-TARGETDURATION:6\n" in text
        lengths.append([float(line[8:-1]) for line in text.splitlines() if line.startswith("#EXTINF:")])
        steps.do_next()
    assert lengths == [[2], [2, 4], [2, 4, 6], [2, 4, 6, 6, 6]]
