"""Videos: the list, one video, its transcode, and what players fetch."""

import hashlib
from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router

import video_paths
from hls.core import names
from hls.published import current
from hls.status import Status, status_of
from library import catalogue, categories, listing, openapi
from library.delivery import responses
from library.delivery.ranges import matches
from library.models import Category
from library.openapi import REFUSED, WITH_RANGES
from library.parameters import (
    Picture,
    ResolutionName,
    ResolutionOrSound,
    SegmentName,
    SheetName,
    Version,
    VersionNamed,
    VideoId,
    site,
)
from library.schemas import CategoryOut, ListedVideoOut, PlaybackAddressOut, TranscodeOut, VideoDetailOut
from library.tracks import described
from library.viewers import ViewerRequest
from library.visibility import Sight, sight_of
from library.writing import told

videos = Router(tags=["Videos"])
staff = Router(tags=["Transcoding"])
category_list = Router(tags=["Videos"])
streams = Router(tags=["Playback"])

JSON = "application/json; charset=utf-8"


@videos.get(
    "/",
    response={200: list[ListedVideoOut], 304: None, 400: None, 401: None, 403: None},
    operation_id="listVideos",
    summary="List the videos",
    openapi_extra=openapi.LIST,
)
def list_videos(
    request: ViewerRequest,
    category: Annotated[
        str | None, Query(description="Only videos of this category: a slug.", example="tutorial")
    ] = None,
    search: Annotated[str, Query(max_length=200, description="Words in title or description.")] = "",
    limit: Annotated[int | None, Query(ge=1, le=1000, description="At most so many videos.")] = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000, description="Leave out so many of the newest.")] = 0,
    status: Annotated[str, Query(max_length=100, description=told.STATUS)] = "",
    external_id: Annotated[str, Query(max_length=200, description="For staff and API keys.")] = "",
) -> HttpResponseBase:
    """All videos that can be watched, newest first, as a bare array.

    With `status` or `external_id`, which are for staff and API keys, it has drafts and videos in any state, at most
    100 unless `limit` says otherwise, and tells more of each. With any of these, `limit` or `offset` the header
    `X-Total-Count` tells how many there are in all. Otherwise the answer has a weak `ETag`; sent back in
    `If-None-Match` it is answered with 304 while nothing has changed.
    """
    if category and "\0" in category:
        categories.check(category)  # refuses it: PostgreSQL can't even be asked for such a text
    begin = offset if "offset" in request.GET else None
    query = catalogue.Query(category=category, search=search.replace("\0", ""), limit=limit, offset=begin)
    if status or external_id:
        return told.staff_list(request, query, status, external_id)
    revision = catalogue.revision()
    stamp = f"{revision}|{request.build_absolute_uri()}"
    etag = f'W/"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if matches(request.headers.get("If-None-Match", ""), etag):
        response = HttpResponse(status=304, headers=headers)
        del response["Content-Type"]
        return response
    if query.is_paged:
        page = catalogue.page(query, revision)
        headers["X-Total-Count"] = str(page.total)
        return HttpResponse(listing.whole(page.ids, site(request)), content_type=JSON, headers=headers)
    content = listing.whole_list(query, revision, site(request))
    if isinstance(content, bytes):
        return HttpResponse(content, content_type=JSON, headers=headers)
    return StreamingHttpResponse(() if request.method == "HEAD" else content, content_type=JSON, headers=headers)


@category_list.get(
    "/",
    response={200: list[CategoryOut], 401: None},
    operation_id="listCategories",
    summary="List the categories",
)
def list_categories(request: HttpRequest, response: HttpResponse) -> QuerySet[Category]:
    """The categories that videos are offered in, in the editors' order. Hidden ones still answer `?category=`."""
    response["Cache-Control"] = "private, no-cache"
    return categories.offered()


