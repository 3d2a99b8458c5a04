"""Which videos viewers may see: those that are published, from the moment on that was set for them, if one was.

Staff see every video by its id. The list is the same for everybody: published videos only. The rule stands here twice,
as a condition for rows and as SQL for the one query that is made for each segment; a test compares them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from library.models import Video

PUBLISHED_SQL = "video.is_published AND (video.publish_at IS NULL OR video.publish_at <= %s)"


@dataclass(frozen=True)
class Sight:
    """What somebody may see besides what is published and ready."""

    sees_drafts: bool = False
    may_preview: bool = False  # a video while it is made


PUBLIC = Sight()


def sight_of(*, is_staff: bool) -> Sight:
    """Staff see drafts, and videos while they are made; viewers the latter too where HLS_LIST_WHEN says so."""
    return Sight(sees_drafts=is_staff, may_preview=is_staff or is_listed_when_playable())


def is_listed_when_playable() -> bool:
    """Whether viewers get videos as soon as their first chunk is there."""
    return bool(settings.HLS_LIST_WHEN == "playable")


def published(now: datetime | None = None) -> Q:
    """The condition for rows of videos."""
    return Q(is_published=True) & (Q(publish_at=None) | Q(publish_at__lte=now or timezone.now()))


def visible(sight: Sight) -> Q:
    """The videos that somebody may see."""
    return Q() if sight.sees_drafts else published()


def draft_word(video: Video, now: datetime | None = None) -> str:
    """Why viewers don't see the video: "Draft" or "Scheduled"; empty where they do."""
    if not video.is_published:
        return "Draft"
    return "Scheduled" if video.publish_at and video.publish_at > (now or timezone.now()) else ""


def sql_parameters(now: datetime | None = None) -> list[Any]:
    """What PUBLISHED_SQL asks for."""
    return [connection.ops.adapt_datetimefield_value(now or timezone.now())]
