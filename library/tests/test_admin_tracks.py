"""Tracks in the admin: what a video's page brings for them, what the list marks, and what the history says."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls.models import Track
from library.models import Video
from library.tests.factories import AdministratorFactory, VideoFactory
from library.tests.test_admin_list import LIST, titles
from library.tests.tracks import SUBRIP, put
from library.tests.videos import make_viewer, sign_in

NO_CAPTIONS = "No captions"


def page_of(client: Client, video: Video) -> str:
    return client.get(f"{LIST}{video.pk}/change/").content.decode()


def known(page: str) -> Any:
    """The tracks that the page's script begins with."""
    found = re.search(r'data-known="([^"]*)"', page)
    assert found
    return json.loads(unescape(found[1]))


def make_track(video: Video, **facts: Any) -> Track:
    facts = {"kind": "subtitles", "language": "en", "label": "English", **facts}
    return Track.objects.create(transcode=video.transcode, **facts)


def history(video: Video) -> list[str]:
    """Newest last."""
    entries = LogEntry.objects.filter(object_id=str(video.pk)).order_by("pk")
    return [entry.get_change_message() for entry in entries]


def edit(client: Client, video: Video, track: Any, **changes: Any) -> Any:
    address = f"/api/video/{video.pk}/tracks/{track['id']}/"
    return client.patch(address, json.dumps(changes), content_type="application/json")


def test_page_brings_all_tracks_with_their_states(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    embedded = {"origin": "embedded", "source": video.transcode.source}
    make_track(video, **embedded, state="failed", error_code="empty", is_forced=True)
    make_track(video, **embedded, state="processing", label="Waiting")
    make_track(video, kind="audio", sound=0, label="Stereo <b>", is_commentary=True, **embedded)
    make_track(video, label="Gone", deleted_at=timezone.now())
    first, second, third = known(page_of(at_admin, video))
    assert (first["state"], first["is_forced"], first["origin"]) == ("failed", True, "embedded")
    assert first["error"]["message"] == "The file names this track, but has no text in it."
    assert (second["state"], second["url"]) == ("processing", None)
    assert (third["kind"], third["label"], third["is_commentary"]) == ("audio", "Stereo <b>", True)


def test_page_says_where_tracks_are_sent_and_when_the_video_ends(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    page = page_of(at_admin, video)
    assert f'data-endpoint="/api/video/{video.pk}/tracks/"' in page
    assert 'data-duration-s="12.0"' in page
    assert 'data-endings=".vtt,.srt,.ass,.ssa"' in page
    assert "data-may-change" in page


def test_end_of_a_video_that_was_not_read_yet_is_unknown(at_admin: Client) -> None:
    assert 'data-duration-s=""' in page_of(at_admin, VideoFactory.create())


def test_who_may_only_look_sees_the_tracks_and_changes_none(client: Client, db: None) -> None:
    guest: Any = AdministratorFactory.create(is_superuser=False)
    guest.user_permissions.add(Permission.objects.get(codename="view_video"))
    client.force_login(guest)
    video = VideoFactory.create(ready=True)
    make_track(video)
    page = page_of(client, video)
    assert [track["label"] for track in known(page)] == ["English"]
    assert "data-may-change" not in page
    assert put(client, video).status_code == 403
    assert history(video) == []


def test_pages_for_new_videos_have_no_tracks(at_admin: Client) -> None:
    assert "data-tracks-panel" not in at_admin.get(f"{LIST}add/").content.decode()


@pytest.fixture
def captioned(db: None) -> None:
    """Videos, each named by what it has of subtitles and captions."""
    told: dict[str, dict[str, Any]] = {
        "subtitles": {},
        "captions": {"kind": "captions"},
        "being taken out": {"state": "processing"},
        "forced": {"is_forced": True},
        "failed": {"state": "failed", "error_code": "empty"},
        "deleted": {"deleted_at": timezone.now()},
        "of an older file": {"origin": "embedded", "source": "videos/older.mp4"},
        "chapters": {"kind": "chapters"},
        "a sound": {"kind": "audio"},
    }
    for title, facts in told.items():
        make_track(VideoFactory.create(title=title, ready=True), **facts)
    VideoFactory.create(title="not ready")


WITH = {"subtitles", "captions", "being taken out"}
WITHOUT = {"forced", "failed", "deleted", "of an older file", "chapters", "a sound"}


@pytest.mark.usefixtures("captioned")
def test_list_is_filtered_by_captions(at_admin: Client) -> None:
    assert titles(at_admin, "captions=with") == WITH
    assert titles(at_admin, "captions=without") == WITHOUT
    assert titles(at_admin, "captions=nonsense") == WITH | WITHOUT | {"not ready"}


@pytest.mark.usefixtures("captioned")
def test_list_marks_ready_videos_without_captions(at_admin: Client) -> None:
    assert at_admin.get(f"{LIST}?captions=without").content.decode().count(NO_CAPTIONS) == len(WITHOUT)
    assert NO_CAPTIONS not in at_admin.get(f"{LIST}?captions=with").content.decode()
    assert NO_CAPTIONS not in at_admin.get(f"{LIST}?state=queued").content.decode()


@pytest.mark.usefixtures("captioned")
def test_marks_cost_no_query_for_each_row(at_admin: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            at_admin.get(f"{LIST}?captions=without")
        return len(captured)

    before = count()
    VideoFactory.create_batch(5, ready=True)
    assert count() == before


def test_mark_comes_with_the_state(at_admin: Client) -> None:
    """The list isn't loaded anew when a video becomes ready."""
    video = VideoFactory.create(ready=True)
    asked = f"{LIST}progress/?id={video.pk}&part=cell"
    assert NO_CAPTIONS in at_admin.get(asked).json()["fragments"][str(video.pk)]["cell"]
    make_track(video)
    assert NO_CAPTIONS not in at_admin.get(asked).json()["fragments"][str(video.pk)]["cell"]


def test_history_tells_of_tracks_that_are_added_replaced_changed_and_deleted(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    track = put(at_admin, video).json()
    put(at_admin, video, SUBRIP.replace("boats", "nets"))
    edit(at_admin, video, track, label="English (UK)", language="en-GB", is_default=True, is_forced=False)
    edit(at_admin, video, track, label="English (UK)")
    put(at_admin, video, kind="chapters", language="und")
    at_admin.delete(f"/api/video/{video.pk}/tracks/{track['id']}/")
    assert history(video) == [
        "Added subtitles “English (en)”.",
        "Changed text for subtitles “English (en)”.",
        "Changed language, label and default for subtitles “English (UK) (en-GB)”.",
        "Added chapters “Chapters (und)”.",
        "Deleted subtitles “English (UK) (en-GB)”.",
    ]
    assert "Added subtitles “English (en)”." in at_admin.get(f"{LIST}{video.pk}/history/").content.decode()


def test_history_tells_of_a_change_with_a_token_and_whose_it_was(db: None) -> None:
    eve = make_viewer("eve@example.com", is_staff=True, is_superuser=True)
    video = VideoFactory.create(ready=True)
    assert put(sign_in(Client(), "eve@example.com"), video).status_code == 200
    assert LogEntry.objects.get().user_id == eve.pk


def test_what_was_refused_is_not_in_the_history(at_admin: Client) -> None:
    video = VideoFactory.create(ready=True)
    track = put(at_admin, video).json()
    put(at_admin, video, label="Other")
    assert put(at_admin, video, "nothing").status_code == 400
    assert edit(at_admin, video, track, language="klingonisch").status_code == 400
    assert edit(at_admin, video, track, label="Other").status_code == 409
    assert len(history(video)) == 2
