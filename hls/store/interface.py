"""What the program asks of a place where files are kept for good: a folder (hls.store.folder) or a bucket
(hls.store.bucket).

A file has a key: names with slashes between them, such as "12/1/480p/segment_000.ts". A key also stands for all files
below it, as a folder's name does; a store need not know folders. A file is whole as soon as it can be found, and what
is in it never changes; another one may take its place.

All methods raise the errors of Python's own files: FileNotFoundError for what is gone, another OSError where the store
fails. A key that leads out of the store is a ValueError.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

WHOLE = ""  # what nearly every reader of a file wants
UNFINISHED_S = 86_400.0  # how long ago somebody has begun to write who will not go on


class StoreFailed(OSError):
    """A store that is not on this machine can't be reached, or refuses; `strerror` is a sentence."""


class StoreRefused(StoreFailed):
    """Its address or keys are wrong, so that trying again changes nothing."""


class StoreFull(StoreFailed):
    """It has no room left."""


class ByteReader(Protocol):
    """Bytes that are sent as they are read. One with a `fileno` of its own is sent by the system itself."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all that are left for -1; fewer only at the end."""

    def close(self) -> None: ...


class OpenedFile(Protocol):
    """A file that is open: what is told of it, and its bytes."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def modified_at(self) -> int:
        """Seconds since 1970."""

    @property
    def etag(self) -> str:
        """A strong validator, in its quotation marks (RFC 9110 8.8.3)."""

    def read(self, start: int, length: int) -> bytes: ...

    def stream(self, start: int, length: int) -> ByteReader:
        """The same bytes, read when they are needed. Whoever closes the reader closes the file."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class StoreEntry:
    """What lies directly below a key: its last name, and whether that is a file or has others below it."""

    name: str
    is_folder: bool


@dataclass(frozen=True)
class Part:
    """Bytes of a file, from `start` up to `end`."""

    start: int
    end: int


