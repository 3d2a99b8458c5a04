"""What a video's history in the admin says of changes over the API.

A history is of people. What an API key has changed stands under whoever made the key, with the key's name. A key that
`manage.py` made has no maker, nor has one whose maker's account was deleted: what they change is in the log alone.
"""

from collections.abc import Sequence

import structlog
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.utils.text import get_text_list

from library.models import Video
from library.viewers import Owner

log = structlog.get_logger("videoflix.library")

ADDED, CHANGED, DELETED = ADDITION, CHANGE, DELETION


def note(owner: Owner, video: Video, flag: int, sentence: str, fields: Sequence[str] = ()) -> None:
    log.info("video changed over the API", video_id=video.pk, what=sentence, fields=list(fields))
    if owner.in_history is not None:
        message = [{"changed": {"fields": list(fields)}}] if fields else sentence
        told = message if owner.key_id is None else with_key(owner, sentence, fields)
        LogEntry.objects.log_actions(owner.in_history, [video], flag, change_message=told)


def with_key(owner: Owner, sentence: str, fields: Sequence[str] = ()) -> str:
    """Changed over the API with the key “Importer”: title and description."""
    told = f"{sentence.removesuffix('.')} with the key “{owner.key_name}”"
    return f"{told}: {get_text_list(list(fields), 'and')}." if fields else f"{told}."
