"""A file with several sounds from its upload to a served version: while it is made, and as it is published."""

from pathlib import Path

import pytest

from hls import lifecycle, steps
from hls.conformance.checker import check
from hls.conformance.m3u8 import parse
from hls.core import names
from hls.folders import version_folder
from hls.models import Transcode
from hls.partial import PartialVersion
from hls.published import PublishedVersion, current
from hls.tests.clips import Look
from hls.tests.voices import Voice, record

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg, pytest.mark.usefixtures("stop_flag")]

SECONDS = 14  # two chunks
FOLDERS = ("480p", "audio_0", "audio_1")


@pytest.fixture
def transcode(studio: Path) -> Transcode:
    video = studio / "uploads" / "videos" / "video.mkv"
    video.parent.mkdir(parents=True)
    voices = (Voice(440, SECONDS), Voice(660, SECONDS - 3, begin_s=1))
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger")
    record(video, voices, Look(160, 120, "10", SECONDS), after=languages)
    return lifecycle.submit("videos/video.mkv")


def published(transcode: Transcode) -> PublishedVersion:
    transcode.refresh_from_db()
    version = current(transcode)
    assert version is not None
    return version


def test_it_can_be_watched_from_the_first_chunk_on_and_is_published_by_all_rules(transcode: Transcode) -> None:
    steps.do_next()
    steps.do_next()
    transcode.refresh_from_db()
    partial = PartialVersion.of(transcode)
    assert partial is not None
    so_far = {
        name: partial.playlist(name, folder) for name, folder in ((names.PICTURES, "480p"), ("index.m3u8", "audio_1"))
    }
    while steps.do_next():
        pass
    for name, folder in ((names.PICTURES, "480p"), (names.INDEX, "audio_1")):
        text = so_far[name]
        assert text is not None
        begun = parse(name, text).entries
        assert len(begun) == 1
        place = published(transcode).playlist(name, folder)
        assert place is not None
        whole = parse(name, place.read().decode()).entries
        assert [(entry.uri, entry.duration_s) for entry in whole[:1]] == [
            (entry.uri, entry.duration_s) for entry in begun
        ]
    assert str(version_folder(transcode.pk, 1)) == str(published(transcode).place)
    assert_is_published_by_all_rules(transcode)


def assert_is_published_by_all_rules(transcode: Transcode) -> None:
    """Each resolution too, which is a multivariant playlist of its own."""
    version = published(transcode)
    assert (version.sounds, version.source) == (2, "videos/video.mkv")
    for master in (names.MASTER, f"480p/{names.INDEX}"):
        assert check(lambda name: version.place.below(name.partition("?")[0]).read(), master) == ()
    segments = [version.segment(folder, names.segment_name(number)) for folder in FOLDERS for number in range(3)]
    playlists = [version.playlist(names.INDEX, folder) for folder in FOLDERS]
    for place in (*segments, *playlists, version.playlist(names.PICTURES, "480p"), version.playlist(names.MASTER)):
        assert place is not None
        assert place.read()
    on_disk = sum(path.stat().st_size for path in Path(str(version.place)).rglob("*") if path.is_file())
    assert version.size_bytes == on_disk
