"""Whether a video can be followed without its sound, as one expression for a whole list."""

from django.db.models import Exists, F, OuterRef, Q

from hls.tracks.models import SHOWN_AS_TEXT, Track, TrackOrigin, TrackState


def is_captioned() -> Exists:
    """Whether videos of a queryset have subtitles or captions, or soon will: those still being taken out count.

    Forced subtitles don't count, as they say only what is spoken in another language.
    """
    of_newest_file = Q(origin=TrackOrigin.UPLOADED) | Q(source=F("transcode__source"))
    found = Track.objects.filter(of_newest_file, transcode=OuterRef("transcode"), deleted_at=None)
    return Exists(found.filter(kind__in=SHOWN_AS_TEXT, is_forced=False).exclude(state=TrackState.FAILED))
