"""Uploaded files that no row names, uploads that nobody went on with, and served files that are gone."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import structlog

from hls import identity, lifecycle
from hls import upkeep as engine
from hls.completeness import Lost, lost_files
from hls.errors import NothingRemoved
from hls.models import Discarded, Root, State, Transcode
from hls.removal import Trash, check_share, erase, tell_once
from hls.renewal import LeaseRenewal
from hls.store.interface import Place, Store, StoreFailed
from hls.stores import uploads, versions
from library.disk import PARTIAL
from library.fetching import sweeping
from library.fetching.models import Fetch
from library.grants import granting
from library.models import Upload, Video, kept_file
from library.uploads import finishing
from library.uploads.kinds import arriving
from library.writing import idempotency

log = structlog.get_logger("videoflix.library")

TASK = "sweep uploads"
YOUNG_S = {  # how long a file may be there without a row that names it
    "videos": 180.0,  # a file is written before its row is committed
    "thumbnails": 180.0,
    PARTIAL: 3600.0,  # a form's file, which has no row while it arrives, and may arrive slowly
}


@dataclass(frozen=True)
class Stray:
    place: Place
    size_bytes: int
    age_s: float

    @property
    def folder(self) -> str:
        return self.place.key.partition("/")[0]

    @property
    def is_old(self) -> bool:
        return self.age_s > YOUNG_S[self.folder]

    @property
    def was_named(self) -> bool:
        """Whether a row may have named it once; a form's file never had one."""
        return self.folder != PARTIAL or is_uuid(self.place.name)


@dataclass(frozen=True)
class FolderContents:
    """The upload folder compared with the rows that name its files."""

    named: set[str]  # names in rows, relative to the folder; some of these files may be gone
    there: int  # how many of the named files exist
    strays: list[Stray]
    kept: set[str]  # given up as soon as another file is served

    @classmethod
    def read(cls) -> Self:
        """The folder is read before the rows: what is added meanwhile is never taken for a stray."""
        found = uploaded_files()
        rows = names_in_rows()
        named = rows.named
        strays = [stray for name in sorted(found - named) if (stray := looked_at(name))]
        return cls(named, len(found & named), strays, rows.kept)

    def share(self) -> identity.Share:
        """How many of the videos' files and pictures rows name. Files still arriving are too young to tell anything."""
        old = [stray for stray in self.strays if stray.is_old and stray.folder != PARTIAL]
        return identity.Share(self.there, len(old), lost=0 if self.there else identity.sources_named())


def is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def uploaded_files() -> set[str]:
    found: set[str] = set()
    for folder in YOUNG_S:
        found.update(f"{folder}/{entry.name}" for entry in uploads().entries(folder))
    return found


def named_files() -> set[str]:
    return names_in_rows().named


@dataclass(frozen=True)
class NamesInRows:
    """What rows name; of that `kept` is what videos need only until another file is served instead."""

    named: set[str]
    kept: set[str]


def names_in_rows() -> NamesInRows:
    named: set[str] = set()
    for pk, *keys in Upload.objects.filter(taken_at=None).values_list("pk", "key", "rest").iterator():
        named.update((f"{PARTIAL}/{pk}", *keys))
    named.update(f"{PARTIAL}/{pk}" for pk in Fetch.objects.values_list("pk", flat=True))
    kept = set()
    columns = ("video_file", "thumbnail", "transcode__source", "transcode__state", "transcode__served_version", "kept")
    for *names, state, version, of_served in Video.objects.values_list(*columns).iterator():
        named.update(names)
        if of_served and state != State.READY and of_served["version"] == version:
            kept.add(kept_file(of_served))
    return NamesInRows(named | kept, kept)


def looked_at(name: str) -> Stray | None:
    place = Place(uploads(), name)
    try:
        modified_at = place.store.modified_at(name)
    except FileNotFoundError:
        return None
    return Stray(place, place.size_bytes(), time.time() - modified_at)


def strays() -> list[Stray]:
    """Files in the upload folder that no row names, whatever their age."""
    return FolderContents.read().strays


def sweep_minutely(lease: LeaseRenewal) -> None:
    """The sweep that one worker does each minute; logs why nothing was removed."""
    try:
        sweep(go_on=lease.go_on)
    except NothingRemoved as error:
        log.error("nothing removed", reason=str(error))
    except StoreFailed as error:  # the next sweep tries again
        log.warning("nothing removed", reason=error.strerror)


def sweep(*, may_be_much: bool = False, go_on: Callable[[], None] = lambda: None) -> None:
    """Remove files that no row names and nobody is writing. Raises NotOurs, TooMuch."""
    try:
        finishing.sweep()
        sweeping.sweep()
    except OSError as error:  # one file can't be removed; others may be
        tell_once(str(error.filename or uploads().address("")), error)
    idempotency.forget_old()
    granting.forget_old()
    store = uploads()
    contents = FolderContents.read()
    identity.take_up(store, contents.share)
    arriving().sweep()
    trash = Trash(store)
    trash.empty(go_on=go_on)
    remove_discarded(trash, contents, go_on)
    old = [stray for stray in strays_left(contents) if stray.is_old]
    for stray in old:
        if not stray.was_named:
            go_on()
            erase(stray.place)
    unnamed = [stray for stray in old if stray.was_named]
    if not may_be_much:
        check_share(store, named=contents.there, unnamed=len(unnamed))
    for stray in unnamed:
        go_on()
        trash.put(stray.place.key)


def remove_discarded(trash: Trash, contents: FolderContents, go_on: Callable[[], None]) -> None:
    """Remove files that were given up on purpose, unless a row names them after all; those that are kept wait."""
    named = contents.named
    for given_up in Discarded.objects.filter(root=Root.UPLOADS):
        go_on()
        if given_up.name in contents.kept:
            continue
        if given_up.name in named or not trash.store.exists(given_up.name) or trash.put(given_up.name):
            given_up.delete()


def strays_left(contents: FolderContents) -> list[Stray]:
    return [stray for stray in contents.strays if stray.place.exists()]


def doubts() -> list[str]:
    """Why the database and its stores may not belong together: a sentence for each store."""
    uploaded = identity.doubt(uploads(), lambda: FolderContents.read().share())
    served = identity.doubt(versions(), engine.share)
    return [sentence for sentence in (uploaded, served) if sentence]


def stores() -> dict[Store, Callable[[], set[str]]]:
    """All stores, each with a function that reads which keys in it rows name."""
    return {uploads(): named_files, versions(): engine.wanted_names}


def lost() -> list[Lost]:
    """Transcodes that are served although files of theirs are gone, as after restoring a backup without them."""
    served = Transcode.objects.exclude(served_version=None).filter(state=State.READY).select_related("video")
    return [found for transcode in served.iterator() if (found := lost_files(transcode))]


def make_again(transcodes: list[Transcode]) -> list[Transcode]:
    """Queue the transcodes whose uploaded file is there; return the others."""
    hopeless = []
    for transcode in transcodes:
        if uploads().exists(transcode.source):
            lifecycle.replace(transcode, transcode.source)
        else:
            hopeless.append(transcode)
    return hopeless
