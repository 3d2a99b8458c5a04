"""`manage.py transcode`: the admin's buttons in a shell."""

import pytest
from django.core.management import CommandError, call_command

from hls.models import State, Transcode
from library.tests.factories import VideoFactory

pytestmark = pytest.mark.django_db


def said(capsys: pytest.CaptureFixture[str], action: str, video: int) -> str:
    call_command("transcode", action, str(video))
    return capsys.readouterr().out.strip()


def test_status_tells_state_and_percent(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "status", VideoFactory.create(ready=True).pk) == "ready (done), 100.0 %"


def test_status_tells_the_place_in_the_queue(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "status", VideoFactory.create().pk) == "queued (waiting), 0.0 %, number 1 in the queue"


def test_status_of_a_failed_video_tells_code_sentence_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, "status", VideoFactory.create(failed=True).pk)
    assert told.startswith("failed (stopped), 0.0 %, no_video: The file has no picture track")
    assert "Upload a file with a video track" in told


def test_retry_queues_a_failed_video(capsys: pytest.CaptureFixture[str]) -> None:
    video = VideoFactory.create(failed=True)
    assert said(capsys, "retry", video.pk).startswith("queued")
    assert Transcode.objects.get(video=video).attempts == 2


def test_cancel_stops_a_running_video(capsys: pytest.CaptureFixture[str]) -> None:
    video = VideoFactory.create(processing=True, chunks="drw")
    assert said(capsys, "cancel", video.pk).startswith("cancelled")
    assert Transcode.objects.get(video=video).state == State.CANCELLED


@pytest.mark.parametrize(("action", "sentence"), [("retry", "failed or cancelled"), ("cancel", "queued or running")])
def test_what_is_not_possible_is_said(action: str, sentence: str) -> None:
    video = VideoFactory.create(ready=True)
    with pytest.raises(CommandError, match=sentence):
        call_command("transcode", action, str(video.pk))


@pytest.mark.parametrize("number", ["99", "9" * 20])
def test_an_unknown_video_is_said(number: str) -> None:
    """A number that no column of the database holds, too: it ended with a traceback."""
    with pytest.raises(CommandError, match=f"There is no video {number}"):
        call_command("transcode", "status", number)
