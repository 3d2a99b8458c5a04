"""What the edge asks: who gets a yes, what it says, and that it is the API's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError
from django.test import Client

from accounts import playback
from accounts.models import Session, User
from library.models import Video
from library.tests.videos import Player, make_viewer, published, serve_version, sign_in
from project import edge

ORIGIN = "https://app.example.com"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.HLS_ROOT = tmp_path / "hls"
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]


@pytest.fixture
def video() -> Video:
    return published()


@pytest.fixture
def player(video: Video) -> Player:
    """Ada's, with nothing but the grant to play the video."""
    make_viewer()
    player = sign_in(Player())
    granted = player.get(f"/api/video/{video.pk}/master.m3u8").cookies["playback_token"].value
    player.cookies.clear()
    player.cookies["playback_token"] = granted
    return player


@pytest.mark.parametrize("query", ["", "&v=1", "&v=2", "&v=3", "&v=9"])
@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Origin": "https://evil.example"}])
def test_yes_says_where_the_files_are_and_nothing_else(
    player: Player, video: Video, query: str, headers: dict[str, str]
) -> None:
    serve_version(video, 2)
    answer = player.get(f"{edge.PATH}?video={video.pk}{query}", headers=headers)
    served, latest = f"hls/{video.transcode_id}", f"hls/{video.transcode_id}/2/poster.jpg"
    expected = {"cache-control": "no-store", "x-video-poster": latest}
    if query in ("", "&v=1", "&v=2"):
        expected |= {"x-video-folder": f"{served}/{query[3:] or '1'}", "x-video-best": "720p"}
    if headers.get("Origin") == ORIGIN:
        expected["access-control-allow-origin"] = ORIGIN
    assert (answer.status_code, answer.sent) == (204, b"")
    assert {name.lower(): value for name, value in answer.items()} == expected


@pytest.mark.parametrize("origin", ["", ORIGIN, "https://www.gstatic.com"])
def test_yes_by_an_address_names_no_page_but_ours(video: Video, origin: str) -> None:
    make_viewer()
    made = sign_in(Player()).post(f"/api/video/{video.pk}/playback-address/").json()
    headers = {"X-Playback-Address": str(urlsplit(made["url"]).path).split("/")[3]}
    answer = Player().get(f"{edge.PATH}?video={video.pk}", headers=headers | ({"Origin": origin} if origin else {}))
    names = {name.lower() for name in answer.headers}
    ours = {"access-control-allow-origin"} if origin == ORIGIN else set()
    assert (answer.status_code, names) == (204, {"cache-control", *FILE_HEADERS} | ours)
    assert answer.get("Access-Control-Allow-Origin") == (ORIGIN if ours else None)


FILE_HEADERS = ("x-video-folder", "x-video-best", "x-video-poster")


def test_uploaded_picture_is_the_poster(player: Player, video: Video) -> None:
    Video.objects.filter(pk=video.pk).update(thumbnail="thumbnails/own.jpg")
    assert player.get(f"{edge.PATH}?video={video.pk}")["X-Video-Poster"] == "uploads/thumbnails/own.jpg"


def test_video_without_anything_to_send_gets_a_bare_yes(player: Player, video: Video) -> None:
    video.transcode.__class__.objects.update(served=None, served_version=None)
    assert dict(player.get(f"{edge.PATH}?video={video.pk}").items()) == {"Cache-Control": "no-store"}


def test_video_that_is_deleted_gets_a_bare_yes(player: Player, video: Video) -> None:
    number = video.pk
    video.delete()
    assert dict(player.get(f"{edge.PATH}?video={number}").items()) == {"Cache-Control": "no-store"}


def test_two_queries_are_made_each_time(player: Player, video: Video, django_assert_num_queries: Any) -> None:
    """Whose grant it is, and where the video lies: the proxy alone remembers."""
    for _ in range(2):
        with django_assert_num_queries(2):
            assert player.get(f"{edge.PATH}?video={video.pk}").status_code == 204


def log_out(user: User) -> None:
    Session.objects.filter(user=user).end()


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete(user: User) -> None:
    user.delete()


@pytest.mark.parametrize("end", [log_out, deactivate, delete])
def test_no_is_said_as_soon_as_it_is_one(player: Player, video: Video, end: Callable[[User], None]) -> None:
    path = f"{edge.PATH}?video={video.pk}"
    assert player.get(path).status_code == 204
    end(User.objects.get())
    assert player.get(path).status_code == 401


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("HEAD", "video={video}", 204),
        ("POST", "video={video}", 405),
        ("GET", "", 400),
        ("GET", "video=", 400),
        ("GET", "video=x", 400),
        ("GET", "video=0", 400),
        ("GET", "video={video}&v=0", 400),
        ("GET", "v=1&video={video}", 204),
        ("GET", "video={video}%00", 400),
        ("GET", "video=99999", 401),
    ],
)
def test_whatever_is_odd_is_answered_for_what_it_is(
    player: Player, video: Video, method: str, query: str, status: int
) -> None:
    assert player.generic(method, f"{edge.PATH}?{query.format(video=video.pk)}").status_code == status


