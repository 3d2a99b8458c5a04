"""A viewer's own two lists: what they have begun, and what they have put on their list.

Both show what the catalogue shows this viewer: a video that became a draft is left out until it is published again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists, F, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Least
from django.db.models.lookups import IsNull, LessThan

from library import catalogue, listing
from library.errors import NotFound
from library.models import Video
from library.visibility import Sight, visible
from library.watching.models import MyListEntry, WatchProgress
from library.watching.progress import END_SHARE, LONGEST_END_S, within

SERVED_S = Cast(KeyTextTransform("duration_s", "video__transcode__served"), FloatField())
LENGTH_S = Coalesce(SERVED_S, F("duration_s"))  # of the row's video, or None
END_S = Least(LENGTH_S * Value(END_SHARE), Value(LONGEST_END_S), output_field=FloatField())
UNFINISHED = Q(IsNull(LENGTH_S, True)) | Q(LessThan(F("position_s"), LENGTH_S - END_S))


@dataclass(frozen=True)
class ListPage:
    """List items as JSON has them, and how many there are before paging."""

    items: list[dict[str, Any]]
    total: int


def playable(sight: Sight) -> Q:
    """The condition for a row that names a `video`: the viewer may see it, and there is something to play."""
    videos = Video.objects.filter(visible(sight), pk=OuterRef("video"))
    is_served = Q(transcode__served_version__isnull=False)
    if sight.may_preview:
        is_served |= Q(transcode__playable_at__isnull=False)
    return Q(Exists(videos.filter(is_served)))


def begun(viewer_id: int, sight: Sight) -> QuerySet[WatchProgress]:
    """What the viewer has begun and not watched to its end, newest first."""
    rows = WatchProgress.objects.filter(playable(sight), UNFINISHED, viewer_id=viewer_id, position_s__gt=0)
    return rows.order_by("-reported_at", "-pk")


def continue_watching(viewer_id: int, sight: Sight, part: slice, site: str) -> ListPage:
    rows = begun(viewer_id, sight)
    shown = list(
        rows.annotate(length_s=LENGTH_S).values_list("video_id", "position_s", "length_s", "reported_at")[part]
    )
    added: dict[int, dict[str, float | datetime]] = {
        video_id: {"position": within(position_s, length_s), "reported_at": reported_at}
        for video_id, position_s, length_s, reported_at in shown
    }
    return ListPage(items(added, site), rows.count())


def listed(viewer_id: int, sight: Sight) -> QuerySet[MyListEntry]:
    """What is on the viewer's list, the newest first."""
    return MyListEntry.objects.filter(playable(sight), viewer_id=viewer_id).order_by("-added_at", "-pk")


def my_list(viewer_id: int, sight: Sight, part: slice, site: str) -> ListPage:
    rows = listed(viewer_id, sight)
    added = {video_id: {"added_at": added_at} for video_id, added_at in rows.values_list("video_id", "added_at")[part]}
    return ListPage(items(added, site), rows.count())


def items(added: Mapping[int, Mapping[str, object]], site: str) -> list[dict[str, Any]]:
    """The videos as the catalogue's list has them, in this order, each with these fields besides."""
    videos = catalogue.videos(list(added))
    planned = listing.durations_s(unserved(videos))
    return [{**listing.summary(video, site, planned.get(video.transcode_id)), **added[video.pk]} for video in videos]


def unserved(videos: Sequence[catalogue.ListedVideo]) -> list[int]:
    return [video.transcode_id for video in videos if video.served is None]


def entry(viewer_id: int, video: Video) -> MyListEntry | None:
    return MyListEntry.objects.filter(viewer_id=viewer_id, video=video).first()


def put(viewer_id: int, video: Video) -> MyListEntry:
    """Put a video on the list; one that is there stays where it is. Raises NotFound where the video is gone by now."""
    try:
        return MyListEntry.objects.get_or_create(viewer_id=viewer_id, video=video)[0]
    except IntegrityError as error:
        raise NotFound from error


def take_off(viewer_id: int, video: Video) -> None:
    MyListEntry.objects.filter(viewer_id=viewer_id, video=video).delete()
