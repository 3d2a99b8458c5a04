"""An address for players that send no cookies: through the API, with what it leads to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from accounts import playback
from accounts.models import Session, User
from hls.models import Transcode
from library.models import Video
from library.tests.factories import VideoFactory
from library.tests.videos import Player, published, segment_bytes

pytestmark = pytest.mark.django_db

FOREIGN, OURS = "https://www.gstatic.com", "https://app.example.com"


@pytest.fixture(autouse=True)
def origins(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [OURS]


@pytest.fixture
def video(db: None) -> Video:
    return published()


def made(player: Player, video: Video) -> dict[str, str]:
    response = player.post(f"/api/video/{video.pk}/playback-address/")
    assert response.status_code == 200, response.content
    assert response["Cache-Control"] == "no-store"
    told: dict[str, str] = response.json()
    assert set(told) == {"url", "expires_at"}
    return told


@pytest.fixture
def url(ada: Player, video: Video) -> str:
    return made(ada, video)["url"]


def test_it_is_absolute_and_says_when_it_ends(ada: Player, video: Video) -> None:
    told = made(ada, video)
    assert told["url"].startswith("http://testserver/api/play/")
    assert told["url"].endswith(f"/video/{video.pk}/master.m3u8")
    lasts = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert told["expires_at"].endswith("Z")
    assert abs(lasts - timedelta(hours=6, seconds=12)) < timedelta(seconds=5)


def addresses_below(player: Player, url: str) -> Iterator[str]:
    """Everything that a playlist leads to, found as players find it."""
    text = player.get(urlsplit(url).path + (f"?{urlsplit(url).query}" if urlsplit(url).query else "")).sent.decode()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            found = urljoin(url, line)
            yield found
            if ".m3u8" in line:
                yield from addresses_below(player, found)


def test_a_player_without_cookies_plays_all_of_it(url: str, video: Video) -> None:
    television = Player()
    found = list(addresses_below(television, url))
    assert len(found) == 2 + 4, found
    segments = [address for address in found if ".ts" in address]
    for address in found:
        place = urlsplit(address)
        assert place.path.startswith("/api/play/")
        response = television.get(f"{place.path}?{place.query}")
        assert response.status_code == 200
        assert not response.cookies
        assert (response["Access-Control-Allow-Origin"], response["Referrer-Policy"]) == ("*", "no-referrer")
    assert television.get(urlsplit(segments[0]).path).sent == segment_bytes(video.transcode_id, 1, "480p", 0)
    part = television.get(urlsplit(segments[0]).path, headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.sent)) == (206, 10)


@pytest.mark.parametrize("name", ["storyboard.vtt", "storyboard_00.jpg", "thumbnail.jpg", "1080p/iframes.m3u8"])
def test_the_video_s_other_files_are_there_too(url: str, name: str) -> None:
    assert Player().get(urljoin(urlsplit(url).path, name)).status_code == 200


@pytest.mark.parametrize("name", ["", "transcode/", "playback-address/"])
def test_it_opens_nothing_else(ada: Player, url: str, name: str) -> None:
    """Not even to somebody whose cookies would."""
    assert ada.get(urljoin(urlsplit(url).path, f"./{name}")).status_code in (401, 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_is_for_reading_alone(url: str, method: str) -> None:
    assert Player().generic(method, urlsplit(url).path).status_code in (401, 405)


def test_a_spoilt_foreign_or_ended_one_is_401(ada: Player, url: str, video: Video, settings: Any) -> None:
    path = urlsplit(url).path
    other = published(title="Other")
    token = path.split("/")[3]
    changed = (f"{token}x", token), ("a.b", token), (f"/{other.pk}/", f"/{video.pk}/")
    for odd in [path.replace(old, new) for new, old in changed]:
        response = ada.get(odd)
        assert (response.status_code, list(response.json())) == (401, ["detail"]), odd
    assert ada.post("/api/logout/").status_code == 200
    playback.memory.clear()
    assert Player().get(path).status_code == 401


def test_a_video_that_is_gone_or_was_never_there_is_404(ada: Player, url: str, video: Video) -> None:
    video.delete()
    assert Player().get(urlsplit(url).path).status_code == 404
    assert ada.post(f"/api/video/{video.pk}/playback-address/").status_code == 404


def test_it_is_for_who_may_watch(ada: Player, video: Video) -> None:
    assert Player().post(f"/api/video/{video.pk}/playback-address/").status_code == 401
    waiting = VideoFactory.create()
    assert ada.post(f"/api/video/{waiting.pk}/playback-address/").status_code == 404
    stranger = ada.post(f"/api/video/{video.pk}/playback-address/", headers={"Origin": "https://evil.example"})
    assert stranger.status_code == 403


def test_the_admin_s_session_may_have_one_too(at_admin: Player, video: Video) -> None:
    path = urlsplit(made(at_admin, video)["url"]).path
    assert Player().get(path).status_code == 200


@pytest.mark.parametrize(("origin", "allowed"), [(FOREIGN, "*"), ("", "*"), (OURS, OURS)])
def test_any_page_may_read_it(url: str, origin: str, allowed: str) -> None:
    """A Chromecast's receiver has an origin of its own; a page of ours may send credentials by habit."""
    headers = {"Origin": origin} if origin else {}
    response = Player().get(urlsplit(url).path, headers=headers)
    assert response["Access-Control-Allow-Origin"] == allowed
    assert response.get("Access-Control-Allow-Credentials") == ("true" if origin == OURS else None)


def test_any_page_may_ask_first(url: str) -> None:
    headers = {"Origin": FOREIGN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    response = Player().options(urlsplit(url).path, headers=headers)
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "GET" in response["Access-Control-Allow-Methods"]
    assert "range" in response["Access-Control-Allow-Headers"]


def test_no_page_may_read_other_addresses(ada: Player, video: Video) -> None:
    response = ada.get(f"/api/video/{video.pk}/master.m3u8", headers={"Origin": FOREIGN})
    assert "Access-Control-Allow-Origin" not in response


def test_it_ends_with_the_session_s_absolute_end(ada: Player, video: Video, settings: Any) -> None:
    session = Session.objects.get()
    session.created_at -= settings.SESSION_LIFETIME - timedelta(minutes=5)
    session.save(update_fields=["created_at"])
    lasts = datetime.fromisoformat(made(ada, video)["expires_at"]) - datetime.now(UTC)
    assert lasts <= timedelta(minutes=5)


def test_a_deactivated_viewer_s_ends(url: str) -> None:
    User.objects.update(is_active=False)
    playback.memory.clear()
    assert Player().get(urlsplit(url).path).status_code == 401


def test_a_video_still_being_made_plays_for_whom_it_may(at_admin: Player, ada: Player) -> None:
    growing = VideoFactory.create(processing=True)
    assert Transcode.objects.get(pk=growing.transcode_id).served is None
    assert ada.post(f"/api/video/{growing.pk}/playback-address/").status_code == 404
