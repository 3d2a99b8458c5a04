"""Files in a bucket: those that are fetched, those of the write API, and those of upload grants."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Scope
from hls import stores
from hls.models import State, Transcode
from hls.sources import awaited
from hls.store import connection
from hls.store.bucket_address import BucketAddress
from library import upkeep
from library.fetching import submitting
from library.fetching.offers import OVERLAP_BYTES
from library.models import Video
from library.tests.origin import CONTENT, Ranged, origin
from library.tests.test_admin_adding import files_below
from library.tests.test_upload_grants import begin, granted
from library.tests.test_uploads import VIDEO
from library.tests.writing import Program

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]


@pytest.fixture(autouse=True)
def in_a_bucket(settings: Any, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BUCKET, settings.SOURCE_ALLOW_PRIVATE = bucket, True
    monkeypatch.setattr(connection, "ATTEMPTS", 1)


def kept(video: Video) -> bytes:
    return stores.uploads().read(str(video.video_file.name))


def test_fetched_file_is_kept_there_alone(folders: Path) -> None:
    file = Ranged(breaks_at=300_000)
    with origin() as server:
        video = Video(title="Harbour")
        submitting.save_new(video, server.offers("/a.mp4", file))
        assert awaited.do_next()
        Transcode.objects.update(state=State.QUEUED, retry_at=None)
        assert awaited.do_next()
    assert file.asked == ["", f"bytes={300_000 - OVERLAP_BYTES}-"]
    assert (kept(video), files_below(folders)) == (CONTENT, [])
    assert Transcode.objects.get().source_bytes == len(CONTENT)
    assert upkeep.strays() == []


def test_bucket_that_is_away_puts_the_fetch_off(settings: Any, folders: Path) -> None:
    there = settings.BUCKET
    with origin() as server:
        video = Video(title="Harbour")
        submitting.save_new(video, server.offers("/a.mp4", Ranged()))
        settings.BUCKET = replace(there, endpoint_url="http://127.0.0.1:2")
        assert awaited.do_next()
        transcode = Transcode.objects.get()
        assert (transcode.state, transcode.awaits_source, transcode.not_before is not None) == (
            State.QUEUED,
            True,
            True,
        )
        settings.BUCKET = there
        Transcode.objects.update(not_before=None)
        assert awaited.do_next()
    assert kept(video) == CONTENT


def test_uploads_of_programs_and_strangers_become_videos(folders: Path) -> None:
    program = Program(Scope.UPLOADS_WRITE, Scope.VIDEOS_WRITE)
    body = {"title": "Harbour", "upload_id": program.uploaded()}
    answers = [program.send("POST", "video/", body, Idempotency_Key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert kept(Video.objects.get()) == VIDEO
    begun = begin(granted(program), piece=VIDEO)
    assert kept(Video.objects.get(pk=begun["X-Video-ID"])) == VIDEO
    assert files_below(folders) == []
