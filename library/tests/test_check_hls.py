"""`manage.py check_hls`: silent about a good video, exact about a bad one, from the disk and over HTTP."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.test.utils import override_settings
from pytest_django.live_server_helper import LiveServer

from accounts.tests.factories import UserFactory, signed_in
from hls import steps
from hls.models import Track, TrackText
from hls.published import current
from hls.tests.clips import Look, ffmpeg, fit_h264
from hls.tests.spoken import H264, Spoken, clip
from hls.tests.videos import small_video
from hls.tracks import texts
from library.models import Video
from library.tests.tracks import SUBRIP, put
from library.tests.videos import Player
from library.tests.viewing import Viewing, ready
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
    index = Path(str(version.place.below("480p/index.m3u8")))
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


@pytest.mark.parametrize("target", ["http://[::1", "http:", "99", "nonsense", "ftp://example.com/master.m3u8"])
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


@dataclass(frozen=True)
class Odd:
    """A file of the zoo with two sounds, one of which is short, and texts in it."""

    file: str
    look: Look
    codec: str  # of its texts
    video: tuple[str, ...] = H264
    after: tuple[str, ...] = ()


ODD = {
    "copied": Odd("video.mp4", Look(1280, 720, "12", 13), "mov_text", fit_h264(12)),
    "59.94": Odd("video.mkv", Look(160, 120, "60000/1001", 7), "srt"),
    "odd sizes, later": Odd("video.mkv", Look(162, 122, "17.3", 7), "ass", after=("-output_ts_offset", "7.77")),
    "one a second": Odd("video.mp4", Look(160, 120, "1", 15), "mov_text"),
    "prores": Odd("video.mov", Look(160, 120, "25", 3), "mov_text", ("-c:v", "prores_ks", "-profile:v", "1")),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_videos_with_sounds_and_texts_break_no_rule(
    name: str, folders: Path, ada: Player, dora: Any, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = ODD[name]
    words = folders / "words.srt"
    words.write_text(SUBRIP)
    spoken = (Spoken(odd.look.duration_s, language="ger"), Spoken(1.5, language="ger", disposition="visual_impaired"))
    plain = clip(folders / f"plain{Path(odd.file).suffix}", spoken, look=odd.look, video=odd.video)
    source = folders / odd.file
    maps = ("-map", "0", "-map", "1", "-map", "1", "-c", "copy", "-c:s", odd.codec, "-disposition:s:0", "forced")
    ffmpeg("-i", str(plain), "-i", str(words), *maps, *odd.after, str(source))
    video = ready(source)
    client.force_login(dora)
    for kind in ("subtitles", "captions"):
        assert put(client, video, kind=kind, language="fr").status_code == 200
    viewing = Viewing(ada, video)
    assert [len(viewing.alternates(kind)) for kind in ("AUDIO", "SUBTITLES")] == [2, 4]
    call_command("check_hls", str(video.pk))
    assert capsys.readouterr().out.splitlines()[-1] == "0 violations"


def test_broken_texts_and_sounds_are_named_as_viewers_get_them(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = folders / "words.srt"
    words.write_text(SUBRIP)
    plain, source = clip(folders / "plain.mkv", (Spoken(), Spoken())), folders / "video.mkv"
    ffmpeg("-i", str(plain), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy", str(source))
    video = ready(source)
    track = Track.objects.get(kind="subtitles")
    TrackText.objects.filter(track=track).update(webvtt="WEBVTT\n\n00:00:01.000 --> 00:00:00.500\nBack\n")
    version = current(video.transcode)
    assert version is not None
    Path(str(version.place.below("audio_1/segment_000.ts"))).write_bytes(b"no sound")
    texts.memory.clear()
    with pytest.raises(CommandError):
        call_command("check_hls", str(video.pk))
    written = capsys.readouterr().out
    assert "audio_1/segment_000.ts" in written
    assert f"tracks/{track.pk}/segment_000.vtt" in written
