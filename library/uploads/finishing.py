"""From the last byte of an upload to its video.

1. The file is as long as was announced, or was put together of parts that are (concatenation): `settle` writes down
   that the upload is complete (resumable).
2. Where the metadata have a title, the video is made, in one transaction with the claim on the upload.
3. The upload's own name of the file goes.

A process may die, or the database be away, between any two of these. So each step is taken up again by whoever comes
next: a HEAD, a piece, or the sweep; and an upload to which a video is owed does not expire.
"""

import os
from contextlib import suppress
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from library import disk, videos
from library.errors import LibraryError, UploadBusy, UploadGone
from library.models import Upload, UploadKind, Video, video_path
from library.uploads import concatenation, metadata, resumable

log = structlog.get_logger("videoflix.library")


def catch_up(upload: Upload) -> None:
    """Finish what a crash has left between the last byte and its row. Does nothing while somebody is writing."""
    if upload.finished_at is None and resumable.offset_of(upload) == upload.length:
        with suppress(UploadBusy), resumable.held(upload) as file:
            resumable.settle(upload, file)


def finish(upload: Upload) -> None:
    """Do what is left once the last byte is there; whoever comes next takes up what was broken off before.

    Raises UploadGone where the file was lost, FieldsRefused where its metadata, once accepted, no longer are.
    """
    if upload.kind == UploadKind.FINAL and upload.finished_at is None:
        with suppress(UploadBusy):
            concatenation.join(upload)
    else:
        catch_up(upload)
    if upload.finished_at is None or not resumable.awaits_video(upload):
        return
    try:
        make_video(upload)
    except UploadGone:
        if Upload.objects.filter(pk=upload.pk, taken_at=None).exists():
            raise  # else another was quicker


def make_video(upload: Upload) -> Video | None:
    """The video that the metadata asks for by its title, made once; None where none is asked for."""
    told = metadata.read(upload.metadata)
    if told.title is None or upload.finished_at is None:
        return None
    if upload.taken_at is None:
        save_video(upload, Video(title=told.title, category=told.category, description=told.description))
    return Upload.objects.select_related("video").get(pk=upload.pk).video


@transaction.atomic
def save_video(upload: Upload, video: Video) -> None:
    """Save a video, new or being replaced, with the finished upload as its file: all of it, or nothing.

    Raises UploadGone where another video has taken the upload already.
    """
    take(upload, video)
    videos.save_with_file(video)
    Upload.objects.filter(pk=upload.pk).update(video=video)


def take(upload: Upload, video: Video) -> None:
    """Make the finished upload the video's file, within the transaction that saves the video.

    The file gets a second name; the first one goes when the transaction is committed. Raises UploadGone where another
    video has taken the upload already.
    """
    won = Upload.objects.filter(pk=upload.pk, taken_at=None).exclude(finished_at=None).update(taken_at=timezone.now())
    partial = resumable.path_of(upload)
    if not won or not partial.exists():
        raise UploadGone
    name = video_path(video, upload.name)
    target = disk.upload_root() / name
    target.parent.mkdir(exist_ok=True)
    os.link(partial, target)
    os.utime(target)  # young again: it must not be taken for a stray before the row is there
    video.video_file.name = name
    video.original_name = upload.name
    transaction.on_commit(lambda: partial.unlink(missing_ok=True))


def sweep() -> None:
    """Finish what nobody has come back for, then remove what has expired."""
    for upload in Upload.objects.filter(taken_at=None):
        with suppress(UploadGone):
            finish_or_tell(upload)
    remove_expired()


def finish_or_tell(upload: Upload) -> None:
    """What can't be finished now is told, and tried again by whoever comes next. Raises UploadGone."""
    try:
        finish(upload)
    except UploadGone:
        raise
    except (LibraryError, OSError, DatabaseError) as error:
        log.warning("upload can't be finished", upload=str(upload.pk), reason=f"{type(error).__name__}: {error}")


def remove_expired(now: datetime | None = None) -> int:
    """Remove uploads that nobody went on with, and the rows of those that became videos; how many there were.

    The parts of another go with it.
    """
    expired = list(Upload.objects.filter(expires_at__lt=now or timezone.now(), whole=None))
    for upload in expired:
        remove(upload)
    return len(expired)


def remove(upload: Upload) -> None:
    """End an expired upload, unless somebody is writing to it or a video is owed to it."""
    if resumable.is_owed(upload) and not is_hopeless(upload):
        return
    with suppress(UploadBusy, UploadGone), resumable.held(upload):
        resumable.discard(upload)
    if not resumable.path_of(upload).exists():
        resumable.discard(upload)


def is_hopeless(upload: Upload) -> bool:
    """Whether metadata that were accepted once no longer are, as after an update: no video can come of it."""
    try:
        metadata.read(upload.metadata)
    except LibraryError:
        return True
    return False
