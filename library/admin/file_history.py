"""What a video's history says of its files, in the shape that Django keeps its log entries in."""

import json
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from library.models import Video
from library.videos import ReplacedFile, file_name

FILE_LABELS = ("upload", "Video file")  # the fields by which a file is sent


def added_message(video: Video) -> list[dict[str, Any]]:
    """Added file “harbour.mp4”."""
    return [{"added": {"name": "file", "object": file_name(video)}}]


def message_with_files(message: list[dict[str, Any]], form: Any) -> list[dict[str, Any]]:
    """Changed Title and Video file (harbour.mp4 replaced by harbour-2.mov).

    `file_before` and `name_before` are not shown; `replaced_files` reads them.
    """
    told = f"Video file ({form.name_before} replaced by {file_name(form.instance)})"
    changed = [name for entry in message for name in entry.get("changed", {}).get("fields", ())]
    fields = [*(name for name in changed if name not in FILE_LABELS), told]
    return [{"changed": {"fields": fields, "file_before": form.file_before, "name_before": form.name_before}}]


def replaced_files(video: Video) -> list[ReplacedFile]:
    """The files that the video had before, as its history tells; the one that was replaced last comes first."""
    kind = ContentType.objects.get_for_model(Video)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(video.pk), action_flag=CHANGE)
    found = []
    for entry in entries.order_by("-action_time", "-pk"):
        for told in changes(entry.change_message):
            if "file_before" in told:
                found.append(ReplacedFile(name=told["name_before"], stored_as=told["file_before"]))
    return [replaced for replaced in found if replaced.stored_as != video.video_file.name]


def changes(message: str) -> list[dict[str, str]]:
    """What a log entry's message says of changes; nothing where it is plain text."""
    try:
        entries = json.loads(message)
    except ValueError:
        return []
    return [entry["changed"] for entry in entries if isinstance(entry, dict) and "changed" in entry]
