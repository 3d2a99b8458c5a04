"""From what the engine and Django tell to events of videos and tracks; connected when the app is ready."""

from collections.abc import Mapping
from typing import Any

from hls.events import EngineEvent
from hls.tracks.models import Track
from library.models import Video
from library.webhooks import outbox, payloads
from library.webhooks.models import Happening

OF_VIDEO: Mapping[EngineEvent, Happening] = {
    EngineEvent.PLAYABLE: Happening.VIDEO_PLAYABLE,
    EngineEvent.READY: Happening.VIDEO_READY,
    EngineEvent.FAILED: Happening.VIDEO_FAILED,
}
OF_TRACK: Mapping[EngineEvent, Happening] = {
    EngineEvent.TRACK_READY: Happening.TRACK_READY,
    EngineEvent.TRACK_FAILED: Happening.TRACK_FAILED,
}


def receive_deletion(instance: Video, **of_signal: Any) -> None:
    """Within the transaction that deletes a video, however that is done, while it can still be told of."""
    outbox.tell(Happening.VIDEO_DELETED, lambda: payloads.of_video(instance))


def receive(event: EngineEvent, transcode_id: int, track_id: int | None, **of_signal: Any) -> None:
    """Within the engine's transaction. A transcode that has no video any more is nobody's."""
    video = Video.objects.filter(transcode=transcode_id).first()
    if video is None:
        return
    if event in OF_VIDEO:
        outbox.tell(OF_VIDEO[event], lambda: payloads.of_video(video))
    elif track_id and (track := Track.objects.filter(pk=track_id).first()):
        outbox.tell(OF_TRACK[event], lambda: payloads.of_track(track, video))
