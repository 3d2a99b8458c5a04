"""Parts of the admin's pages that a script keeps fresh: fragments of HTML, and the address that renders them anew."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from unfold.admin import ModelAdmin

from hls.models import State
from library.admin.facts import groups_of
from library.admin.poster_choices import stills_of
from library.admin.progress import ShownProgress, progress_by_id, progress_of
from library.admin.video_actions import buttons
from library.models import Video
from library.posters import poster_url
from library.tracks.captioned import is_captioned
from library.videos import file_name, kept_of

PARTS = ("cell", "panel", "poster", "facts", "stills")
MOST_IDS = 200


def fragment(video: Video, progress: ShownProgress, part: str, *, may_change: bool = False) -> SafeString:
    context: dict[str, Any] = {"video": video, "progress": progress, "may_change": may_change}
    if part == "cell":
        context["lacks_captions"] = lacks_captions(video)
    if part == "poster":
        context["poster_url"] = poster_url(video)
    if part == "panel":
        context |= {
            "kept": kept_of(video),
            "file_name": file_name(video),
            "buttons": buttons(video) if may_change else [],
        }
    if part == "facts":
        context["facts"] = groups_of(video)
    if part == "stills":
        context["stills"] = stills_of(video) if may_change else []
    return mark_safe(render_to_string(f"admin/library/video/{part}.html", context))  # noqa: S308 (our own template)


def lacks_captions(video: Video) -> bool:
    """Whether a ready video has neither subtitles nor captions; False where its queryset doesn't tell."""
    return video.transcode.state == State.READY and not getattr(video, "is_captioned", True)


def attach_progress(videos: Sequence[Video]) -> None:
    """Read the progress of all these videos at once; `live` then finds it with each."""
    found = progress_by_id(videos)
    for video in videos:
        video.progress = found[video.pk]  # type: ignore[attr-defined]


def shown_progress(video: Video) -> ShownProgress:
    found: ShownProgress | None = getattr(video, "progress", None)
    return found or progress_of(video)


def live(video: Video, part: str, *, may_change: bool = False) -> SafeString:
    """A fragment in the element that the script keeps fresh."""
    progress = shown_progress(video)
    return format_html(
        '<div data-live="{}" data-live-part="{}" data-live-url="{}"{}>{}</div>',
        video.pk,
        part,
        reverse("admin:library_video_progress"),
        SafeString(" data-live-active") if progress.is_active else "",
        fragment(video, progress, part, may_change=may_change),
    )


@never_cache
@require_GET
def progress_view(request: HttpRequest, admin: ModelAdmin) -> JsonResponse:
    """`?id=1&id=2&part=cell` → `{"active": [2], "fragments": {"1": {"cell": "<div…"}, …}}`.

    A video that is gone is not in the answer.
    """
    if not admin.has_view_permission(request):
        raise PermissionDenied
    ids = [int(pk) for pk in request.GET.getlist("id")[:MOST_IDS] if pk.isascii() and pk.isdigit() and len(pk) < 19]
    parts = [part for part in PARTS if part in request.GET.getlist("part")]
    may_change = admin.has_change_permission(request)
    rows = Video.objects.select_related("transcode", "added_by").annotate(is_captioned=is_captioned())
    videos = list(rows.filter(pk__in=ids))
    found = progress_by_id(videos)
    fragments = {
        video.pk: {part: fragment(video, found[video.pk], part, may_change=may_change) for part in parts}
        for video in videos
    }
    return JsonResponse({"active": [pk for pk, entry in found.items() if entry.is_active], "fragments": fragments})