@videos.get(
    "/{video_id}/",
    response={200: VideoDetailOut, **REFUSED},
    operation_id="getVideo",
    summary="Get one video",
)
def get_video(request: ViewerRequest, response: HttpResponse, video_id: VideoId) -> VideoDetailOut:
    """One video, with its status and what there is to play."""
    response["Cache-Control"] = "private, no-cache"
    video = responses.video_of(video_id, sight(request))
    version = current(video.transcode)
    made_by = video.transcode.plan or video.transcode.opening
    planned_s = listing.duration_s(made_by) if made_by else None
    length_s = version.duration_s if version else planned_s
    tracks = described.shown_tracks(video.transcode, version)
    return VideoDetailOut.model_validate(
        {
            **listing.summary(catalogue.ListedVideo.of(video), site(request), planned_s),
            "status": video.transcode.state,
            "resolutions": [rendition.name for rendition in version.renditions] if version else [],
            "storyboard_url": f"{site(request)}{video_paths.file(video.pk, names.STORYBOARD)}" if version else None,
            "tracks": [described.described(track, video.pk, site(request)) for track in tracks],
            "chapters": described.chapters(video.transcode_id, tracks, length_s),
        }
    )


@staff.get(
    "/{video_id}/transcode/",
    response={200: TranscodeOut, 403: None, **REFUSED},
    operation_id="getTranscode",
    summary="Watch a video being transcoded",
)
def get_transcode(request: HttpRequest, response: HttpResponse, video_id: VideoId) -> Status:
    """How far the video's newest upload is, for staff: the same numbers as in the admin."""
    response["Cache-Control"] = "no-store"
    return status_of(responses.video_of(video_id, sight_of(is_staff=True)).transcode)


@streams.get(
    "/{video_id}/master.m3u8",
    response=WITH_RANGES,
    operation_id="getMasterPlaylist",
    summary="Get the multivariant playlist",
    openapi_extra=openapi.playlist(openapi.MASTER),
)
def get_master_playlist(request: ViewerRequest, video_id: VideoId, version: Version = None) -> HttpResponseBase:
    """All real renditions, for a player that chooses by bandwidth."""
    return playlist(request, video_id, names.MASTER, version=version)


@streams.get(
    "/{video_id}/{resolution}/index.m3u8",
    response=WITH_RANGES,
    operation_id="getMediaPlaylist",
    summary="Get a resolution's playlist",
    openapi_extra=openapi.playlist(openapi.MEDIA),
)
def get_media_playlist(
    request: ViewerRequest, video_id: VideoId, resolution: ResolutionOrSound, version: Version = None
) -> HttpResponseBase:
    """480p, 720p and 1080p always play; a name above the source plays the best real rendition.

    Of a long video, a size that would look no better than the next smaller one may be left out after half a minute: its
    playlist goes on with that one's segments, behind an EXT-X-DISCONTINUITY.

    Where a video has several sounds, a resolution's is a multivariant playlist: it names its pictures and all sounds.
    """
    return playlist(request, video_id, names.INDEX, resolution, version=version)


@streams.get(
    "/{video_id}/{resolution}/video.m3u8",
    response=WITH_RANGES,
    operation_id="getPicturesPlaylist",
    summary="Get the playlist of a resolution's pictures",
    openapi_extra=openapi.playlist(openapi.MEDIA),
)
def get_pictures_playlist(
    request: ViewerRequest, video_id: VideoId, resolution: ResolutionName, version: Version = None
) -> HttpResponseBase:
    """There is one only where a video has several sounds, which are apart from its pictures."""
    return playlist(request, video_id, names.PICTURES, resolution, version=version)


@streams.get(
    "/{video_id}/{resolution}/iframes.m3u8",
    response=WITH_RANGES,
    operation_id="getIframePlaylist",
    summary="Get the trick play playlist",
    openapi_extra=openapi.playlist(openapi.IFRAMES),
)
def get_iframe_playlist(
    request: ViewerRequest, video_id: VideoId, resolution: ResolutionName, version: Version = None
) -> HttpResponseBase:
    """Each keyframe as a byte range, for fast forward and rewind."""
    return playlist(request, video_id, names.IFRAMES, resolution, version=version)


