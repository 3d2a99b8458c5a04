"""Which videos are shown, in which order, and when that has changed.

The ids of all videos shown are kept in memory, newest first, as long as nothing has changed: a page is a slice of them
and costs the same at any offset, be there a hundred videos or a hundred thousand. Searches ask the database.
"""

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from hls.models import Transcode
from library.folding import folded
from library.models import Catalogue, Category, Video

SETTLING = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=60))


class ListedVideo(NamedTuple):
    """What the list shows of a video: plain columns, since building models would take most of the time."""

    pk: int
    created_at: datetime
    title: str
    description: str
    category: str
    thumbnail: str  # the uploaded picture's name, or ""
    transcode: int
    served: dict[str, Any] | None  # hls.published.PublishedVersion as JSON

    @classmethod
    def of(cls, video: Video) -> "ListedVideo":
        texts = (video.title, video.description, video.category, video.thumbnail.name or "")
        return cls(video.pk, video.created_at, *texts, video.transcode_id, video.transcode.served)


COLUMNS = ("pk", "created_at", "title", "description", "category", "thumbnail", "transcode", "transcode__served")


@dataclass(frozen=True)
class Query:
    """What a caller may ask of the list; `limit` and `offset` count videos."""

    category: Category | None = None
    search: str = ""
    limit: int | None = None
    offset: int = 0

    @property
    def is_paged(self) -> bool:
        return self.limit is not None or self.offset > 0

    @property
    def slice(self) -> slice:
        return slice(self.offset, None if self.limit is None else self.offset + self.limit)


class Ids:
    """The ids of the videos of each category, for the newest revision that was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = ""
        self._of: dict[Category | None, Sequence[int]] = {}

    def of(self, category: Category | None, revision: str) -> Sequence[int]:
        with self._lock:  # one thread reads the table, the others wait for what it finds
            if self._revision != revision:
                self._revision, self._of = revision, {}
            if category not in self._of:
                videos = found(Query(category=category)).values_list("pk", flat=True)
                self._of[category] = array("q", videos.iterator(chunk_size=10_000))
            return self._of[category]

    def clear(self) -> None:
        with self._lock:
            self._revision = ""


known = Ids()

# Each of them an index answers; SQLite reads the whole table for two maxima of one SELECT. A tenth of the ORM's cost.
NEWEST = f"""
SELECT
    (SELECT MAX(updated_at) FROM {Video._meta.db_table}),
    (SELECT MAX(served_at) FROM {Transcode._meta.db_table}),
    (SELECT MAX(playable_at) FROM {Transcode._meta.db_table}),
    (SELECT MAX(deletions) FROM {Catalogue._meta.db_table})
"""  # noqa: S608 (the tables' names are ours)


def shown() -> QuerySet[Video]:
    """Videos that viewers see, newest first."""
    videos = Video.objects.select_related("transcode")
    if is_listed_when_playable():
        return videos.filter(transcode__playable_at__isnull=False)
    return videos.filter(transcode__served_version__isnull=False)


def found(query: Query) -> QuerySet[Video]:
    """All videos that match, before paging."""
    videos = shown()
    if query.category is not None:
        videos = videos.filter(category=query.category)
    return searched(videos, query.search)


def searched(videos: QuerySet[Video], text: str, *, is_by_name: bool = False) -> QuerySet[Video]:
    """Those that have every word of the text in title or description, or in the file's name where that is asked."""
    for word in folded(text).split():
        is_there = Q(search_text__contains=word)
        videos = videos.filter(is_there | Q(name_text__contains=word) if is_by_name else is_there)
    return videos


@dataclass(frozen=True)
class Page:
    """The ids that were asked for, in order, and how many videos there are before paging."""

    ids: Sequence[int]
    total: int


def page(query: Query, revision: str) -> Page:
    if query.search.strip():
        videos = found(query).values_list("pk", flat=True)
        ids = list(videos[query.slice])
        return Page(ids, videos.count() if query.is_paged else len(ids))
    every = known.of(query.category, revision)
    return Page(every[query.slice], len(every))


def videos(ids: Sequence[int]) -> list[ListedVideo]:
    """These videos in this order; one query. Those deleted meanwhile are left out."""
    rows = {row[0]: row for row in Video.objects.filter(pk__in=ids).order_by().values_list(*COLUMNS)}
    return [ListedVideo(*rows[pk]) for pk in ids if pk in rows]


def revision() -> str:
    """Changes whenever the list may have: a video edited, deleted, or newly playable. A few index look-ups.

    A change is seen by its time, but may be committed later than a younger one: so the revision also changes a few
    times while its newest change is young, and what was committed late is seen then.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        *newest, deletions = cursor.fetchone()
    times = [moment(at) for at in newest if at]
    return "|".join(map(str, (*newest, deletions or 0, age(times), settings.HLS_LIST_WHEN)))


def moment(at: datetime | str) -> datetime:
    """A time as the database gives it; SQLite knows none and has Django's text, in UTC."""
    return at if isinstance(at, datetime) else datetime.fromisoformat(at).replace(tzinfo=UTC)


def age(times: Sequence[datetime]) -> int:
    """How many of SETTLING have passed since the last of these times."""
    if not times:
        return 0
    since = timezone.now() - max(times)
    return sum(since >= step for step in SETTLING)


def is_listed_when_playable() -> bool:
    """Whether viewers get videos as soon as their first chunk is there."""
    return bool(settings.HLS_LIST_WHEN == "playable")
