"""Repair: lapsed leases, due retries, and bytes that belong to nobody."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched
from pathlib import Path
from typing import Self

import structlog
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from hls import claims, identity
from hls.errors import NothingRemoved
from hls.folders import WORK, hls_root, size_bytes, source_path, transcode_folder
from hls.models import ACTIVE, Chunk, ChunkState, Discarded, PeriodicTask, Root, State, Transcode, Worker
from hls.removal import Trash, check_share, erase
from hls.renewal import LeaseRenewal

log = structlog.get_logger("videoflix.hls")

WORKER_FORGOTTEN_AFTER = timedelta(days=1)
TASK = "sweep videos"
HAS_PLAN = ExpressionWrapper(Q(plan__isnull=False), output_field=BooleanField())  # a plan takes long to read
LOOKED_INTO_AT_ONCE = 2_000  # videos' folders
NOT_OURS = "lost+found"  # of the file system, where the root is a disk of its own


def take_back_dead(workers: Iterable[Worker]) -> None:
    """Free what these workers held, and forget them."""
    for worker in workers:
        claims.take_back_transcodes(Transcode.objects.filter(worker=worker))
        claims.take_back_chunks(Chunk.objects.filter(worker=worker))
        worker.delete()
        log.warning("worker vanished", worker=str(worker))


def take_back_lapsed() -> None:
    """Free what nobody has renewed in time: its worker is dead, or cut off."""
    now = timezone.now()
    claims.take_back_transcodes(Transcode.objects.filter(lease_until__lt=now))
    claims.take_back_chunks(Chunk.objects.filter(lease_until__lt=now))


def retry_due() -> None:
    """Queue failed videos again whose cause may have passed."""
    claims.requeue(Transcode.objects.filter(state=State.FAILED, retry_at__lt=timezone.now()))


@dataclass(frozen=True)
class Orphan:
    """A file or folder below the HLS root that no row names."""

    path: Path
    is_private: bool = False  # of one claim: no row has ever named what is in it

    @property
    def size_bytes(self) -> int:
        return size_bytes(self.path)


def keep_house(lease: LeaseRenewal) -> None:
    """The minutely sweep: a part of the videos at a time, so that it costs the same in a library of any size."""
    task = PeriodicTask.objects.get(name=TASK)
    try:
        position = sweep(after=task.position, most=LOOKED_INTO_AT_ONCE, go_on=lease.go_on)
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
    """End retirements, forget old workers, remove orphans; where to go on next time.

    Below the root all is looked at, within it the folders of at most `most` videos whose ids follow `after`.
    Raises NotOurs, TooMuch.
    """
    end_retirements()
    Worker.objects.filter(last_seen__lt=timezone.now() - WORKER_FORGOTTEN_AFTER).delete()
    root = hls_root()
    identity.take_up(root, share)
    trash = Trash(root)
    trash.empty(go_on=go_on)
    remove_discarded(trash, go_on)
    look = Look.taken(after, most)
    for private in [orphan.path for orphan in look.orphans if orphan.is_private]:
        go_on()
        erase(private)
    unnamed = [orphan.path for orphan in look.orphans if not orphan.is_private]
    if not may_be_much:
        check_share(root, named=look.named, unnamed=len(unnamed))
    for path in unnamed:
        go_on()
        trash.put(path)
    return look.goes_on_after


def end_retirements() -> None:
    """Give up the versions that were kept for those who had begun to watch them."""
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
    """Remove what was given up on purpose, unless a row names it all the same."""
    for part in batched(Discarded.objects.filter(root=Root.HLS), 500):
        wanted = named_folders([int(given_up.name.partition("/")[0]) for given_up in part])
        for given_up in part:
            go_on()
            path = trash.root / given_up.name
            if path in wanted or not path.exists() or trash.put(path):
                given_up.delete()


@dataclass(frozen=True)
class Look:
    """What is below the HLS root, read before the rows: what is begun meanwhile is never taken for an orphan."""

    named: int  # videos
    orphans: list[Orphan]
    goes_on_after: int

    @classmethod
    def taken(cls, after: int = 0, most: int | None = None) -> Self:
        there = found_transcodes()
        known = set(map(str, Transcode.objects.values_list("pk", flat=True).iterator()))
        named = there & known
        ids = sorted(map(int, named))
        looked_into = [pk for pk in ids if pk > after][:most]
        root = hls_root()
        orphans = [Orphan(root / name) for name in sorted(there - known)]
        orphans += [orphan for part in batched(looked_into, 500) for orphan in orphans_within(part)]
        is_through = not looked_into or looked_into[-1] == ids[-1]
        return cls(len(named), orphans, 0 if is_through else looked_into[-1])


def orphans() -> list[Orphan]:
    """All of them, now."""
    return Look.taken().orphans


def found_transcodes() -> set[str]:
    """The names of the videos' folders, and of whatever else lies there; hidden names are our own."""
    try:
        with os.scandir(hls_root()) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".") and entry.name != NOT_OURS}
    except FileNotFoundError:
        return set()


def orphans_within(transcodes: Sequence[int]) -> list[Orphan]:
    """Versions, and private folders in them, of videos that have rows."""
    found = [entry for transcode in transcodes for entry in entries(transcode_folder(transcode))]
    wanted = named_folders(transcodes)
    held = held_work_folders(transcodes)
    return [
        Orphan(path, is_private=path.parent.name == WORK)
        for path in found
        if not is_named(path, wanted, held) and path.exists()
    ]


def entries(clip: Path) -> Iterator[Path]:
    for version in below(clip):
        yield version
        yield from below(version / WORK)


def below(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def named_folders(transcodes: Sequence[int]) -> set[Path]:
    """The versions of these videos that are served, retired, or may still be finished."""
    wanted: set[Path] = set()
    rows = Transcode.objects.filter(pk__in=transcodes).values_list(
        "pk", "state", "version", HAS_PLAN, "served_version", "retired_version"
    )
    for pk, state, version, has_plan, served, retired in rows:
        transcode = transcode_folder(pk)
        versions = {served, retired} | ({version} if has_plan and state != State.READY else set())
        wanted |= {transcode} | {transcode / str(number) for number in versions if number is not None}
    return wanted


def held_work_folders(transcodes: Sequence[int]) -> set[str]:
    running = Chunk.objects.filter(state=ChunkState.RUNNING, transcode__state__in=ACTIVE, transcode__in=transcodes)
    finishing = Transcode.objects.filter(state=State.PROCESSING, pk__in=transcodes).exclude(lease_token="")
    return {f"{index}-{token}" for index, token in running.values_list("index", "lease_token")} | {
        f"finish-{token}" for token in finishing.values_list("lease_token", flat=True)
    }


def is_named(path: Path, wanted: set[Path], held: set[str]) -> bool:
    if path.parent.name == WORK:
        return path.name in held and path.parent.parent in wanted
    return path in wanted


def share() -> identity.Share:
    """Of the videos' folders, how many are of videos whose uploaded file is there too: ids alone are alike everywhere.

    A video that has no plan yet has no folder: one of its number is another's.
    """
    there = found_transcodes()
    made = Transcode.objects.exclude(plan__isnull=True, served_version=None)
    rows = made.values_list("pk", "source").iterator()
    named = sum(1 for pk, source in rows if str(pk) in there and source_path(source).exists())
    return identity.Share(named, len(there) - named)


def wanted_names() -> set[str]:
    """The versions that rows name, as the trash knows them."""
    transcodes = Transcode.objects.values_list("pk", flat=True)
    root = hls_root()
    return {str(path.relative_to(root)) for part in batched(transcodes, 500) for path in named_folders(part)}
