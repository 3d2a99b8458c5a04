"""What a video's history in the admin says of its tracks, whether they are changed there or over the API.

What an API key has changed stands under whoever made the key, and is in the log (library/writing/history.py).
"""

import json
from collections.abc import Sequence
from typing import Any

import structlog
from django.contrib.admin.models import CHANGE, LogEntry

from hls.tracks.models import Track, TrackKind
from library.models import Video
from library.viewers import Owner
from library.writing.history import with_key

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


def log_put(owner: Owner, video: Video, track: Track) -> None:
    """Added subtitles “English (en)”. Or: Changed text for subtitles “English (en)”."""
    if track.texts.count() == 1:  # the one before is kept for a while
        log(owner, video, {"added": named(track)})
    else:
        log_edit(owner, video, track, [TEXT])


def log_edit(owner: Owner, video: Video, track: Track, fields: Sequence[str]) -> None:
    """Changed label and default for sound “English (en)”. Nothing where no field was changed."""
    if fields:
        log(owner, video, {"changed": {**named(track), "fields": [FLAGS.get(field, field) for field in fields]}})


def log_deletion(owner: Owner, video: Video, track: Track) -> None:
    """Deleted chapters “Chapters (und)”."""
    log(owner, video, {"deleted": named(track)})


def log(owner: Owner, video: Video, told: dict[str, Any]) -> None:
    """In the shape that Django keeps its log entries in."""
    if owner.key_id is not None:
        writer.info("tracks changed by a key", video=video.pk, changes=told)
    if owner.in_history is None:
        return
    message = [told] if owner.key_id is None else with_key(owner, sentence(told))
    LogEntry.objects.log_actions(owner.in_history, [video], CHANGE, change_message=message)


def sentence(told: dict[str, Any]) -> str:
    """What Django makes of it."""
    return str(LogEntry(change_message=json.dumps([told])).get_change_message())


def named(track: Track) -> dict[str, str]:
    return {"name": WORDS[TrackKind(track.kind)], "object": f"{track.label} ({track.language})"}
