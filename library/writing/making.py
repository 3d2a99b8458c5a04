"""Making, editing, replacing and deleting videos for the API, each in the transaction of its caller."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction

from library import categories
from library.errors import ExternalIdTaken, FieldsRefused, LibraryError, NotFound, NotPermitted, UploadGone
from library.fetching import submitting
from library.models import Upload, UploadKind, Video
from library.uploads import finishing, resumable
from library.viewers import Owner
from library.writing.schemas import FileIn, VideoChanges, VideoIn

TAKEN = "The upload is not yours, has expired, or was used already."
INCOMPLETE = "The upload is not complete."


def check_may(owner: Owner, verb: str) -> None:
    """Raises NotPermitted unless they may "add", "change" or "delete" videos."""
    if not owner.may(f"library.{verb}_video"):
        raise NotPermitted(f"You may not {verb} videos.")


def make(owner: Owner, told: VideoIn) -> Video:
    """Raises NotPermitted, FieldsRefused, ExternalIdTaken."""
    check_may(owner, "add")
    category = told.category or categories.usual()
    categories.check(category)
    video = Video(
        title=told.title,
        description=told.description,
        category=category,
        is_published=told.is_published,
        publish_at=told.publish_at,
        external_id=told.external_id,
        metadata=told.metadata,
        added_by_id=owner.user_id,
    )
    check_external_id(video)
    with taken_at_most_once():
        save_file(owner, video, told, submitting.save_new)
    return video


def replace(owner: Owner, video_id: int, told: FileIn) -> Video:
    """Raises NotPermitted, NotFound, FieldsRefused."""
    check_may(owner, "change")
    video = locked(video_id)
    save_file(owner, video, told, submitting.save_replaced)
    return video


def edit(owner: Owner, video_id: int, changes: VideoChanges) -> tuple[Video, list[str]]:
    """The video, and the names of the fields that have another value now. Raises as `make`, and NotFound."""
    check_may(owner, "change")
    video = locked(video_id)
    wanted = {name: getattr(changes, name) for name in changes.model_fields_set}
    nullable = ("publish_at", "external_id")
    wanted = {name: value for name, value in wanted.items() if value is not None or name in nullable}
    if "category" in wanted:
        categories.check(str(wanted["category"]))
    changed = sorted(name for name, value in wanted.items() if is_another(getattr(video, name), value))
    for name in changed:
        setattr(video, name, wanted[name])
    if changed:
        check_external_id(video)
        with taken_at_most_once():
            video.save(update_fields=[*changed, "updated_at"])
    return video, changed


def is_another(kept: object, wanted: object) -> bool:
    """JSON tells 1, 1.0 and true apart, which Python takes for equal."""
    if isinstance(kept, dict):
        return json.dumps(kept, sort_keys=True) != json.dumps(wanted, sort_keys=True)
    return kept != wanted


def locked(video_id: int) -> Video:
    """The video, which nobody else changes before the end of the transaction. Raises NotFound."""
    if not Video.objects.select_for_update().filter(pk=video_id).exists():
        raise NotFound
    return Video.objects.select_related("transcode").get(pk=video_id)


def save_file(owner: Owner, video: Video, told: FileIn, fetched: Callable[[Video, str], None]) -> None:
    """Save the video with the file that is told. Raises FieldsRefused."""
    if told.source_url is not None and told.upload_id is None:
        fetched(video, told.source_url)
    elif told.source_url is not None or told.upload_id is None:
        raise FieldsRefused({"upload_id": ["Send either upload_id or source_url."]})
    else:
        upload = finished_upload(owner, told.upload_id)
        try:
            finishing.save_video(upload, video)
        except UploadGone:
            raise FieldsRefused({"upload_id": [TAKEN]}) from None


def finished_upload(owner: Owner, pk: UUID) -> Upload:
    """The owner's own upload, which is complete and no video's yet. Raises FieldsRefused."""
    try:
        upload = resumable.find(owner, pk)
        finishing.finish(upload)
    except LibraryError:
        raise FieldsRefused({"upload_id": [TAKEN]}) from None
    if upload.taken_at is not None or upload.kind == UploadKind.PARTIAL:
        raise FieldsRefused({"upload_id": [TAKEN]})
    if upload.finished_at is None:
        raise FieldsRefused({"upload_id": [INCOMPLETE]})
    return upload


def check_external_id(video: Video) -> None:
    if video.external_id is not None:
        others = Video.objects.filter(external_id=video.external_id).exclude(pk=video.pk)
        if others.exists():
            raise ExternalIdTaken


@contextmanager
def taken_at_most_once() -> Iterator[None]:
    """Raises ExternalIdTaken where another request has given the same external id to another video meanwhile."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "external_id" not in str(error):
            raise
        raise ExternalIdTaken from None
