"""Tracks: what players fetch of them, and what staff do with them."""

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Query, Router
from ninja.errors import ValidationError
from pydantic import BeforeValidator
from pydantic import ValidationError as Invalid

from hls.tracks import editing
from hls.tracks.editing import TextDraft
from hls.tracks.models import Track, TrackKind
from library.api import granted, sight
from library.delivery import responses, texts
from library.errors import FieldsRefused, NotFound, NotPermitted
from library.models import Video
from library.openapi import REFUSED, WITH_TAG
from library.parameters import Version, VideoId, one_spelling, site
from library.tracks import history
from library.tracks.described import described_for_staff, of_staff
from library.tracks.openapi import CHAPTERS, PUT, TEXT, TEXT_PLAYLIST, TEXT_SEGMENT
from library.tracks.schemas import StaffTrackOut, TrackChanges, TrackForm
from library.tracks.text_form import text_form
from library.tracks.uploading import put
from library.viewers import UploaderRequest, ViewerRequest, owner_of
from library.visibility import sight_of

streams = Router(tags=["Playback"])
staff = Router(tags=["Tracks"])

TrackId = Annotated[
    int, BeforeValidator(one_spelling), Path(ge=1, le=2**63 - 1, description="The track's id.", example=1)
]
SegmentName = Annotated[str, Path(description="As the track's playlist names it.", example="segment_000")]
Revision = Annotated[int | None, Query(ge=1, le=2**31 - 1, alias="r", description="Set by playlists; leave it out.")]

OF_SOUNDS = {"is_described", "is_commentary"}


@streams.get(
    "/{video_id}/tracks/chapters.vtt",
    response=WITH_TAG,
    operation_id="getChapters",
    summary="Get the chapters",
    openapi_extra=CHAPTERS,
)
def get_chapters(request: ViewerRequest, video_id: VideoId) -> HttpResponseBase:
    """WebVTT with a cue for each chapter, for `<track kind="chapters">`."""
    return texts.chapters(request, video_id, sight=sight(request))


@streams.get(
    "/{video_id}/tracks/{track_id}.vtt",
    response=WITH_TAG,
    operation_id="getTrackText",
    summary="Get a track's whole text",
    openapi_extra=TEXT,
)
def get_track_text(
    request: ViewerRequest, video_id: VideoId, track_id: TrackId, revision: Revision = None
) -> HttpResponseBase:
    """WebVTT, for `<track>` and for downloads."""
    return texts.whole(request, video_id, track_id, revision=revision, sight=sight(request))


@streams.get(
    "/{video_id}/tracks/{track_id}/index.m3u8",
    response=WITH_TAG,
    operation_id="getTrackPlaylist",
    summary="Get a text track's playlist",
    openapi_extra=TEXT_PLAYLIST,
)
def get_track_playlist(
    request: ViewerRequest, video_id: VideoId, track_id: TrackId, version: Version = None, revision: Revision = None
) -> HttpResponseBase:
    """Subtitles or captions, cut where the pictures are cut; the multivariant playlist names it."""
    response = responses.text_playlist(
        request, video_id, track_id, version=version, revision=revision, sight=sight(request)
    )
    return granted(request, response, video_id)


@streams.get(
    "/{video_id}/tracks/{track_id}/{segment}.vtt",
    response=WITH_TAG,
    operation_id="getTrackSegment",
    summary="Get a text track's segment",
    openapi_extra=TEXT_SEGMENT,
)
def get_track_segment(
    request: ViewerRequest,
    video_id: VideoId,
    track_id: TrackId,
    segment: SegmentName,
    version: Version = None,
    revision: Revision = None,
) -> HttpResponseBase:
    """The cues that are shown during a segment, with their times on the video's clock."""
    return texts.segment(
        request, video_id, track_id, f"{segment}.vtt", version=version, revision=revision, sight=sight(request)
    )


