"""The texts of tracks, as they are cut into segments. A revision of a text never changes, so it is remembered."""

import time
from dataclasses import dataclass

from cachetools import TTLCache
from django.db.models import Q

from hls.core.subtitles.cutting import CueIndex
from hls.core.subtitles.writing import parse
from hls.shared_cache import SharedCache
from hls.tracks.models import TrackState, TrackText

REMEMBERED_S = 60.0
MOST_REMEMBERED_BYTES = 32_000_000  # of text; its cues take a few times as much


@dataclass(frozen=True)
class CuedText:
    """One revision of a track's text, ready to be cut."""

    track_id: int
    revision: int
    kind: str
    webvtt: str
    index: CueIndex


type TextKey = tuple[int, int, int]  # transcode, track, revision


memory: SharedCache[TextKey, CuedText] = SharedCache(
    TTLCache(
        MOST_REMEMBERED_BYTES, REMEMBERED_S, timer=lambda: time.monotonic(), getsizeof=lambda text: len(text.webvtt)
    )
)


def text_of(transcode_id: int, track_id: int, revision: int | None) -> CuedText | None:
    """A track's text; None where the transcode has no such track.

    Without a revision it is the newest, of a track that was not deleted. A revision that is not kept any more is
    answered with the newest one: those who ask for it began to watch long ago.
    """
    if revision is not None and (known := memory.get((transcode_id, track_id, revision))):
        return known
    found = row_of(transcode_id, track_id, revision)
    if found is None:
        return None
    key = (transcode_id, track_id, found.revision)
    if known := memory.get(key):
        return known
    text = CuedText(track_id, found.revision, found.track.kind, found.webvtt, CueIndex(parse(found.webvtt)))
    memory.put(key, text)
    return text


def row_of(transcode_id: int, track_id: int, revision: int | None) -> TrackText | None:
    of_track = Q(track=track_id, track__transcode=transcode_id, track__state=TrackState.READY)
    texts = TrackText.objects.filter(of_track).select_related("track")
    if revision is None:
        return texts.filter(replaced_at=None, track__deleted_at=None).first()
    return texts.filter(revision=revision).first() or texts.filter(replaced_at=None).first()
