"""From a text that somebody uploads to a track: what is sent is checked here, for the API and for the admin."""

from collections.abc import Sequence
from dataclasses import replace

from hls.core.subtitles.cues import Cue, TextRefused
from hls.core.subtitles.languages import label_of
from hls.core.subtitles.reading import read
from hls.tracks import editing
from hls.tracks.editing import TextDraft
from hls.tracks.models import Track, TrackKind
from library.errors import FieldsRefused
from library.models import Video

CHAPTERS = "Chapters"


def put(video: Video, draft: TextDraft, data: bytes, name: str) -> Track:
    """Add the text, or replace the one of this kind, language and label. Raises FieldsRefused, NotPossible."""
    try:
        cues = read(data, name)
    except TextRefused as error:
        raise FieldsRefused({"file": [str(error)]}) from None
    return put_cues(video, draft, cues)


def put_cues(video: Video, draft: TextDraft, cues: Sequence[Cue]) -> Track:
    """As `put`, for a text that was read already. Raises NotPossible."""
    draft = draft if draft.label else replace(draft, label=label(draft))
    return editing.put_text(video.transcode_id, draft, cues)


def label(draft: TextDraft) -> str:
    """What a track is called that nobody has called anything."""
    if draft.kind == TrackKind.CHAPTERS:
        return CHAPTERS
    return label_of(draft.language, draft.kind, is_forced=draft.is_forced)
