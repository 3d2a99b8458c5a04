"""Where a video's files are: names are looked up in the version that is served, never joined to a path.

A version never changes, so where it lies is remembered for a while and most requests cost no database query. Which
version is the current one changes with a replacement and is remembered for no longer than players keep a playlist.
"""

import json
import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import TLRUCache
from django.db import connection

from hls.core import names
from hls.models import Transcode
from hls.partial import Growing
from hls.published import Edition, current, retired
from library.errors import NotFound
from library.models import Video

REMEMBERED_S = 30.0
CURRENT_REMEMBERED_S = 5.0
MOST_REMEMBERED = 4096
FIRST = 1  # segments without a version in their address belong to the first one (see hls.versions)


@dataclass(frozen=True)
class Place:
    """A video's version on the disk; the counts say which segments and sheets may be asked for.

    Paths are strings here: making a Path of one takes longer than opening it.
    """

    folder: str
    version: int
    real_names: dict[str, str]  # the name in the address -> the rendition that plays
    segment_count: int
    sheet_count: int
    is_finished: bool

    def segment(self, resolution: str, name: str) -> str:
        """Raises NotFound."""
        number = names.segment_number(name)
        if resolution not in self.real_names or number is None or number >= self.segment_count:
            raise NotFound
        return f"{self.folder}/{self.real_names[resolution]}/{names.segment_name(number)}"

    def sheet(self, name: str) -> str:
        """Raises NotFound."""
        if not names.is_sheet_name(name) or name not in map(names.sheet_name, range(self.sheet_count)):
            raise NotFound
        return f"{self.folder}/{name}"

    def media(self, resolution: str, name: str) -> str:
        """A playlist of a resolution. Raises NotFound."""
        if resolution not in self.real_names or name not in (names.INDEX, names.IFRAMES):
            raise NotFound
        return f"{self.folder}/{self.real_names[resolution]}/{name}"


class Key(NamedTuple):
    """What is remembered: a video's version, or its current one (None); growing ones apart, as not all may see them."""

    video_id: int
    version: int | None
    is_finished: bool = True


def forgotten_at(key: Key, place: Place, now: float) -> float:
    return now + (CURRENT_REMEMBERED_S if key.version is None else REMEMBERED_S)


class Memory:
    """Places, each for some seconds; those not asked for in a while go first when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: TLRUCache[Key, Place] = TLRUCache(MOST_REMEMBERED, forgotten_at, timer=lambda: time.monotonic())

    def get(self, key: Key) -> Place | None:
        with self._lock:
            return self._places.get(key)

    def put(self, key: Key, place: Place) -> None:
        with self._lock:
            self._places[key] = place

    def clear(self) -> None:
        with self._lock:
            self._places.clear()


memory = Memory()


VIDEO = f"""
SELECT video.thumbnail, transcode.id, transcode.served, transcode.retired
FROM {Video._meta.db_table} video JOIN {Transcode._meta.db_table} transcode ON transcode.id = video.transcode_id
WHERE video.id = %s
"""  # noqa: S608 (the tables' names are ours)


def video_of(video_id: int) -> Video:
    """What leads to a video's files, in deferred rows and at a fraction of the ORM's cost. Raises NotFound."""
    with connection.cursor() as cursor:
        cursor.execute(VIDEO, [video_id])
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    thumbnail, transcode, *editions = row
    served, retired = (json.loads(text) if text else None for text in editions)
    video = Video.from_db(connection.alias, ["id", "thumbnail", "transcode_id"], [video_id, thumbnail, transcode])
    video.transcode = Transcode.from_db(connection.alias, ["id", "served", "retired"], [transcode, served, retired])
    return video


def transcode_of(video_id: int) -> Transcode:
    """Raises NotFound."""
    found = Transcode.objects.filter(video=video_id).first()
    if found is None:
        raise NotFound
    return found


def edition_of(transcode: Transcode, version: int | None) -> Edition:
    """The version asked for, if it is served or not long retired; the served one for None. Raises NotFound."""
    served = current(transcode)
    if served and version in (None, served.served.version):
        return served
    old = retired(transcode)
    if old is None or version != old.served.version:
        raise NotFound
    return old


def place_of(video_id: int, version: int | None) -> Place:
    """A finished version as the database has it now; `remembered` will know it. Raises NotFound."""
    return keep(video_id, version, edition_of(transcode_of(video_id), version))


def keep(video_id: int, version: int | None, edition: Edition) -> Place:
    place = place_in(edition)
    memory.put(Key(video_id, version), place)
    return place


def place_in(edition: Edition) -> Place:
    served = edition.served
    return Place(
        folder=str(edition.folder),
        version=served.version,
        real_names={name: served.rendition(name).name for name in names.RENDITIONS},
        segment_count=served.segment_count,
        sheet_count=served.storyboard_sheets,
        is_finished=True,
    )


def remembered(video_id: int, version: int | None) -> Place | None:
    """A finished version, without asking the database."""
    return memory.get(Key(video_id, version))


def segment_path(video_id: int, resolution: str, name: str, *, version: int | None, may_preview: bool) -> str:
    """A segment's file; those of a video that is still being made only for whom may see it. Raises NotFound."""
    version = version or FIRST
    place = remembered(video_id, version)
    if place is None and may_preview:
        growing = memory.get(Key(video_id, version, is_finished=False))
        if growing and (names.segment_number(name) or 0) < growing.segment_count:
            place = growing
    if place is None:
        place = finished_or_growing(video_id, version, may_preview)
    return place.segment(resolution, name)


def finished_or_growing(video_id: int, version: int, may_preview: bool) -> Place:
    transcode = transcode_of(video_id)
    is_growing = may_preview and transcode.served_version != version and transcode.version == version
    growing = Growing.of(transcode) if is_growing else None
    if growing is None:
        return keep(video_id, version, edition_of(transcode, version))
    place = Place(
        folder=str(growing.folder),
        version=version,
        real_names={name: growing.rendition(name).name for name in names.RENDITIONS},
        segment_count=len(growing.renditions[0].segments),
        sheet_count=0,
        is_finished=False,
    )
    memory.put(Key(video_id, version, is_finished=False), place)
    return place
