"""Repair: leases of dead or silent workers, failed transcodes that are due again, and files that no row names.

A sweep of the store of versions removes files in this order:

1. End the retirement of versions whose time is over, and forget tracks that nobody watches with any more.
2. Make sure that the store is this database's (hls.identity), and empty the trash of what has been there long enough.
3. Move what was given up on purpose (Discarded) to the trash.
4. Read the store's names, then the rows. What no row names is an orphan, but for what a running step may still write.
5. Erase orphaned private folders, and move other orphans to the trash where they are few enough (hls.removal).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched
from typing import Self

import structlog
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from hls import claims, identity
from hls.errors import NothingRemoved
from hls.folders import TILES, WORK, hls_root
from hls.models import ACTIVE, Chunk, ChunkState, Discarded, Extraction, PeriodicTask, Root, State, Transcode, Worker
from hls.removal import Trash, check_share, erase
from hls.renewal import LeaseRenewal
from hls.store.folder import FolderStore
from hls.store.interface import Place, is_all_on_disk
from hls.stores import private_root, transcode_key, uploads, version_key, versions
from hls.tracks import editing

log = structlog.get_logger("videoflix.hls")

WORKER_FORGOTTEN_AFTER = timedelta(days=1)
TASK = "sweep videos"
HAS_PLAN = ExpressionWrapper(  # a plan takes long to read
    Q(plan__isnull=False) | Q(opening__isnull=False), output_field=BooleanField()
)
LOOKED_INTO_AT_ONCE = 2_000  # transcodes' folders
LOOKED_INTO_ELSEWHERE = 20  # transcodes, where each costs some requests, which are paid for
PRIVATE = f"/{WORK}/"  # in the keys of what claims write
LOST_AND_FOUND = "lost+found"  # the file system's own folder, where the root is a disk of its own


def take_back_dead(workers: Iterable[Worker]) -> None:
    """Free what these workers held, and delete their rows."""
    for worker in workers:
        claims.take_back_transcodes(Transcode.objects.filter(worker=worker))
        claims.take_back_extractions(Extraction.objects.filter(worker=worker))
        claims.take_back_chunks(Chunk.objects.filter(worker=worker))
        worker.delete()
        log.warning("worker vanished", worker=str(worker))


@transaction.atomic
def take_back_lapsed() -> None:
    """Free what was not renewed in time: its worker is dead, or can't reach the database.

    One that hangs while it puts files in has its row locked, until the database ends its transaction.
    """
    now = timezone.now()
    claims.take_back_transcodes(claims.unlocked(Transcode.objects.filter(lease_until__lt=now)))
    claims.take_back_extractions(claims.unlocked(Extraction.objects.filter(lease_until__lt=now)))
    claims.take_back_chunks(claims.unlocked(Chunk.objects.filter(lease_until__lt=now)))


def retry_due() -> None:
    """Queue failed transcodes again whose pause is over."""
    claims.requeue(Transcode.objects.filter(state=State.FAILED, retry_at__lt=timezone.now()))


@dataclass(frozen=True)
class Orphan:
    """A file or folder in the store of versions that no row names."""

    place: Place
    is_private: bool = False  # the folder of one claim, or tiles: nobody ever wants it back

    @property
    def size_bytes(self) -> int:
        return self.place.size_bytes()


def keep_house(lease: LeaseRenewal) -> None:
    """The minutely sweep. It looks into a part of the folders each time, so that it costs the same in any library."""
    task = PeriodicTask.objects.get(name=TASK)
    try:
        most = LOOKED_INTO_AT_ONCE if is_all_on_disk(versions()) else LOOKED_INTO_ELSEWHERE
        position = sweep(after=task.position, most=most, go_on=lease.go_on)
    except NothingRemoved as error:
        log.error("nothing removed", reason=str(error))
    else:
        PeriodicTask.objects.filter(name=TASK).update(position=position)


def sweep(
    *,
    after: int = 0,
    most: int | None = None,
    may_be_much: bool = False,
    go_on: Callable[[], None] = lambda: None,
) -> int:
    """End retirements, delete old workers' rows and remove orphans. Returns the `after` of the next sweep.

    All transcodes' names are looked at, and the insides of at most `most` transcodes' folders, whose ids follow
    `after`. Raises NotOurs, TooMuch.
    """
    end_retirements()
    editing.forget_old()
    Worker.objects.filter(last_seen__lt=timezone.now() - WORKER_FORGOTTEN_AFTER).delete()
    store = versions()
    identity.take_up(store, share)
    trash = Trash(store)
    trash.empty(go_on=go_on)
    store.remove_unfinished()
    remove_discarded(trash, go_on)
    scan = HlsScan.taken(after, most)
    for private in [orphan.place for orphan in scan.orphans if orphan.is_private]:
        go_on()
        erase(private)
    unnamed = [orphan.place.key for orphan in scan.orphans if not orphan.is_private]
    if not may_be_much:
        check_share(store, named=scan.named, unnamed=len(unnamed))
    for key in unnamed:
        go_on()
        trash.put(key)
    return scan.next_after


def erase_own_leftovers() -> None:
    """Remove private folders from this machine's disk that no claim holds, as a killed worker leaves them.

    Nothing is done where they lie in the store itself: the sweep finds them there.
    """
    if private_root() == hls_root():
        return
    own = FolderStore("private", private_root())
    numbers = [int(entry.name) for entry in own.entries("") if entry.name.isdecimal()]
    found = [place for number in numbers for place in inside(Place(own, str(number))) if PRIVATE in place.key]
    held = held_work_folders(numbers)
    for place in found:
        if place.name not in held:
            erase(place)


def end_retirements() -> None:
    """Give up retired versions whose time is over: nobody watches them any more."""
    over = Transcode.objects.filter(retired_until__lt=timezone.now())
    for transcode in over.only("retired_version", "retired_until", "served"):
        with transaction.atomic():
            ended = Transcode.objects.filter(pk=transcode.pk, retired_until=transcode.retired_until).update(
                retired=None,
                retired_version=None,
                retired_until=None,
                served_bytes=transcode.served["size_bytes"] if transcode.served else 0,
            )
            if ended:
                Discarded.add(Root.HLS, [f"{transcode.pk}/{transcode.retired_version}"])


def remove_discarded(trash: Trash, go_on: Callable[[], None]) -> None:
    """Move what was given up on purpose to the trash, unless a row still names it."""
    for part in batched(Discarded.objects.filter(root=Root.HLS), 500):
        wanted = named_keys([int(given_up.name.partition("/")[0]) for given_up in part])
        for given_up in part:
            go_on()
            key = given_up.name
            if key in wanted or not trash.store.exists(key) or trash.put(key):
                given_up.delete()


@dataclass(frozen=True)
class HlsScan:
    """What is in the store. It is read before the rows, so that what is begun meanwhile is no orphan."""

    named: int  # transcodes that have files and a row
    orphans: list[Orphan]
    next_after: int  # 0 where all transcodes have been looked at

    @classmethod
    def taken(cls, after: int = 0, most: int | None = None) -> Self:
        there = found_names()
        known = set(map(str, Transcode.objects.values_list("pk", flat=True).iterator()))
        named = there & known
        transcode_ids = sorted(map(int, named))
        scanned = [transcode_id for transcode_id in transcode_ids if transcode_id > after][:most]
        store = versions()
        orphans = [Orphan(Place(store, name)) for name in sorted(there - known) if store.exists(name)]
        orphans += [orphan for part in batched(scanned, 500) for orphan in orphans_within(part)]
        is_complete = not scanned or scanned[-1] == transcode_ids[-1]
        return cls(len(named), orphans, 0 if is_complete else scanned[-1])


def orphans() -> list[Orphan]:
    """All orphans there are now."""
    return HlsScan.taken().orphans


def found_names() -> set[str]:
    """The first names of all keys: transcodes' and all else but hidden ones, which are the engine's own."""
    found = {entry.name for entry in versions().entries("")}
    return {name for name in found if not name.startswith(".") and name != LOST_AND_FOUND}


def orphans_within(transcode_ids: Sequence[int]) -> list[Orphan]:
    """Orphaned versions and private folders of transcodes that have rows."""
    store = versions()
    found = [place for transcode_id in transcode_ids for place in inside(Place(store, transcode_key(transcode_id)))]
    wanted = named_keys(transcode_ids)
    held = held_work_folders(transcode_ids)
    return [
        Orphan(place, is_private=PRIVATE in place.key or place.name == TILES)
        for place in found
        if not is_named(place.key, wanted, held) and place.exists()
    ]


def inside(transcode: Place) -> Iterator[Place]:
    """A transcode's versions, and the private folders and tiles in them."""
    for entry in transcode.entries():
        version = transcode.below(entry.name)
        yield version
        there = {found.name for found in version.entries()}
        if WORK in there:
            work = version.below(WORK)
            yield from (work.below(private.name) for private in work.entries())
        if TILES in there:
            yield version.below(TILES)


