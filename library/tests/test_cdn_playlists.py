"""What playlists say where a CDN has the segments of what is in the bucket, and what stays as it is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest

from hls.store.bucket_address import BucketAddress
from library.delivery import cdn, responses
from library.delivery.cdn import WINDOW_S, Cdn
from library.models import Video
from library.tests.videos import Player, in_bucket, leave_largest_out, make_viewer, published, serve_version, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.bucket]

SITE = "https://cdn.example.com"
NOW_S = 1_800_000_000.0


@pytest.fixture
def video(settings: Any, bucket: BucketAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Video:
    settings.HLS_ROOT, settings.MEDIA_ROOT, settings.BUCKET = tmp_path / "hls", tmp_path / "uploads", bucket
    settings.CDN = Cdn(SITE, "a key of sixteen", "nginx", 28_800)
    monkeypatch.setattr(responses, "time", SimpleNamespace(time=lambda: NOW_S))
    video = published(sounds=2)
    in_bucket(video)
    make_viewer()
    return video


@pytest.fixture
def player(video: Video) -> Player:
    return sign_in(Player())


def uris(player: Player, path: str) -> list[str]:
    """The absolute address of each line that is one."""
    answer = player.get(path)
    assert answer.status_code == 200
    lines = [line for line in answer.sent.decode().splitlines() if line and not line.startswith("#")]
    return [urljoin(f"https://api.example.com{path}", line) for line in lines]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("480p/video.m3u8", "480p"),
        ("480p/video.m3u8/", "480p"),
        ("1080p/video.m3u8", "720p"),
        ("720p/iframes.m3u8", "720p"),
        ("audio_1/index.m3u8", "audio_1"),
    ],
)
def test_segments_are_named_where_the_cdn_has_them(
    player: Player, video: Video, bucket: BucketAddress, name: str, folder: str
) -> None:
    found = uris(player, f"/api/video/{video.pk}/{name}")
    behind = f"/{bucket.prefix}hls/{video.transcode_id}/1/{folder}/segment_00"
    assert [address.rpartition(behind)[2] for address in found] == ["0.ts", "1.ts"]
    assert all(address.startswith(f"{SITE}/") for address in found)


@pytest.mark.parametrize("name", ["720p/video.m3u8", "1080p/video.m3u8/", "720p/iframes.m3u8"])
def test_a_rendition_that_is_left_out_leads_to_the_segments_of_another(
    player: Player, settings: Any, bucket: BucketAddress, name: str
) -> None:
    video = published(sounds=2)
    leave_largest_out(video, sounds=2)
    in_bucket(video)
    found = uris(player, f"/api/video/{video.pk}/{name}")
    behind = f"/{bucket.prefix}hls/{video.transcode_id}/1/"
    assert [address.rpartition(behind)[2] for address in found] == ["720p/segment_000.ts", "480p/segment_001.ts"]
    assert all(address.startswith(f"{SITE}/") and ".." not in address for address in found)


@pytest.mark.parametrize("name", ["master.m3u8", "480p/index.m3u8", "storyboard.vtt"])
def test_whatever_names_no_segments_is_as_ever(player: Player, video: Video, settings: Any, name: str) -> None:
    answer = player.get(f"/api/video/{video.pk}/{name}")
    settings.CDN = None
    assert answer.sent == player.get(f"/api/video/{video.pk}/{name}").sent
    assert SITE.encode() not in answer.sent


def test_a_version_of_the_disk_is_no_cdn_s(player: Player, video: Video) -> None:
    serve_version(video, 1, sounds=2)
    assert b"\nsegment_000.ts\n" in player.get(f"/api/video/{video.pk}/480p/video.m3u8").sent


def test_a_later_version_has_another_folder(player: Player, video: Video) -> None:
    first = uris(player, f"/api/video/{video.pk}/480p/video.m3u8")
    serve_version(video, 2, sounds=2)
    in_bucket(video, 2)
    second = uris(player, f"/api/video/{video.pk}/480p/video.m3u8?v=2")
    assert [address.endswith(f"/hls/{video.transcode_id}/2/480p/segment_000.ts") for address in second] == [True, False]
    assert first[0].split("/")[3] != second[0].split("/")[3]


def test_a_session_keeps_its_playlist_for_a_while_and_no_two_have_one(
    player: Player, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag changes with the addresses, and no cache between them keeps either for another viewer."""
    path = f"/api/video/{video.pk}/480p/video.m3u8"
    mine = player.get(path)
    again = player.get(path, headers={"If-None-Match": mine["ETag"]})
    other = sign_in(Player()).get(path)
    monkeypatch.setattr(responses, "time", SimpleNamespace(time=lambda: NOW_S + WINDOW_S))
    later = player.get(path, headers={"If-None-Match": mine["ETag"]})
    assert (again.status_code, later.status_code) == (304, 200)
    assert len({mine.sent, other.sent, later.sent}) == len({mine["ETag"], other["ETag"], later["ETag"]}) == 3
    assert mine["Cache-Control"] == "private, max-age=5"


def test_no_address_names_the_viewer(player: Player, video: Video) -> None:
    [session] = {address.split("/")[5] for address in uris(player, f"/api/video/{video.pk}/480p/video.m3u8")}
    assert len(session) == 16
    assert int(session, 16) >= 0
    assert cdn.signed_for_nginx("", "", 0, session).endswith(f"/{session}")


def test_a_player_without_cookies_is_sent_there_too(player: Player, video: Video) -> None:
    made = player.post(f"/api/video/{video.pk}/playback-address/").json()["url"]
    path = f"/api/play/{made.split('/api/play/')[1].split('/')[0]}/video/{video.pk}/480p/video.m3u8"
    answer = Player().get(path)
    assert answer.sent.count(f"\n{SITE}/".encode()) == 2
