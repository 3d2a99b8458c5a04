"""The admin's first page, the queue's page, and what frames them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls.models import State, Worker
from hls.tests.factories import ChunkFactory, WorkerFactory
from library.admin import dashboard
from library.admin.charts import hourly_chart
from library.admin.dashboard import finished_since, shown_workers
from library.tests.factories import AdministratorFactory, VideoFactory

INDEX = "/admin/"


def page(client: Client, path: str = INDEX) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_installation_tells_what_to_do_first(at_admin: Client) -> None:
    text = page(at_admin)
    assert "There are no videos yet" in text
    assert "Add the first video" in text
    assert "No worker is running" in text


def test_each_state_is_counted_and_leads_to_its_videos(at_admin: Client) -> None:
    VideoFactory.create_batch(3)
    VideoFactory.create_batch(2, failed=True)
    VideoFactory.create(ready=True)
    tiles = at_admin.get(INDEX).context["tiles"]
    assert [(tile.label, tile.value) for tile in tiles] == [
        ("In the queue", "3"),
        ("Being transcoded", "0"),
        ("Failed", "2"),
        ("Ready", "1"),
    ]
    shown = at_admin.get(tiles[2].link).context["cl"].result_list
    assert {video.transcode.state for video in shown} == {State.FAILED}


def test_failures_tell_their_cause_and_lead_to_the_video(at_admin: Client) -> None:
    video = VideoFactory.create(failed=True)
    text = page(at_admin)
    assert "no picture track" in text
    assert f"/admin/library/video/{video.pk}/change/" in text


FIGURES = "/admin/library/video/figures/"


def figures(client: Client) -> Any:
    return client.get(f"{FIGURES}?part=numbers&part=videos&part=machines").json()


def test_its_figures_are_live_while_something_runs(at_admin: Client) -> None:
    video = VideoFactory.create(processing=True, chunks="drw", title="Harbour")
    assert page(at_admin).count("data-live-active") == 3
    answer = figures(at_admin)
    assert answer["active"] == ["dashboard"]
    assert "Harbour" in answer["fragments"]["dashboard"]["videos"]
    assert 'value="33.3"' in answer["fragments"]["dashboard"]["videos"]
    video.transcode.state = State.READY
    video.transcode.save()
    assert figures(at_admin)["active"] == []
    assert "Nothing is being transcoded" in figures(at_admin)["fragments"]["dashboard"]["videos"]
    assert "data-live-active" not in page(at_admin)


def test_the_live_figures_are_the_pages_own(at_admin: Client) -> None:
    VideoFactory.create(failed=True)
    cache.delete("dashboard-room")  # an earlier test's could be forgotten between the two, with another free space
    text = page(at_admin)
    for part in ("numbers", "videos", "machines"):
        assert figures(at_admin)["fragments"]["dashboard"][part].strip() in text


def test_files_are_not_counted_again_with_every_look(at_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def counted() -> int:
        looks.append(1)
        return 5_000_000_000

    monkeypatch.setattr(dashboard, "uploaded_bytes", counted)
    cache.delete("dashboard-room")
    for _ in range(3):
        assert "5.0 GB" in figures(at_admin)["fragments"]["dashboard"]["machines"]
    assert len(looks) == 1
    cache.delete("dashboard-room")


@pytest.mark.parametrize("query", ["", "?part=", "?part=../index", "?part=numbers&part=numbers"])
def test_only_known_parts_are_answered(at_admin: Client, query: str) -> None:
    answer = at_admin.get(f"{FIGURES}{query}").json()
    assert set(answer["fragments"]["dashboard"]) <= {"numbers"}


def test_figures_are_for_those_who_may_see_videos(client: Client, db: None) -> None:
    client.force_login(AdministratorFactory.create(is_superuser=False))
    assert client.get(FIGURES).status_code == 403


def test_a_day_without_a_finished_video_has_a_sentence_and_no_empty_chart(at_admin: Client) -> None:
    VideoFactory.create(failed=True)
    text = page(at_admin)
    assert "No video became ready in the last 24 hours." in text
    assert "<canvas" not in text
    VideoFactory.create(ready=True)
    assert "<canvas" in page(at_admin)


def test_an_empty_list_tells_what_to_do_first_and_an_empty_search_does_not(at_admin: Client) -> None:
    videos = "/admin/library/video/"
    assert "There are no videos yet" in page(at_admin, videos)
    VideoFactory.create(title="Harbour")
    assert "There are no videos yet" not in page(at_admin, videos)
    text = page(at_admin, f"{videos}?q=nothing-like-it")
    assert "There are no videos yet" not in text
    assert "<h2>No results</h2>" in text


def test_workers_tell_whether_they_are_alive_and_what_they_do(db: None) -> None:
    alive, silent = WorkerFactory.create(), WorkerFactory.create(last_seen=timezone.now() - timedelta(minutes=5))
    ChunkFactory.create(running=True, worker=alive)
    found = {worker.name: (worker.is_alive, worker.encoding) for worker in shown_workers()}
    assert found == {str(alive): (True, 1), str(silent): (False, 0)}
    assert Worker.objects.count() == 2


def test_a_worker_that_also_makes_a_new_videos_first_seconds_says_so(at_admin: Client) -> None:
    worker = WorkerFactory.create(slots=1)
    ChunkFactory.create(running=True, worker=worker)
    assert "1 of 1 encoding ·" in page(at_admin)
    ChunkFactory.create(running=True, worker=worker)
    assert "1 of 1 encoding, and a new video\N{RIGHT SINGLE QUOTATION MARK}s first seconds ·" in page(at_admin)


def test_the_dashboard_costs_the_same_queries_however_many_videos_there_are(at_admin: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(at_admin)
        return len(captured)

    VideoFactory.create(processing=True, chunks="dw")
    VideoFactory.create()
    VideoFactory.create(failed=True)
    few = count()
    VideoFactory.create_batch(4, processing=True, chunks="dw")
    VideoFactory.create_batch(4, failed=True)
    assert count() == few


def test_the_chart_sums_minutes_by_the_hour() -> None:
    now = timezone.now()
    events = [(now, 10.0), (now, 2.5), (now - timedelta(hours=23), 4.0), (now - timedelta(hours=30), 99.0)]
    chart = json.loads(hourly_chart(events, hours=24))
    (series,) = chart["datasets"]
    assert len(chart["labels"]) == len(series["data"]) == 24
    assert series["data"][-1] == 12.5
    assert sum(series["data"]) == 16.5


def test_only_videos_that_became_ready_lately_count_as_finished(db: None) -> None:
    VideoFactory.create(ready=True)
    old = VideoFactory.create(ready=True)
    old.transcode.served_at = timezone.now() - timedelta(days=2)
    old.transcode.save()
    ((_, minutes),) = finished_since(timezone.now() - timedelta(hours=24))
    assert minutes == pytest.approx(0.2)


def test_somebody_who_may_not_see_videos_sees_no_numbers(client: Client, db: None) -> None:
    VideoFactory.create(failed=True, title="Secret")
    client.force_login(AdministratorFactory.create(is_superuser=False))
    text = page(client)
    assert "Secret" not in text
    assert "vf-tile" not in text


def test_the_sidebar_counts_what_runs_and_what_failed(at_admin: Client) -> None:
    VideoFactory.create_batch(3)
    VideoFactory.create_batch(2, failed=True)
    items = {item["title"]: item for item in at_admin.get(INDEX).context["sidebar_navigation"][0]["items"]}
    assert str(items["Videos"]["badge_callback"]) == "3"
    assert str(items["Failed"]["badge_callback"]) == "2"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        (INDEX, "Dashboard"),
        ("/admin/library/video/", "Videos"),
        ("/admin/library/video/?state=ready", "Videos"),
        ("/admin/library/video/?state=failed", "Failed"),
        ("/admin/library/video/add/", "Add videos"),
        ("/admin/hueystats/hueydashboard/", "Queue"),
        ("/admin/accounts/user/", "Users"),
    ],
)
def test_the_sidebar_marks_the_one_page_that_is_shown(at_admin: Client, path: str, title: str) -> None:
    groups = at_admin.get(path).context["sidebar_navigation"]
    assert [item["title"] for group in groups for item in group["items"] if item["active"]] == [title]


def test_the_queue_has_a_page_without_buttons_that_could_stop_the_engine(at_admin: Client) -> None:
    text = page(at_admin, "/admin/hueystats/hueydashboard/")
    assert "Registered tasks" in text
    assert "<title> Queue | Videoflix</title>" in text
    heading = text.partition("<h1")[2].partition("</h1>")[0]
    assert "Queue" in heading
    assert "Revoke" not in text
    assert "Danger zone" not in text


@pytest.mark.parametrize(
    "path",
    [INDEX, "/admin/login/", "/admin/library/video/", "/admin/library/video/add/", "/admin/hueystats/hueydashboard/"],
)
def test_the_admin_has_a_policy_and_no_inline_script(client: Client, dora: Any, path: str) -> None:
    """ASVS 5.0 3.4.3: scripts come from this server's files alone. Unfold's Alpine needs 'unsafe-eval'."""
    if "login" not in path:
        client.force_login(dora)
    response = client.get(path)
    directives = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert directives["script-src"] == "'self' 'unsafe-eval'"
    assert directives["default-src"] == "'none'"
    assert directives["object-src"] == directives["base-uri"] == "'none'"
    scripts = response.content.decode().split("<script")[1:]
    assert scripts
    for script in scripts:
        tag, _, rest = script.partition(">")
        is_data = "application/json" in tag
        assert "src=" in tag or is_data, rest[:200]


def test_other_pages_need_no_eval(client: Client, db: None) -> None:
    assert "unsafe-eval" not in client.get("/")["Content-Security-Policy"]


def test_the_login_takes_an_email(client: Client, db: None) -> None:
    assert "Username or e-mail" in page(client, "/admin/login/")
