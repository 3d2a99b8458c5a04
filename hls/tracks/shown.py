"""Which tracks viewers are shown with a version.

They are read with each multivariant playlist, so that a change is seen at once: a small part of what an answer costs.
"""

from dataclasses import dataclass
from typing import Self

from django.db.models import Q, QuerySet

from hls.tracks.models import SHOWN_AS_TEXT, Track, TrackKind, TrackOrigin, TrackState


@dataclass(frozen=True)
class ShownTrack:
    """A track as viewers see it; without its text."""

    id: int
    kind: str
    language: str  # "und" if unknown
    label: str
    is_default: bool
    is_forced: bool
    is_described: bool
    is_commentary: bool
    sound: int | None
    revision: int

    @classmethod
    def of(cls, track: Track) -> Self:
        return cls(
            id=track.pk,
            kind=track.kind,
            language=track.language,
            label=track.label,
            is_default=track.is_default,
            is_forced=track.is_forced,
            is_described=track.is_described,
            is_commentary=track.is_commentary,
            sound=track.sound,
            revision=track.revision,
        )

    @property
    def is_text(self) -> bool:
        """Whether players offer it in their menu of subtitles."""
        return self.kind in SHOWN_AS_TEXT


def belonging(transcode_id: int, source: str) -> QuerySet[Track]:
    """The tracks of what was made of this file, whatever their state: uploaded ones, and those that came out of it."""
    of_source = Q(origin=TrackOrigin.UPLOADED) | Q(source=source)
    return Track.objects.filter(of_source, transcode_id=transcode_id, deleted_at=None)


def shown(transcode_id: int, source: str, *, sounds: int) -> tuple[ShownTrack, ...]:
    """What viewers get with a version that was made of this file and has so many sounds apart, oldest first."""
    ready = belonging(transcode_id, source).filter(state=TrackState.READY)
    tracks = (ShownTrack.of(track) for track in ready)
    return tuple(track for track in tracks if track.kind != TrackKind.AUDIO or (track.sound or 0) < sounds)
