"""The part of this machine's disk on which it keeps what it has fetched of sources that lie elsewhere.

    <SOURCE_CACHE_ROOT>/lock                 held for a moment by whoever counts, or makes room
    <SOURCE_CACHE_ROOT>/counts.json          how often a source was here already
    <SOURCE_CACHE_ROOT>/<entry>/lock         held (shared) by whoever uses the entry; its time says when that was last
                               /fetching     held by whoever fetches the whole
                               /about.json   which source this is
                               /source.mp4   its bytes: of the source's length from the start, with holes
                               /record       which blocks are there (hls.core.blocks)
                               /whole        is there once all are, and are written through to the disk

1. An entry is named by the source's address and its ETag: where another file takes a source's place, it gets another.
2. Several processes of one machine share the cache; the locks end with the process that holds them, however it ends.
3. Nobody removes an entry that is in use: for that the lock has to be had alone.
4. Blocks are written before they are recorded. The kernel keeps both when a process is killed; only where the machine
   itself has stopped meanwhile may the record be ahead of the blocks, so it is believed until the next start alone.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Self
from uuid import uuid4

import structlog
from django.conf import settings

from hls.boot import this_boot
from hls.core.blocks import BlockRecord, record_bytes
from hls.core.errors import Code, TranscodeError
from hls.store.interface import RemoteFile

log = structlog.get_logger("videoflix.hls")

GONE = ".gone-"  # begins the name of an entry that is being removed
WAIT_S = 0.2  # between two looks at a lock that another process has for long
DISK_BLOCK_BYTES = 512  # what st_blocks counts (stat(2))


@dataclass(frozen=True)
class About:
    """Which source an entry has, and since which start of this machine."""

    name: str  # as rows have it
    address: str
    etag: str
    size_bytes: int
    boot: str

    @classmethod
    def of(cls, name: str, address: str, remote: RemoteFile) -> Self:
        return cls(name, address, remote.etag, remote.size_bytes, this_boot())

    @property
    def entry(self) -> str:
        return hashlib.sha256(f"{self.address}\n{self.etag}\n{self.size_bytes}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class CacheEntry:
    """A folder of the cache."""

    folder: Path
    ending: str  # of the source's name, which tells libav something

    @property
    def path(self) -> Path:
        return self.folder / f"source{self.ending}"

    @property
    def record(self) -> Path:
        return self.folder / "record"

    @property
    def whole(self) -> Path:
        return self.folder / "whole"

    def is_ready(self, about: About) -> bool:
        """Whether there are a file and a record that can be believed."""
        known = about_in(self.folder)
        return known is not None and (known == about or (known.address == about.address and self.whole.exists()))

    def prepare(self, about: About) -> None:
        """Make an empty file and record. The caller has the entry alone."""
        for old in (self.folder / "about.json", self.whole):
            old.unlink(missing_ok=True)
        for path, size_bytes in ((self.path, about.size_bytes), (self.record, record_bytes(about.size_bytes))):
            with path.open("wb") as file:
                file.truncate(size_bytes)
        draft = self.folder / "about.json.new"
        draft.write_text(json.dumps(asdict(about)))
        draft.replace(self.folder / "about.json")

    def opened_record(self) -> BlockRecord:
        return BlockRecord(self.record, self.path.stat().st_size, writable=True)


def about_in(folder: Path) -> About | None:
    """None where nothing is said, or something that another version of this program has written."""
    try:
        return About(**json.loads((folder / "about.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def root() -> Path:
    path = Path(settings.SOURCE_CACHE_ROOT)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def in_use(about: About) -> Iterator[CacheEntry]:
    """The entry of a source, which nobody removes meanwhile."""
    entry = CacheEntry(root() / about.entry, Path(about.name).suffix)
    lock = shared_lock(entry, about)
    try:
        os.utime(lock.fileno())
        yield entry
        os.utime(lock.fileno())
    finally:
        lock.close()


def shared_lock(entry: CacheEntry, about: About) -> BinaryIO:
    """Lock an entry, which is made where there is none, as often as it takes: others may remove it in between."""
    while True:
        entry.folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            lock = (entry.folder / "lock").open("ab")
            if has_alone(lock) and is_still_there(entry.folder, lock) and not entry.is_ready(about):
                entry.prepare(about)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if is_still_there(entry.folder, lock) and entry.is_ready(about):
                return lock
            lock.close()


def has_alone(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_still_there(folder: Path, lock: BinaryIO) -> bool:
    """Whether the lock that was had is the folder's own, and not one that was removed meanwhile."""
    try:
        return (folder / "lock").stat().st_ino == os.fstat(lock.fileno()).st_ino
    except FileNotFoundError:
        return False


@contextmanager
def alone_in(path: Path, go_on: Callable[[], None]) -> Iterator[None]:
    """Hold a lock for long. Calls `go_on` while another process has it."""
    with path.open("ab") as lock:
        while not has_alone(lock):
            go_on()
            time.sleep(WAIT_S)
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Hold the cache's own lock, which nobody has for long."""
    with (root() / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def entries() -> list[Path]:
    """The folders of all entries, least recently used first."""
    found: list[tuple[float, Path]] = []
    for folder in root().iterdir():
        with suppress(FileNotFoundError, NotADirectoryError):
            found.append(((folder / "lock").stat().st_mtime, folder))
    return [folder for _, folder in sorted(found) if not folder.name.startswith(GONE)]


def disk_bytes(folder: Path) -> int:
    """What an entry really takes: holes take nothing."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_blocks * DISK_BLOCK_BYTES
    return total


def used_bytes() -> int:
    return sum(disk_bytes(folder) for folder in entries())


def remove_unused(folder: Path) -> bool:
    """Remove an entry unless somebody uses it."""
    gone = root() / f"{GONE}{uuid4().hex}"
    with suppress(FileNotFoundError), (folder / "lock").open("rb") as lock:
        if not (has_alone(lock) and is_still_there(folder, lock)):
            return False
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    return True


def make_room(needed_bytes: int) -> None:
    """Raises TranscodeError(DISK_FULL) where so much more does not fit, although all that could go is gone."""
    shrink(needed_bytes)
    if needed_bytes > free_bytes():
        raise TranscodeError(Code.DISK_FULL, f"{needed_bytes} bytes of a source have no room above the reserve")


def shrink(needed_bytes: int = 0) -> None:
    """Remove entries until so much more fits, the least recently used first. What is in use stays.

    So a source that is larger than the whole cache is kept as long as it is in use.
    """
    with alone():
        sizes = {folder: disk_bytes(folder) for folder in entries()}
        used = sum(sizes.values())
        for folder, size_bytes in sizes.items():
            fits = used + needed_bytes <= int(settings.SOURCE_CACHE_BYTES)
            if fits and needed_bytes <= free_bytes():
                return
            if remove_unused(folder):
                used -= size_bytes
                log.info("source forgotten", entry=folder.name, size_bytes=size_bytes)


def free_bytes() -> int:
    return shutil.disk_usage(root()).free - int(settings.DISK_RESERVE_BYTES)
