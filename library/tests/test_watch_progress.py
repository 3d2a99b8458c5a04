"""Where viewers stopped: reported by players on several devices, kept without a write for each report."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls.models import Transcode
from library.errors import NotFound
from library.models import Video, WatchProgress
from library.tests.factories import VideoFactory
from library.tests.videos import Player, make_viewer, published, serve_version, sign_in
from library.watching import progress
from library.watching.progress import Report

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def harbour(settled: object) -> Video:
    """Twelve seconds long."""
    return published()


def at(video: Video) -> str:
    return f"/api/me/progress/{video.pk}/"


def put(player: Player, video: Video, position: object, **fields: object) -> Any:
    return player.put(at(video), {"position": position, **fields}, content_type="application/json")


def kept_s(player: Player, video: Video) -> float | None:
    answer = player.get(at(video))
    return float(answer.json()["position"]) if answer.status_code == 200 else None


def lasts(video: Video, seconds: float) -> None:
    """Make what is served of it as long as that."""
    transcode = Transcode.objects.get(pk=video.transcode_id)
    transcode.served = {**(transcode.served or {}), "duration_s": seconds}
    transcode.save()


def begun(player: Player) -> dict[int, float]:
    """What the viewer goes on with, in its order: positions by the ids of videos."""
    return {item["id"]: item["position"] for item in player.get("/api/me/continue-watching/").json()}


def test_viewer_goes_on_where_another_browser_stopped(ada: Player, harbour: Video, clock: object) -> None:
    answer = put(ada, harbour, 7.5)

    stopped = {"video": harbour.pk, "position": 7.5, "duration": 12.0, "is_finished": False}
    assert (answer.status_code, answer.json()) == (200, {**stopped, "reported_at": "2026-11-27T12:00:00Z"})
    other = sign_in(Player())
    assert other.get(at(harbour)).json() == answer.json()
    [item] = other.get("/api/me/continue-watching/").json()
    [listed] = other.get("/api/video/").json()
    assert item == {**listed, "position": 7.5, "reported_at": "2026-11-27T12:00:00Z"}


def test_nobody_else_sees_it(ada: Player, harbour: Video) -> None:
    put(ada, harbour, 7.5)
    make_viewer("bob@example.com")
    bob = sign_in(Player(), "bob@example.com")
    assert (kept_s(bob, harbour), begun(bob)) == (None, {})
    assert bob.delete(at(harbour)).status_code == 204
    assert kept_s(ada, harbour) == 7.5
    assert Player().get(at(harbour)).status_code == 401


def test_forgotten_progress_is_gone(ada: Player, harbour: Video) -> None:
    put(ada, harbour, 7.5)
    for _ in range(2):  # once is as good as twice
        assert ada.delete(at(harbour)).status_code == 204
    assert (kept_s(ada, harbour), begun(ada)) == (None, {})


def test_answers_are_stored_nowhere(ada: Player, harbour: Video) -> None:
    for answer in (put(ada, harbour, 1), ada.get(at(harbour)), ada.get("/api/me/continue-watching/")):
        assert answer["Cache-Control"] == "private, no-store"


def test_newest_comes_first_and_is_paged_as_the_list_is(ada: Player, settled: object, clock: Any) -> None:
    videos = [published(title=title) for title in ("One", "Two", "Three")]
    for position_s, video in enumerate(videos, start=1):
        clock.shift(60)
        put(ada, video, position_s)
    clock.shift(60)
    put(ada, videos[0], 9)

    assert list(begun(ada)) == [videos[0].pk, videos[2].pk, videos[1].pk]
    page = ada.get("/api/me/continue-watching/?limit=1&offset=1")
    assert ([item["title"] for item in page.json()], page["X-Total-Count"]) == (["Three"], "3")
    assert "X-Total-Count" not in ada.get("/api/me/continue-watching/").headers
    assert ada.get("/api/me/continue-watching/?limit=0").status_code == 400


@pytest.mark.parametrize(
    ("position", "is_begun"), [(0, False), (0.5, True), (11.3, True), (11.4, False), (12, False), (500, False)]
)
def test_what_is_not_begun_or_watched_to_its_end_is_not_gone_on_with(
    ada: Player, harbour: Video, position: float, is_begun: bool
) -> None:
    answer = put(ada, harbour, position).json()
    assert bool(begun(ada)) == is_begun
    assert answer["position"] == min(position, 12)  # beyond the end is the end
    assert answer["is_finished"] == (position > 11.35)


@pytest.mark.parametrize(("duration_s", "end_s"), [(100, 95), (6000, 5700), (20_000, 19_700), (0, 0)])
def test_end_is_the_last_twentieth_and_at_most_five_minutes(duration_s: float, end_s: float) -> None:
    assert progress.is_near_end(end_s, duration_s)
    assert not progress.is_near_end(end_s - 0.1, duration_s)
    assert not progress.is_near_end(10_000, None)


def test_older_report_of_another_device_moves_nothing_back(ada: Player, harbour: Video, clock: Any) -> None:
    clock.shift(600)
    put(ada, harbour, 9)
    clock.shift(60)

    late = put(ada, harbour, 2, reported_at="2026-11-27T12:09:59Z")

    assert (late.status_code, late.json()["position"], late.json()["reported_at"]) == (200, 9, "2026-11-27T12:10:00Z")
    assert kept_s(ada, harbour) == 9
    put(ada, harbour, 2, reported_at="2026-11-27T14:10:30+02:00")
    assert kept_s(ada, harbour) == 2


def test_clock_that_is_ahead_counts_as_now(ada: Player, harbour: Video, clock: Any) -> None:
    for ahead in ("2026-11-27T12:00:01Z", "2031-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"):
        assert put(ada, harbour, 9, reported_at=ahead).json()["reported_at"] == "2026-11-27T12:00:00Z"
    clock.shift(10)
    put(ada, harbour, 3)
    assert kept_s(ada, harbour) == 3


def test_clock_before_all_clocks_counts_as_the_earliest(ada: Player, harbour: Video, clock: Any) -> None:
    for early in ("0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z"):
        assert put(ada, harbour, 9, reported_at=early).json()["reported_at"] == "1970-01-01T00:00:00Z"
    put(ada, harbour, 3, reported_at="1999-01-01T00:00:00Z")
    assert kept_s(ada, harbour) == 3


def writes(queries: CaptureQueriesContext) -> int:
    return sum(query["sql"].lstrip().startswith(("INSERT", "UPDATE", "DELETE")) for query in queries)


@pytest.mark.parametrize("is_dated", [False, True])
def test_video_that_is_played_is_written_at_most_every_five_seconds(
    ada: Player, harbour: Video, clock: Any, is_dated: bool
) -> None:
    """And the last report of all is not lost by more than five seconds."""
    lasts(harbour, 100.0)
    seen = []
    with CaptureQueriesContext(connection) as queries:
        for second in range(61):
            moment = {"reported_at": timezone.now().isoformat()} if is_dated else {}
            assert put(ada, harbour, second, **moment).json()["position"] == second
            seen.append(kept_s(ada, harbour))
            clock.shift(1)
    assert writes(queries) <= 13
    assert all(reported - (kept or 0) <= 5 for reported, kept in enumerate(seen))


def test_jump_is_never_lost_however_soon_it_comes(ada: Player, harbour: Video, clock: Any) -> None:
    put(ada, harbour, 1)
    with CaptureQueriesContext(connection) as queries:
        put(ada, harbour, 4)  # near
    assert (writes(queries), kept_s(ada, harbour)) == (0, 1)
    put(ada, harbour, 8)
    assert kept_s(ada, harbour) == 8


def test_end_is_never_lost_however_soon_it_comes(ada: Player, harbour: Video, clock: Any) -> None:
    put(ada, harbour, 9)
    assert begun(ada)
    put(ada, harbour, 12)
    assert begun(ada) == {}
    put(ada, harbour, 10)  # seen again
    assert begun(ada) == {harbour.pk: 10}


INFINITE = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", f"1{'0' * 400}", f"-1{'0' * 400}"]


@pytest.mark.parametrize(
    "position",
    [*INFINITE, "-1", "-0.001", "10000001", '"7"', '"x"', "true", "null", "[7]", '{"s": 7}', '"\\u0000"', "7 8"],
)
def test_position_that_is_none_is_refused(ada: Player, harbour: Video, position: str) -> None:
    for body in (f'{{"position": {position}}}', f'{{"position": 1, "duration": {position}}}'):
        if "duration" in body and position == "null":
            continue  # as if it were left out
        answer = ada.put(at(harbour), body, content_type="application/json")
        assert answer.status_code == 400, body
        assert "7 8" in position or position in INFINITE[:3] or set(answer.json()) <= {"position", "duration"}
    assert kept_s(ada, harbour) is None


@pytest.mark.parametrize(
    "moment",
    ["2026-11-27", "2026-11-27T12:00:00", "soon", "", "2026", "1795909693", "-1", 0, 1764244800, True, {}, "\0"],
)
def test_moment_that_is_none_is_refused(ada: Player, harbour: Video, moment: object) -> None:
    answer = put(ada, harbour, 1, reported_at=moment)
    assert (answer.status_code, list(answer.json())) == (400, ["reported_at"])


@pytest.mark.parametrize("body", ["", "[]", "7", "null", "{}", '{"position": 1, "position": 2}'])
def test_body_without_a_position_is_refused(ada: Player, harbour: Video, body: str) -> None:
    assert ada.put(at(harbour), body, content_type="application/json").status_code == 400


def test_body_of_another_kind_is_refused(ada: Player, harbour: Video) -> None:
    assert ada.put(at(harbour), '{"position": 1}', content_type="text/plain").status_code == 415


def test_minus_zero_is_zero(ada: Player, harbour: Video) -> None:
    answer = ada.put(at(harbour), '{"position": -0.0}', content_type="application/json")
    assert json.loads(answer.content)["position"] == 0.0
    assert b"-0" not in answer.content.partition(b"reported_at")[0]


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_video_that_is_gone_or_hidden_is_not_found(ada: Player, harbour: Video, method: str) -> None:
    put(ada, harbour, 7)
    draft = published(title="Draft", is_published=False)
    later = published(title="Later", publish_at=timezone.now() + timedelta(hours=1))
    gone = published(title="Gone")
    put(ada, gone, 7)
    address = at(gone)
    gone.delete()
    for path in (at(draft), at(later), address, "/api/me/progress/0/", "/api/me/progress/9223372036854775808/"):
        answer = getattr(ada, method)(path, {"position": 1}, content_type="application/json")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."}), path
    assert begun(ada) == {harbour.pk: 7}


def test_video_that_became_a_draft_is_gone_on_with_when_it_is_published_again(ada: Player, harbour: Video) -> None:
    put(ada, harbour, 7)
    Video.objects.update(is_published=False)
    assert (begun(ada), ada.get(at(harbour)).status_code) == ({}, 404)
    Video.objects.update(is_published=True)
    assert begun(ada) == {harbour.pk: 7}


def test_staff_go_on_with_drafts(settled: object) -> None:
    draft = published(is_published=False)
    make_viewer("dora@example.com", is_staff=True)
    dora = sign_in(Player(), "dora@example.com")
    assert put(dora, draft, 7).status_code == 200
    assert begun(dora) == {draft.pk: 7}


def test_video_that_is_not_made_yet_takes_the_players_word_for_its_length(ada: Player, settled: object) -> None:
    video = VideoFactory.create()
    answer = put(ada, video, 70, duration=60).json()
    assert (answer["position"], answer["duration"], answer["is_finished"]) == (60, 60, True)
    assert put(ada, video, 5).json()["duration"] is None
    assert ada.get(at(video)).json()["duration"] == 60
    assert begun(ada) == {}  # there is nothing to play


def test_replaced_video_keeps_progress_within_its_new_length(ada: Player, harbour: Video) -> None:
    put(ada, harbour, 7)
    serve_version(harbour, 2)
    assert kept_s(ada, harbour) == 7
    lasts(harbour, 6.0)
    answer = ada.get(at(harbour)).json()
    assert (answer["position"], answer["is_finished"], begun(ada)) == (6.0, True, {})


def test_progress_goes_with_the_video_and_with_the_viewer(ada: Player, harbour: Video) -> None:
    other = published(title="Other")
    put(ada, harbour, 7)
    put(ada, other, 7)
    Video.objects.filter(pk=harbour.pk).delete()
    assert list(WatchProgress.objects.values_list("video_id", flat=True)) == [other.pk]
    WatchProgress.objects.get().viewer.delete()
    assert not WatchProgress.objects.exists()


def test_list_takes_the_same_queries_for_one_video_and_for_many(ada: Player, settled: object) -> None:
    counts = []
    for number in range(12):
        put(ada, published(title=f"Video {number}"), 7)
        if number in (0, 11):
            with CaptureQueriesContext(connection) as queries:
                assert len(begun(ada)) == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    """Real connections, each in a thread of its own, on SQLite and on PostgreSQL."""

    def test_newest_of_many_reports_wins_whichever_comes_last(self, settled: object) -> None:
        viewer, video = make_viewer(), published()
        moments = [NOON - timedelta(seconds=6 * (40 - number)) for number in range(40)]

        def report(number: int) -> None:
            try:
                told = Report(6.0 * (number % 2), reported_at=moments[number])
                progress.report(viewer.pk, Video.objects.select_related("transcode").get(pk=video.pk), told)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(report, [*range(1, 40, 2), *range(0, 40, 2)]))
        [row] = WatchProgress.objects.all()
        assert (row.reported_at, row.position_s) == (moments[39], 6.0)

    def test_reports_of_one_moment_make_one_row_and_one_write(self, settled: object) -> None:
        viewer, video = make_viewer(), published()

        def report(_: int) -> float:
            try:
                loaded = Video.objects.select_related("transcode").get(pk=video.pk)
                return progress.report(viewer.pk, loaded, Report(3.0)).position_s
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(report, range(24))) == {3.0}
        row = WatchProgress.objects.get()
        assert row.written_at <= row.reported_at

    def test_report_of_a_video_that_is_deleted_meanwhile_is_not_found(self, ada: Player, settled: object) -> None:
        video = published()
        loaded = Video.objects.select_related("transcode").get(pk=video.pk)
        viewer_id = sign_in(Player()).get("/api/me/").json()["id"]
        video.delete()
        with pytest.raises(NotFound):
            progress.report(viewer_id, loaded, Report(3.0))
        assert not WatchProgress.objects.exists()


def test_report_reads_little_and_asks_four_times(ada: Player, harbour: Video) -> None:
    """Who reports, the video without its plan, what is kept; and the one write."""
    put(ada, harbour, 1)
    with CaptureQueriesContext(connection) as queries:
        put(ada, harbour, 9)
    asked = [query["sql"] for query in queries if query["sql"].startswith(("SELECT", "INSERT", "\nSELECT", "\nINSERT"))]
    assert len(asked) == 4
    assert not any('"plan"' in sql for sql in asked)