def test_database_that_is_away_is_reported_in_shape(
    player: Player, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(edge, "told", fail)
    answer = player.get(f"{edge.PATH}?video={video.pk}")
    assert (answer.status_code, answer.json().keys()) == (503, {"detail"})


def test_question_is_logged_with_who_and_what(player: Player, video: Video, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    player.get(f"{edge.PATH}?video={video.pk}", headers={"X-Request-ID": "from-the-edge"})
    [line] = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["path"], line["status"], line["request_id"]) == (edge.PATH, 204, "from-the-edge")
    assert (line["video_id"], line["user_id"]) == (video.pk, User.objects.get().pk)


class Credentials:
    """What one viewer and one administrator can show, for the video and for another one."""

    def __init__(self, video: Video, other: Video) -> None:
        ada, carol = make_viewer(), make_viewer("carol@example.com", is_staff=True)
        viewer, admin = sign_in(Player()), Player()
        admin.force_login(carol)
        access = viewer.cookies["access_token"].value
        mine, another = (self.granted(viewer, entry) for entry in (video, other))
        by_admin = self.granted(admin, video)
        token = self.token(viewer, video)
        self.headers = {
            "nothing": {},
            "an access cookie": {"Cookie": f"access_token={access}"},
            "a bearer": {"Authorization": f"Bearer {access}"},
            "a playback cookie": {"Cookie": f"playback_token={mine}"},
            "a playback cookie of the admin's": {"Cookie": f"playback_token={by_admin}"},
            "another video's playback cookie": {"Cookie": f"playback_token={another}"},
            "an address": {"X-Playback-Address": token},
            "another video's address": {"X-Playback-Address": self.token(viewer, other)},
            "an address as a cookie": {"Cookie": f"playback_token={token}"},
            "a cookie as an address": {"X-Playback-Address": mine},
            "a forged address beside a good cookie": {"X-Playback-Address": "x", "Cookie": f"playback_token={mine}"},
            "the admin's session": {"Cookie": f"sessionid={admin.cookies['sessionid'].value}"},
            "a viewer's session in the admin": {"Cookie": f"sessionid={self.session(ada)}"},
            "a forged playback cookie": {"Cookie": "playback_token=WzEsMl0:a:b"},
            "a forged cookie beside a good bearer": {"Cookie": "playback_token=x", "Authorization": f"Bearer {access}"},
            "a forged bearer": {"Authorization": "Bearer x.y.z"},
        }

    def granted(self, player: Player, video: Video) -> str:
        value: str = player.get(f"/api/video/{video.pk}/master.m3u8").cookies["playback_token"].value
        return value

    def token(self, player: Player, video: Video) -> str:
        made = player.post(f"/api/video/{video.pk}/playback-address/").json()
        return str(urlsplit(made["url"]).path).split("/")[3]

    def session(self, user: User) -> str:
        client = Client()
        client.force_login(user)
        value: str = client.cookies["sessionid"].value
        return value


@pytest.mark.parametrize("end", [None, log_out, deactivate, delete])
def test_edge_and_api_agree_on_who_may_watch(video: Video, end: Callable[[User], None] | None) -> None:
    """By every kind of credential, good, foreign and forged, and when the accounts are gone."""
    credentials = Credentials(video, published(title="Another"))
    if end is not None:
        for user in User.objects.all():
            end(user)
    said = {}
    for name, headers in credentials.headers.items():
        playback.memory.clear()  # the API remembers for less than a minute what the edge asks each time
        api = [Player().get(f"/api/video/{video.pk}/{file}", headers=headers).status_code for file in FILES]
        said[name] = Player().get(f"{edge.PATH}?video={video.pk}", headers=headers).status_code == 204
        assert [status == 200 for status in api] == [said[name]] * len(FILES), name
    if end is None:
        assert [name for name, is_yes in said.items() if is_yes] == GOOD


FILES = ("480p/segment_000.ts", "480p/index.m3u8", "master.m3u8", "storyboard_00.jpg", "thumbnail.jpg")
GOOD = [
    "an access cookie",
    "a bearer",
    "a playback cookie",
    "a playback cookie of the admin's",
    "an address",
    "the admin's session",
    "a forged cookie beside a good bearer",
]


def test_draft_leads_nobody_but_staff_to_its_files(player: Player, video: Video) -> None:
    """The edge then asks for the file itself, and passes on that it is not found."""
    Video.objects.filter(pk=video.pk).update(is_published=False)
    assert dict(player.get(f"{edge.PATH}?video={video.pk}").items()) == {"Cache-Control": "no-store"}
    User.objects.update(is_staff=True)
    names = {name.lower() for name in player.get(f"{edge.PATH}?video={video.pk}").headers}
    assert names == {"cache-control", *FILE_HEADERS}
