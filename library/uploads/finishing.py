"""From the last byte of an upload to its video.

1. Once all bytes are there, or all parts are joined (concatenation.py), it is written down that the upload is complete
   (arriving.py).
2. Where the metadata have a title, `make_video` makes the video. Otherwise the admin's form does.
3. Either way `save_video` claims the upload, gives the file its name among the videos, and saves the video and its
   transcode, all in one transaction.

The process may die, or the database fail, between any two steps. Whoever comes next does the step that is missing: a
HEAD, a piece, or the sweep. An upload whose video is still to be made does not expire.
"""

from contextlib import suppress
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from library import categories, videos
from library.errors import LibraryError, UploadBusy, UploadGone
from library.grants.models import UploadGrant
from library.models import Upload, UploadKind, Video
from library.uploads import concatenation, metadata, resumable
from library.uploads.kinds import arriving

log = structlog.get_logger("videoflix.library")


def finish(upload: Upload) -> None:
    """Do the steps that are missing once the last byte is there.

    Raises UploadGone where the file was lost, FieldsRefused where its metadata, once accepted, no longer are.
    """
    try:
        complete(upload)
        if upload.finished_at is not None and resumable.awaits_video(upload):
            make_video(upload)
    except UploadGone:
        if not was_finished(upload):
            raise


def complete(upload: Upload) -> None:
    """Write down that all is there, where that is so. Raises as `finish`."""
    if upload.kind == UploadKind.FINAL and upload.finished_at is None:
        with suppress(UploadBusy):
            concatenation.join(upload)
    else:
        resumable.catch_up(upload)


def was_finished(upload: Upload) -> bool:
    """Whether somebody else has made the video meanwhile, so that the file is no longer among the uploads.

    If not, it is lost, or was ended by its owner.
    """
    fresh = Upload.objects.filter(pk=upload.pk).exclude(video=None).first()
    if fresh is None:
        return False
    upload.finished_at, upload.taken_at, upload.video_id = fresh.finished_at, fresh.taken_at, fresh.video_id
    upload.length = fresh.length
    return True


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
    UploadGrant.objects.filter(upload=upload.pk).update(used_at=timezone.now())  # first, as where one is given up
    take(upload, video)
    videos.save_with_file(video)
    Upload.objects.filter(pk=upload.pk).update(video=video)


def take(upload: Upload, video: Video) -> None:
    """Make the finished upload the video's file, within the transaction that saves the video.

    Raises UploadGone where another video has taken the upload already, or its file is gone.
    """
    won = Upload.objects.filter(pk=upload.pk, taken_at=None).exclude(finished_at=None).update(taken_at=timezone.now())
    if not won:
        raise UploadGone
    video.video_file.name = arriving().take(upload, video)
    video.original_name = upload.name


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
    arriving().discard_idle(upload)


def is_hopeless(upload: Upload) -> bool:
    """Whether its metadata, accepted once, no longer are, as after an update: it can never become a video."""
    try:
        metadata.read(upload.metadata, known=None)
    except LibraryError:
        return True
    return False