@streams.get(
    "/{video_id}/thumbnail.jpg",
    response=WITH_RANGES,
    operation_id="getThumbnail",
    summary="Get the poster",
    openapi_extra=openapi.PICTURE,
)
def get_thumbnail(request: ViewerRequest, video_id: VideoId, picture: Picture = "") -> HttpResponseBase:
    """The uploaded picture, or else one made from the video."""
    return responses.poster(request, video_id, picture=picture, sight=sight(request))


@streams.get(
    "/{video_id}/storyboard.vtt",
    response=WITH_RANGES,
    operation_id="getStoryboard",
    summary="Get the seek previews",
    openapi_extra=openapi.PREVIEWS,
)
def get_storyboard(request: ViewerRequest, video_id: VideoId, version: Version = None) -> HttpResponseBase:
    """WebVTT whose cues name rectangles on the storyboard sheets."""
    return responses.storyboard(request, video_id, version=version, sight=sight(request))


@streams.get(
    "/{video_id}/{sheet}.jpg",
    response=WITH_RANGES,
    operation_id="getStoryboardSheet",
    summary="Get a storyboard sheet",
    openapi_extra=openapi.PICTURE,
)
def get_storyboard_sheet(
    request: ViewerRequest, video_id: VideoId, sheet: SheetName, version: VersionNamed = None
) -> HttpResponseBase:
    """A JPEG with up to 25 small pictures."""
    return responses.sheet(request, video_id, f"{sheet}.jpg", version=version, sight=sight(request))


@streams.get(
    "/{video_id}/{resolution}/{segment}.ts",
    response=WITH_RANGES,
    operation_id="getSegment",
    summary="Get a segment",
    openapi_extra=openapi.SEGMENT,
)
def get_segment(
    request: ViewerRequest,
    video_id: VideoId,
    resolution: ResolutionOrSound,
    segment: SegmentName,
    version: VersionNamed = None,
) -> HttpResponseBase:
    """About six seconds of a video, or of one of its sounds, as MPEG-TS; single byte ranges are served."""
    return responses.segment(request, video_id, resolution, f"{segment}.ts", version=version, sight=sight(request))


@videos.post(
    "/{video_id}/playback-address/",
    response={200: PlaybackAddressOut, 401: None, 403: None, 404: None},
    operation_id="makePlaybackAddress",
    summary="Get an address for a player without cookies",
)
def make_playback_address(request: ViewerRequest, response: HttpResponse, video_id: VideoId) -> PlaybackAddressOut:
    """For AirPlay, Chromecast, VLC and others that fetch by themselves: it opens this video alone, to GET and HEAD.

    It ends six hours and the video's length from now, or with your session: within a minute of a logout.
    """
    response["Cache-Control"] = "no-store"
    length = responses.playable_length(video_id, sight(request))
    token, ends_at = request.auth.playback_token(video_id=video_id, length=length)
    url = f"{site(request)}{video_paths.played(token, video_id, names.MASTER)}"
    return PlaybackAddressOut(url=url, expires_at=ends_at)


def sight(request: ViewerRequest) -> Sight:
    return sight_of(is_staff=request.auth.is_staff)


def playlist(
    request: ViewerRequest, video_id: int, name: str, resolution: str | None = None, *, version: int | None
) -> HttpResponseBase:
    session = request.auth.session_name
    response = responses.playlist(
        request, video_id, name, resolution, version=version, sight=sight(request), session=session
    )
    return granted(request, response, video_id)


def granted(request: ViewerRequest, response: HttpResponseBase, video_id: int) -> HttpResponseBase:
    request.auth.grant_playback(response, video_id=video_id)
    return response
