"""What a video's history in the admin says of changes over the API. A key's changes are in the log: it is no person."""

from collections.abc import Sequence

import structlog
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry

from library.models import Video
from library.viewers import Owner

log = structlog.get_logger("videoflix.library")

ADDED, CHANGED, DELETED = ADDITION, CHANGE, DELETION


def note(owner: Owner, video: Video, flag: int, sentence: str, fields: Sequence[str] = ()) -> None:
    log.info("video changed over the API", video_id=video.pk, what=sentence, fields=list(fields))
    if owner.user_id is not None:
        message = [{"changed": {"fields": list(fields)}}] if fields else sentence
        LogEntry.objects.log_actions(owner.user_id, [video], flag, change_message=message)
