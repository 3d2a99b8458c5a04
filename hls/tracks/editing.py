"""Changing a video's tracks: a text that is uploaded, what a track is called, and its end.

1. Every change locks the transcode's row first, as all changes of a transcode and what belongs to it do.
2. A text is never overwritten: the new one is another revision, and the old one stays for those who are watching.
3. A track that is deleted is no longer shown; its row and its texts stay as long.
4. `forget_old` removes what nobody watches any more.

Nothing is transcoded, and no version changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from hls import events, numbering
from hls.core.subtitles.cues import Cue
from hls.core.subtitles.writing import webvtt
from hls.errors import NotPossible
from hls.events import EngineEvent
from hls.models import Transcode
from hls.published import current, retired
from hls.tracks.models import SHOWN_AS_TEXT, Track, TrackKind, TrackOrigin, TrackState, TrackText

KEPT_FOR = timedelta(days=1)  # what was replaced or deleted; longer than any video that is watched meanwhile
MOST_TRACKS = 200  # of one video


@dataclass(frozen=True)
class TextDraft:
    """What somebody says of the text that is uploaded. The kind, the language and the label are its identity."""

    kind: TrackKind
    language: str
    label: str
    is_default: bool = False
    is_forced: bool = False


@transaction.atomic
def put_text(transcode_id: int, draft: TextDraft, cues: Sequence[Cue]) -> Track:
    """Add a track, or give the one of this kind, language and label another text. Raises NotPossible."""
    transcode = locked(transcode_id)
    track = same(transcode, draft.kind, draft.language, draft.label)
    if track is None:
        if Track.objects.filter(transcode=transcode, deleted_at=None).count() >= MOST_TRACKS:
            raise NotPossible(f"A video has at most {MOST_TRACKS} tracks.")
        track = Track(transcode=transcode, kind=draft.kind, language=draft.language, label=draft.label)
    track.origin, track.state, track.error_code = TrackOrigin.UPLOADED, TrackState.READY, ""
    track.is_default, track.is_forced = draft.is_default, draft.is_forced
    track.save()
    write_text(track, cues)
    keep_one_default(track)
    events.tell(EngineEvent.TRACK_READY, transcode_id, track.pk)
    return track


def write_text(track: Track, cues: Sequence[Cue]) -> None:
    """Make this the track's text, within the caller's transaction."""
    text = webvtt(cues)
    TrackText.objects.filter(track=track, replaced_at=None).update(replaced_at=timezone.now())
    track.revision = max(track.revision + 1, numbering.least())
    track.save(update_fields=["revision", "updated_at"])
    TrackText.objects.create(
        track=track,
        revision=track.revision,
        webvtt=text,
        cue_count=len(cues),
        size_bytes=len(text.encode()),
    )


@transaction.atomic
def edit(track: Track, changes: dict[str, Any]) -> Track:
    """Change language, label or flags of a track. Raises NotPossible where another track is called that already."""
    transcode = locked(track.transcode_id)
    track.refresh_from_db()
    if track.deleted_at:
        raise NotPossible("This track was deleted meanwhile.")
    for name, value in changes.items():
        setattr(track, name, value)
    other = same(transcode, track.kind, track.language, track.label)
    if track.kind != TrackKind.AUDIO and other is not None and other.pk != track.pk:
        raise NotPossible("There is another track of this kind and language with this label.")
    track.save(update_fields=[*changes, "updated_at"])
    keep_one_default(track)
    return track


@transaction.atomic
def delete(track: Track) -> None:
    """Show a track no longer. Raises NotPossible for a video's last sound."""
    locked(track.transcode_id)
    track.refresh_from_db()
    if track.kind == TrackKind.AUDIO and not others(track).exists():
        raise NotPossible("This is the video's last sound.")
    now = timezone.now()
    Track.objects.filter(pk=track.pk, deleted_at=None).update(deleted_at=now, is_default=False, updated_at=now)


def locked(transcode_id: int) -> Transcode:
    """The transcode, whose row is locked. Raises NotPossible where it is gone."""
    found = Transcode.objects.select_for_update().filter(pk=transcode_id).first()
    if found is None:
        raise NotPossible("The video was deleted meanwhile.")
    return found


def sources(transcode: Transcode) -> set[str]:
    """The files whose tracks are still in use: the one being made, the one that is served, the one before."""
    versions = [version for version in (current(transcode), retired(transcode)) if version]
    return {transcode.source, *(version.source for version in versions if version.source)}


def same(transcode: Transcode, kind: str, language: str, label: str) -> Track | None:
    """The track of this identity that is shown, or will be; one that was uploaded before one that came with a file."""
    in_use = Q(origin=TrackOrigin.UPLOADED) | Q(source__in=sources(transcode))
    found = Track.objects.filter(
        in_use, transcode=transcode, kind=kind, language=language, label=label, deleted_at=None
    )
    return found.order_by("-origin", "-pk").first()  # "uploaded" is behind "embedded"


def others(track: Track) -> QuerySet[Track]:
    """The other tracks that belong to the same file and the same group of which a player chooses one."""
    kinds = SHOWN_AS_TEXT if track.kind in SHOWN_AS_TEXT else (track.kind,)
    rows = Track.objects.filter(transcode=track.transcode_id, kind__in=kinds, deleted_at=None).exclude(pk=track.pk)
    return rows.filter(source=track.source) if track.kind == TrackKind.AUDIO else rows


def keep_one_default(track: Track) -> None:
    """Of each group at most one is the default (RFC 8216 4.3.4.1.1)."""
    if track.is_default:
        others(track).filter(is_default=True).update(is_default=False, updated_at=timezone.now())


def forget_old() -> None:
    """Remove texts that were replaced and tracks that were deleted a day ago, and tracks of files that are gone.

    The row of a deleted track that came out of a file stays as long as the file: it would come out of it again.
    """
    since = timezone.now() - KEPT_FOR
    TrackText.objects.filter(Q(replaced_at__lt=since) | Q(track__deleted_at__lt=since)).delete()
    Track.objects.filter(deleted_at__lt=since, source="").delete()
    came_out = Q(origin=TrackOrigin.EMBEDDED) | Q(deleted_at__lt=since)
    for track in Track.objects.filter(came_out).exclude(source=F("transcode__source")).select_related("transcode"):
        if track.source not in sources(track.transcode):
            track.delete()