class RemoteFile(Protocol):
    """A file that lies elsewhere, as it was when it was looked at, to be brought to this machine in parts."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def etag(self) -> str:
        """Another one means another file."""

    @property
    def md5(self) -> str:
        """Of the whole file, in Base64; "" where nobody has written it down."""

    def fetch(
        self, parts: Sequence[Part], write: Callable[[int, bytes], None], *, go_on: Callable[[], None] = lambda: None
    ) -> None:
        """Bring these parts, several at once. What arrives is given to `write`, with its place, in other threads.

        `go_on` is called meanwhile, in this thread; what it raises ends the work. Raises FileExistsError where the file
        is another one by now, FileNotFoundError, StoreFailed.
        """


@dataclass(frozen=True)
class Staged:
    """The files of a private folder, ready to be put in."""

    folder: Path
    key: str  # the private folder's own
    names: tuple[str, ...]  # relative to the folder


class Store(Protocol):
    @property
    def name(self) -> str:
        """What is kept there, in one word: `hls` or `uploads`."""

    @property
    def is_on_disk(self) -> bool:
        """Whether other programs of this machine, such as the edge, read its files by themselves."""

    @property
    def members(self) -> "tuple[Store, ...]":
        """The stores that it consists of, of which the first takes what is new: itself, or the two of a pair."""

    def has_on_disk(self, key: str) -> bool:
        """Whether other programs of this machine may look for a file, or those below a key, on its disk."""

    def address(self, key: str) -> str:
        """How a person finds it. The store's own address for an empty key."""

    def signed_address(self, key: str, *, lifetime_s: int) -> str | None:
        """A web address under which anybody may read the file for so long; None where it has none."""

    def object_name(self, key: str) -> str | None:
        """What a bucket calls the file, for other programs that read from it; None where it is in none."""

    def open(self, key: str, *, part: str | None = WHOLE) -> OpenedFile:
        """`part` is what will be read first, so that a bucket is asked for it at once.

        It is all of the file, one range as a Range header names it ("bytes=0-99"), or None where perhaps nothing will
        be read. Any other bytes can be read as well.
        """

    def read(self, key: str) -> bytes:
        """A whole file, for small ones."""

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """The file for programs that read from a disk, as long as the context lasts."""

    def remote(self, key: str) -> RemoteFile | None:
        """How a large file is brought to this machine; None where the store itself is on its disk."""

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key, or anything below it."""

    def entries(self, key: str) -> list[StoreEntry]:
        """What lies directly below, sorted by name; nothing where that is a file or is gone.

        A folder may be listed for a while after its last file is gone: some buckets do.
        """

    def size_bytes(self, key: str) -> int:
        """The size of a file, or of all files below; 0 for what is gone."""

    def sizes(self, key: str) -> dict[str, int]:
        """The size of each file below, by what its key has behind this one."""

    def modified_at(self, key: str) -> float:
        """When it was last changed, in seconds since 1970."""

    def stage(self, folder: Path, key: str, *, go_on: Callable[[], None]) -> Staged:
        """Bring the files of a claim's private folder near. It may take long: do it outside of transactions.

        The key is the folder's own and no other claim's; remove() it whatever becomes of the files. `go_on` is called
        meanwhile, in this thread; it renews the claim, or raises where that is lost.
        """

    def put_in(self, staged: Staged, key: str, *, still_ours: Callable[[], None]) -> None:
        """Give staged files their final keys below this one, inside of the transaction that allows it.

        Files that a dead worker has left there are replaced. `still_ours` raises where that must not be, since the
        transaction is over; it is asked in this thread.
        """

    def write_once(self, key: str, text: str) -> None:
        """Write a small file, unless there is one: that is kept as it is, also where several write at once."""

    def put_file(self, file: Path, key: str) -> None:
        """Keep a copy of a file of this machine: the whole of it, or nothing. It may be large."""

    def clone_file(self, file: Path, key: str) -> bool:
        """Keep a copy that shares the file's blocks on the disk; False where that can't be (hls.store.sharing)."""

    def link_file(self, file: Path, key: str) -> None:
        """Give the file itself a second name here. Raises NotLinked."""

    def begun_like(self, prefix: str) -> str | None:
        """A key that begins like this, for which put_file() began and did not end; the same file may go on there."""

    def touch(self, key: str) -> None:
        """Let a file count as young, which sweeps spare."""

    def move(self, key: str, target: str) -> None:
        """Give a file, or all files below a key, another one, at which there is nothing yet."""

    def finish_moves(self) -> None:
        """Finish what processes have begun to move that died meanwhile."""

    def unfinished(self) -> dict[str, int]:
        """What processes have begun to write that died meanwhile, at least a day ago: by its key the bytes it takes."""

    def remove_unfinished(self) -> None:
        """Remove it. Not for uploads that arrive in parts, which rows may still know (library.uploads)."""

    def remove(self, key: str) -> None:
        """Remove a file, or all files below a key; what is gone already is no error."""

    def remove_files(self, keys: Sequence[str]) -> None:
        """Remove exactly these files, and the folders in which nothing is left; what is gone already is no error."""

    def digest(self, key: str) -> str:
        """The MD5 of a file, in hexadecimal. It is read for that, unless the store has the digest beside the file."""

    def take(self, key: str, opened: OpenedFile, digest: str) -> None:
        """Write a file of another store here, in constant memory: all of it, or nothing. The caller closes it.

        Raises FileExistsError where there is one, which is kept; StoreFailed where what arrives has another digest.
        """


@dataclass(frozen=True)
class Place:
    """A key of a store. Whoever has it need not know which kind of store that is."""

    store: Store
    key: str

    def __str__(self) -> str:
        return self.store.address(self.key)

    @property
    def name(self) -> str:
        """The key's last name."""
        return self.key.rpartition("/")[2]

    def below(self, name: str) -> "Place":
        return Place(self.store, f"{self.key}/{name}")

    def with_ending(self, ending: str) -> "Place":
        """What lies beside it, under its name with this added."""
        return Place(self.store, f"{self.key}{ending}")

    def open(self, *, part: str | None = WHOLE) -> OpenedFile:
        return self.store.open(self.key, part=part)

    def read(self) -> bytes:
        return self.store.read(self.key)

    def as_file(self) -> AbstractContextManager[Path]:
        return self.store.as_file(self.key)

    def has_on_disk(self) -> bool:
        return self.store.has_on_disk(self.key)

    def exists(self) -> bool:
        return self.store.exists(self.key)

    def entries(self) -> list[StoreEntry]:
        return self.store.entries(self.key)

    def size_bytes(self) -> int:
        return self.store.size_bytes(self.key)

    def stage(self, folder: Path, *, go_on: Callable[[], None]) -> Staged:
        return self.store.stage(folder, self.key, go_on=go_on)

    def put_in(self, staged: Staged, *, still_ours: Callable[[], None]) -> None:
        self.store.put_in(staged, self.key, still_ours=still_ours)

    def remove(self) -> None:
        self.store.remove(self.key)


def is_all_on_disk(store: Store) -> bool:
    return all(part.is_on_disk for part in store.members)


def checked(key: str) -> str:
    """The key. Raises ValueError for one that leads out of the store."""
    if key.startswith("/") or ".." in key.split("/"):
        raise ValueError(f"{key!r} leads out of the store.")
    return key


def names_in(folder: Path) -> tuple[str, ...]:
    """All files of a folder of this machine, at any depth, relative to it."""
    return tuple(file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file())
