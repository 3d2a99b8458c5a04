"""What staff and API keys are told of a video."""

import json
from collections.abc import Sequence
from dataclasses import replace

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse

from hls.status import statuses
from library import catalogue, categories
from library.catalogue import ListedVideo
from library.errors import FieldsRefused, NotPermitted
from library.listing import durations_s, summary
from library.models import Video
from library.parameters import site
from library.viewers import ViewerRequest
from library.writing.schemas import STATES, StaffVideoOut

ANY = "any"
USUAL_LIMIT = 100
STATUS = f"For staff and API keys: {ANY}, or some of {', '.join(STATES)} with commas between them."
STAFF_ONLY = "Only staff and API keys may ask for status or external_id."


def staff_list(request: ViewerRequest, query: catalogue.Query, status: str, external_id: str) -> HttpResponse:
    """Videos in any state, newest first. Raises NotPermitted for viewers, FieldsRefused."""
    if not request.auth.is_staff:
        raise NotPermitted(STAFF_ONLY)
    videos = catalogue.searched(Video.objects.select_related("transcode"), query.search)
    if status:
        videos = videos.filter(transcode__state__in=states_named(status))
    if external_id:  # no database can be asked for a null character
        videos = videos.none() if "\0" in external_id else videos.filter(external_id=external_id)
    if query.category is not None:
        categories.check(query.category)
        videos = videos.filter(category=query.category)
    page = replace(query, limit=USUAL_LIMIT if query.limit is None else query.limit)
    body = as_json([video.model_dump() for video in told(list(videos[page.slice]), site(request))])
    headers = {"X-Total-Count": str(videos.count()), "Cache-Control": "no-store"}
    return HttpResponse(body, content_type="application/json; charset=utf-8", headers=headers)


def told(videos: Sequence[Video], site: str) -> list[StaffVideoOut]:
    """With the same number of queries for any number of videos."""
    found = statuses([video.transcode for video in videos])
    planned = durations_s([video.transcode_id for video in videos if video.transcode.served is None])
    return [
        StaffVideoOut.model_validate(
            {
                **summary(ListedVideo.of(video), site, planned.get(video.transcode_id)),
                "status": status.state,
                "percent": status.percent,
                "playable": status.playable,
                "error": vars(status.error) if status.error else None,
                "is_published": video.is_published,
                "publish_at": video.publish_at,
                "external_id": video.external_id,
                "metadata": video.metadata,
                "updated_at": video.updated_at,
            }
        )
        for video in videos
        for status in [found[video.transcode_id]]
    ]


def as_json(told: object) -> str:
    """As the API has it elsewhere, times to the millisecond above all: Pydantic's JSON has microseconds."""
    return json.dumps(told, cls=DjangoJSONEncoder, separators=(",", ":"))


def told_one(video: Video, site: str) -> StaffVideoOut:
    fresh = Video.objects.select_related("transcode").get(pk=video.pk)
    return told([fresh], site)[0]


def states_named(text: str) -> list[str]:
    """The states in "failed,cancelled"; all of them for "any". Raises FieldsRefused."""
    names = [name.strip() for name in text.split(",")]
    if names == [ANY]:
        return list(STATES)
    if not set(names) <= set(STATES):
        raise FieldsRefused({"status": [f"Input should be {ANY}, or some of {', '.join(STATES)}."]})
    return names
