"""Texts that come with a file become tracks: with a real ffmpeg, at the right times, and whatever happens meanwhile."""

import errno
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import pytest
from django.utils import timezone

from hls import claims, lifecycle, steps, upkeep
from hls.binary import encoder, limits
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan, make_plan
from hls.core.probe import FileChapter, Source, TextTrack, probe
from hls.core.process import UNWATCHED
from hls.core.subtitles.extraction import TextExtraction, extracted
from hls.core.subtitles.writing import parse
from hls.folders import texts_folder
from hls.models import Chunk, ChunkState, Extraction, State, Track, TrackText, Transcode
from hls.tests.clips import Look, ffmpeg, make
from hls.tests.factories import ChunkFactory, TranscodeFactory
from hls.tracks import editing, embedded, extracting
from hls.tracks.models import ExtractionState, TrackKind, TrackState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio", "stop_flag")]

NAME = "videos/talk.mkv"
SUBRIP = "1\n00:00:01,040 --> 00:00:02,500\nHello <i>there</i>.\n\n2\n00:00:03,000 --> 00:00:03,960\nGood bye.\n"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds that begin at 7 s, with subtitles as SubRip and as ASS."""
    folder = tmp_path_factory.mktemp("talk")
    plain = make(folder / "plain.mp4", look=Look(duration_s=5))
    (folder / "en.srt").write_text(SUBRIP)
    texts = ("-i", str(folder / "en.srt"), "-i", str(folder / "en.srt"))
    kept = ("-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-c:s:0", "srt", "-c:s:1", "ass")
    ffmpeg("-i", str(plain), *texts, *kept, str(folder / "both.mkv"))
    ffmpeg("-itsoffset", "7", "-i", str(folder / "both.mkv"), "-map", "0", "-c", "copy", str(folder / "talk.mkv"))
    return folder / "talk.mkv"


@pytest.fixture(scope="module")
def source(talk: Path) -> Source:
    """As it is probed, with its texts: numbers 2 and 3."""
    found = probe(talk, limits=limits())
    texts = (
        TextTrack(2, "subrip", language="eng", title="", is_default=True),
        TextTrack(3, "ass", language="ger", title="Für alle", is_default=True, is_captions=True),
    )
    return replace(found, texts=texts, chapters=(FileChapter(7.0, 9.0, "Hello"), FileChapter(9.0, 12.0, "")))


@pytest.fixture(scope="module")
def unended(talk: Path) -> Path:
    """The same file, whose texts have no duration, as live recorders write Matroska."""
    target = talk.with_name("unended.mkv")
    with av.open(str(talk)) as container, av.open(str(target), "w") as written:
        outputs = {stream.index: written.add_stream_from_template(stream) for stream in container.streams}
        for packet in container.demux():
            if packet.size:
                packet.duration = 0 if packet.stream.type == "subtitle" else packet.duration
                packet.stream = outputs[packet.stream_index]
                written.mux(packet)
    return target


def begun(source: Source, talk: Path, studio: Path) -> Transcode:
    """A transcode with its plan and its first seconds done."""
    (studio / "uploads" / "videos").mkdir(parents=True, exist_ok=True)
    (studio / "uploads" / NAME).write_bytes(talk.read_bytes())
    plan = make_plan(source)
    transcode = TranscodeFactory.create(source=NAME, state=State.PROCESSING, plan=plan.to_json())
    embedded.write_rows(transcode, plan)
    for index in range(3):
        ChunkFactory.create(transcode=transcode, index=index, done=True)
    ChunkFactory.create(transcode=transcode, index=3)
    return transcode


def claimed() -> tuple[Extraction, claims.Claim]:
    found = claims.claim_extraction(None)
    assert found is not None
    return found


def times(track: Track) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in parse(TrackText.objects.get(track=track).webvtt)]


def test_texts_wait_until_the_first_seconds_are_done(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    Chunk.objects.filter(index=2).update(state=ChunkState.RUNNING)
    assert claims.claim_extraction(None) is None
    Chunk.objects.update(state=ChunkState.WAITING)
    assert claims.claim_extraction(None) is None
    Chunk.objects.filter(index__lt=3).update(state=ChunkState.DONE)
    assert claims.claim_extraction(None) is not None
    assert claims.claim_extraction(None) is None, "somebody has it"


def test_the_texts_of_a_video_of_one_chunk_wait_for_that_one(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    Chunk.objects.exclude(index=0).delete()
    assert claims.claim_extraction(None) is not None


def test_tracks_have_the_files_languages_titles_and_flags(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    told = [(track.kind, track.language, track.label, track.is_default, track.state) for track in Track.objects.all()]
    assert told == [
        ("subtitles", "en", "English", True, "processing"),
        ("captions", "de", "Für alle", False, "processing"),
        ("chapters", "und", "Chapters", False, "ready"),
    ]


def test_chapters_are_there_with_the_plan(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    assert times(Track.objects.get(kind="chapters")) == [(0, 2000, "Hello"), (2000, 5000, "Chapter 2")]


@pytest.mark.ffmpeg
def test_texts_come_out_at_their_times(source: Source, talk: Path, studio: Path) -> None:
    """The file begins at 7 s, the video at 0."""
    transcode = begun(source, talk, studio)
    extracting.extract(*claimed())
    subtitles, captions = Track.objects.exclude(kind="chapters")
    assert (subtitles.state, captions.state) == ("ready", "ready")
    wanted = [(1040, 2500, "Hello <i>there</i>."), (3000, 3960, "Good bye.")]
    assert times(subtitles) == wanted
    assert [(round(begin, -1), round(end, -1), text) for begin, end, text in times(captions)] == wanted
    assert Extraction.objects.get().state == ExtractionState.DONE
    assert list((studio / "hls" / str(transcode.pk) / "1" / ".work").iterdir()) == []


@pytest.mark.ffmpeg
def test_text_whose_end_is_not_told_lasts_until_the_next_one(source: Source, unended: Path, studio: Path) -> None:
    begun(source, unended, studio)
    extracting.extract(*claimed())
    wanted = [(1040, 3000, "Hello <i>there</i>."), (3000, 10_000, "Good bye.")]
    for track in Track.objects.exclude(kind="chapters"):
        assert [(round(begin, -1), round(end, -1), text) for begin, end, text in times(track)] == wanted


@pytest.mark.ffmpeg
def test_a_text_that_cannot_be_read_fails_alone(source: Source, talk: Path, studio: Path) -> None:
    broken = replace(source, texts=(*source.texts, TextTrack(9, "subrip", language="fre")))
    begun(broken, talk, studio)
    extracting.extract(*claimed())
    told = {track.source_index: (track.state, track.error_code) for track in Track.objects.exclude(kind="chapters")}
    assert told == {2: ("ready", ""), 3: ("ready", ""), 9: ("failed", "unreadable")}


@pytest.mark.ffmpeg
def test_captions_that_cannot_be_read_fail_and_are_not_forgotten(source: Source, talk: Path, studio: Path) -> None:
    elsewhere = replace(source.video, index=9)
    begun(replace(source, texts=(), has_captions=True, video=elsewhere), talk, studio)
    extracting.extract(*claimed())
    captions = Track.objects.get(kind="captions")
    assert (captions.state, captions.error_code) == ("failed", "unreadable")


@pytest.mark.ffmpeg
def test_captions_without_a_word_are_no_track(source: Source, talk: Path, studio: Path) -> None:
    begun(replace(source, texts=(), has_captions=True), talk, studio)
    extracting.extract(*claimed())
    assert not Track.objects.filter(kind="captions").exists()


@pytest.mark.ffmpeg
def test_what_an_editor_replaced_meanwhile_stays(source: Source, talk: Path, studio: Path) -> None:
    transcode = begun(source, talk, studio)
    found = claimed()
    cues = parse("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOurs.\n")
    editing.put_text(transcode.pk, editing.TextDraft(TrackKind.SUBTITLES, language="en", label="English"), cues)
    editing.delete(Track.objects.get(kind="captions"))
    extracting.extract(*found)
    assert times(Track.objects.get(kind="subtitles")) == [(0, 1000, "Ours.")]
    assert not TrackText.objects.filter(track__kind="captions").exists()


@pytest.mark.ffmpeg
def test_worker_without_its_claim_writes_nothing(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    found = claimed()
    Extraction.objects.update(lease_token="another's")
    extracting.extract(*found)
    assert set(Track.objects.exclude(kind="chapters").values_list("state", flat=True)) == {TrackState.PROCESSING}


def test_extraction_of_a_dead_worker_is_taken_back(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    claimed()
    Extraction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    upkeep.take_back_lapsed()
    assert (claimed()[0].losses, claims.is_work_waiting()) == (1, True)


def test_text_that_kills_every_worker_fails_at_last(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    Extraction.objects.update(losses=extracting.MOST_LOSSES + 1)
    extracting.extract(*claimed())
    assert set(Track.objects.exclude(kind="chapters").values_list("state", flat=True)) == {TrackState.FAILED}


def test_file_that_is_gone_is_told(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    (studio / "uploads" / NAME).unlink()
    extracting.extract(*claimed())
    assert set(Track.objects.exclude(kind="chapters").values_list("error_code", flat=True)) == {"source_missing"}


def test_private_folder_of_an_extraction_is_no_orphan(source: Source, talk: Path, studio: Path, settled: Path) -> None:
    transcode = begun(source, talk, studio)
    extraction, claim = claimed()
    folder = texts_folder(transcode.pk, 1, claim.token)
    folder.mkdir(parents=True)
    upkeep.sweep()
    assert folder.exists()
    Extraction.objects.filter(pk=extraction.pk).update(**claims.FREE)
    upkeep.sweep()
    assert not folder.exists()


def test_same_file_made_again_keeps_its_tracks(source: Source, talk: Path, studio: Path) -> None:
    transcode = begun(source, talk, studio)
    Track.objects.filter(kind="subtitles").update(label="English for all", state=TrackState.READY)
    lifecycle.replace(transcode, NAME)
    embedded.write_rows(transcode, make_plan(source))
    assert Track.objects.count() == 3
    assert Track.objects.get(kind="subtitles").label == "English for all"


def test_tracks_of_a_file_that_was_replaced_go_with_its_version(source: Source, talk: Path, studio: Path) -> None:
    transcode = begun(source, talk, studio)
    cues = parse("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nOurs.\n")
    ours = editing.put_text(transcode.pk, editing.TextDraft(TrackKind.SUBTITLES, language="fr", label="French"), cues)
    lifecycle.replace(transcode, "videos/other.mkv")
    editing.forget_old()
    assert list(Track.objects.all()) == [ours]


@pytest.mark.ffmpeg
def test_a_worker_takes_out_the_texts_of_what_it_makes(source: Source, talk: Path, studio: Path) -> None:
    begun(source, talk, studio)
    Chunk.objects.filter(index=1).delete()
    Transcode.objects.update(state=State.READY)
    assert steps.do_next()
    assert set(Track.objects.values_list("state", flat=True)) == {TrackState.READY}
    assert Plan.from_json(Transcode.objects.get().plan or {}).source.texts == source.texts


def test_video_that_gets_another_file_meanwhile_is_left_alone(source: Source, talk: Path, studio: Path) -> None:
    """The plan is gone until the new file is read."""
    transcode = begun(source, talk, studio)
    claimed()
    lifecycle.replace(transcode, "videos/other.mkv")
    extraction = Extraction.objects.select_related("transcode").get()
    extracting.extract(extraction, claims.Claim(extraction.lease_token, None))
    assert set(Track.objects.exclude(kind="chapters").values_list("state", flat=True)) == {TrackState.PROCESSING}
    assert (Extraction.objects.get().lease_token, Extraction.objects.get().losses) == ("", 0)


def test_texts_are_never_read_by_another_files_plan(source: Source, talk: Path, studio: Path) -> None:
    """The old file's texts were still waiting when a file without any took its place and was planned."""
    transcode = begun(source, talk, studio)
    lifecycle.replace(transcode, "videos/other.mkv")
    without = make_plan(replace(source, texts=(), chapters=()))
    Transcode.objects.update(plan=without.to_json(), state=State.READY)
    embedded.write_rows(transcode, without)
    extracting.extract(*claimed())
    told = Track.objects.exclude(kind="chapters").values_list("state", "error_code")
    assert set(told) == {("failed", "source_missing")}
    assert Extraction.objects.get().state == ExtractionState.DONE


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_puts_texts_off_and_fails_none(
    source: Source, talk: Path, studio: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def full(job: object, tracks: object) -> None:
        raise OSError(error, "full")

    begun(source, talk, studio)
    monkeypatch.setattr(extracting, "read", full)
    extracting.extract(*claimed())
    extraction = Extraction.objects.get()
    assert (extraction.state, extraction.lease_token, extraction.losses) == (ExtractionState.WAITING, "", 0)
    assert extraction.not_before is not None
    assert set(Track.objects.exclude(kind="chapters").values_list("state", flat=True)) == {TrackState.PROCESSING}


@pytest.mark.ffmpeg
def test_ffmpeg_that_finds_the_disk_full_says_so(source: Source, talk: Path, studio: Path, tmp_path: Path) -> None:
    """/dev/full takes nothing."""
    begun(source, talk, studio)
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "2.vtt").symlink_to("/dev/full")
    job = TextExtraction(make_plan(source), talk, folder, encoder(), UNWATCHED)
    with pytest.raises(TranscodeError) as error:
        extracted(job, [2])
    assert error.value.code == Code.DISK_FULL
