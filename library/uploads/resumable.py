"""Resumable uploads: what is the same wherever the bytes go (library.uploads.arriving).

1. `begin` checks permission, name and room, and makes a row.
2. `append` checks each block of a piece on its way.
3. library.uploads.finishing makes a video of a complete upload. `discard` ends it before that.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from library import categories, disk
from library.errors import (
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
from library.uploads.arriving import LIFETIME
from library.uploads.checksums import Digest
from library.uploads.kinds import arriving
from library.uploads.limits import most_bytes
from library.viewers import Owner

log = structlog.get_logger("videoflix.library")


def begin(
    owner: Owner, *, length: int | None, header: str, session: UUID | None = None, is_part: bool = False
) -> Upload:
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
    upload = Upload(**owner.columns, name=name, length=length, metadata=header, session=session, kind=kind)
    upload.expires_at = timezone.now() + LIFETIME
    arriving().begin(upload)
    upload.save(force_insert=True)
    log.info("upload begins", upload=str(upload.pk), length=length)
    return upload


def permitted(owner: Owner, header: str) -> metadata.Metadata:
    """The metadata, where the owner may upload such a file. Raises UploadMalformed, FieldsRefused, NotPermitted."""
    told = metadata.read(header, categories.slugs())
    if told.title is not None and not owner.may("library.add_video"):
        raise NotPermitted
    return told


def check_room(length: int, *, to_write: int) -> None:
    """Check the room for a file of `length` bytes of which `to_write` are still to come. Raises TooLarge, NoRoom."""
    if length > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(disk.refusal(length) or "")
    if not arriving().has_room(to_write):
        raise NoRoom


def tell_length(upload: Upload, length: int) -> None:
    """Set the length of an upload that was begun without one. A length that is set never changes.

    Raises UploadMalformed, TooLarge, NoRoom, UploadGone.
    """
    if length == 0:
        raise UploadMalformed("The file is empty.")
    there = arriving().received(upload)
    if upload.length is None and there <= length:
        check_room(length, to_write=length - there)
        Upload.objects.filter(pk=upload.pk, length=None).update(length=length)
        upload.length = Upload.objects.values_list("length", flat=True).filter(pk=upload.pk).first()
        if upload.length is None:
            raise UploadGone
    if upload.length != length:
        raise UploadMalformed("Upload-Length is not the length of this upload.")


def find(owner: Owner, pk: UUID) -> Upload:
    """An owner's upload. Raises UploadGone for other people's, and for one whose video was deleted."""
    upload = Upload.objects.select_related("whole").filter(pk=pk, **owner.columns).first()
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
    return awaits_video(upload) and arriving().are_all_there(upload)


def unfinished(owner: Owner) -> list[Upload]:
    """What an owner may continue or make into a video, newest first; not what lost its file, or others upload."""
    rows = Upload.objects.filter(**owner.columns, grant=None, taken_at=None, expires_at__gt=timezone.now())
    return [upload for upload in rows.exclude(kind=UploadKind.PARTIAL) if arriving().are_there(upload)]


def offset_of(upload: Upload) -> int:
    """How many bytes are there for good. Raises UploadGone where they were lost."""
    return upload.length or 0 if upload.finished_at is not None else arriving().received(upload)


def append(upload: Upload, *, offset: int, blocks: Iterable[bytes], digest: Digest | None = None) -> int:
    """Add a piece that begins at `offset`. Returns the new offset.

    A piece that is cut off is kept as far as it came, unless a digest was announced, which can't be compared then.
    Raises OffsetConflict, UploadBusy, UploadGone (also where it was ended meanwhile), TooLarge, NoRoom,
    ChecksumMismatch, FileRefused.
    """
    if upload.kind == UploadKind.FINAL:
        raise FinalUpload
    if upload.finished_at is not None:
        raise OffsetConflict
    return arriving().append(upload, offset=offset, blocks=checked(upload, offset, blocks, digest), digest=digest)


def checked(upload: Upload, offset: int, blocks: Iterable[bytes], digest: Digest | None) -> Iterator[bytes]:
    """The blocks, each of which may still be taken. Raises TooLarge, FileRefused."""
    position = offset
    for block in blocks:
        if position + len(block) > most_bytes(upload):
            raise too_large(upload)
        if position == 0:
            refuse_foreign(upload, block)
        yield block
        position += len(block)
        if digest:
            digest.update(block)


def too_large(upload: Upload) -> TooLarge:
    """More than was announced, or, where nothing was, than may be uploaded."""
    if upload.length is None:
        return TooLarge(disk.refusal(most_bytes(upload) + 1) or "")
    return TooLarge("There are more bytes than Upload-Length announced.")


def refuse_foreign(upload: Upload, head: bytes) -> None:
    kind = file_signatures.foreign_kind(head)
    if kind and upload.kind != UploadKind.PARTIAL:
        discard(upload)
        raise FileRefused(f"This is no video but {kind}.")


def catch_up(upload: Upload) -> None:
    """Write down that an upload is complete, where a crash came between. Does nothing while somebody is writing."""
    if upload.finished_at is None and offset_of(upload) == upload.length:
        with suppress(UploadBusy):
            arriving().complete(upload)


def discard(upload: Upload) -> None:
    """End an upload and its parts."""
    arriving().discard(upload)
