"""The live parts of the admin: the same numbers as the API, in two queries however long the list."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from hls.core.plan import make_plan
from hls.core.probe import Extras, OtherTrack
from hls.core.quality import Quality, RenditionQuality, Why
from hls.models import State, Transcode, Worker
from hls.tests.factories import WorkerFactory, source
from library.admin.facts import WHY, quality_text
from library.admin.progress import cells, clock_text, duration_text
from library.tests.factories import VideoFactory

LIST = "/admin/library/video/"
LIVE = f"{LIST}progress/"


def ask(client: Client, video: Any, part: str) -> Any:
    return client.get(f"{LIVE}?id={video.pk}&part={part}")


def fragment(client: Client, video: Any, part: str) -> str:
    answer = ask(client, video, part).json()
    return str(answer["fragments"][str(video.pk)][part])


def test_a_running_video_is_active_and_shows_its_percent(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="drw")
    answer = ask(at_admin, video, "cell").json()
    assert answer["active"] == [video.pk]
    assert 'value="33.3"' in answer["fragments"][str(video.pk)]["cell"]
    assert "Encoding" in answer["fragments"][str(video.pk)]["cell"]


def test_the_admin_tells_the_numbers_of_the_api(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="drw")
    status = at_admin.get(f"/api/video/{video.pk}/transcode/").json()
    panel = fragment(at_admin, video, "panel")
    assert f'value="{status["percent"]}"' in panel
    for rendition in status["renditions"]:
        assert f"{rendition['width']} × {rendition['height']}" in panel  # noqa: RUF001


def test_what_is_not_in_the_result_is_said_in_the_admin_and_by_the_api(at_admin: Client) -> None:
    probed = source(width=3840, height=2160)
    probed = replace(probed, extras=Extras(subtitles=(OtherTrack("ass", "eng", "<b>Signs</b>"),), chapters=3))
    video = VideoFactory.create(processing=True, chunks="rww")
    Transcode.objects.filter(pk=video.transcode_id).update(plan=make_plan(probed).to_json())
    told = at_admin.get(f"/api/video/{video.pk}/transcode/").json()["omissions"]
    assert told == [
        "Subtitles: eng “<b>Signs</b>” (ASS).",
        "3 chapters.",
        "The full size: 3840 x 2160 becomes 1920 x 1080.",
    ]
    facts = fragment(at_admin, video, "facts")
    assert "Not in the result" in facts
    assert all(f"<li>{escape(sentence)}</li>" in facts for sentence in told)
    page = at_admin.get(f"{LIST}{video.pk}/change/").content.decode()
    assert all(f"<li>{escape(sentence)}</li>" in page for sentence in told)


def test_a_videos_own_crfs_are_told_in_the_admin_and_by_the_api(at_admin: Client) -> None:
    plan = make_plan(source(seconds=600))
    video = VideoFactory.create(processing=True, chunks="rww")
    row = Transcode.objects.filter(pk=video.transcode_id)
    row.update(plan=plan.to_json())
    assert at_admin.get(f"/api/video/{video.pk}/transcode/").json()["quality"] is None
    assert "Encoded as" not in fragment(at_admin, video, "facts")
    found = (
        RenditionQuality("480p", 24.6, 94.0, str(Why.TARGET)),
        RenditionQuality("720p", 22.2, 91.5, str(Why.LADDER)),
        RenditionQuality("1080p", 22.2, None, str(Why.COPIED)),
    )
    row.update(plan=replace(plan, quality=Quality(found, detail="/secret/path")).to_json())
    answer = at_admin.get(f"/api/video/{video.pk}/transcode/")
    assert answer.json()["quality"] == [
        {"name": "480p", "crf": 24.6, "estimated_vmaf": 94.0, "reason": "target"},
        {"name": "720p", "crf": 22.2, "estimated_vmaf": 91.5, "reason": "ladder"},
        {"name": "1080p", "crf": 22.2, "estimated_vmaf": None, "reason": "copied"},
    ]
    facts = fragment(at_admin, video, "facts")
    assert "CRF 24.6, VMAF about 94: as good as viewers can see, in fewer bytes" in facts
    assert "CRF 22.2, VMAF about 91.5: the usual CRF, because the pictures need it" in facts
    assert "not at all, the file" in facts
    assert "secret" not in f"{facts}{answer.content.decode()}"


@pytest.mark.parametrize("reason", list(Why))
def test_each_reason_has_its_words(reason: Why) -> None:
    assert WHY[reason] in quality_text(RenditionQuality("480p", 22.5, None, str(reason)))


@pytest.mark.parametrize("state", [{}, {"ready": True}, {"failed": True}])
def test_nothing_is_said_to_be_missing_of_a_video_that_has_all_or_was_not_read(
    at_admin: Client, state: dict[str, bool]
) -> None:
    video = VideoFactory.create(**state)
    assert at_admin.get(f"/api/video/{video.pk}/transcode/").json()["omissions"] == []
    assert "Not in the result" not in fragment(at_admin, video, "facts")


def test_a_bar_is_drawn_at_zero_percent(at_admin: Client) -> None:
    assert 'value="0.0"' in fragment(at_admin, VideoFactory.create(), "cell")


def test_a_queued_video_tells_its_place(at_admin: Client) -> None:
    VideoFactory.create()
    assert "number 2 in the queue" in fragment(at_admin, VideoFactory.create(), "cell")


def test_a_failed_video_tells_cause_and_hint_and_is_not_active(at_admin: Client) -> None:
    video = VideoFactory.create(failed=True)
    answer = ask(at_admin, video, "panel").json()
    assert answer["active"] == []
    panel = answer["fragments"][str(video.pk)]["panel"]
    assert "no picture track" in panel
    assert "sound alone can&#x27;t be streamed" in panel
    assert "no_video" in panel


@pytest.mark.parametrize(("trait", "offered"), [("failed", "retry"), ("processing", "cancel"), ("ready", None)])
def test_the_panel_offers_what_the_state_allows_while_it_changes(
    at_admin: Client, trait: str, offered: str | None
) -> None:
    video = VideoFactory.create(**{trait: True})
    panel = fragment(at_admin, video, "panel")
    for name in ("retry", "cancel"):
        assert (f"/{video.pk}/{name}/" in panel) == (name == offered)


def test_the_facts_appear_once_the_file_has_been_read(at_admin: Client) -> None:
    assert "Picture" not in fragment(at_admin, VideoFactory.create(), "facts")
    assert "H264, 1920 x 1080, 25 frames/s" in fragment(at_admin, VideoFactory.create(processing=True), "facts")


def test_each_chunk_has_a_cell(at_admin: Client) -> None:
    panel = fragment(at_admin, VideoFactory.create(processing=True, chunks="ddrw"), "panel")
    assert panel.count("vf-chunk-done") == 2
    assert panel.count("vf-chunk-running") == 1
    assert panel.count("vf-chunk-waiting") == 1


def test_a_video_that_is_gone_is_left_out(at_admin: Client) -> None:
    answer = at_admin.get(LIVE, {"id": "4711", "part": "cell"}).json()
    assert answer == {"active": [], "fragments": {}}


@pytest.mark.parametrize("query", ["id=", "id=x", "id=-1", "id=99999999999999999999", "id=1&part=../../base", ""])
def test_nonsense_is_answered_with_nothing(at_admin: Client, query: str) -> None:
    response = at_admin.get(f"{LIVE}?{query}")
    assert response.status_code == 200
    assert not any(response.json()["fragments"].values())


def test_a_visitor_sees_no_progress(client: Client, db: None) -> None:
    assert client.get(f"{LIVE}?id=1&part=cell").status_code == 302


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        client.get(path)
    return len(captured)


def test_the_list_costs_the_same_queries_for_one_video_as_for_many(at_admin: Client) -> None:
    VideoFactory.create(processing=True, chunks="drw")
    VideoFactory.create()
    few = count_queries(at_admin, LIST)
    VideoFactory.create_batch(5, processing=True, chunks="dw")
    VideoFactory.create_batch(5, ready=True)
    VideoFactory.create_batch(3)
    assert count_queries(at_admin, LIST) == few


def test_a_video_that_becomes_ready_stops_being_active(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="d")
    video.transcode.state = State.READY
    video.transcode.percent = 100
    video.transcode.save()
    answer = ask(at_admin, video, "cell").json()
    assert answer["active"] == []
    assert "<progress" not in answer["fragments"][str(video.pk)]["cell"]


def test_titles_are_escaped(at_admin: Client) -> None:
    video = VideoFactory.create(title="<script>alert(1)</script>", processing=True)
    assert "<script>" not in fragment(at_admin, video, "cell")
    assert "<script>alert" not in at_admin.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (125, "2 min 5 s"), (3000, "50 min"), (4800, "1 h 20 min"), (7200, "2 h")],
)
def test_durations_read_like_speech(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(5, "0:05"), (90, "1:30"), (7509, "2:05:09")])
def test_lengths_read_like_a_players_clock(seconds: float, words: str) -> None:
    assert clock_text(seconds) == words


def test_the_tracker_of_a_long_video_has_few_cells_and_hides_no_trouble() -> None:
    states = ["done"] * 400
    states[123] = "failed"
    shown = cells(states)
    assert len(shown) == 80
    assert [cell.state for cell in shown].count("failed") == 1
    assert shown[24].tooltip == "Chunks 121 to 125: failed"


def test_standstill_is_told_where_people_wait(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="drw")
    ready = VideoFactory.create(ready=True)
    addresses = (f"/admin/library/video/{video.pk}/change/", "/admin/library/video/")

    def shown() -> list[str]:
        return [at_admin.get(address).content.decode() for address in addresses]

    assert all("No worker is running, so this stands still" in page for page in shown())
    worker = WorkerFactory.create(last_seen=timezone.now() - timedelta(minutes=12))
    assert all("The worker has been silent for 12 min, so this stands still." in page for page in shown())
    assert "stands still" not in at_admin.get(f"/admin/library/video/{ready.pk}/change/").content.decode()
    Worker.objects.filter(pk=worker.pk).update(last_seen=timezone.now())
    assert not any("stands still" in page for page in shown())
