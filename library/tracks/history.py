"""What a video's history in the admin says of its tracks, whether they are changed there or over the API.

A history is of people: what an API key has changed, with no user's id, is in the log instead.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from django.contrib.admin.models import CHANGE, LogEntry

from hls.tracks.models import Track, TrackKind
from library.models import Video

WORDS = {
    TrackKind.SUBTITLES: "subtitles",
    TrackKind.CAPTIONS: "captions",
    TrackKind.CHAPTERS: "chapters",
    TrackKind.AUDIO: "sound",
}
FLAGS = {
    "is_default": "default",
    "is_forced": "forced",
    "is_described": "described video",
    "is_commentary": "commentary",
}
TEXT = "text"

writer = structlog.get_logger("videoflix.library")


def log_put(user_id: int | None, video: Video, track: Track) -> None:
    """Added subtitles “English (en)”. Or: Changed text for subtitles “English (en)”."""
    if track.revision == 1:
        log(user_id, video, {"added": named(track)})
    else:
        log_edit(user_id, video, track, [TEXT])


def log_edit(user_id: int | None, video: Video, track: Track, fields: Sequence[str]) -> None:
    """Changed label and default for sound “English (en)”. Nothing where no field was changed."""
    if fields:
        log(user_id, video, {"changed": {**named(track), "fields": [FLAGS.get(field, field) for field in fields]}})


def log_deletion(user_id: int | None, video: Video, track: Track) -> None:
    """Deleted chapters “Chapters (und)”."""
    log(user_id, video, {"deleted": named(track)})


def log(user_id: int | None, video: Video, told: dict[str, Any]) -> None:
    """In the shape that Django keeps its log entries in."""
    if user_id is None:
        writer.info("tracks changed by a key", video=video.pk, changes=told)
        return
    LogEntry.objects.log_actions(user_id, [video], CHANGE, change_message=[told])


def named(track: Track) -> dict[str, str]:
    return {"name": WORDS[TrackKind(track.kind)], "object": f"{track.label} ({track.language})"}
