"""Arriving bytes in a bucket, so that any number of web processes without a common folder can take an upload.

An upload is one multipart upload of the bucket (hls.store.multipart) under the key that its file will have. What counts
is in rows: the parts that were accepted (StoredPart), and how many bytes these are (`received`).

1. A piece is buffered in a file without a name, a part at a time, and each full part is sent to the bucket
   (library.uploads.piece_writer).
2. `enter` makes it count: one UPDATE, which succeeds only where the upload still ends where the piece began. Of two
   requests at the same offset one wins, and the other gets OffsetConflict. With the last step the bucket removes parts
   that do not count.
3. The end of a piece that is too small for a part, which has 5 MiB at least, becomes an object of its own, the rest.
   The next piece begins with it.
4. With the last byte the bucket makes one object of the parts, and only then the row says that the upload is complete.
   Whoever comes next does what is missing after a crash; doing it twice is no harm.

The rows are true after any crash: bytes that a dead process had sent but not entered are sent again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import batched

import structlog
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from hls.store.at_once import AT_ONCE, each
from hls.store.interface import StoreFailed
from hls.store.multipart import Multipart, ObjectPart
from hls.store.sections import part_bytes
from library import disk
from library.errors import ChecksumMismatch, NoRoom, OffsetConflict, UploadBusy, UploadGone
from library.models import Upload, UploadKind, Video, video_path
from library.uploads.arriving import LIFETIME
from library.uploads.bucket_joining import JoinedPiece, pieces_of
from library.uploads.bucket_rows import bucket, enter, has_moved_on, multipart_of, next_number, put_part
from library.uploads.checksums import Digest
from library.uploads.piece_writer import PieceWriter, buffer

log = structlog.get_logger("videoflix.library")

FORGOTTEN_AFTER = timedelta(days=1)  # multipart uploads that no row knows: imports, and what dead processes began


def begin(upload: Upload) -> None:
    is_part = upload.kind == UploadKind.PARTIAL
    upload.key = f"{disk.PARTIAL}/{upload.pk}" if is_part else video_path(Video(), upload.name)
    upload.multipart = bucket().begin(upload.key).upload_id


def has_room(to_write: int) -> bool:
    """A bucket says by itself when it is full; the disk needs room for what is buffered of one piece."""
    return disk.free_bytes() >= min(to_write, part_bytes(to_write))


def received(upload: Upload) -> int:
    if not upload.multipart:  # begun while uploads were kept in a folder
        raise UploadGone
    return upload.received


def are_there(upload: Upload) -> bool:
    if upload.finished_at is None:
        return bool(upload.multipart)
    return bool(upload.key) and bucket().exists(upload.key)


def are_all_there(upload: Upload) -> bool:
    if upload.finished_at is not None or not upload.multipart:
        return are_there(upload)
    if upload.kind != UploadKind.FINAL:
        return upload.received == upload.length
    parts = list(upload.parts.all())
    is_whole = sum(part.length or 0 for part in parts) == upload.length
    return is_whole and all(bucket().size_bytes(part.key) == part.length for part in parts)


def arrived_bytes() -> int:
    arriving = Upload.objects.filter(taken_at=None).exclude(whole__finished_at__isnull=False)
    return arriving.aggregate(total=Sum("received"))["total"] or 0


def append(upload: Upload, *, offset: int, blocks: Iterable[bytes], digest: Digest | None) -> int:
    """What was cut off, or had to stop, counts as far as it came, unless its digest can't be compared then."""
    if received(upload) != offset:
        raise OffsetConflict
    with buffer() as file:
        writer = PieceWriter(upload, file, counts_at_once=digest is None)
        try:
            for block in blocks:
                writer.write(block)
        except StoreFailed:
            raise
        except (OSError, NoRoom):
            if digest is None:
                writer.end()
            raise
        if digest and not digest.matches():
            raise ChecksumMismatch
        writer.end()
    if upload.received == upload.length:
        with suppress(UploadBusy):
            complete(upload)
    return upload.received