@staff.get(
    "/{video_id}/tracks/",
    response={200: list[StaffTrackOut], 403: None, **REFUSED},
    operation_id="listTracks",
    summary="List a video's tracks",
)
def list_tracks(request: HttpRequest, response: HttpResponse, video_id: VideoId) -> list[dict[str, Any]]:
    """All tracks of the newest file, those too that are still taken out of it."""
    response["Cache-Control"] = "no-store"
    video = video_for_staff(video_id)
    return [described_for_staff(track, video_id, site(request)) for track in of_staff(video)]


@staff.put(
    "/{video_id}/tracks/",
    response={200: StaffTrackOut, 403: None, 409: None, 413: None, 415: None, **REFUSED},
    operation_id="putTrack",
    summary="Upload subtitles, captions or chapters",
    openapi_extra=PUT,
)
def put_track(request: UploaderRequest, video_id: VideoId) -> dict[str, Any]:
    """A text of the same kind, language and label is replaced; players get it within seconds, nothing is transcoded."""
    check_may_edit(request)
    video = video_for_staff(video_id)
    sent = text_form(request)
    try:
        form = TrackForm.model_validate(sent.fields)
    except Invalid as error:
        raise ValidationError([{**problem, "loc": ("form", *problem["loc"])} for problem in error.errors()]) from None
    check_fields(form.kind, {"is_forced": form.is_forced})
    draft = TextDraft(TrackKind(form.kind), form.language, form.label or "", form.is_default, form.is_forced)
    track = put(video, draft, sent.data, sent.name)
    history.log_put(owner_of(request), video, track)
    return described_for_staff(track, video_id, site(request))


@staff.patch(
    "/{video_id}/tracks/{track_id}/",
    response={200: StaffTrackOut, 403: None, 409: None, **REFUSED},
    operation_id="editTrack",
    summary="Change what a track is called",
)
def edit_track(request: UploaderRequest, video_id: VideoId, track_id: TrackId, changes: TrackChanges) -> dict[str, Any]:
    """Its text stays. Making a track the default makes all others of its kind none."""
    check_may_edit(request)
    video = video_for_staff(video_id)
    track = track_of(video, track_id)
    wanted = {name: value for name, value in changes.model_dump(exclude_unset=True).items() if value is not None}
    check_fields(track.kind, wanted)
    fields = [name for name, value in wanted.items() if getattr(track, name) != value]
    track = editing.edit(track, wanted)
    history.log_edit(owner_of(request), video, track, fields)
    return described_for_staff(track, video_id, site(request))


@staff.delete(
    "/{video_id}/tracks/{track_id}/",
    response={204: None, 403: None, 409: None, **REFUSED},
    operation_id="deleteTrack",
    summary="Delete a track",
)
def delete_track(request: UploaderRequest, video_id: VideoId, track_id: TrackId) -> HttpResponse:
    """It is no longer offered. Who is watching with it keeps it until the end."""
    check_may_edit(request)
    video = video_for_staff(video_id)
    track = track_of(video, track_id)
    editing.delete(track)
    history.log_deletion(owner_of(request), video, track)
    return HttpResponse(status=204)


def video_for_staff(video_id: int) -> Video:
    return responses.video_of(video_id, sight_of(is_staff=True))


def track_of(video: Video, track_id: int) -> Track:
    """Raises NotFound."""
    found = of_staff(video).filter(pk=track_id).first()
    if found is None:
        raise NotFound
    return found


def check_may_edit(request: UploaderRequest) -> None:
    if not owner_of(request).may("library.change_video"):
        raise NotPermitted("You may not change videos.")


def check_fields(kind: str, wanted: Mapping[str, object]) -> None:
    """Raises FieldsRefused for a field that this kind of track doesn't have; chapters may be said not to be forced."""
    wrong = set() if kind == TrackKind.AUDIO else OF_SOUNDS & wanted.keys()
    if kind == TrackKind.AUDIO or (kind == TrackKind.CHAPTERS and wanted.get("is_forced")):
        wrong |= {"is_forced"} & wanted.keys()
    if wrong:
        owners = {name: "sounds" if name in OF_SOUNDS else "subtitles and captions" for name in sorted(wrong)}
        raise FieldsRefused({name: [f"Only {owner} have this."] for name, owner in owners.items()})
