"""What a video's history says of its files, in the shape that Django keeps its log entries in."""

from typing import Any

from library.admin.forms import file_name
from library.models import Video

FILE_LABELS = ("upload", "Video file")  # the fields by which a file is sent


def added_message(video: Video) -> list[dict[str, Any]]:
    """Added file “harbour.mp4”."""
    return [{"added": {"name": "file", "object": file_name(video)}}]


def message_with_files(message: list[dict[str, Any]], form: Any) -> list[dict[str, Any]]:
    """Changed Title and Video file (harbour.mp4 replaced by harbour-2.mov)."""
    told = f"Video file ({form.name_before} replaced by {file_name(form.instance)})"
    others = [
        name for entry in message for name in entry.get("changed", {}).get("fields", ()) if name not in FILE_LABELS
    ]
    return [{"changed": {"fields": [*others, told]}}]
