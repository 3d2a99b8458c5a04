"""Replacing a video's file: what is served meanwhile, going back to it, and when the old file is let go of."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.test import Client

from hls import lifecycle
from hls.errors import NotPossible
from hls.models import Discarded, State, Transcode
from hls.tests.factories import plan
from library import upkeep, videos
from library.admin.facts import groups_of
from library.models import Video
from library.tests.factories import VideoFactory, uploaded
from library.tests.test_admin_progress import fragment

CHANGE = "/admin/library/video/{}/change/"


@pytest.fixture
def video(at_admin: Client, settled: Path) -> Video:
    """Served from old.mp4, and replaced by new.mp4, which waits for a worker."""
    path = settled / "uploads/videos/old.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"the old file")
    made = VideoFactory.create(ready=True, original_name="Harbour.mp4", video_file="videos/old.mp4", category="drama")
    Transcode.objects.filter(pk=made.transcode_id).update(source="videos/old.mp4", source_bytes=12)
    replaced(at_admin, made, "New take.mov")
    return fresh(made)


def replaced(client: Client, video: Video, name: str) -> None:
    sent = {"title": video.title, "category": "drama", "video_file": uploaded(name, b"another file")}
    assert client.post(CHANGE.format(video.pk), sent).status_code == 302


def fresh(video: Video) -> Video:
    return Video.objects.select_related("transcode", "added_by").get(pk=video.pk)


def old_file() -> bool:
    return Path(settings.MEDIA_ROOT, "videos/old.mp4").exists()


def test_panel_says_what_viewers_get_and_what_is_being_made(at_admin: Client, video: Video) -> None:
    panel = fragment(at_admin, video, "panel")
    assert "Viewers get <strong>Harbour.mp4</strong> until <strong>New take.mov</strong> is ready." in panel
    assert f"/{video.pk}/go_back/" not in panel


def test_after_a_cancelled_replacement_an_editor_goes_back(at_admin: Client, video: Video) -> None:
    lifecycle.cancel(video.transcode)
    panel = fragment(at_admin, video, "panel")
    assert "until" not in panel
    assert "Viewers get <strong>Harbour.mp4</strong>; <strong>New take.mov</strong> is not served." in panel
    assert f"/{video.pk}/go_back/" in panel
    new_file = video.video_file.name
    assert "Give up the new file" in at_admin.get(f"/admin/library/video/{video.pk}/go_back/").content.decode()
    at_admin.post(f"/admin/library/video/{video.pk}/go_back/")
    found = fresh(video)
    assert (found.video_file.name, found.original_name, found.kept) == ("videos/old.mp4", "Harbour.mp4", None)
    transcode = found.transcode
    assert (transcode.state, transcode.served_version, transcode.percent, transcode.source, transcode.source_bytes) == (
        State.READY,
        1,
        100,
        "videos/old.mp4",
        12,
    )
    assert LogEntry.objects.latest("pk").get_change_message() == "Kept the served file."
    upkeep.sweep()
    assert old_file()
    assert not Path(settings.MEDIA_ROOT, str(new_file)).exists()


def test_going_back_waits_until_the_replacement_has_stopped(video: Video) -> None:
    with pytest.raises(NotPossible):
        videos.go_back(video)
    found = fresh(video)
    assert (found.original_name, found.kept is None) == ("New take.mov", False)


def test_number_of_a_version_that_was_given_up_is_not_used_again(at_admin: Client, video: Video) -> None:
    lifecycle.cancel(video.transcode)
    videos.go_back(fresh(video))
    replaced(at_admin, video, "third.mp4")
    assert fresh(video).transcode.version == 3


def test_old_file_stays_until_the_new_one_is_served(at_admin: Client, video: Video) -> None:
    replaced(at_admin, video, "third.mp4")  # before the second one was ready
    for _ in range(2):
        upkeep.sweep()
        assert old_file()
    kept = videos.kept_of(fresh(video))
    assert kept is not None
    assert (kept.file, kept.name) == ("videos/old.mp4", "Harbour.mp4")
    Transcode.objects.filter(pk=video.transcode_id).update(state=State.READY, served_version=3)
    upkeep.sweep()
    assert not old_file()
    lifecycle.replace(Transcode.objects.get(pk=video.transcode_id), "videos/again.mp4")
    assert videos.kept_of(fresh(video)) is None


def test_file_of_a_video_that_was_never_served_is_let_go_at_once(at_admin: Client, video: Video) -> None:
    Transcode.objects.filter(pk=video.transcode_id).update(served=None, served_version=None, state=State.FAILED)
    Video.objects.filter(pk=video.pk).update(kept=None)
    replaced(at_admin, video, "third.mp4")
    assert fresh(video).kept is None


@pytest.mark.parametrize("delete", [lambda v: v.delete(), lambda v: Video.objects.filter(pk=v.pk).delete()])
def test_deleting_gives_up_both_files(video: Video, delete: Any) -> None:
    names = {video.video_file.name, "videos/old.mp4"}
    delete(video)
    given_up = set(Discarded.objects.values_list("name", flat=True))
    assert names <= given_up
    upkeep.sweep()
    assert not old_file()


def test_facts_of_the_served_and_of_the_new_file_stand_apart(video: Video) -> None:
    Transcode.objects.filter(pk=video.transcode_id).update(plan=plan().to_json())
    served, new = groups_of(fresh(video))
    told = [{fact.label: fact.value for fact in group.facts} for group in (served, new)]
    assert (served.title, new.title) == ("Served now", "Not served yet")
    assert (told[0]["File"], told[0]["Size"]) == ("Harbour.mp4", "12 bytes")
    assert "Served" in told[0]
    assert (told[1]["File"], "Picture" in told[1], "Served" in told[1]) == ("New take.mov", True, False)