def named_keys(transcode_ids: Sequence[int]) -> set[str]:
    """The keys of these transcodes, and of their versions that are served, retired, or may still be finished.

    Finishing needs tiles. A worker that dies after it has published leaves them.
    """
    wanted: set[str] = set()
    rows = Transcode.objects.filter(pk__in=transcode_ids).values_list(
        "pk", "state", "version", HAS_PLAN, "served_version", "retired_version"
    )
    for transcode_id, state, version, has_plan, served, retired in rows:
        unfinished = {version} if has_plan and state != State.READY else set()
        named = {served, retired} | unfinished
        wanted |= {f"{version_key(transcode_id, number)}/{TILES}" for number in unfinished}
        wanted |= {version_key(transcode_id, number) for number in named if number is not None}
        wanted.add(transcode_key(transcode_id))
    return wanted


def held_work_folders(transcode_ids: Sequence[int]) -> set[str]:
    """The names of the private folders that running steps write into."""
    running = Chunk.objects.filter(state=ChunkState.RUNNING, transcode__state__in=ACTIVE, transcode__in=transcode_ids)
    finishing = Transcode.objects.filter(state=State.PROCESSING, pk__in=transcode_ids).exclude(lease_token="")
    extracting = Extraction.objects.filter(transcode__in=transcode_ids).exclude(lease_token="")
    return {
        *(f"{index}-{token}" for index, token in running.values_list("index", "lease_token")),
        *(f"finish-{token}" for token in finishing.values_list("lease_token", flat=True)),
        *(f"texts-{token}" for token in extracting.values_list("lease_token", flat=True)),
    }


def is_named(key: str, wanted: set[str], held: set[str]) -> bool:
    """Whether a row names it. Tiles of a version that no row names are left to that version."""
    if key.endswith(f"/{TILES}"):
        return key in wanted or key.removesuffix(f"/{TILES}") not in wanted
    version, _, private = key.partition(PRIVATE)
    return version in wanted and (not private or private in held)


def share() -> identity.Share:
    """How many of the store's first names belong to transcodes whose source file is there too.

    The id alone proves nothing, since every installation counts from 1. A transcode that has no plan yet has no files
    either, so those of its number are another installation's.
    """
    there = found_names()
    made = Transcode.objects.exclude(plan__isnull=True, opening__isnull=True, served_version=None)
    rows = made.values_list("pk", "source").iterator()
    sources = uploads()
    named = sum(1 for transcode_id, source in rows if str(transcode_id) in there and sources.exists(source))
    return identity.Share(named, len(there) - named)


def wanted_names() -> set[str]:
    """The keys that rows name."""
    transcode_ids = Transcode.objects.values_list("pk", flat=True)
    return {key for part in batched(transcode_ids, 500) for key in named_keys(part)}
