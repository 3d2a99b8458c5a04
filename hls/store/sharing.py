"""How a file of this machine comes into a folder: its bytes are shared where that is possible, or else copied.

* A reflink shares blocks until somebody writes to one of the two files, which then gets blocks of its own. It needs a
  file system that can do it, as Btrfs and XFS can, and never does any harm.
* A hard link is a second name of the same file. Whoever writes to the file in place changes it under both names.

No name can be seen before the whole file is on the disk.
"""

import errno
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

FICLONE = 0x40049409  # _IOW(0x94, 9, int) of linux/fs.h
BLOCK_BYTES = 1 << 20
ELSEWHERE = "lies on another file system, or in another mount of it"
REFUSED = "can't get a second name: its file system or its permissions don't allow it"


class NotLinked(OSError):
    """A file that can't have a second name there; `strerror` goes on after the file's name as a sentence does."""


def copy(file: Path, target: Path) -> None:
    """Holes of a sparse file stay holes."""
    with file.open("rb", buffering=0) as original, draft_of(target) as draft:
        for start, end in data_of(original):
            copy_part(original, draft, start, end)
        draft.truncate(os.fstat(original.fileno()).st_size)


def clone(file: Path, target: Path) -> bool:
    """Make a reflink. False where the file system can't."""
    with file.open("rb", buffering=0) as original:
        if not (target.parent.stat().st_dev == os.fstat(original.fileno()).st_dev and sys.platform == "linux"):
            return False
        with suppress(NotCloned), draft_of(target) as draft:
            reflink(original, draft)
            return True
    return False


def link(file: Path, target: Path) -> None:
    """Raises NotLinked. What others have written is brought to the disk first, as it is for a copy."""
    path = file.resolve()
    with path.open("rb", buffering=0) as original:
        os.fsync(original.fileno())
        try:
            os.link(path, target)
        except OSError as error:
            raise NotLinked(error.errno, ELSEWHERE if error.errno == errno.EXDEV else REFUSED, str(file)) from error
    sync_folder(target.parent)


def is_being_written(file: Path) -> bool:
    """Whether a program has the file open for writing, as far as the system tells: that of its owner does, on Linux.

    It grants a lease for reading only where nobody writes (fcntl(2), F_SETLEASE).
    """
    if sys.platform != "linux":
        return False
    with file.open("rb", buffering=0) as opened:
        fcntl.fcntl(opened, fcntl.F_SETSIG, signal.SIGURG)  # who opens it at this moment sends this, which does nothing
        try:
            fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            return error.errno == errno.EAGAIN
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


class NotCloned(Exception):
    """The file system can't make a reflink of this file there."""


def reflink(original: FileIO, draft: FileIO) -> None:
    """Raises NotCloned."""
    try:
        fcntl.ioctl(draft, FICLONE, original.fileno())
    except OSError as error:
        raise NotCloned from error


@contextmanager
def draft_of(target: Path) -> Iterator[FileIO]:
    """A file that gets its name once it is on the disk, or is removed where something fails."""
    draft = target.with_name(f".{target.name}")
    try:
        with draft.open("wb", buffering=0) as file:
            yield file
            os.fsync(file.fileno())
        os.utime(draft)  # it is young as from now
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def data_of(original: FileIO) -> Iterator[tuple[int, int]]:
    """Where the bytes are that are no holes: from, and up to."""
    end = 0
    while True:
        try:
            start = os.lseek(original.fileno(), end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left, or nothing
                return
            raise
        end = os.lseek(original.fileno(), start, os.SEEK_HOLE)
        yield start, end


def copy_part(original: FileIO, draft: FileIO, start: int, end: int) -> None:
    original.seek(start)
    draft.seek(start)
    while start < end and (data := original.read(min(BLOCK_BYTES, end - start))):
        left = memoryview(data)
        while left:
            left = left[draft.write(left) :]
        start += len(data)


def sync_folder(folder: Path) -> None:
    """A name is on the disk only with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
