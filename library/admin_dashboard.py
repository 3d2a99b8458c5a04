"""The admin's first page: what is running, what failed, how fast, and how much room is left."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode, Worker
from library.admin_progress import attach_progress, live
from library.charts import hourly_chart
from library.disk import size_text
from library.models import Video
from library.storage import served_bytes, uploaded_bytes
from library.timing import moment

WORKER_SILENCE = timedelta(seconds=15)
MOST_ROWS = 6
CHART_HOURS = 24


@dataclass(frozen=True)
class Tile:
    """One number with its words, and where it leads."""

    label: str
    value: str
    icon: str
    link: str
    tone: str = ""


@dataclass(frozen=True)
class RunningFilm:
    video: Video
    cell: SafeString


@dataclass(frozen=True)
class Heart:
    """A worker as the dashboard shows it."""

    name: str
    is_alive: bool
    seen: SafeString
    encoding: int
    slots: int


@dataclass(frozen=True)
class Room:
    """Bytes, in words."""

    uploads: str
    films: str
    free: str
    used_percent: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK; only what the person may see."""
    may_see = request.user.has_perm("library.view_video")
    context["may_see_films"] = may_see
    if may_see:
        running = list(films(ACTIVE).order_by("transcode__queued_at")[:MOST_ROWS])
        failed = list(films([State.FAILED]).order_by("-transcode__finished_at")[:MOST_ROWS])
        attach_progress([*running, *failed])
        finished = finished_since(timezone.now() - timedelta(hours=CHART_HOURS))
        context |= {
            "title": "Dashboard",
            "tiles": tiles(),
            "running": [RunningFilm(video, live(video, "cell")) for video in running],
            "failed": [RunningFilm(video, live(video, "cell")) for video in failed],
            "hearts": hearts(),
            "room": room(),
            "chart": hourly_chart(finished, hours=CHART_HOURS),
            "minutes": f"{sum(minutes for _, minutes in finished):.3g}",
            "has_films": Video.objects.exists(),
            "may_add": request.user.has_perm("library.add_video"),
            "add_link": reverse("admin:library_video_add"),
        }
    return context


def films(states: Iterable[str]) -> Any:
    return Video.objects.select_related("transcode").filter(transcode__state__in=states)


def counts() -> dict[str, int]:
    """How many films there are in each state, with one query."""
    return Transcode.objects.aggregate(**{state.value: Count("pk", filter=Q(state=state)) for state in State})


def tiles() -> list[Tile]:
    number = counts()
    link = reverse("admin:library_video_changelist")
    return [
        Tile("In the queue", str(number["queued"]), "schedule", f"{link}?state=queued"),
        Tile("Being transcoded", str(number["processing"]), "autorenew", f"{link}?state=processing", "running"),
        Tile("Failed", str(number["failed"]), "error", f"{link}?state=failed", "failed" if number["failed"] else ""),
        Tile("Ready", str(number["ready"]), "check_circle", f"{link}?state=ready", "done"),
    ]


def hearts() -> list[Heart]:
    """Workers that have been seen lately, and what each is doing."""
    now = timezone.now()
    busy = dict(
        Chunk.objects.filter(state=ChunkState.RUNNING)
        .exclude(worker=None)
        .values_list("worker")
        .annotate(Count("pk"))
        .order_by()
    )
    return [
        Heart(
            name=str(worker),
            is_alive=now - worker.last_seen < WORKER_SILENCE,
            seen=moment(worker.last_seen),
            encoding=busy.get(worker.pk, 0),
            slots=worker.slots,
        )
        for worker in Worker.objects.order_by("-last_seen")[:MOST_ROWS]
    ]


def room() -> Room:
    usage = shutil.disk_usage(settings.DATA_DIR)
    return Room(
        uploads=size_text(uploaded_bytes()),
        films=size_text(served_bytes()),
        free=size_text(max(0, usage.free - settings.DISK_RESERVE_BYTES)),
        used_percent=round(100 * usage.used / usage.total),
    )


def finished_since(begin: datetime) -> list[tuple[datetime, float]]:
    """When each film became ready, and how many minutes long it is."""
    rows = Transcode.objects.filter(served_at__gte=begin).values_list("served_at", "served__duration_s")
    return [(at, duration_s / 60) for at, duration_s in rows if at and duration_s]


def running_badge(request: HttpRequest) -> int | None:
    """The number beside "Films" in the sidebar; none where nothing runs."""
    return Transcode.objects.filter(state__in=ACTIVE).count() or None


def failed_badge(request: HttpRequest) -> int | None:
    return Transcode.objects.filter(state=State.FAILED).count() or None
