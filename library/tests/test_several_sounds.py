"""A video with several sounds over the full stack: what a client that knows one playlist alone finds through it."""

import gzip
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from hls.conformance.m3u8 import attributes, parse
from hls.models import Transcode
from hls.tests.factories import plan_of_several_sounds
from hls.tests.test_partly_made import facts
from library.models import Video
from library.tests.factories import VideoFactory
from library.tests.videos import MEDIA, Player, make_viewer, published, segment_bytes, serve_version, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Player:
    make_viewer()
    return sign_in(Player())


@pytest.fixture
def video() -> Video:
    return published(sounds=2)


def named(address: str, text: str) -> list[str]:
    """The addresses that a playlist names: its variants, segments and sounds."""
    playlist = parse(address, text)
    uris = [attributes(tag.value)["URI"] for tag in playlist.all("EXT-X-MEDIA")]
    return [urljoin(address, uri) for uri in (*(entry.uri for entry in playlist.entries), *uris)]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("resolution", "real"), [("480p", "480p"), ("720p", "720p"), ("1080p", "720p")])
def test_old_client_finds_pictures_and_all_sounds(
    ada: Player, video: Video, resolution: str, real: str, slash: str
) -> None:
    address = f"/api/video/{video.pk}/{resolution}/index.m3u8{slash}"
    pictures, *sounds = named(address, ada.get(address).sent.decode())
    assert urlsplit(pictures).path == f"/api/video/{video.pk}/{resolution}/video.m3u8"
    assert [urlsplit(sound).path for sound in sounds] == [
        f"/api/video/{video.pk}/audio_{number}/index.m3u8" for number in range(2)
    ]
    for playlist, name in zip((pictures, *sounds), (real, "audio_0", "audio_1"), strict=True):
        segments = named(playlist, ada.get(playlist).sent.decode())
        assert [ada.get(segment).sent for segment in segments] == [
            segment_bytes(video.transcode_id, 1, name, number) for number in range(2)
        ]


@pytest.mark.parametrize("name", ["480p/index.m3u8", "480p/video.m3u8", "audio_1/index.m3u8"])
def test_each_playlist_grants_to_play_on(ada: Player, video: Video, name: str) -> None:
    response = ada.get(f"/api/video/{video.pk}/{name}")
    assert response["Content-Type"] == "application/vnd.apple.mpegurl"
    granted = response.cookies["playback_token"].value
    player = Player(headers={"Cookie": f"playback_token={granted}"})
    assert player.get(f"/api/video/{video.pk}/audio_0/segment_000.ts").status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *("audio_2/index.m3u8", "audio_2/segment_000.ts", "audio_0/segment_002.ts", "audio_0/video.m3u8"),
        *("audio_0/iframes.m3u8", "audio_00/index.m3u8", "audio_16/index.m3u8", "360p/video.m3u8", "video.m3u8"),
    ],
)
def test_what_it_does_not_have_is_not_found(ada: Player, video: Video, name: str) -> None:
    response = ada.get(f"/api/video/{video.pk}/{name}")
    assert (response.status_code, response.json().keys()) == (404, {"detail"})


@pytest.mark.parametrize("name", ["480p/video.m3u8", "audio_0/index.m3u8", "audio_0/segment_000.ts"])
def test_a_video_with_one_sound_has_nothing_apart(ada: Player, name: str) -> None:
    assert ada.get(f"/api/video/{published().pk}/{name}").status_code == 404


@pytest.mark.parametrize("name", ["480p/video.m3u8", "audio_0/index.m3u8", "audio_0/segment_000.ts"])
def test_strangers_get_nothing(video: Video, name: str) -> None:
    assert Player().get(f"/api/video/{video.pk}/{name}").status_code == 401


def test_a_sound_of_the_replaced_video_is_that_of_its_pictures(ada: Player, video: Video) -> None:
    serve_version(video, 2, sounds=1)
    for version in (1, 2):
        sent = ada.get(f"/api/video/{video.pk}/audio_0/segment_000.ts?v={version}").sent
        assert sent == segment_bytes(video.transcode_id, version, "audio_0", 0)
    assert ada.get(f"/api/video/{video.pk}/audio_1/segment_000.ts?v=1").status_code == 200
    assert ada.get(f"/api/video/{video.pk}/audio_1/segment_000.ts?v=2").status_code == 404


def test_a_replacement_with_one_sound_leaves_those_who_watch_alone(ada: Player, video: Video) -> None:
    serve_version(video, 2)
    old, new = (ada.get(f"/api/video/{video.pk}/480p/index.m3u8?v={version}").sent.decode() for version in (1, 2))
    assert "audio_1/index.m3u8?v=1" in old
    assert new == MEDIA.replace(".ts", ".ts?v=2")


def test_several_sounds_can_be_watched_while_they_are_made(ada: Player, settings: Any) -> None:
    video = VideoFactory.create(processing=True)
    plan = plan_of_several_sounds(seconds=90)
    Transcode.objects.filter(pk=video.transcode_id).update(plan=plan.to_json(), playable_at=video.created_at)
    video.transcode.chunks.all().delete()
    video.transcode.chunks.create(index=0, frame_count=300, state="done", facts=facts(plan, 0))
    make_viewer("ed@example.com", is_staff=True)
    editor = sign_in(Player(), "ed@example.com")
    address = f"/api/video/{video.pk}/1080p/index.m3u8"
    pictures, *sounds = named(address, editor.get(address).sent.decode())
    for playlist in (pictures, *sounds):
        response = editor.get(playlist)
        assert response["Cache-Control"] == "no-store"
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in response.sent.decode()
        assert len(named(playlist, response.sent.decode())) == 2
        smaller = editor.get(playlist, headers={"Accept-Encoding": "gzip"})
        assert (smaller["Content-Encoding"], gzip.decompress(smaller.sent)) == ("gzip", response.sent)
        assert ada.get(playlist).status_code == 404
    assert len(sounds) == 4
