"""A store that is a folder of this machine's disk, or of a disk that several machines share. A key is a path below it.

Files are put in with a rename, so the private folders that they come from lie on the same disk.
"""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import ClassVar
from uuid import uuid4

from hls.core.atomic_file import make_once
from hls.store import sharing
from hls.store.contents import BLOCK_BYTES, NOT_AS_ANNOUNCED, digest_of
from hls.store.interface import (
    UNFINISHED_S,
    WHOLE,
    OpenedFile,
    Staged,
    Store,
    StoreEntry,
    StoreFailed,
    checked,
    names_in,
)

ARRIVING = ".arriving"  # below it, files of other stores that are being taken
PRIVATE = ".private"  # the private folders of claims, where what is made goes to a bucket (hls.folders)
OWN = (".installation", "lost+found", ARRIVING, PRIVATE)  # names that say nothing of what was put in


class PartOfFile:
    """A file that ends after `length` bytes. It keeps its descriptor, so that the server can use sendfile."""

    def __init__(self, opened: FileIO, length: int) -> None:
        self._opened = opened
        self._left = length
        self.fileno = opened.fileno
        self.close = opened.close

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._opened.read(wanted)
        self._left -= len(data)
        return data


class FileOnDisk:
    """Its validators are those that nginx makes of the same file, so a player may get its segments from either."""

    def __init__(self, opened: FileIO) -> None:
        stat = os.fstat(opened.fileno())
        self._opened = opened
        self.size_bytes = stat.st_size
        self.modified_at = int(stat.st_mtime)
        self.etag = f'"{self.modified_at:x}-{stat.st_size:x}"'
        self.close = opened.close

    def read(self, start: int, length: int) -> bytes:
        return self.stream(start, length).read()

    def stream(self, start: int, length: int) -> PartOfFile:
        if start:
            self._opened.seek(start)
        return PartOfFile(self._opened, length)


