"""`manage.py check_hls` on a video with several sounds and texts, as players get it."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings
from pytest_django.live_server_helper import LiveServer

from accounts.tests.factories import UserFactory, signed_in
from hls import steps
from hls.tests.clips import Look
from hls.tests.voices import Voice, record
from library.models import Video
from library.tests.tracks import put
from library.videos import add_video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]

VOICES = (Voice(440, 14.3), Voice(610, begin_s=2.35, end_s=9.25, layout="mono", sample_rate=44_100), Voice(520, 14.3))
TOLD = (
    *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-disposition:a:1", "comment"),
    *("-disposition:a:2", "visual_impaired"),
)
CUES = ((0, 900), (5000, 6100), (5990, 13_000), (12_000, 12_020), (14_000, 20_000))


@pytest.fixture
def video(folders: Path) -> Video:
    look = Look(width=128, height=96, rate="30000/1001", duration_s=14.3)
    video = add_video(record(folders / "video.mkv", VOICES, look, after=TOLD), title="Harbour")
    while steps.do_next():
        pass
    video.transcode.refresh_from_db()
    return video


@pytest.mark.parametrize("name", ["master.m3u8", "480p/index.m3u8"])
def test_a_video_with_several_sounds_and_texts_breaks_no_rule(
    video: Video, live_server: LiveServer, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    staff = UserFactory.create(is_staff=True, is_superuser=True)
    _, pair = signed_in(staff)
    client = Client(headers={"Authorization": f"Bearer {pair.access}"})
    text = "WEBVTT\n" + "".join(f"\n{time(begin)} --> {time(end)}\nAt {begin} ms\n" for begin, end in CUES)
    for kind, language in (("subtitles", "de"), ("captions", "en-GB")):
        assert put(client, video, text, name="text.vtt", kind=kind, language=language).status_code in (200, 201)
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        call_command("check_hls", f"{live_server.url}/api/video/{video.pk}/{name}", "--bearer", pair.access)
    assert capsys.readouterr().out == "0 violations\n"


def test_all_playlists_on_the_disk_break_no_rule(video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_hls", str(video.pk))
    assert capsys.readouterr().out == "0 violations\n"


def time(ms: int) -> str:
    return f"00:{ms // 60_000:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
