"""The tracks on a video's page: what library/static/library/tracks/ draws, and where it asks for more."""

import json
from dataclasses import dataclass

from django.conf import settings

import video_paths
from hls.core import names
from hls.core.subtitles.reading import ENDINGS, MOST_BYTES
from library.listing import newest_length_s
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
        duration_s=str(newest_length_s(video.transcode) or ""),
        known=json.dumps([described_for_staff(track, video.pk, "") for track in of_staff(video)]),
    )
