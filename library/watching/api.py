"""A viewer's own: where they stopped, what they go on with, and their list. Nobody else sees any of it."""

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router

from library.api import sight
from library.errors import NotFound
from library.models import Video
from library.parameters import VideoId, site
from library.viewers import ViewerRequest
from library.visibility import visible
from library.watching import lists, progress
from library.watching.lists import ListPage
from library.watching.models import MyListEntry
from library.watching.openapi import PAGED
from library.watching.progress import StoppedAt
from library.watching.schemas import ContinueOut, MyListEntryOut, MyListOut, ProgressIn, ProgressOut

router = Router(tags=["Watching"])

Limit = Annotated[int | None, Query(ge=1, le=1000, description="At most so many videos.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Leave out so many of the newest.")]

REFUSED: dict[Any, Any] = {401: None, 404: None}
OF_A_LIST: dict[Any, Any] = {400: None, 401: None}
PAGING = {"limit", "offset"}


@router.get(
    "/continue-watching/",
    response={200: list[ContinueOut], **OF_A_LIST},
    operation_id="listContinueWatching",
    summary="List what the viewer has begun",
    openapi_extra=PAGED,
)
def list_continue_watching(
    request: ViewerRequest, response: HttpResponse, limit: Limit = None, offset: Offset = 0
) -> list[dict[str, Any]]:
    """Videos that were begun and not watched to their end, the one that was watched last first, as a bare array.

    The last twentieth of a video, at most its last five minutes, counts as its end. With `limit` or `offset` the header
    `X-Total-Count` tells how many there are in all.
    """
    page = lists.continue_watching(request.auth.user_id, sight(request), part(limit, offset), site(request))
    return shown(page, response, is_paged=not PAGING.isdisjoint(request.GET))


@router.get(
    "/progress/{video_id}/",
    response={200: ProgressOut, **REFUSED},
    operation_id="getProgress",
    summary="Where the viewer stopped",
)
def get_progress(request: ViewerRequest, response: HttpResponse, video_id: VideoId) -> StoppedAt:
    """404 also where the viewer has not begun this video."""
    never_store(response)
    found = progress.kept(request.auth.user_id, video(request, video_id))
    if found is None:
        raise NotFound
    return found


@router.put(
    "/progress/{video_id}/",
    response={200: ProgressOut, **REFUSED},
    operation_id="putProgress",
    summary="Report where the viewer is",
)
def put_progress(request: ViewerRequest, response: HttpResponse, video_id: VideoId, payload: ProgressIn) -> StoppedAt:
    """Send it every ten seconds while the video plays, and when it is paused, sought in or left.

    A report that is older than what is kept changes nothing, and is answered with what is kept. One that comes within
    five seconds of the last and is within five seconds of what is kept is accepted, and not written.
    """
    never_store(response)
    return progress.report(request.auth.user_id, video(request, video_id), payload.told())


@router.delete(
    "/progress/{video_id}/",
    response={204: None, **REFUSED},
    operation_id="deleteProgress",
    summary="Forget where the viewer stopped",
)
def delete_progress(request: ViewerRequest, video_id: VideoId) -> HttpResponse:
    """It is then no longer among what the viewer goes on with. 204 also where there was nothing to forget."""
    progress.forget(request.auth.user_id, video(request, video_id))
    return HttpResponse(status=204)


@router.get(
    "/list/",
    response={200: list[MyListOut], **OF_A_LIST},
    operation_id="listMyList",
    summary="List what the viewer has put on their list",
    openapi_extra=PAGED,
)
def list_my_list(
    request: ViewerRequest, response: HttpResponse, limit: Limit = None, offset: Offset = 0
) -> list[dict[str, Any]]:
    """The one that was added last first, as a bare array; `limit` and `offset` as in the list of all videos."""
    page = lists.my_list(request.auth.user_id, sight(request), part(limit, offset), site(request))
    return shown(page, response, is_paged=not PAGING.isdisjoint(request.GET))


@router.get(
    "/list/{video_id}/",
    response={200: MyListEntryOut, **REFUSED},
    operation_id="getMyListEntry",
    summary="Whether a video is on the viewer's list",
)
def get_my_list_entry(request: ViewerRequest, response: HttpResponse, video_id: VideoId) -> MyListEntry:
    """404 where it isn't."""
    never_store(response)
    found = lists.entry(request.auth.user_id, video(request, video_id))
    if found is None:
        raise NotFound
    return found


@router.put(
    "/list/{video_id}/",
    response={200: MyListEntryOut, **REFUSED},
    operation_id="putMyListEntry",
    summary="Put a video on the viewer's list",
)
def put_my_list_entry(request: ViewerRequest, response: HttpResponse, video_id: VideoId) -> MyListEntry:
    """Needs no body. A video that is on the list stays where it is."""
    never_store(response)
    return lists.put(request.auth.user_id, video(request, video_id))


@router.delete(
    "/list/{video_id}/",
    response={204: None, **REFUSED},
    operation_id="deleteMyListEntry",
    summary="Take a video off the viewer's list",
)
def delete_my_list_entry(request: ViewerRequest, video_id: VideoId) -> HttpResponse:
    """204 also where it wasn't on it."""
    lists.take_off(request.auth.user_id, video(request, video_id))
    return HttpResponse(status=204)


def video(request: ViewerRequest, video_id: int) -> Video:
    """With what its length is read from alone: plans are long, and reports many. Raises NotFound as elsewhere."""
    seen = Video.objects.filter(visible(sight(request)), pk=video_id).select_related("transcode")
    found = seen.only("pk", "transcode__served").first()
    if found is None:
        raise NotFound
    return found


def part(limit: int | None, offset: int) -> slice:
    return slice(offset, None if limit is None else offset + limit)


def shown(page: ListPage, response: HttpResponse, *, is_paged: bool) -> list[dict[str, Any]]:
    never_store(response)
    if is_paged:
        response["X-Total-Count"] = str(page.total)
    return page.items


def never_store(response: HttpResponse) -> None:
    response["Cache-Control"] = "private, no-store"
