"""Repair: lapsed leases, due retries, and bytes that belong to nobody."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from django.utils import timezone

from hls import claims
from hls.folders import WORK, hls_root, remove, size_bytes
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode, Worker

log = structlog.get_logger("videoflix.hls")

WORKER_FORGOTTEN_AFTER = timedelta(days=1)


def take_back_dead(workers: Iterable[Worker]) -> None:
    """Free what these workers held, and forget them."""
    for worker in workers:
        claims.take_back_films(Transcode.objects.filter(worker=worker))
        claims.take_back_chunks(Chunk.objects.filter(worker=worker))
        worker.delete()
        log.warning("worker vanished", worker=str(worker))


def take_back_lapsed() -> None:
    """Free what nobody has renewed in time: its worker is dead, or cut off."""
    now = timezone.now()
    claims.take_back_films(Transcode.objects.filter(lease_until__lt=now))
    claims.take_back_chunks(Chunk.objects.filter(lease_until__lt=now))


def retry_due() -> None:
    """Queue failed films again whose cause may have passed."""
    claims.requeue(Transcode.objects.filter(state=State.FAILED, retry_at__lt=timezone.now()))


def sweep() -> None:
    """End retirements, forget old workers, remove orphans."""
    now = timezone.now()
    Transcode.objects.filter(retired_until__lt=now).update(retired=None, retired_version=None, retired_until=None)
    Worker.objects.filter(last_seen__lt=now - WORKER_FORGOTTEN_AFTER).delete()
    for orphan in orphans():
        log.info("orphan removed", path=str(orphan.path.relative_to(hls_root())), size_bytes=orphan.size_bytes)
        if orphan.path.is_dir():
            remove(orphan.path)
        else:
            orphan.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Orphan:
    """A file or folder below the HLS root that no row names."""

    path: Path
    size_bytes: int


def orphans() -> list[Orphan]:
    """The folder is read before the rows, so that what is begun meanwhile is never taken for an orphan."""
    found = list(entries())
    wanted = named_folders()
    held = held_work_folders()
    return [
        Orphan(path, size_bytes(path) if path.is_dir() else path.stat().st_size)
        for path in found
        if not is_named(path, wanted, held) and path.exists()
    ]


def entries() -> Iterator[Path]:
    """Films, their versions, and the private folders within."""
    root = hls_root()
    for film in root.iterdir() if root.is_dir() else ():
        yield film
        for version in film.iterdir() if film.is_dir() else ():
            yield version
            work = version / WORK
            yield from work.iterdir() if work.is_dir() else ()


def named_folders() -> set[Path]:
    root = hls_root()
    wanted: set[Path] = set()
    rows = Transcode.objects.values_list("pk", "state", "version", "plan", "served_version", "retired_version")
    for pk, state, version, plan, served, retired in rows.iterator():
        film = root / str(pk)
        versions = {served, retired} | ({version} if plan is not None and state != State.READY else set())
        wanted |= {film} | {film / str(number) for number in versions if number is not None}
    return wanted


def held_work_folders() -> set[str]:
    running = Chunk.objects.filter(state=ChunkState.RUNNING, transcode__state__in=ACTIVE)
    finishing = Transcode.objects.filter(state=State.PROCESSING).exclude(lease_token="")
    return {f"{index}-{token}" for index, token in running.values_list("index", "lease_token")} | {
        f"finish-{token}" for token in finishing.values_list("lease_token", flat=True)
    }


def is_named(path: Path, wanted: set[Path], held: set[str]) -> bool:
    if path.parent.name == WORK:
        return path.name in held and path.parent.parent in wanted
    return path in wanted
