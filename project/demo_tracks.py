"""The tracks of the demo video, so that the menus of a player show some: subtitles, captions and chapters."""

from hls.core.subtitles.cues import Cue
from hls.tracks.editing import TextDraft
from hls.tracks.models import TrackKind
from library.models import Video
from library.tracks.uploading import put_cues

ENGLISH = (
    "Colours drift across the picture.",
    "Small cells live and die by simple rules.",
    "The clock counts seconds.",
)
GERMAN = (
    "Farben ziehen durch das Bild.",
    "Kleine Zellen leben und sterben.",
    "Die Uhr zählt mit.",
)
CAPTIONS = ("[A steady tone] Colours drift.", "[A beep each second] Cells live and die.", "[The tone goes on] A clock.")
CHAPTERS = ("Colours", "Cells", "Clock")
STARTS_MS = (0, 10_000, 20_000, 30_000)


def add_demo_tracks(video: Video) -> None:
    put_cues(video, TextDraft(TrackKind.SUBTITLES, "en", ""), cues(ENGLISH))
    put_cues(video, TextDraft(TrackKind.SUBTITLES, "de", ""), cues(GERMAN))
    put_cues(video, TextDraft(TrackKind.CAPTIONS, "en", ""), cues(CAPTIONS))
    put_cues(video, TextDraft(TrackKind.CHAPTERS, "en", ""), cues(CHAPTERS, pause_ms=0))


def cues(texts: tuple[str, ...], *, pause_ms: int = 500) -> tuple[Cue, ...]:
    """A cue for each third of the video."""
    spans = zip(STARTS_MS, STARTS_MS[1:], texts, strict=False)
    return tuple(Cue(begin + pause_ms, end - pause_ms, text) for begin, end, text in spans)
