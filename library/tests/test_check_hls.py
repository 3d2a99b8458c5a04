"""`manage.py check_hls`: silent about a good video, exact about a bad one, from the disk and over HTTP."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import override_settings
from pytest_django.live_server_helper import LiveServer

from accounts.tests.factories import UserFactory, signed_in
from hls import steps
from hls.published import current
from hls.tests.videos import small_video
from library.models import Video
from library.videos import add_video

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]


@pytest.fixture
def video(folders: Path) -> Video:
    video = add_video(small_video(folders / "video.mp4", seconds=14), title="Good")
    while steps.do_next():
        pass
    video.transcode.refresh_from_db()
    return video


def test_a_video_of_ours_breaks_no_rule(video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_hls", str(video.pk))
    assert capsys.readouterr().out == "0 violations\n"


def test_a_broken_rule_is_named_with_its_place(video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    version = current(video.transcode)
    assert version is not None
    index = version.folder / "480p" / "index.m3u8"
    index.write_text(index.read_text().replace("#EXT-X-TARGETDURATION:6", "#EXT-X-TARGETDURATION:3"))
    with pytest.raises(CommandError):
        call_command("check_hls", str(video.pk))
    assert "RFC8216-4.3.3.1" in capsys.readouterr().out


def test_each_resolution_has_a_multivariant_playlist_where_the_sounds_are_apart(
    video: Video, capsys: pytest.CaptureFixture[str]
) -> None:
    """The version says that its sounds are apart, and its files don't."""
    video.transcode.served = {**(video.transcode.served or {}), "sounds": 2}
    video.transcode.save(update_fields=["served"])
    with pytest.raises(CommandError):
        call_command("check_hls", str(video.pk))
    assert "RFC8216-4.3.4.2    480p/index.m3u8:8: A URI without EXT-X-STREAM-INF." in capsys.readouterr().out


@pytest.mark.parametrize("target", ["99", "nonsense", "ftp://example.com/master.m3u8"])
def test_what_can_not_be_checked_is_said(target: str) -> None:
    with pytest.raises(CommandError, match=r"There is no video|Give a video's id"):
        call_command("check_hls", target)


@pytest.mark.django_db(transaction=True)
def test_a_video_is_checked_over_http_as_a_player_gets_it(
    video: Video, live_server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _, pair = signed_in(UserFactory.create())
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        call_command("check_hls", f"{live_server.url}/api/video/{video.pk}/master.m3u8", "--bearer", pair.access)
    assert capsys.readouterr().out == "0 violations\n"
