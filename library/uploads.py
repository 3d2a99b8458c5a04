"""Resumable uploads: bytes go straight to a file, and what is on the disk is what was received.

The file's own length is the offset, so it is true after any crash. A lock on the file (which dies with its process)
keeps two requests from writing at once. An answer is given only after the bytes have been fsynced.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from library import disk, metadata, signatures
from library.digests import Digest
from library.errors import (
    ChecksumMismatch,
    FileRefused,
    NoRoom,
    NotPermitted,
    OffsetConflict,
    TooLarge,
    UploadBusy,
    UploadGone,
)
from library.models import Upload

log = structlog.get_logger("videoflix.library")

LIFETIME = timedelta(hours=24)  # since the last piece
RESERVED_FOR = timedelta(hours=1)  # how long a silent upload's missing bytes count as used
LOOK_AT_DISK_EVERY = 32 << 20


def path_of(upload: Upload) -> Path:
    return disk.partial_folder() / str(upload.pk)


def begin(owner: Any, *, length: int, header: str) -> Upload:
    """Make room for a file of `length` bytes.

    Raises UploadMalformed, FieldsRefused, NotPermitted, TooLarge, NoRoom.
    """
    told = metadata.read(header)
    if told.title is not None and not owner.has_perm("library.add_video"):
        raise NotPermitted
    if length > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(disk.refusal(length) or "")
    if disk.free_bytes() - reserved_bytes() < length:
        raise NoRoom
    upload = Upload(owner=owner, name=told.name, length=length, metadata=header, expires_at=timezone.now() + LIFETIME)
    path_of(upload).open("xb").close()
    upload.save(force_insert=True)
    log.info("upload begins", upload=str(upload.pk), length=length)
    return upload


def reserved_bytes() -> int:
    """What the uploads under way still have to write."""
    recent = Upload.objects.filter(finished_at=None, expires_at__gt=timezone.now() + LIFETIME - RESERVED_FOR)
    return sum(max(0, upload.length - size_of(upload)) for upload in recent)


def size_of(upload: Upload) -> int:
    try:
        return path_of(upload).stat().st_size
    except FileNotFoundError:
        return 0


def find(owner: Any, pk: UUID) -> Upload:
    """The owner's upload; another's is not there, nor one whose film was deleted. Raises UploadGone."""
    upload = Upload.objects.filter(pk=pk, owner=owner).first()
    if upload is None:
        raise UploadGone
    if upload.taken_at is not None:
        is_gone = upload.video_id is None
    else:
        is_gone = upload.expires_at < timezone.now() and not is_owed(upload)
    if is_gone:
        raise UploadGone
    return upload


def awaits_film(upload: Upload) -> bool:
    """Whether a film is to be made of it, and none was yet."""
    return upload.taken_at is None and metadata.title_of(upload.metadata) is not None


def is_owed(upload: Upload) -> bool:
    """Whether its bytes are all there, and a film is still to be made of them: it is kept until then."""
    return awaits_film(upload) and upload.unverified_from is None and size_of(upload) == upload.length


def unfinished(owner: Any) -> list[Upload]:
    """What the owner may go on with, or make a film of; newest first. What lost its file is not among it."""
    rows = Upload.objects.filter(owner=owner, taken_at=None, expires_at__gt=timezone.now())
    return [upload for upload in rows if path_of(upload).exists()]


def offset_of(upload: Upload) -> int:
    """How many bytes are there for good. Raises UploadGone where the file was lost."""
    if upload.finished_at is not None:
        return upload.length
    try:
        size = path_of(upload).stat().st_size
    except FileNotFoundError:
        raise UploadGone from None
    return size if upload.unverified_from is None else min(size, upload.unverified_from)


@contextmanager
def held(upload: Upload) -> Iterator[BinaryIO]:
    """The file, which nobody else writes meanwhile, with the row fresh. Raises UploadGone, UploadBusy."""
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
        yield file


def append(upload: Upload, *, offset: int, blocks: Iterable[bytes], digest: Digest | None = None) -> int:
    """Write a piece that begins at `offset`; the new offset.

    A piece that is cut off is kept as far as it came, unless a digest was announced, which can't be compared then.
    Raises OffsetConflict, UploadBusy, UploadGone (also where it was ended meanwhile), TooLarge, NoRoom,
    ChecksumMismatch, FileRefused.
    """
    if upload.finished_at is not None:
        raise OffsetConflict
    with held(upload) as file:
        drop_unverified(upload, file)
        if os.fstat(file.fileno()).st_size != offset or upload.finished_at is not None:
            raise OffsetConflict
        if digest:
            set_unverified(upload, offset)
        try:
            write(upload, file, offset, blocks, digest)
        finally:
            os.fsync(file.fileno())
        if digest and not digest.matches():
            drop_unverified(upload, file)
            raise ChecksumMismatch
        return settle(upload, file)


def write(upload: Upload, file: BinaryIO, offset: int, blocks: Iterable[bytes], digest: Digest | None) -> None:
    position = offset
    file.seek(position)
    for block in blocks:
        if position + len(block) > upload.length:
            file.truncate(offset)
            raise TooLarge("There are more bytes than Upload-Length announced.")
        if position == 0:
            refuse_foreign(upload, block)
        if position // LOOK_AT_DISK_EVERY != (position + len(block)) // LOOK_AT_DISK_EVERY:
            look_around(file)
        file.write(block)
        position += len(block)
        if digest:
            digest.update(block)


def look_around(file: BinaryIO) -> None:
    """Stop where the disk is full, or the upload was ended meanwhile."""
    if disk.free_bytes() < 0:
        raise NoRoom
    if os.fstat(file.fileno()).st_nlink == 0:
        raise UploadGone


def refuse_foreign(upload: Upload, head: bytes) -> None:
    kind = signatures.foreign_kind(head)
    if kind:
        discard(upload)
        raise FileRefused(f"This is no film but {kind}.")


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
    """Write down how far the file is, and that it is complete once it is. The offset."""
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


def discard(upload: Upload) -> None:
    """End an upload; a request that is writing to it notices by itself."""
    path_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()
