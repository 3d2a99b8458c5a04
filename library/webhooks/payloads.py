"""What events say of videos and tracks. Names are promised: fields may be added, none is renamed or removed."""

from typing import TYPE_CHECKING, Any

from hls.core.plan import Plan
from hls.models import State, Transcode
from hls.published import current
from hls.status import failure
from hls.tracks.failures import track_advice
from hls.tracks.models import Track, TrackState

if TYPE_CHECKING:
    from library.models import Video


def of_video(video: "Video") -> dict[str, Any]:
    transcode = video.transcode
    return {
        "id": video.pk,
        "external_id": video.external_id,
        "title": video.title,
        "category": video.category,
        "is_published": video.is_published,
        "created_at": video.created_at.isoformat(),
        "status": transcode.state,
        "duration": duration_s(transcode),
        "error": error(transcode),
    }


def duration_s(transcode: Transcode) -> float | None:
    """Of the newest file, as soon as it was read; before that of what is served."""
    made_by = transcode.plan or transcode.opening
    if made_by:
        return round(float(Plan.from_json(made_by).timeline.duration_s), 3)
    version = current(transcode)
    return version.duration_s if version else None


def error(transcode: Transcode) -> dict[str, Any] | None:
    if transcode.state != State.FAILED:
        return None
    said = failure(transcode)
    retry_at = transcode.retry_at.isoformat() if transcode.retry_at else None
    return {"code": said.code, "message": said.message, "hint": said.hint, "retry_at": retry_at}


def of_track(track: Track, video: "Video") -> dict[str, Any]:
    advice = track_advice(track.error_code) if track.state == TrackState.FAILED else None
    return {
        "id": track.pk,
        "video_id": video.pk,
        "kind": track.kind,
        "language": track.language,
        "label": track.label,
        "state": track.state,
        "revision": track.revision,
        "error": {"code": track.error_code, "message": advice.message, "hint": advice.hint} if advice else None,
    }
