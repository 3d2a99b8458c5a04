"""The list as JSON: a page in one piece, a small library from memory, a large library as a stream."""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

from django.core.serializers.json import DjangoJSONEncoder

import video_paths
from hls.core import names
from hls.core.plan import Plan
from hls.models import Transcode
from hls.published import current
from library import catalogue
from library.catalogue import ListedVideo

STREAMED_FROM = 5_000  # videos; about 2 MB of JSON
AT_ONCE = 500
MOST_KEPT = 16


def summary(video: ListedVideo, site: str, planned_duration_s: float | None = None) -> dict[str, object]:
    """The fields that the list and a single video share; `site` is "https://api.example.com"."""
    picture = picture_version(video)
    return {
        "id": video.pk,
        "created_at": video.created_at,
        "title": video.title,
        "description": video.description,
        "thumbnail_url": f"{site}{video_paths.thumbnail(video.pk, picture)}" if picture else None,
        "category": video.category,
        "duration": video.served["duration_s"] if video.served else planned_duration_s,
        "hls_url": f"{site}{video_paths.file(video.pk, names.MASTER)}",
    }


def picture_version(video: ListedVideo) -> str:
    """A text that changes with the picture, so that a picture may be cached for ever; empty while there is none."""
    if video.thumbnail:
        return video.thumbnail.rpartition("/")[2][:8]
    return str(video.served["version"]) if video.served and video.served["has_poster"] else ""


def rendered(ids: Sequence[int], site: str) -> str:
    """The videos' JSON objects, separated by commas. One query, and one more while some are not finished."""
    videos = catalogue.videos(ids)
    planned = durations_s([video.transcode_id for video in videos if video.served is None])
    rows = [summary(video, site, planned.get(video.transcode_id)) for video in videos]
    return json.dumps(rows, cls=DjangoJSONEncoder, separators=(",", ":"))[1:-1]


def durations_s(transcode_ids: Sequence[int]) -> dict[int, float]:
    """The planned lengths of videos that are still being made, in seconds."""
    if not transcode_ids:
        return {}
    plans = Transcode.objects.filter(pk__in=transcode_ids).values_list("pk", "plan", "opening")
    return {pk: duration_s(made_by) for pk, plan, opening in plans if (made_by := plan or opening)}


def duration_s(plan: dict[str, object]) -> float:
    return round(float(Plan.from_json(plan).timeline.duration_s), 3)


def newest_length_s(transcode: Transcode) -> float | None:
    """Of the newest file, as soon as it was read; before that of what is served."""
    if made_by := transcode.plan or transcode.opening:
        return duration_s(made_by)
    version = current(transcode)
    return version.duration_s if version else None


def whole(ids: Sequence[int], site: str) -> bytes:
    return f"[{rendered(ids, site)}]".encode()


def streamed(ids: Iterable[int], site: str) -> Iterator[bytes]:
    """The same bytes as `whole`, without holding all of them at once."""
    yield b"["
    separator = ""
    for part in batched(ids, AT_ONCE, strict=False):
        if text := rendered(part, site):
            yield f"{separator}{text}".encode()
            separator = ","
    yield b"]"


@dataclass(frozen=True)
class RenderingKey:
    """What a rendering depends on."""

    revision: str
    site: str
    category: str | None


class Renderings:
    """The last MOST_KEPT whole lists as they were sent; each has fewer than STREAMED_FROM videos."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[RenderingKey, bytes] = OrderedDict()

    def get(self, key: RenderingKey) -> bytes | None:
        return self._kept.get(key)

    def keep(self, key: RenderingKey, content: bytes) -> None:
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


kept = Renderings()


def whole_list(query: catalogue.Query, revision: str, site: str) -> bytes | Iterator[bytes]:
    """The unpaged list: bytes of a small one, a stream of a large one."""
    key = RenderingKey(revision, site, query.category)
    is_search = bool(query.search.strip())
    if not is_search and (content := kept.get(key)):
        return content
    ids = catalogue.page(query, revision).ids
    if len(ids) >= STREAMED_FROM:
        return streamed(ids, site)
    content = whole(ids, site)
    if not is_search:
        kept.keep(key, content)
    return content