@dataclass(frozen=True)
class FolderStore:
    name: str
    root: Path
    is_on_disk: ClassVar[bool] = True

    @property
    def members(self) -> tuple[Store, ...]:
        return (self,)

    def has_on_disk(self, key: str) -> bool:
        return True

    def has_files(self) -> bool:
        """Whether anything lies here that was put in, or moved to the trash."""
        return any(entry.name not in OWN for entry in self.entries(""))

    def address(self, key: str) -> str:
        return str(self._path(key))

    def signed_address(self, key: str, *, lifetime_s: int) -> None:
        """A file of the disk has none."""

    def object_name(self, key: str) -> None:
        """A file of the disk is in no bucket."""

    def open(self, key: str, *, part: str | None = WHOLE) -> FileOnDisk:
        """No part costs more than another one."""
        try:
            return FileOnDisk(FileIO(f"{self.root}/{checked(key)}"))  # making a Path takes longer than opening the file
        except NotADirectoryError as error:
            raise gone(error) from error

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except NotADirectoryError as error:
            raise gone(error) from error

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "No such file", str(path))
        yield path

    def remote(self, key: str) -> None:
        return None

    def exists(self, key: str) -> bool:
        return self._path(key).exists()

    def entries(self, key: str) -> list[StoreEntry]:
        try:
            with os.scandir(self._path(key)) as found:
                return sorted((StoreEntry(entry.name, entry.is_dir()) for entry in found), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def size_bytes(self, key: str) -> int:
        return tree_bytes(self._path(key))

    def sizes(self, key: str) -> dict[str, int]:
        folder = self._path(key)
        return {name: tree_bytes(folder / name) for name in names_in(folder)}

    def modified_at(self, key: str) -> float:
        """Of a file with another name elsewhere: when it got this one, as its bytes may be older."""
        try:
            stat = self._path(key).stat()
        except NotADirectoryError as error:
            raise gone(error) from error
        is_shared = S_ISREG(stat.st_mode) and stat.st_nlink > 1
        return max(stat.st_mtime, stat.st_ctime) if is_shared else stat.st_mtime

    def stage(self, folder: Path, key: str, *, go_on: Callable[[], None]) -> Staged:
        return Staged(folder, key, names_in(folder))

    def put_in(self, staged: Staged, key: str, *, still_ours: Callable[[], None]) -> None:
        """A rename takes so little time that nobody is asked again."""
        root = self._path(key)
        for name in staged.names:
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (staged.folder / name).replace(target)

    def write_once(self, key: str, text: str) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        make_once(path, text, mode=0o644)

    def put_file(self, file: Path, key: str) -> None:
        sharing.copy(file, self._new_path(key))

    def clone_file(self, file: Path, key: str) -> bool:
        return sharing.clone(file, self._new_path(key))

    def link_file(self, file: Path, key: str) -> None:
        sharing.link(file, self._new_path(key))

    def begun_like(self, prefix: str) -> str | None:
        """A copy that was broken off leaves nothing."""
        return None

    def touch(self, key: str) -> None:
        os.utime(self._path(key))

    def move(self, key: str, target: str) -> None:
        path = self._path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path(key).rename(path)

    def finish_moves(self) -> None:
        """A rename is done or not done. What a process has left that died while it took a file is removed."""
        self.remove_unfinished()

    def unfinished(self) -> dict[str, int]:
        since, found = time.time() - UNFINISHED_S, {}
        for entry in self.entries(ARRIVING):
            with suppress(FileNotFoundError):
                stat = (self._path(ARRIVING) / entry.name).stat()
                if stat.st_mtime < since:
                    found[f"{ARRIVING}/{entry.name}"] = stat.st_size
        return found

    def remove_unfinished(self) -> None:
        for key in self.unfinished():
            self.remove(key)

    def remove(self, key: str) -> None:
        """Whatever can't be removed does not keep the rest; it raises the first error of several."""
        path = self._path(key)
        errors: list[OSError] = []
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onexc=collected_in(errors))
        else:
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
        if errors:
            raise errors[0]

    def remove_files(self, keys: Sequence[str]) -> None:
        for key in keys:
            with suppress(FileNotFoundError, NotADirectoryError):
                self._path(key).unlink()
        above = {parent for key in keys for parent in PurePosixPath(key).parents if parent.name}
        for folder in sorted(above, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):  # there are other files in it
                (self.root / folder).rmdir()

    def digest(self, key: str) -> str:
        return digest_of(self.open(key))

    def take(self, key: str, opened: OpenedFile, digest: str) -> None:
        """It keeps the file's time, which is a part of the validator. The link fails where there is a file already."""
        target, draft = self._path(key), self._path(f"{ARRIVING}/{uuid4().hex}")
        for path in (target, draft):
            path.parent.mkdir(parents=True, exist_ok=True)
        md5, reader = hashlib.md5(usedforsecurity=False), opened.stream(0, opened.size_bytes)
        try:
            with draft.open("xb") as file:
                while data := reader.read(BLOCK_BYTES):
                    md5.update(data)
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if md5.hexdigest() != digest:
                raise StoreFailed(errno.EIO, NOT_AS_ANNOUNCED, self.address(key))
            draft.chmod(0o644)
            os.utime(draft, (opened.modified_at, opened.modified_at))
            os.link(draft, target)
        finally:
            draft.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.root / checked(key)

    def _new_path(self, key: str) -> Path:
        """In a folder that is there."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def gone(error: OSError) -> FileNotFoundError:
    return FileNotFoundError(error.errno, error.strerror, error.filename)


def collected_in(errors: list[OSError]) -> Callable[[Callable[..., object], str, BaseException], None]:
    """What shutil.rmtree calls with each error: what somebody else has removed meanwhile is none."""

    def collect(_function: Callable[..., object], _path: str, error: BaseException) -> None:
        if not isinstance(error, OSError):
            raise error
        if not isinstance(error, FileNotFoundError):
            errors.append(error)

    return collect


def tree_bytes(path: Path) -> int:
    """The size of a file, or of all files below a folder; 0 for what is gone."""
    total = 0
    for file in path.rglob("*") if path.is_dir() else [path]:
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total
