"""What the admin tells of a video's file and of room on the disk."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hls.core.probe import AudioTrack
from hls.core.subtitles.cues import Cue
from hls.models import TrackText, Transcode
from hls.tests.factories import plan, source
from hls.tracks.editing import TextDraft
from hls.tracks.models import TrackKind
from library import disk, storage
from library.admin.facts import audio_text, facts_of, picture_text, source_facts
from library.admin.moments import moment
from library.models import Video
from library.tests.factories import VideoFactory
from library.tests.videos import published, serve_version
from library.tracks.uploading import put_cues


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "H264, 1920 x 1080, 25 frames/s"),
        ({"rate": Fraction(24_000, 1001)}, "H264, 1920 x 1080, 23.976 frames/s"),
        ({"codec": "hevc", "transfer": "smpte2084"}, "HEVC, 1920 x 1080, 25 frames/s, HDR (PQ)"),
        ({"transfer": "arib-std-b67"}, "H264, 1920 x 1080, 25 frames/s, HDR (HLG)"),
        ({"is_interlaced": True}, "H264, 1920 x 1080, 25 frames/s, interlaced"),
        ({"is_variable_rate": True}, "H264, 1920 x 1080, 25 frames/s, variable rate"),
        ({"hidden_count": 3}, "H264, 1920 x 1080, 25 frames/s, 3 pictures too close to be shown"),
    ],
)
def test_a_picture_is_told_with_what_is_special(change: dict[str, Any], text: str) -> None:
    assert picture_text(replace(source().video, **change)) == text


@pytest.mark.parametrize(
    ("audio", "text"),
    [
        (AudioTrack(1, "aac", 2, 48_000), "AAC, stereo, 48 kHz"),
        (AudioTrack(1, "ac3", 6, 44_100), "AC3, 5.1, 44.1 kHz"),
        (AudioTrack(1, "pcm_s16le", 1, 8_000), "PCM_S16LE, mono, 8 kHz"),
        (AudioTrack(1, "opus", 4, 48_000), "OPUS, 4 channels, 48 kHz"),
    ],
)
def test_sound_is_told_as_people_call_it(audio: AudioTrack, text: str) -> None:
    assert audio_text(audio) == text


@pytest.mark.parametrize(
    ("demuxer", "ending", "name"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", ".mp4", "MP4"),
        ("mov,mp4,m4a,3gp,3g2,mj2", ".MOV", "QuickTime"),
        ("matroska,webm", ".mkv", "Matroska"),
        ("matroska,webm", ".webm", "WebM"),
        ("nut", ".mp4", "nut"),
    ],
)
def test_a_container_has_the_name_that_people_know(demuxer: str, ending: str, name: str) -> None:
    told = source_facts(replace(plan(), source=replace(source(), demuxer=demuxer)), ending)
    assert {fact.label: fact.value for fact in told}["Container"] == name


def test_a_silent_video_says_so() -> None:
    told = {fact.label: fact.value for fact in source_facts(replace(plan(), source=replace(source(), audio=None)))}
    assert told == {
        "Length": "1:30",
        "Container": "MP4",
        "Picture": "H264, 1920 x 1080, 25 frames/s",
        "Sound": "none",
    }


def uploaded(video: Video, size: int) -> Path:
    path = Path(video.video_file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


@pytest.mark.django_db
def test_a_video_that_was_not_read_yet_has_a_file_and_its_size() -> None:
    video = VideoFactory.create()
    uploaded(video, 2048)
    assert [(fact.label, fact.value) for fact in facts_of(video)] == [("File", "holiday.mp4"), ("Size", "2.0 kB")]


@pytest.mark.django_db
def test_a_served_video_tells_its_renditions_and_a_lost_file_has_no_size() -> None:
    published()
    told = {fact.label: fact.value for fact in facts_of(Video.objects.select_related("transcode").get())}
    assert told["Size"] == "none: the file is not here"
    assert told["Served"] == "480p (854 x 480), 720p (1280 x 720)"
    assert told["Size as served"] == "7.5 kB"


@pytest.mark.django_db
def test_deleting_frees_the_upload_the_picture_and_both_versions() -> None:
    video = published(size=1000)
    serve_version(video, 2, size=500)
    uploaded(video, 70)
    video = Video.objects.select_related("transcode").get()
    assert storage.video_bytes(video) == 70 + 4 * 1000 + 4 * 500
    assert storage.served_bytes() == 4 * 1000 + 4 * 500
    Transcode.objects.update(source_bytes=70)
    assert storage.uploaded_bytes() == 70
    Path(video.video_file.path).unlink()
    assert storage.video_bytes(video) == 6000


@pytest.mark.django_db
def test_a_video_that_serves_nothing_takes_no_room_as_served() -> None:
    VideoFactory.create()
    VideoFactory.create(processing=True)
    assert storage.served_bytes() == 0


@pytest.mark.django_db
def test_uploads_on_their_way_count_as_uploaded() -> None:
    (disk.partial_folder() / "abc").write_bytes(bytes(9))
    assert storage.uploaded_bytes() == 9


@pytest.mark.parametrize(
    ("size", "to_write", "sentence"),
    [
        (1000, 0, None),
        (1001, 0, "The file is too large: at most 1.0 kB can be uploaded."),
        (0, 1 << 60, "There is not enough free space on the disk."),
    ],
)
def test_a_file_is_refused_with_a_sentence(settings: Any, size: int, to_write: int, sentence: str | None) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    assert disk.refusal(size, to_write=to_write) == sentence


def test_nobody_may_use_the_reserve(settings: Any) -> None:
    free = disk.free_bytes()
    settings.DISK_RESERVE_BYTES = 1 << 60
    assert disk.free_bytes() < 0 < free
    assert disk.refusal(0) == "There is not enough free space on the disk."


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1536, "1.5 kB"),
        (999_990, "1.0 MB"),
        (20_000_000_000, "20.0 GB"),
        (3 * 10**12, "3.0 TB"),
    ],
)
def test_sizes_are_told_in_decimal_units_with_a_common_space(size: int, text: str) -> None:
    assert disk.size_text(size) == text


def test_a_moment_is_exact_for_machines_and_tooltips() -> None:
    told = moment(datetime(2020, 2, 29, 23, 59, 58, tzinfo=UTC))
    assert told.startswith('<time datetime="2020-02-29T23:59:58+00:00" title="2020-02-29 23:59:58 UTC">')
    assert told.endswith("ago</time>")


def test_texts_count_among_what_deleting_frees(db: None) -> None:
    video = published()
    before = storage.all_bytes([video])
    put_cues(video, TextDraft(TrackKind.SUBTITLES, "en", ""), [Cue(0, 1000, "Hello.")])
    written = TrackText.objects.get()
    assert storage.all_bytes([video]) - before == written.size_bytes == len(written.webvtt)
