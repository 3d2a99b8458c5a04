"""Making and changing videos, for staff and for API keys with `videos:write`."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

import video_paths
from hls import lifecycle
from hls.models import Transcode
from hls.status import status_of
from library.models import Video
from library.parameters import VideoId, site
from library.schemas import TranscodeOut
from library.viewers import Owner, UploaderRequest, owner_of
from library.writing import history, making
from library.writing.idempotency import GivenAnswer, once
from library.writing.openapi import IDEMPOTENT, MADE
from library.writing.schemas import ReplacementIn, StaffVideoOut, VideoChanges, VideoIn
from library.writing.told import as_json, told_one

router = Router(tags=["Editing"])

REFUSED: dict[int, Any] = {400: None, 401: None, 403: None, 404: None, 409: None}


@router.post(
    "/",
    response={201: StaffVideoOut, **REFUSED},
    operation_id="createVideo",
    summary="Make a video",
    openapi_extra=MADE,
)
def create_video(request: UploaderRequest, payload: VideoIn) -> HttpResponse:
    """Of a finished upload, or of a file that a worker fetches from `source_url`. Its transcode is queued at once."""

    def make() -> GivenAnswer:
        owner = owner_of(request)
        video = making.make(owner, payload)
        history.note(owner, video, history.ADDED, "Made over the API.")
        return shown(request, video, status=201, location=video_paths.folder(video.pk))

    return once(request, make)


@router.patch(
    "/{video_id}/",
    response={200: StaffVideoOut, **REFUSED},
    operation_id="editVideo",
    summary="Change what is told of a video",
)
def edit_video(request: UploaderRequest, video_id: VideoId, payload: VideoChanges) -> HttpResponse:
    """Its file and its versions stay as they are."""
    owner = owner_of(request)
    with transaction.atomic():
        video, changed = making.edit(owner, video_id, payload)
        if changed:
            history.note(owner, video, history.CHANGED, "Changed over the API.", changed)
    return shown(request, video).response()


@router.delete(
    "/{video_id}/",
    response={204: None, **REFUSED},
    operation_id="deleteVideo",
    summary="Delete a video",
)
def delete_video(request: UploaderRequest, video_id: VideoId) -> HttpResponse:
    """A running transcode stops, and every file goes to the trash within minutes."""
    owner = owner_of(request)
    making.check_may(owner, "delete")
    with transaction.atomic():
        video = making.locked(video_id)
        history.note(owner, video, history.DELETED, "Deleted over the API.")
        video.delete()
    return HttpResponse(status=204)


@router.post(
    "/{video_id}/replace/",
    response={200: StaffVideoOut, **REFUSED},
    operation_id="replaceVideo",
    summary="Give a video another file",
    openapi_extra=IDEMPOTENT,
)
def replace_video(request: UploaderRequest, video_id: VideoId, payload: ReplacementIn) -> HttpResponse:
    """What is served stays until the new file is ready."""

    def replace() -> GivenAnswer:
        owner = owner_of(request)
        video = making.replace(owner, video_id, payload)
        history.note(owner, video, history.CHANGED, "File replaced over the API.")
        return shown(request, video)

    return once(request, replace)


@router.post(
    "/{video_id}/transcode/retry/",
    response={200: TranscodeOut, **REFUSED},
    operation_id="retryTranscode",
    summary="Try a failed or cancelled transcode again",
    openapi_extra=IDEMPOTENT,
)
def retry_transcode(request: UploaderRequest, video_id: VideoId) -> HttpResponse:
    """Parts that are done stay done. 409 for a video that is neither failed nor cancelled."""

    def retry() -> GivenAnswer:
        owner, video = video_to_change(request, video_id)
        lifecycle.retry(video.transcode)
        history.note(owner, video, history.CHANGED, "Transcode queued again over the API.")
        return shown_transcode(video)

    return once(request, retry)


@router.post(
    "/{video_id}/transcode/cancel/",
    response={200: TranscodeOut, **REFUSED},
    operation_id="cancelTranscode",
    summary="Stop a queued or running transcode",
    openapi_extra=IDEMPOTENT,
)
def cancel_transcode(request: UploaderRequest, video_id: VideoId) -> HttpResponse:
    """What is served stays. 409 for a video that is neither queued nor processing."""

    def cancel() -> GivenAnswer:
        owner, video = video_to_change(request, video_id)
        lifecycle.cancel(video.transcode)
        history.note(owner, video, history.CHANGED, "Transcode cancelled over the API.")
        return shown_transcode(video)

    return once(request, cancel)


def video_to_change(request: UploaderRequest, video_id: int) -> tuple[Owner, Video]:
    """Raises NotPermitted, NotFound."""
    owner = owner_of(request)
    making.check_may(owner, "change")
    return owner, making.locked(video_id)


def shown(request: HttpRequest, video: Video, *, status: int = 200, location: str = "") -> GivenAnswer:
    return GivenAnswer(status, as_json(told_one(video, site(request)).model_dump()), location)


def shown_transcode(video: Video) -> GivenAnswer:
    status = status_of(Transcode.objects.get(pk=video.transcode_id))
    return GivenAnswer(200, as_json(TranscodeOut.model_validate(status, from_attributes=True).model_dump()))