def complete(upload: Upload) -> None:
    seal(upload)
    rows = upload.stored_parts.order_by("number").values_list("number", "size_bytes", "etag")
    try:
        bucket().complete(multipart_of(upload), [ObjectPart(*row) for row in rows])
    except FileNotFoundError:
        raise UploadGone from None
    now = timezone.now()
    upload.finished_at, upload.expires_at = now, now + LIFETIME
    row = Upload.objects.filter(pk=upload.pk)
    if row.filter(finished_at=None).update(finished_at=now, expires_at=upload.expires_at):
        log.info("upload complete", upload=str(upload.pk), length=upload.length)
    elif not row.exists():  # ended meanwhile; a sweep finds the object
        raise UploadGone


def seal(upload: Upload) -> None:
    """Make a part of the rest, where it turns out to be the upload's end since its length was told only now."""
    if not upload.rest:
        return
    with buffer() as file:
        try:
            PieceWriter(upload, file, counts_at_once=True).seal()
        except OffsetConflict:  # somebody else does it
            raise UploadBusy from None


def head(upload: Upload, size: int) -> bytes:
    try:
        opened = bucket().open(upload.key)
    except FileNotFoundError:
        raise UploadGone from None
    try:
        return opened.read(0, min(size, opened.size_bytes))
    finally:
        opened.close()


def join(whole: Upload, parts: Sequence[Upload]) -> None:
    """The bucket copies the parts; neighbours that are too small for that go through this process."""
    sources = [(part.key, part.length or 0) for part in parts]
    multipart = multipart_of(whole)
    try:
        for some in batched(pieces_of(sources, start=received(whole), length=whole.length or 0), AT_ONCE):
            numbered = [(next_number(whole), piece) for piece in some]
            enter(whole, each(lambda one: copied(multipart, *one), numbered))
        complete(whole)
    except OffsetConflict:
        raise UploadBusy from None
    except FileNotFoundError:
        raise UploadBusy if has_moved_on(whole) else UploadGone from None
    for part in parts:
        with suppress(StoreFailed):  # it goes with the whole's row
            bucket().remove(part.key)


def copied(multipart: Multipart, number: int, piece: JoinedPiece) -> ObjectPart:
    if len(piece) == 1:
        key, start, end = piece[0]
        return bucket().copy(multipart, number, key, start, end)
    with buffer() as file:
        for key, start, end in piece:
            opened = bucket().open(key)
            try:
                file.write(opened.read(start, end - start))
            finally:
                opened.close()
        return put_part(multipart, number, file)


def take(upload: Upload, video: Video) -> str:
    """The file has its key already."""
    if not bucket().exists(upload.key):
        raise UploadGone
    return upload.key


def discard(upload: Upload) -> None:
    """The rows go first: whoever is writing can enter nothing more, and no video can take the upload."""
    with transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(multipart=upload.multipart)  # nobody else changes the row until then
        removed = list(rows_of(upload))
        Upload.objects.filter(pk=upload.pk).delete()
    for row in removed:
        with suppress(StoreFailed):  # a sweep finds what is left
            remove_bytes(row)


def rows_of(upload: Upload) -> Iterator[Upload]:
    """An upload and its parts, as they are now."""
    yield from Upload.objects.filter(pk=upload.pk)
    yield from Upload.objects.filter(whole=upload.pk)


def remove_bytes(upload: Upload) -> None:
    """All that is an upload's own. The object is the video's once one has taken it."""
    if upload.multipart and upload.finished_at is None:
        bucket().abort(multipart_of(upload))
    if upload.rest:
        bucket().remove(upload.rest)
    if upload.key and upload.taken_at is None:
        bucket().remove(upload.key)


def discard_idle(upload: Upload) -> None:
    """Each part of a piece renews an upload, so one that has expired is not written to."""
    if Upload.objects.filter(pk=upload.pk, expires_at__lt=timezone.now()).exists():
        discard(upload)


def sweep() -> None:
    """Remove the parts of what was begun and neither completed nor given up, where no upload's row knows it."""
    since = timezone.now() - FORGOTTEN_AFTER
    for found in list(bucket().begun()):
        is_known = Upload.objects.filter(multipart=found.multipart.upload_id).exists()
        if found.begun_at < since and not is_known:
            log.info("parts removed", key=found.multipart.key)
            bucket().abort(found.multipart)
