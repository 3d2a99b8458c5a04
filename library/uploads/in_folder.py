"""Arriving bytes in a folder: they go straight to a file, and what is on the disk is what was received.

1. `begin` makes an empty file in the partial folder.
2. `append` locks the file, cuts off a piece whose checksum was never compared, and writes the new piece to the end.
3. The bytes are fsynced before the request is answered. A piece whose checksum differs is cut off.
4. `settle` writes down how long the upload may stay now, and that it is complete once its last byte is there.
5. `take` gives the file a second name; the first one goes when the video's transaction is committed.

The file's own length is the offset, so it is true after any crash. The lock dies with its process, and keeps two
requests from writing at once.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import structlog
from django.db import transaction
from django.utils import timezone

from library import disk
from library.errors import ChecksumMismatch, NoRoom, OffsetConflict, TooLarge, UploadBusy, UploadGone
from library.models import Upload, UploadKind, Video, video_path
from library.uploads.arriving import LIFETIME
from library.uploads.checksums import Digest

log = structlog.get_logger("videoflix.library")

RESERVED_FOR = timedelta(hours=1)  # how long a silent upload's missing bytes count as used
LOOK_AT_DISK_EVERY = 32 << 20
COPIED_AT_ONCE = 32 << 20
BLOCK = 1 << 20


def path_of(upload: Upload) -> Path:
    return disk.partial_folder() / str(upload.pk)


def begin(upload: Upload) -> None:
    """An upload of parts gets its file when they are joined."""
    if upload.kind != UploadKind.FINAL:
        path_of(upload).open("xb").close()


def has_room(to_write: int) -> bool:
    return disk.free_bytes() - reserved_bytes() >= to_write


def reserved_bytes() -> int:
    """Bytes that uploads with a known length still have to write."""
    recent = Upload.objects.filter(finished_at=None, expires_at__gt=timezone.now() + LIFETIME - RESERVED_FOR)
    return sum(max(0, (upload.length or 0) - size_of(upload)) for upload in recent.exclude(kind=UploadKind.FINAL))


def size_of(upload: Upload) -> int:
    try:
        return path_of(upload).stat().st_size
    except FileNotFoundError:
        return 0


def received(upload: Upload) -> int:
    if upload.kind == UploadKind.FINAL:
        return size_of(upload)
    try:
        size = path_of(upload).stat().st_size
    except FileNotFoundError:
        raise UploadGone from None
    return size if upload.unverified_from is None else min(size, upload.unverified_from)


def are_there(upload: Upload) -> bool:
    return path_of(upload).exists()


def are_all_there(upload: Upload) -> bool:
    if upload.length is None or upload.unverified_from is not None:
        return False
    still_apart = upload.parts.all() if upload.finished_at is None else ()
    return size_of(upload) + sum(map(size_of, still_apart)) >= upload.length


def arrived_bytes() -> int:
    """What is in the partial folder, files of forms included."""
    total = 0
    for path in disk.partial_folder().iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


@contextmanager
def held(upload: Upload) -> Iterator[BinaryIO]:
    """The file, locked against other writers; the row is read again. Raises UploadGone, UploadBusy."""
    try:
        file = path_of(upload).open("r+b", buffering=0)
    except FileNotFoundError:
        raise UploadGone from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusy from None
        fresh = Upload.objects.filter(pk=upload.pk).first()
        if fresh is None:
            raise UploadGone
        upload.unverified_from, upload.finished_at = fresh.unverified_from, fresh.finished_at
        upload.length = fresh.length
        yield file


def append(upload: Upload, *, offset: int, blocks: Iterable[bytes], digest: Digest | None) -> int:
    """A piece that is cut off is kept as far as it came, unless its digest can't be compared then."""
    with held(upload) as file:
        drop_unverified(upload, file)
        if os.fstat(file.fileno()).st_size != offset or upload.finished_at is not None:
            raise OffsetConflict
        if digest:
            set_unverified(upload, offset)
        try:
            write_through(file, offset, blocks)
        except OSError:  # the connection is lost: what came renews the upload as a whole piece does
            if digest is None:
                settle(upload, file)
            raise
        if digest and not digest.matches():
            drop_unverified(upload, file)
            raise ChecksumMismatch
        return settle(upload, file)


def write_through(file: BinaryIO, offset: int, blocks: Iterable[bytes]) -> None:
    try:
        write(file, offset, blocks)
    finally:
        os.fsync(file.fileno())


