"""Which videos are shown, in which order, and when that has changed.

The ids of all listed videos stay in memory, newest first, until the list changes. A page is a slice of them and costs
the same at any offset, with a hundred videos or with a hundred thousand. Searches ask the database.
"""

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet

from hls.models import Revision
from library import categories
from library.folding import folded
from library.models import Video
from library.visibility import is_listed_when_playable, published, sql_parameters


class ListedVideo(NamedTuple):
    """What the list shows of a video: plain columns, since building models would take most of the time."""

    pk: int
    created_at: datetime
    title: str
    description: str
    category: str
    thumbnail: str  # the uploaded picture's name, or ""
    transcode_id: int
    served: dict[str, Any] | None  # hls.published.PublishedVersion as JSON

    @classmethod
    def of(cls, video: Video) -> "ListedVideo":
        texts = (video.title, video.description, video.category, video.thumbnail.name or "")
        return cls(video.pk, video.created_at, *texts, video.transcode_id, video.transcode.served)


COLUMNS = ("pk", "created_at", "title", "description", "category", "thumbnail", "transcode_id", "transcode__served")


@dataclass(frozen=True)
class Query:
    """What a caller may ask of the list; `limit` and `offset` count videos."""

    category: str | None = None
    search: str = ""
    limit: int | None = None
    offset: int | None = None

    @property
    def is_paged(self) -> bool:
        return self.limit is not None or self.offset is not None

    @property
    def slice(self) -> slice:
        begin = self.offset or 0
        return slice(begin, None if self.limit is None else begin + self.limit)


class Ids:
    """The ids of the videos of each category, for the newest revision that was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = ""
        self._of: dict[str | None, Sequence[int]] = {}

    def of(self, category: str | None, revision: str) -> Sequence[int]:
        with self._lock:  # one thread reads the table, the others wait for what it finds
            if self._revision != revision:
                self._revision, self._of = revision, {}
            if category not in self._of:
                videos = found(Query(category=category)).values_list("pk", flat=True)
                ids = array("q", videos.iterator(chunk_size=10_000))
                check_category(category, is_used=bool(ids))
                self._of[category] = ids
            return self._of[category]

    def clear(self) -> None:
        with self._lock:
            self._revision = ""


known = Ids()

LATEST_MOMENT = f"(SELECT MAX(publish_at) FROM {Video._meta.db_table} WHERE publish_at <= %s)"  # noqa: S608 (our own)


def shown() -> QuerySet[Video]:
    """Videos that viewers see, newest first."""
    videos = Video.objects.filter(published()).select_related("transcode")
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
    """Videos with every word of the text in title or description; with `is_by_name`, in the file's name too."""
    for word in folded(text).split():
        is_there = Q(search_text__contains=word)
        videos = videos.filter(is_there | Q(name_text__contains=word) if is_by_name else is_there)
    return videos


@dataclass(frozen=True)
class ListedPage:
    """The ids that were asked for, in order, and how many videos there are before paging."""

    ids: Sequence[int]
    total: int


def check_category(category: str | None, *, is_used: bool) -> None:
    """Raises FieldsRefused for a category that doesn't exist: one that a video has exists."""
    if category is not None and not is_used:
        categories.check(category)


def page(query: Query, revision: str) -> ListedPage:
    """Raises FieldsRefused for a category that doesn't exist."""
    if query.search.strip():
        videos = found(query).values_list("pk", flat=True)
        ids = list(videos[query.slice])
        check_category(query.category, is_used=bool(ids))
        return ListedPage(ids, videos.count() if query.is_paged else len(ids))
    every = known.of(query.category, revision)
    return ListedPage(every[query.slice], len(every))


def videos(ids: Sequence[int]) -> list[ListedVideo]:
    """These videos in this order, with one query. Videos deleted meanwhile are left out."""
    rows = {row[0]: row for row in Video.objects.filter(pk__in=ids).order_by().values_list(*COLUMNS)}
    return [ListedVideo(*rows[pk]) for pk in ids if pk in rows]


def revision() -> str:
    """Changes with every transaction that may have changed the list, and when a video's moment has come.

    It must be read before the list: then a list that is kept under a revision is never older than that. Between two
    transactions the list changes only as one moment after the other is reached: the latest of them says which were.
    """
    return f"{Revision.current(LATEST_MOMENT, sql_parameters())}|{settings.HLS_LIST_WHEN}"
