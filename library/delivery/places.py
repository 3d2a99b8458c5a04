"""Which version of a video a request is about, and which of its files a name means.

A version never changes, so it is remembered for a while and most requests cost no database query. Which version is the
current one changes with a replacement and is remembered for no longer than players keep a playlist.

Drafts are for staff (library.visibility). What was found for staff is remembered apart, so a viewer is never given a
draft; a video that is unpublished again stops for viewers as soon as it is forgotten.
"""

import json
import time
from typing import NamedTuple

from cachetools import TLRUCache
from django.db import connection

from hls.models import Transcode
from hls.partial import PartialVersion
from hls.published import PublishedVersion, current, retired
from hls.shared_cache import SharedCache
from hls.store.interface import Place
from hls.stores import uploads
from library.errors import NotFound
from library.models import Video
from library.visibility import PUBLIC, PUBLISHED_SQL, Sight, sql_parameters

REMEMBERED_S = 30.0
CURRENT_REMEMBERED_S = 5.0
MOST_REMEMBERED = 4096
PARTIAL_WEIGHS = 64  # as many others: it holds what was measured of each segment
FIRST = 1  # segments without a version in their address belong to the first one (see hls.versions)

type Version = PublishedVersion | PartialVersion


class Key(NamedTuple):
    """What is remembered: a video's version, or its current one (None); partial ones apart, as not all may see them."""

    video_id: int
    version: int | None
    is_finished: bool = True
    is_for_staff: bool = False  # found by somebody who sees drafts


def forgotten_at(key: Key, version: Version, now: float) -> float:
    return now + (CURRENT_REMEMBERED_S if key.version is None else REMEMBERED_S)


def weight(version: Version) -> int:
    return 1 if isinstance(version, PublishedVersion) else PARTIAL_WEIGHS


def short_lived() -> TLRUCache[Key, Version]:
    """A cache that keeps each version for some seconds; of too many, those not asked for in a while go first."""
    return TLRUCache(MOST_REMEMBERED, forgotten_at, timer=lambda: time.monotonic(), getsizeof=weight)


memory: SharedCache[Key, Version] = SharedCache(short_lived())


VIDEO = f"""
SELECT video.thumbnail, transcode.id, transcode.version, transcode.served, transcode.retired
FROM {Video._meta.db_table} video JOIN {Transcode._meta.db_table} transcode ON transcode.id = video.transcode_id
WHERE video.id = %s
"""  # noqa: S608 (the tables' names are ours)
PUBLISHED_VIDEO = f"{VIDEO} AND {PUBLISHED_SQL}"
COLUMNS = ["id", "version", "served", "retired"]


def video_of(video_id: int, sight: Sight = PUBLIC) -> Video:
    """What leads to a video's files, in deferred rows and at a fraction of the ORM's cost. Raises NotFound."""
    with connection.cursor() as cursor:
        if sight.sees_drafts:
            cursor.execute(VIDEO, [video_id])
        else:
            cursor.execute(PUBLISHED_VIDEO, [video_id, *sql_parameters()])
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    thumbnail, transcode, version, *published = row
    served, retired = (json.loads(text) if text else None for text in published)
    video = Video.from_db(connection.alias, ["id", "thumbnail", "transcode_id"], [video_id, thumbnail, transcode])
    video.transcode = Transcode.from_db(connection.alias, COLUMNS, [transcode, version, served, retired])
    return video


def published_in(transcode: Transcode, version: int | None) -> PublishedVersion:
    """The version asked for, if it is served or not long retired; the served one for None. Raises NotFound."""
    served = current(transcode)
    if served and version in (None, served.version):
        return served
    old = retired(transcode)
    if old is None or version != old.version:
        raise NotFound
    return old


def published(video_id: int, version: int | None, sight: Sight = PUBLIC) -> PublishedVersion:
    """The version asked for, or the current one for None. Raises NotFound."""
    key = Key(video_id, version, is_for_staff=sight.sees_drafts)
    known = memory.get(key)
    if isinstance(known, PublishedVersion):
        return known
    return keep(key, video_of(video_id, sight).transcode)


def keep(key: Key, transcode: Transcode) -> PublishedVersion:
    found = published_in(transcode, key.version)
    memory.put(key, found)
    return found


def for_playlist(video_id: int, version: int | None, sight: Sight) -> Version:
    """As `published`; of a video that was never published what there is so far, if the viewer may see it."""
    key = Key(video_id, version, is_for_staff=sight.sees_drafts)
    if known := memory.get(key):
        return known
    transcode = video_of(video_id, sight).transcode
    if transcode.served is not None:
        return keep(key, transcode)
    partial = partial_of(transcode.pk) if sight.may_preview else None
    if partial is None:
        raise NotFound
    return partial


def partial_of(transcode_id: int) -> PartialVersion | None:
    transcode = Transcode.objects.filter(pk=transcode_id).first()
    return PartialVersion.of(transcode) if transcode else None


def segment(video_id: int, resolution: str, name: str, version: int | None, sight: Sight) -> Place:
    """A segment's file; those of a version that is being made only for viewers who may see it. Raises NotFound."""
    key = Key(video_id, version or FIRST, is_for_staff=sight.sees_drafts)
    found = None
    if known := memory.get(key):
        found = known.segment(resolution, name)
    else:
        if sight.may_preview and (partial := memory.get(key._replace(is_finished=False))):
            found = partial.segment(resolution, name)
        found = found or for_segment(key, sight).segment(resolution, name)
    if found is None:
        raise NotFound
    return found


def for_segment(key: Key, sight: Sight) -> Version:
    """As `published`; of a version that is being made what there is so far, if the viewer may see it."""
    transcode = video_of(key.video_id, sight).transcode
    is_served = transcode.served is not None and transcode.served["version"] == key.version
    is_partial = sight.may_preview and not is_served and transcode.version == key.version
    partial = partial_of(transcode.pk) if is_partial else None
    if partial is None or partial.version != key.version:
        return keep(key, transcode)
    memory.put(key._replace(is_finished=False), partial)
    return partial


def sheet(video_id: int, name: str, version: int | None, sight: Sight) -> Place:
    """A storyboard sheet's file. Raises NotFound."""
    found = published(video_id, version or FIRST, sight).sheet(name)
    if found is None:
        raise NotFound
    return found


def poster(video: Video) -> Place:
    """The uploaded thumbnail, else the picture made from the video. Raises NotFound."""
    if video.thumbnail:
        return Place(uploads(), str(video.thumbnail.name))
    version = current(video.transcode)
    place = version.poster() if version else None
    if place is None:
        raise NotFound
    return place
