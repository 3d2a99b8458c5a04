"""The rows that say which parts of a bucket are an upload's, and in which order."""

import os
from collections.abc import Sequence
from io import FileIO

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hls import stores
from hls.store.bucket import BucketStore
from hls.store.multipart import Multipart, ObjectPart
from hls.store.sections import FileSection
from library.errors import OffsetConflict, UploadGone
from library.models import StoredPart, Upload
from library.uploads.arriving import LIFETIME


def bucket() -> BucketStore:
    store = stores.bucket_of_uploads()
    if store is None:
        raise UploadGone
    return store


def multipart_of(upload: Upload) -> Multipart:
    return Multipart(upload.key, upload.multipart)


def next_number(upload: Upload) -> int:
    """A number for a part, which no other part gets. Raises UploadGone where the upload was ended."""
    row = Upload.objects.filter(pk=upload.pk)
    with transaction.atomic():
        if not row.update(last_number=F("last_number") + 1):
            raise UploadGone
        return row.values_list("last_number", flat=True)[0]


def put_part(multipart: Multipart, number: int, file: FileIO) -> ObjectPart:
    """A part of all that a file has. Raises FileNotFoundError where the upload was ended, or completed by another."""
    return bucket().put(multipart, number, FileSection(file, 0, file.seek(0, os.SEEK_END)))


def has_moved_on(upload: Upload) -> bool:
    """Whether somebody has added to it, or completed it, since its row was read."""
    as_read = {"received": upload.received, "rest": upload.rest, "finished_at": None}
    return Upload.objects.filter(pk=upload.pk).exclude(**as_read).exists()


def enter(upload: Upload, parts: Sequence[ObjectPart], *, rest: str = "", rest_bytes: int = 0) -> None:
    """Let parts count, and after them a new rest, where the upload has not changed since its row was read.

    The rest that it had before is in the first of the parts. Raises OffsetConflict where somebody else was quicker,
    UploadGone where the upload was ended.
    """
    changed = {
        "received": upload.received - upload.rest_bytes + sum(part.size_bytes for part in parts) + rest_bytes,
        "rest": rest,
        "rest_bytes": rest_bytes,
        "expires_at": timezone.now() + LIFETIME,
    }
    as_read = {"received": upload.received, "rest": upload.rest, "finished_at": None}
    with transaction.atomic():
        is_entered = Upload.objects.filter(pk=upload.pk, **as_read).update(**changed)
        if is_entered:
            StoredPart.objects.bulk_create(
                StoredPart(upload=upload, number=part.number, size_bytes=part.size_bytes, etag=part.etag)
                for part in parts
            )
    if not is_entered:
        raise OffsetConflict if Upload.objects.filter(pk=upload.pk).exists() else UploadGone
    for name, value in changed.items():
        setattr(upload, name, value)
