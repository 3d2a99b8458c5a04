"""Why a text of the file could not become a track, for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hls.core.subtitles.cues import MOST_CUES
from hls.core.subtitles.reading import MOST_BYTES


class TrackCode(StrEnum):
    """Stable, for programs."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    TIMEOUT = "timeout"
    SOURCE_MISSING = "source_missing"


@dataclass(frozen=True)
class TrackAdvice:
    message: str
    hint: str


ADVICE: Mapping[str, TrackAdvice] = {
    TrackCode.UNREADABLE: TrackAdvice(
        "The text could not be taken out of the file.", "Upload it as a file of its own: WebVTT, SubRip or ASS."
    ),
    TrackCode.EMPTY: TrackAdvice("The file names this track, but has no text in it.", "Upload the text, or delete it."),
    TrackCode.TOO_LONG: TrackAdvice(
        f"The file has more text in this track than is accepted: {MOST_CUES:,} cues, or {MOST_BYTES // 1_000_000} MB.",
        "Upload the text without what is animated in it, or delete it.",
    ),
    TrackCode.TIMEOUT: TrackAdvice(
        "Taking the text out of the file took too long.", "Upload it as a file of its own: WebVTT, SubRip or ASS."
    ),
    TrackCode.SOURCE_MISSING: TrackAdvice(
        "The uploaded file is gone.", "Upload the text as a file of its own, or the video's file again."
    ),
}


def track_advice(code: str) -> TrackAdvice:
    """A code of another program's version says what is always true."""
    return ADVICE.get(code, ADVICE[TrackCode.UNREADABLE])
