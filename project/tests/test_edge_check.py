"""What the edge asks, answered in front of Django: the same yes, and every no by Django itself."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Session, User
from library.models import Video
from library.tests.videos import Player, make_viewer, published, serve_version, sign_in
from project import edge
from project.tests.test_express import ORIGIN, Answered

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
    """Ada's, with nothing but the leave to play the video."""
    make_viewer()
    player = sign_in(Player())
    granted = player.get(f"/api/video/{video.pk}/master.m3u8").cookies["playback_token"].value
    player.cookies.clear()
    player.cookies["playback_token"] = granted
    return player


@pytest.fixture
def cookie(player: Player) -> str:
    return f"playback_token={player.cookies['playback_token'].value}"


@pytest.mark.parametrize("query", ["", "&v=1", "&v=2", "&v=3", "&v=9"])
@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Origin": "https://evil.example"}])
def test_yes_is_the_one_django_gives(
    player: Player, video: Video, cookie: str, query: str, headers: dict[str, str]
) -> None:
    serve_version(video, 2)
    path = f"{edge.PATH}?video={video.pk}{query}"
    by_django = player.get(path, headers=headers)
    answered = Answered(path, cookie, **headers)
    assert not answered.went_on
    assert answered.status == by_django.status_code == 204
    assert answered.headers == {name.title(): value for name, value in by_django.items()}
    assert answered.headers["Cache-Control"] == "no-store"
    assert ("Access-Control-Allow-Origin" in answered.headers) == (headers.get("Origin") == ORIGIN)
    assert ("X-Video-Folder" in answered.headers) == (query in ("", "&v=1", "&v=2"))


def test_uploaded_picture_is_the_poster(player: Player, video: Video, cookie: str) -> None:
    Video.objects.filter(pk=video.pk).update(thumbnail="thumbnails/own.jpg")
    assert Answered(f"{edge.PATH}?video={video.pk}", cookie).headers["X-Video-Poster"] == "uploads/thumbnails/own.jpg"


def test_video_without_anything_to_send_gets_a_bare_yes(player: Player, video: Video, cookie: str) -> None:
    video.transcode.__class__.objects.update(served=None, served_version=None)
    assert Answered(f"{edge.PATH}?video={video.pk}", cookie).headers == {"Cache-Control": "no-store"}


def test_video_that_is_deleted_gets_a_bare_yes(player: Player, video: Video, cookie: str) -> None:
    number = video.pk
    video.delete()
    assert Answered(f"{edge.PATH}?video={number}", cookie).headers == {"Cache-Control": "no-store"}


def test_two_queries_are_made_each_time(
    video: Video, player: Player, cookie: str, django_assert_num_queries: Any
) -> None:
    """Whose leave it is, and where the video lies: the proxy alone remembers."""
    for _ in range(2):
        with django_assert_num_queries(2):
            assert Answered(f"{edge.PATH}?video={video.pk}", cookie).status == 204


def log_out(user: User) -> None:
    Session.objects.filter(user=user).end()


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete(user: User) -> None:
    user.delete()


@pytest.mark.parametrize("end", [log_out, deactivate, delete])
def test_no_is_said_by_django_as_soon_as_it_is_one(player: Player, video: Video, cookie: str, end: Any) -> None:
    path = f"{edge.PATH}?video={video.pk}"
    assert Answered(path, cookie).status == 204
    end(User.objects.get())
    assert Answered(path, cookie).went_on
    assert player.get(path).status_code == 401


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("HEAD", "video={video}"),
        ("POST", "video={video}"),
        ("GET", ""),
        ("GET", "video="),
        ("GET", "video=x"),
        ("GET", "video=0"),
        ("GET", "video=0{video}"),
        ("GET", "video={video}&v=0"),
        ("GET", "video={video}&v=1&v=2"),
        ("GET", "video={video}&video=2"),
        ("GET", "v=1&video={video}"),
        ("GET", "video={video}%00"),
        ("GET", "video=99999"),
    ],
)
def test_whatever_is_odd_goes_on_to_django(video: Video, cookie: str, method: str, query: str) -> None:
    answered = Answered(f"{edge.PATH}?{query.format(video=video.pk)}", cookie, method)
    assert answered.went_on
    assert answered.status == 0


@pytest.mark.parametrize("wrong", ["", "playback_token=", "playback_token=x", "access_token=x", "x" * 9000])
def test_other_cookies_go_on_to_django(video: Video, player: Player, wrong: str) -> None:
    assert Answered(f"{edge.PATH}?video={video.pk}", wrong).went_on


def test_database_that_is_away_is_django_s_to_report(
    video: Video, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(edge, "told", fail)
    assert Answered(f"{edge.PATH}?video={video.pk}", cookie).went_on


def test_question_is_logged_with_who_and_what(
    video: Video, player: Player, cookie: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    Answered(f"{edge.PATH}?video={video.pk}", cookie, **{"X-Request-ID": "from-the-edge"})
    [line] = capsys.readouterr().err.splitlines()
    assert f'"path": "{edge.PATH}", "status": 204' in line
    assert f'"video_id": {video.pk}' in line
    assert '"request_id": "from-the-edge"' in line
