"""Brings what is missing of a source into the cache, and says how often nothing was missing."""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from hls import stores
from hls.core.blocks import BlockRecord, ByteRange, PartlyHere, merged
from hls.core.errors import Code, TranscodeError
from hls.failing import report_full_disk
from hls.sources import cache
from hls.store.interface import Part, RemoteFile

log = structlog.get_logger("videoflix.hls")

PART_BYTES = 1 << 22  # of one request at most: lost where it breaks off, and long enough to be worth it
GAP_BYTES = 1 << 15  # fetching these takes less time than another request
SYNCED_BYTES = 1 << 28
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class CacheCounts:
    """Since the cache was made, for all processes of this machine."""

    hits: int = 0  # a whole source, or the parts that a chunk needs, were here already
    misses: int = 0
    fetched_bytes: int = 0


@dataclass(frozen=True)
class CachedSource:
    """A source of which a part is on this machine, while it is in use."""

    remote: RemoteFile
    entry: cache.CacheEntry
    record: BlockRecord
    go_on: Callable[[], None]  # renews the claim for which it is fetched, or raises where that is lost

    @property
    def path(self) -> Path:
        return self.entry.path

    @property
    def is_whole(self) -> bool:
        return self.entry.whole.exists()

    @property
    def partly(self) -> PartlyHere:
        """For programs in child processes, which ask for what they read."""
        return PartlyHere(self.entry.record, self.bring_on_the_way)

    def bring(self, wanted: Sequence[ByteRange]) -> None:
        """Raises TranscodeError(SOURCE_MISSING, DISK_FULL), StoreFailed, and what `go_on` raises."""
        count(self._bring(wanted))

    def bring_on_the_way(self, wanted: Sequence[ByteRange]) -> None:
        """As bring(), before it is known what is needed in all: neither a hit nor a miss."""
        count(self._bring(wanted), uses=0)

    def bring_all(self) -> None:
        """The whole source, of which a digest is compared where the store knows one. Raises as bring() does."""
        if self.is_whole:
            count(0)
            return
        with cache.alone_in(self.entry.folder / "fetching", self.go_on):
            fetched = 0
            if not self.entry.whole.exists():  # nobody else has fetched it meanwhile
                stretches = range(0, self.remote.size_bytes, SYNCED_BYTES)
                fetched = sum(self._brought_and_synced(start) for start in stretches)
                self._seal()
            count(fetched)

    def _brought_and_synced(self, start: int) -> int:
        """Bring a stretch, and write it through to the disk: all at once would take longer than a lease lasts."""
        fetched = self._bring([(start, min(start + SYNCED_BYTES, self.remote.size_bytes))])
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.go_on()
        return fetched

    def _bring(self, wanted: Sequence[ByteRange]) -> int:
        """How many bytes were missing."""
        missing = [part for start, end in merged(wanted, gap=GAP_BYTES) for part in self.record.missing(start, end)]
        parts = [Part(at, min(at + PART_BYTES, end)) for start, end in missing for at in range(start, end, PART_BYTES)]
        needed = sum(part.end - part.start for part in parts)
        if not parts:
            return 0
        cache.make_room(needed)
        try:
            with report_full_disk(), self.path.open("r+b", buffering=0) as file:
                self.remote.fetch(parts, self._writer(file.fileno()), go_on=self.go_on)
        except (FileNotFoundError, FileExistsError) as error:
            raise TranscodeError(Code.SOURCE_MISSING, f"{self.remote.etag} is not there any more: {error}") from error
        return needed

    def _writer(self, file: int) -> Callable[[int, bytes], None]:
        """Writes what arrives. A block may come in two pieces, each part's one after the other."""
        begun: dict[int, int] = {}  # where what was written up to a byte begins

        def write(start: int, data: bytes) -> None:
            written = 0
            while written < len(data):
                written += os.pwrite(file, memoryview(data)[written:], start + written)
            end = start + len(data)
            begun[end] = begun.pop(start, start)
            self.record.note(begun[end], end)

        return write

    def _seal(self) -> None:
        """Say for good that all is there. Raises TranscodeError(UNREADABLE) where it isn't what was uploaded."""
        with self.path.open("rb") as file:
            digest = hashlib.md5(usedforsecurity=False)
            while self.remote.md5 and (data := file.read(READ_BYTES)):
                digest.update(data)
                self.go_on()
        if self.remote.md5 and base64.b64encode(digest.digest()).decode() != self.remote.md5:
            self.record.forget()
            raise TranscodeError(Code.UNREADABLE, "what the bucket has is not what was uploaded: another digest")
        self.entry.whole.touch()
        log.info("source fetched", entry=self.entry.folder.name, size_bytes=self.remote.size_bytes)


@contextmanager
def cached(name: str, go_on: Callable[[], None]) -> Iterator[CachedSource | None]:
    """A source by the name that rows have for it; None where its store is on this machine's disk anyway.

    Raises TranscodeError(SOURCE_MISSING), StoreFailed.
    """
    store = stores.uploads()
    try:
        remote = store.remote(name)
    except FileNotFoundError as error:
        raise TranscodeError(Code.SOURCE_MISSING, str(error)) from error
    if remote is None:
        yield None
        return
    if not remote.size_bytes:
        raise TranscodeError(Code.UNREADABLE, "empty, or not a file")
    with report_full_disk(), cache.in_use(cache.About.of(name, store.address(name), remote)) as entry:
        yield CachedSource(remote, entry, entry.opened_record(), go_on)


def counts() -> CacheCounts:
    try:
        return CacheCounts(**json.loads((cache.root() / "counts.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return CacheCounts()


def count(fetched_bytes: int, *, uses: int = 1) -> None:
    """Note a use of a source, for which so many bytes had to be fetched."""
    if not (fetched_bytes or uses):
        return
    with cache.alone():
        old = counts()
        new = CacheCounts(
            hits=old.hits + (0 if fetched_bytes else uses),
            misses=old.misses + (uses if fetched_bytes else 0),
            fetched_bytes=old.fetched_bytes + fetched_bytes,
        )
        draft = cache.root() / "counts.json.new"
        draft.write_text(json.dumps(asdict(new)))
        draft.replace(cache.root() / "counts.json")
