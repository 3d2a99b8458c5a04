"""What happens to a transcode or a track, for whoever must hear of it: told within the transaction that changes it.

A receiver may write rows that are there if, and only if, the change is. It must not do anything else that lasts, since
the transaction may still be rolled back, and must be quick: rows are locked meanwhile. The engine knows no receiver.
"""

from enum import StrEnum

from django.dispatch import Signal
from django.utils import timezone

from hls.models import Transcode


class EngineEvent(StrEnum):
    PLAYABLE = "playable"  # its first chunk is there, and no version is served yet
    READY = "ready"  # a new version is served
    FAILED = "failed"
    TRACK_READY = "track_ready"  # it has a text, or another one
    TRACK_FAILED = "track_failed"


happened = Signal()  # receivers get event, transcode_id, and for tracks track_id (else None)


def tell(event: EngineEvent, transcode_id: int, track_id: int | None = None) -> None:
    """To be called within the transaction that makes the change. An exception of a receiver rolls it back."""
    happened.send(sender=EngineEvent, event=event, transcode_id=transcode_id, track_id=track_id)


def tell_playable(transcode: Transcode) -> None:
    """Within the transaction that puts in the first chunk. Nothing is told where an earlier version is still served."""
    if Transcode.objects.filter(pk=transcode.pk, playable_at=None).update(playable_at=timezone.now()):
        tell(EngineEvent.PLAYABLE, transcode.pk)
