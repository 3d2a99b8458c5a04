"""What the program asks of a place where files are kept for good: by now a folder (hls.store.folder).

A file has a key: names with slashes between them, such as "12/1/480p/segment_000.ts". A key also stands for all files
below it, as a folder's name does; a store need not know folders. A file is whole as soon as it can be found, and what
is in it never changes; another one may take its place.

All methods raise the errors of Python's own files: FileNotFoundError for what is gone, another OSError where the store
fails. A key that leads out of the store is a ValueError.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self


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


class Store(Protocol):
    @property
    def name(self) -> str:
        """What is kept there, in one word: `hls` or `uploads`."""

    def address(self, key: str) -> str:
        """How a person finds it. The store's own address for an empty key."""

    def open(self, key: str) -> OpenedFile: ...

    def read(self, key: str) -> bytes:
        """A whole file, for small ones."""

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """The file for programs that read from a disk, as long as the context lasts."""

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key, or anything below it."""

    def entries(self, key: str) -> list[StoreEntry]:
        """What lies directly below, sorted by name; nothing where that is a file or is gone."""

    def size_bytes(self, key: str) -> int:
        """The size of a file, or of all files below; 0 for what is gone."""

    def modified_at(self, key: str) -> float:
        """When it was last changed, in seconds since 1970."""

    def put_in(self, folder: Path, key: str) -> None:
        """Move all files of a folder of this machine's disk below a key, where they take the place of others."""

    def write_once(self, key: str, text: str) -> None:
        """Write a small file, unless there is one: that is kept as it is, also where several write at once."""

    def move(self, key: str, target: str) -> None:
        """Give a file, or all files below a key, another one, at which there is nothing yet."""

    def remove(self, key: str) -> None:
        """Remove a file, or all files below a key; what is gone already is no error."""


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

    def below(self, name: str) -> Self:
        return replace(self, key=f"{self.key}/{name}")

    def with_ending(self, ending: str) -> Self:
        """What lies beside it, under its name with this added."""
        return replace(self, key=f"{self.key}{ending}")

    def open(self) -> OpenedFile:
        return self.store.open(self.key)

    def read(self) -> bytes:
        return self.store.read(self.key)

    def as_file(self) -> AbstractContextManager[Path]:
        return self.store.as_file(self.key)

    def exists(self) -> bool:
        return self.store.exists(self.key)

    def entries(self) -> list[StoreEntry]:
        return self.store.entries(self.key)

    def size_bytes(self) -> int:
        return self.store.size_bytes(self.key)

    def put_in(self, folder: Path) -> None:
        self.store.put_in(folder, self.key)
