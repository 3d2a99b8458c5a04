"""Resumable uploads: bytes go straight to a file, and what is on the disk is what was received.

1. `begin` checks permission, name and room, and makes an empty file in the partial folder and a row.
2. `append` locks the file, cuts off a piece whose checksum was never compared, and writes the new piece to the end.
3. The bytes are fsynced before the request is answered. A piece whose checksum differs is cut off.
4. `settle` writes down how long the upload may stay now, and that it is complete once its last byte is there.
5. library.uploads.finishing makes a video of it. `discard` ends it before that.

The file's own length is the offset, so it is true after any crash. The lock dies with its process, and keeps two
requests from writing at once.
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

from library import categories, disk
from library.errors import (
    ChecksumMismatch,
    FileRefused,
    FinalUpload,
    NoRoom,
    NotPermitted,
    OffsetConflict,
    TooLarge,
    UploadBusy,
    UploadGone,
    UploadMalformed,
)
from library.models import Upload, UploadKind
from library.uploads import file_signatures, metadata
from library.uploads.checksums import Digest

log = structlog.get_logger("videoflix.library")

LIFETIME = timedelta(hours=24)  # since the last piece
RESERVED_FOR = timedelta(hours=1)  # how long a silent upload's missing bytes count as used
LOOK_AT_DISK_EVERY = 32 << 20


def path_of(upload: Upload) -> Path:
    return disk.partial_folder() / str(upload.pk)


def begin(owner: Any, *, length: int | None, header: str, session: UUID | None = None, is_part: bool = False) -> Upload:
    """Make room for a file of `length` bytes, or, for None, for one whose length is told later.

    A part of a file needs no name and makes no video. Raises UploadMalformed, FieldsRefused, NotPermitted, TooLarge,
    NoRoom.
    """
    if is_part:
        metadata.decoded(header)
        name, kind = "", UploadKind.PARTIAL
    else:
        name, kind = permitted(owner, header).name, UploadKind.WHOLE
    check_room(length or 0, to_write=length or 0)
    upload = Upload(owner=owner, name=name, length=length, metadata=header, session=session, kind=kind)
    upload.expires_at = timezone.now() + LIFETIME
    path_of(upload).open("xb").close()
    upload.save(force_insert=True)
    log.info("upload begins", upload=str(upload.pk), length=length)
    return upload


def permitted(owner: Any, header: str) -> metadata.Metadata:
    """The metadata, where the owner may upload such a file. Raises UploadMalformed, FieldsRefused, NotPermitted."""
    told = metadata.read(header, categories.slugs())
    if told.title is not None and not owner.has_perm("library.add_video"):
        raise NotPermitted
    return told


def check_room(length: int, *, to_write: int) -> None:
    """Check the room for a file of `length` bytes of which `to_write` are still to come. Raises TooLarge, NoRoom."""
    if length > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(disk.refusal(length) or "")
    if disk.free_bytes() - reserved_bytes() < to_write:
        raise NoRoom


def tell_length(upload: Upload, length: int) -> None:
    """Set the length of an upload that was begun without one. A length that is set never changes.

    Raises UploadMalformed, TooLarge, NoRoom, UploadGone.
    """
    if length == 0:
        raise UploadMalformed("The file is empty.")
    there = size_of(upload)
    if upload.length is None and there <= length:
        check_room(length, to_write=length - there)
        Upload.objects.filter(pk=upload.pk, length=None).update(length=length)
        upload.length = Upload.objects.values_list("length", flat=True).filter(pk=upload.pk).first()
        if upload.length is None:
            raise UploadGone
    if upload.length != length:
        raise UploadMalformed("Upload-Length is not the length of this upload.")


def reserved_bytes() -> int:
    """Bytes that uploads with a known length still have to write."""
    recent = Upload.objects.filter(finished_at=None, expires_at__gt=timezone.now() + LIFETIME - RESERVED_FOR)
    return sum(max(0, (upload.length or 0) - size_of(upload)) for upload in recent.exclude(kind=UploadKind.FINAL))


def size_of(upload: Upload) -> int:
    try:
        return path_of(upload).stat().st_size
    except FileNotFoundError:
        return 0


def find(owner: Any, pk: UUID) -> Upload:
    """An owner's upload (a row or an id). Raises UploadGone for other people's, and for one whose video was deleted."""
    upload = Upload.objects.select_related("whole").filter(pk=pk, owner=owner).first()
    if upload is None or is_gone(upload):
        raise UploadGone
    return upload


def is_gone(upload: Upload) -> bool:
    """Whether it has expired or its video was deleted; a part goes with its whole."""
    if upload.whole is not None:
        return is_gone(upload.whole)
    if upload.taken_at is not None:
        return upload.video_id is None
    return upload.expires_at < timezone.now() and not is_owed(upload)


def awaits_video(upload: Upload) -> bool:
    """Whether a video is to be made of it, and has not been made yet."""
    if upload.kind == UploadKind.PARTIAL:
        return False
    return upload.taken_at is None and metadata.title_of(upload.metadata) is not None


def is_owed(upload: Upload) -> bool:
    """Whether its bytes are all there, and a video is still to be made of them: it is kept until then."""
    if upload.length is None or upload.unverified_from is not None or not awaits_video(upload):
        return False
    still_apart = upload.parts.all() if upload.finished_at is None else ()
    return size_of(upload) + sum(map(size_of, still_apart)) >= upload.length


def unfinished(owner: Any) -> list[Upload]:
    """What an owner (a row or an id) may continue or make into a video, newest first; not what lost its file."""
    rows = Upload.objects.filter(owner=owner, taken_at=None, expires_at__gt=timezone.now())
    return [upload for upload in rows.exclude(kind=UploadKind.PARTIAL) if path_of(upload).exists()]


def offset_of(upload: Upload) -> int:
    """How many bytes are there for good. Raises UploadGone where the file was lost."""
    if upload.finished_at is not None:
        return upload.length or 0
    if upload.kind == UploadKind.FINAL:
        return size_of(upload)
    try:
        size = path_of(upload).stat().st_size
    except FileNotFoundError:
        raise UploadGone from None
    return size if upload.unverified_from is None else min(size, upload.unverified_from)


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


def append(upload: Upload, *, offset: int, blocks: Iterable[bytes], digest: Digest | None = None) -> int:
    """Write a piece that begins at `offset`. Returns the new offset.

    A piece that is cut off is kept as far as it came, unless a digest was announced, which can't be compared then.
    Raises OffsetConflict, UploadBusy, UploadGone (also where it was ended meanwhile), TooLarge, NoRoom,
    ChecksumMismatch, FileRefused.
    """
    if upload.kind == UploadKind.FINAL:
        raise FinalUpload
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
        if position + len(block) > most_bytes(upload):
            file.truncate(offset)
            raise too_large(upload)
        if position == 0:
            refuse_foreign(upload, block)
        if position // LOOK_AT_DISK_EVERY != (position + len(block)) // LOOK_AT_DISK_EVERY:
            look_around(file)
        file.write(block)
        position += len(block)
        if digest:
            digest.update(block)


def most_bytes(upload: Upload) -> int:
    return int(settings.UPLOAD_MAX_BYTES) if upload.length is None else upload.length


def too_large(upload: Upload) -> TooLarge:
    """More than was announced, or, where nothing was, than may be uploaded."""
    if upload.length is None:
        return TooLarge(disk.refusal(most_bytes(upload) + 1) or "")
    return TooLarge("There are more bytes than Upload-Length announced.")


def look_around(file: BinaryIO) -> None:
    """Stop where the disk is full, or the upload was ended meanwhile."""
    if disk.free_bytes() < 0:
        raise NoRoom
    if os.fstat(file.fileno()).st_nlink == 0:
        raise UploadGone


def refuse_foreign(upload: Upload, head: bytes) -> None:
    kind = file_signatures.foreign_kind(head)
    if kind and upload.kind != UploadKind.PARTIAL:
        discard(upload)
        raise FileRefused(f"This is no video but {kind}.")


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


def discard(upload: Upload) -> None:
    """End an upload and its parts. A request that is writing to it notices by itself (`look_around`)."""
    for part in upload.parts.all():
        path_of(part).unlink(missing_ok=True)
    path_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()
