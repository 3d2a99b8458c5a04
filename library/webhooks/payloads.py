"""What events say of videos and tracks. Names are promised: fields may be added, none is renamed or removed."""

from typing import Any

from hls.models import State, Transcode
from hls.status import failure
from hls.tracks.models import Track
from library.listing import newest_length_s
from library.models import Video
from library.moments import in_utc
from library.tracks import described


def of_video(video: Video) -> dict[str, Any]:
    transcode = video.transcode
    return {
        "id": video.pk,
        "external_id": video.external_id,
        "title": video.title,
        "category": video.category,
        "is_published": video.is_published,
        "created_at": in_utc(video.created_at),
        "status": transcode.state,
        "duration": newest_length_s(transcode),
        "error": error(transcode),
    }


def error(transcode: Transcode) -> dict[str, Any] | None:
    if transcode.state != State.FAILED:
        return None
    said = failure(transcode)
    retry_at = in_utc(transcode.retry_at) if transcode.retry_at else None
    return {"code": said.code, "message": said.message, "hint": said.hint, "retry_at": retry_at}


def of_track(track: Track, video: Video) -> dict[str, Any]:
    return {
        "id": track.pk,
        "video_id": video.pk,
        "kind": track.kind,
        "language": track.language,
        "label": track.label,
        "state": track.state,
        "revision": track.revision,
        "error": described.failure(track),
    }
