"""The admin's first page: what is running, what failed, how fast, and how much room is left."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode, Worker
from library.admin.charts import hourly_chart
from library.admin.live_fragments import fragment
from library.admin.moments import moment
from library.admin.progress import WORKER_SILENCE, duration_text, progress_by_id
from library.disk import size_text
from library.models import Video
from library.storage import served_bytes, uploaded_bytes

ROOM_IS_FRESH_S = 10
MOST_ROWS = 6
PARTS = ("numbers", "videos", "machines")
CHART_HOURS = 24


@dataclass(frozen=True)
class StateTile:
    """How many videos are in a state, in words, and the address of their list."""

    label: str
    value: str
    icon: str
    link: str
    tone: str = ""


@dataclass(frozen=True)
class ShownVideo:
    video: Video
    cell: SafeString


@dataclass(frozen=True)
class ShownWorker:
    """A worker as the dashboard shows it."""

    name: str
    is_alive: bool
    seen: SafeString
    encoding: int
    slots: int
    is_hurrying: bool  # in its express lane


@dataclass(frozen=True)
class Room:
    """The room on the disk, in words."""

    uploads: str
    videos: str
    free: str
    used_percent: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK; only what the person may see."""
    may_see = request.user.has_perm("library.view_video")
    context["may_see_videos"] = may_see
    if may_see:
        finished = finished_since(timezone.now() - timedelta(hours=CHART_HOURS))
        number = counts()
        context |= {
            "title": "Dashboard",
            "tiles": tiles(number),
            "live_attributes": SafeString(" data-live-active") if is_active(number) else "",
            "videos": figures(number, "videos"),
            "machines": figures(number, "machines"),
            "numbers": figures(number, "numbers"),
            "chart": hourly_chart(finished, hours=CHART_HOURS) if finished else None,
            "zone": f"{timezone.localtime():%Z}",
            "finished": duration_text(60 * sum(minutes for _, minutes in finished)),
            "has_videos": any(number.values()),
            "may_add": request.user.has_perm("library.add_video"),
            "add_link": reverse("admin:library_video_add"),
        }
    return context


def is_active(number: dict[str, int]) -> bool:
    return any(number[state] for state in ACTIVE)


def figures(number: dict[str, int], part: str) -> SafeString:
    """A fragment of the dashboard: "numbers", "videos" or "machines"."""
    context: dict[str, Any] = {}
    match part:
        case "numbers":
            context["tiles"] = tiles(number)
        case "videos":
            context = {"running": shown(videos(ACTIVE).order_by("transcode__queued_at"))}
            context["failed"] = shown(videos([State.FAILED]).order_by("-transcode__finished_at"))
        case "machines":
            context = {"workers": shown_workers(), "room": room()}
    return mark_safe(render_to_string(f"admin/library/dashboard/{part}.html", context))  # noqa: S308 (our own template)


def shown(videos: Any) -> list[ShownVideo]:
    listed = list(videos[:MOST_ROWS])
    progress = progress_by_id(listed)
    return [ShownVideo(video, fragment(video, progress[video.pk], "cell")) for video in listed]


@never_cache
@require_GET
def figures_view(request: HttpRequest) -> JsonResponse:
    """The dashboard's fragments, for the script that keeps them fresh."""
    if not request.user.has_perm("library.view_video"):
        raise PermissionDenied
    number = counts()
    parts = [part for part in PARTS if part in request.GET.getlist("part")]
    return JsonResponse(
        {
            "active": ["dashboard"] if is_active(number) else [],
            "fragments": {"dashboard": {part: figures(number, part) for part in parts}},
        }
    )


def videos(states: Iterable[str]) -> Any:
    return Video.objects.select_related("transcode").filter(transcode__state__in=states)


def counts() -> dict[str, int]:
    """How many videos there are in each state, with one query."""
    return Transcode.objects.aggregate(**{state.value: Count("pk", filter=Q(state=state)) for state in State})


def tiles(number: dict[str, int]) -> list[StateTile]:
    link = reverse("admin:library_video_changelist")
    return [
        StateTile("In the queue", str(number["queued"]), "schedule", f"{link}?state=queued"),
        StateTile("Being transcoded", str(number["processing"]), "autorenew", f"{link}?state=processing", "running"),
        StateTile(
            "Failed", str(number["failed"]), "error", f"{link}?state=failed", "failed" if number["failed"] else ""
        ),
        StateTile("Ready", str(number["ready"]), "check_circle", f"{link}?state=ready", "done"),
    ]


def shown_workers() -> list[ShownWorker]:
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
        ShownWorker(
            name=str(worker),
            is_alive=abs(now - worker.last_seen) < WORKER_SILENCE,
            seen=moment(worker.last_seen),
            encoding=min(busy.get(worker.pk, 0), worker.slots),
            slots=worker.slots,
            is_hurrying=busy.get(worker.pk, 0) > worker.slots,
        )
        for worker in Worker.objects.order_by("-last_seen")[:MOST_ROWS]
    ]


def room() -> Room:
    """The room on the disk, measured at most every ten seconds."""
    found = cache.get_or_set("dashboard-room", measured_room, ROOM_IS_FRESH_S)
    return found if isinstance(found, Room) else measured_room()


def measured_room() -> Room:
    usage = shutil.disk_usage(settings.DATA_DIR)
    return Room(
        uploads=size_text(uploaded_bytes()),
        videos=size_text(served_bytes()),
        free=size_text(max(0, usage.free - settings.DISK_RESERVE_BYTES)),
        used_percent=round(100 * usage.used / usage.total),
    )


def finished_since(begin: datetime) -> list[tuple[datetime, float]]:
    """When each video became ready, and how many minutes long it is."""
    rows = Transcode.objects.filter(served_at__gte=begin).values_list("served_at", "served__duration_s")
    return [(at, duration_s / 60) for at, duration_s in rows if at and duration_s]


def running_badge(request: HttpRequest) -> int | None:
    """The number beside "Videos" in the sidebar; none where nothing runs."""
    return Transcode.objects.filter(state__in=ACTIVE).count() or None


def failed_badge(request: HttpRequest) -> int | None:
    return Transcode.objects.filter(state=State.FAILED).count() or None
