"""From the last byte of an upload to its video.

1. Once the file has the announced length, or all its parts are joined (concatenation.py), `settle` writes down that
   the upload is complete (resumable.py).
2. Where the metadata have a title, `make_video` makes the video. Otherwise the admin's form does.
3. Either way `save_video` claims the upload, gives the file its name among the videos, and saves the video and its
   transcode, all in one transaction.
4. After the commit the file's name in the partial folder is removed.

The process may die, or the database fail, between any two steps. Whoever comes next does the step that is missing: a
HEAD, a piece, or the sweep. An upload whose video is still to be made does not expire.
"""

import os
from contextlib import suppress
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from library import categories, disk, videos
from library.errors import LibraryError, UploadBusy, UploadGone
from library.models import Upload, UploadKind, Video, video_path
from library.uploads import concatenation, metadata, resumable

log = structlog.get_logger("videoflix.library")


def catch_up(upload: Upload) -> None:
    """Write down that an upload is complete, where a crash came between. Does nothing while somebody is writing."""
    if upload.finished_at is None and resumable.offset_of(upload) == upload.length:
        with suppress(UploadBusy), resumable.held(upload) as file:
            resumable.settle(upload, file)


def finish(upload: Upload) -> None:
    """Do the steps that are missing once the last byte is there.

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
            raise  # nobody has taken it, so its file is lost


def make_video(upload: Upload) -> Video | None:
    """The video that the metadata asks for by its title, made once; None where none is asked for. Raises UploadGone."""
    told = metadata.read(upload.metadata, known=None)
    if told.title is None or upload.finished_at is None:
        return None
    if upload.taken_at is None:
        known = categories.slugs()  # the one it names may have been deleted while the file arrived
        category = told.category if told.category in known else categories.usual()
        texts = {"title": told.title, "category": category, "description": told.description}
        save_video(upload, Video(**texts, is_published=told.is_published, added_by_id=upload.owner_id))
    fresh = Upload.objects.select_related("video").filter(pk=upload.pk).first()
    if fresh is None:  # ended at this moment
        raise UploadGone
    return fresh.video


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
    video has taken the upload already, or its file is gone.
    """
    won = Upload.objects.filter(pk=upload.pk, taken_at=None).exclude(finished_at=None).update(taken_at=timezone.now())
    partial = resumable.path_of(upload)
    if not won:
        raise UploadGone
    name = video_path(video, upload.name)
    target = disk.upload_root() / name
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(partial, target)
    except FileNotFoundError:  # lost, or ended by its owner at this moment
        raise UploadGone from None
    os.utime(target)  # the sweep spares young files: this one gets its row only now
    video.video_file.name = name
    video.original_name = upload.name
    transaction.on_commit(lambda: partial.unlink(missing_ok=True))


def sweep() -> None:
    """Finish uploads that nobody has come back for, then remove those that have expired."""
    for upload in Upload.objects.filter(taken_at=None):
        with suppress(UploadGone):
            finish_or_tell(upload)
    remove_expired()


def finish_or_tell(upload: Upload) -> None:
    """Finish the upload, or log why that is not possible now; whoever comes next tries again. Raises UploadGone."""
    try:
        finish(upload)
    except UploadGone:
        raise
    except (LibraryError, OSError, DatabaseError) as error:
        log.warning("upload can't be finished", upload=str(upload.pk), reason=f"{type(error).__name__}: {error}")


def remove_expired(now: datetime | None = None) -> int:
    """Remove uploads that nobody went on with, and the rows of those that became videos. Returns how many.

    Parts are removed together with their whole.
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
    """Whether its metadata, accepted once, no longer are, as after an update: it can never become a video."""
    try:
        metadata.read(upload.metadata, known=None)
    except LibraryError:
        return True
    return False