def write(file: BinaryIO, offset: int, blocks: Iterable[bytes]) -> None:
    position = offset
    file.seek(position)
    try:
        for block in blocks:
            if position // LOOK_AT_DISK_EVERY != (position + len(block)) // LOOK_AT_DISK_EVERY:
                look_around(file)
            file.write(block)
            disk.write_back(file.fileno(), position, position + len(block))
            position += len(block)
    except TooLarge:
        file.truncate(offset)
        raise


def look_around(file: BinaryIO) -> None:
    """Stop where the disk is full, or the upload was ended meanwhile."""
    if disk.free_bytes() < 0:
        raise NoRoom
    if os.fstat(file.fileno()).st_nlink == 0:
        raise UploadGone


def drop_unverified(upload: Upload, file: BinaryIO) -> None:
    """Cut off a piece whose checksum was never compared, or did not match."""
    if upload.unverified_from is not None:
        if os.fstat(file.fileno()).st_size > upload.unverified_from:
            file.truncate(upload.unverified_from)
        set_unverified(upload, None)


def set_unverified(upload: Upload, offset: int | None) -> None:
    upload.unverified_from = offset
    Upload.objects.filter(pk=upload.pk).update(unverified_from=offset)


def settle(upload: Upload, file: BinaryIO) -> int:
    """Write down when the upload expires now, and whether it is complete. Returns the offset."""
    size = os.fstat(file.fileno()).st_size
    now = timezone.now()
    upload.expires_at, upload.unverified_from = now + LIFETIME, None
    upload.finished_at = now if size == upload.length else None
    written = {"expires_at": upload.expires_at, "unverified_from": None, "finished_at": upload.finished_at}
    if not Upload.objects.filter(pk=upload.pk).update(**written):  # ended during its last piece
        raise UploadGone
    if upload.finished_at:
        log.info("upload complete", upload=str(upload.pk), length=upload.length)
    return size


def complete(upload: Upload) -> None:
    with held(upload) as file:
        settle(upload, file)


def head(upload: Upload, size: int) -> bytes:
    with opened(upload) as file:
        return file.read(size)


def join(whole: Upload, parts: Sequence[Upload]) -> None:
    """The first part's file becomes the whole's, and the others are added to it.

    The length of the whole's file says how many parts are in it. The disk needs free room for one part at most.
    """
    first, *others = parts
    if not path_of(whole).exists():
        with suppress(FileNotFoundError):  # another process was quicker
            path_of(first).rename(path_of(whole))
    with held(whole) as file:
        end = first.length or 0
        for part in others:
            begins_at, end = end, end + (part.length or 0)
            size = os.fstat(file.fileno()).st_size
            if begins_at <= size < end:
                add(file, part, done=size - begins_at)
            path_of(part).unlink(missing_ok=True)
        settle(whole, file)


def add(file: BinaryIO, part: Upload, *, done: int) -> None:
    """Copy a part, without its first `done` bytes, to the end of the file. Raises UploadGone, NoRoom."""
    with opened(part) as source:
        source.seek(done)
        file.seek(0, os.SEEK_END)
        while copied(source, file):
            look_around(file)
    os.fsync(file.fileno())


def opened(upload: Upload) -> FileIO:
    """Raises UploadGone where the file was lost."""
    try:
        return path_of(upload).open("rb", buffering=0)
    except FileNotFoundError:
        raise UploadGone from None


def copied(source: BinaryIO, target: BinaryIO) -> int:
    """Copy the next bytes from one file's position to the other's. Returns how many.

    The kernel copies them, or shares the blocks where the file system can. Across file systems, and on systems other
    than Linux, this process reads and writes them.
    """
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            return os.copy_file_range(source.fileno(), target.fileno(), COPIED_AT_ONCE)
    data = source.read(BLOCK)
    written = target.write(data)
    source.seek(written - len(data), os.SEEK_CUR)
    return written


def take(upload: Upload, video: Video) -> str:
    partial = path_of(upload)
    name = video_path(video, upload.name)
    target = disk.upload_root() / name
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(partial, target)
    except FileNotFoundError:  # lost, or ended by its owner at this moment
        raise UploadGone from None
    os.utime(target)  # the sweep spares young files: this one gets its row only now
    transaction.on_commit(lambda: partial.unlink(missing_ok=True))
    return name


def discard(upload: Upload) -> None:
    """A request that is writing to the file notices in `look_around`."""
    for part in upload.parts.all():
        path_of(part).unlink(missing_ok=True)
    path_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()


def discard_idle(upload: Upload) -> None:
    with suppress(UploadBusy, UploadGone), held(upload):
        discard(upload)
    if not path_of(upload).exists():
        discard(upload)


def sweep() -> None:
    """What no row knows lies in the partial folder, where the sweep of files finds it (library.upkeep)."""
