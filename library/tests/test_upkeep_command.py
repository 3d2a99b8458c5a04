"""`manage.py upkeep` after a backup was restored that had no HLS folder."""

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from hls import lifecycle, numbering
from hls.folders import transcode_folder
from hls.models import Installation, State, Track, TrackText, Transcode
from hls.store import connection
from hls.store.bucket_address import BucketAddress
from hls.tracks.editing import TextDraft, put_text
from hls.tracks.models import TrackKind
from library.models import Video
from library.tests.videos import published

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("settled")]


def upkeep(*options: str) -> str:
    said = io.StringIO()
    call_command("upkeep", *options, stdout=said, stderr=said)
    return said.getvalue()


@pytest.fixture
def video() -> Video:
    """Listed and complete in the database; its uploaded file is there, the served ones are not."""
    made = published(title="Harbour at Dawn")
    published(title="Unharmed")
    source = Path(made.video_file.path)
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"video")
    shutil.rmtree(transcode_folder(made.transcode_id))
    return made


def test_video_without_its_files_is_told_and_left_alone(video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="videos without their files"):
        call_command("upkeep")

    assert f"Video {video.pk} (Harbour at Dawn) is listed, but its files are gone" in capsys.readouterr().out
    video.transcode.refresh_from_db()
    assert video.transcode.state == State.READY


def test_video_is_made_again_from_its_uploaded_file(video: Video) -> None:
    assert "1 of 1 videos without files are queued" in upkeep("--remake")

    video.transcode.refresh_from_db()
    assert (video.transcode.state, video.transcode.version) == (State.QUEUED, numbering.least())
    assert video.transcode.served_version == 1  # listed all the while
    assert "0 of 0 videos" in upkeep("--remake")


def test_after_a_restore_no_address_stands_for_something_else_than_before() -> None:
    """Ids and numbers came again. Browsers and edges went on with the segments and texts that they had kept of them."""
    subtitles = TextDraft(TrackKind.SUBTITLES, language="de", label="")
    backed_up = published(title="Unharmed").transcode
    track = put_text(backed_up.pk, subtitles, [])
    used: set[tuple[int, int, int]] = set()

    for minutes in range(3):  # each time from the same backup
        added = lifecycle.submit("videos/new.mp4")
        lifecycle.replace(backed_up, "videos/other.mp4")
        put_text(backed_up.pk, subtitles, [])
        track.refresh_from_db()
        used.add((added.version, backed_up.version, track.revision))
        added.delete()
        Transcode.objects.filter(pk=backed_up.pk).update(version=1)
        TrackText.objects.filter(track=track, revision__gt=1).delete()
        Track.objects.filter(pk=track.pk).update(revision=1)
        Installation.objects.update(least_number=1)
        with time_machine.travel(datetime(2027, 1, 1, 12, minutes, tzinfo=UTC)):
            upkeep("--remake")

    assert [len(set(numbers)) for numbers in zip(*used, strict=True)] == [3, 3, 3]
    assert min(used) == (1, 2, 2)
    assert all(number < 2**31 - 2**20 for number in max(used))


def test_video_whose_uploaded_file_is_gone_too_is_named(video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    Path(video.video_file.path).unlink()

    with pytest.raises(CommandError, match="Restore these files"):
        call_command("upkeep", "--remake")

    assert f"Video {video.pk} (Harbour at Dawn) can't be made again" in capsys.readouterr().err
    video.transcode.refresh_from_db()
    assert video.transcode.state == State.READY


@pytest.mark.parametrize("action", ["check", "remake", "yes", "restore", "empty_trash", "adopt"])
def test_bucket_that_is_away_is_said_in_a_sentence(
    video: Video, settings: Settings, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    settings.BUCKET = BucketAddress("videos", "", "http://127.0.0.1:1", "us-east-1", "id", "secret")

    with pytest.raises(CommandError, match=r"^The bucket can't be reached .*\. Run it again once the store is back\.$"):
        call_command("upkeep", **{action: True})
