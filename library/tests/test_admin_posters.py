"""Posters taken from the video, by hand and by themselves, and the facts beside the player."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from hls.lifecycle import submit
from hls.models import State
from hls.steps import do_next
from hls.stills import tiles
from hls.tests.videos import small_video
from library.admin.facts import facts_of
from library.admin.poster_choices import stills_of
from library.models import Video
from library.tests.factories import AdministratorFactory

pytestmark = pytest.mark.ffmpeg


@pytest.fixture
def video(db: None, tmp_path: Path, settings: Any) -> Video:
    """Ten seconds, really transcoded."""
    source = small_video(tmp_path / "video.mp4", seconds=10, rate=10, size="320x180")
    video = Video(title="Harbour", original_name="harbour.mp4")
    video.video_file.save("harbour.mp4", ContentFile(source.read_bytes()), save=False)
    video.transcode = submit(str(video.video_file.name))
    video.save()
    while do_next():
        pass
    video.transcode.refresh_from_db()
    assert video.transcode.state == State.READY
    return video


def choose(client: Client, video: Video, tile: object) -> Any:
    return client.post(f"/admin/library/video/{video.pk}/poster/", {"tile": tile}, follow=True)


def test_a_picture_of_the_storyboard_becomes_the_poster_in_full_size(at_admin: Client, video: Video) -> None:
    assert "Poster chosen from the video" in choose(at_admin, video, 3).content.decode()
    video.refresh_from_db()
    with Image.open(video.thumbnail.path) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 180))
    assert LogEntry.objects.get().get_change_message() == "Poster chosen from the video."


def test_a_picture_that_does_not_exist_is_refused_with_a_sentence(at_admin: Client, video: Video) -> None:
    for tile in ("99999", "-1", "x", "", "1" * 40):
        assert "No picture could be taken" in choose(at_admin, video, tile).content.decode(), tile
        video.refresh_from_db()
        assert not video.thumbnail


def test_regenerating_takes_a_picture_by_itself_and_leaves_no_temporary_file(
    at_admin: Client, video: Video, folders: Path
) -> None:
    at_admin.post(f"/admin/library/video/{video.pk}/regenerate_poster/")
    video.refresh_from_db()
    assert Path(video.thumbnail.path).exists()
    assert list((folders / "uploads" / "partial").iterdir()) == []


def test_a_get_takes_no_poster(at_admin: Client, video: Video) -> None:
    assert at_admin.get(f"/admin/library/video/{video.pk}/poster/").status_code == 403


def test_the_video_page_offers_each_tile_and_tells_the_facts(at_admin: Client, video: Video) -> None:
    page = at_admin.get(f"/admin/library/video/{video.pk}/change/")
    stills = stills_of(video)
    assert page.content.decode().count('name="tile"') == len(stills)
    assert len(stills) == len(tiles(video.transcode, most=1000)) >= 10
    sheet = at_admin.get(stills[0].sheet_url)
    assert b"".join(sheet).startswith(b"\xff\xd8")
    facts = {fact.label: fact.value for fact in facts_of(video)}
    assert facts["Picture"] in page.content.decode()
    assert facts["File"] == "harbour.mp4"
    assert facts["Length"] == "0:10"
    assert facts["Picture"] == "H264, 320 x 180, 10 frames/s"
    assert facts["Sound"].startswith("AAC, mono")
    assert "320 x 180" in facts["Served"]


def test_the_chooser_appears_without_a_reload(at_admin: Client, video: Video) -> None:
    address = f"/admin/library/video/progress/?id={video.pk}&part=stills"
    shown = at_admin.get(address).json()["fragments"][str(video.pk)]["stills"]
    assert shown.count('name="tile"') == len(stills_of(video)) >= 10
    video.transcode.state = State.PROCESSING
    video.transcode.save()
    assert at_admin.get(address).json()["fragments"][str(video.pk)]["stills"].strip() == ""


def test_somebody_who_may_only_look_is_offered_no_tiles(client: Client, video: Video) -> None:
    onlooker = AdministratorFactory.create(is_superuser=False)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_video"))
    client.force_login(onlooker)
    for path in (f"{video.pk}/change/", f"progress/?id={video.pk}&part=stills"):
        assert 'name="tile"' not in client.get(f"/admin/library/video/{path}").content.decode()


def test_a_video_that_is_not_ready_offers_no_tiles(at_admin: Client, video: Video) -> None:
    video.transcode.state = State.PROCESSING
    video.transcode.save()
    page = at_admin.get(f"/admin/library/video/{video.pk}/change/")
    assert 'name="tile"' not in page.content.decode()
