"""The tracks on a video's page: what library/static/library/tracks/ draws, and where it asks for more."""

import json
from dataclasses import dataclass

from django.conf import settings

import video_paths
from hls.core import names
from hls.core.plan import Plan
from hls.core.subtitles.reading import ENDINGS, MOST_BYTES
from hls.published import current
from library.models import Video
from library.tracks.described import described_for_staff, of_staff


@dataclass(frozen=True)
class TracksPanel:
    """The tracks as the API tells of them, in JSON, and what a script needs to send others."""

    endpoint: str
    csrf_cookie: str
    endings: str
    most_bytes: str
    duration_s: str  # empty until the file was read
    known: str


def tracks_panel(video: Video) -> TracksPanel:
    return TracksPanel(
        endpoint=video_paths.file(video.pk, f"{names.TRACKS}/"),
        csrf_cookie=settings.CSRF_COOKIE_NAME,
        endings=",".join(ENDINGS),
        most_bytes=str(MOST_BYTES),
        duration_s=str(duration_s(video) or ""),
        known=json.dumps([described_for_staff(track, video.pk, "") for track in of_staff(video)]),
    )


def duration_s(video: Video) -> float | None:
    """Of the newest file, as soon as it was read; before that of what is served."""
    if video.transcode.plan:
        return float(Plan.from_json(video.transcode.plan).timeline.duration_s)
    version = current(video.transcode)
    return version.duration_s if version else None
