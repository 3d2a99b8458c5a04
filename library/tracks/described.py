"""Tracks and chapters as the API tells of them."""

from typing import Any

from django.db.models import QuerySet

import video_paths
from hls.core import names
from hls.core.subtitles.chapters import chapters_of, in_turn
from hls.core.subtitles.writing import parse
from hls.models import Transcode
from hls.published import PublishedVersion
from hls.tracks.failures import track_advice
from hls.tracks.models import SHOWN_AS_TEXT, Track, TrackKind, TrackState
from hls.tracks.shown import ShownTrack, belonging, shown
from hls.tracks.texts import text_of
from library.delivery.texts import chapters_in
from library.models import Video


def shown_tracks(transcode: Transcode, version: PublishedVersion | None) -> tuple[ShownTrack, ...]:
    """What viewers get with the served version; before there is one, what was uploaded."""
    return shown(transcode.pk, version.source if version else "", sounds=version.sounds if version else 0)


def described(track: ShownTrack, video_id: int, site: str) -> dict[str, Any]:
    return {
        "id": track.id,
        "kind": track.kind,
        "language": track.language,
        "label": track.label,
        "is_default": track.is_default,
        "is_forced": track.is_forced,
        "url": None if track.sound is not None else f"{site}{text_path(video_id, track.id)}",
        "hls_url": None if (path := hls_path(video_id, track)) is None else f"{site}{path}",
    }


def text_path(video_id: int, track_id: int) -> str:
    return video_paths.file(video_id, f"{names.TRACKS}/{track_id}.vtt")


def hls_path(video_id: int, track: ShownTrack) -> str | None:
    """The path of its media playlist; None for chapters."""
    if track.kind == TrackKind.AUDIO:
        return video_paths.file(video_id, f"{names.sound_name(track.sound or 0)}/{names.INDEX}")
    if track.kind in SHOWN_AS_TEXT:
        return video_paths.file(video_id, f"{names.TRACKS}/{track.id}/{names.INDEX}")
    return None


def chapters(transcode_id: int, tracks: tuple[ShownTrack, ...], end_s: float | None) -> list[dict[str, Any]]:
    """Those of a video of this length, if that is known."""
    found = chapters_in(tracks)
    text = text_of(transcode_id, found.id, found.revision) if found else None
    if text is None:
        return []
    told = chapters_of(in_turn(parse(text.webvtt), end_s))
    return [{"start": one.start_s, "end": one.end_s, "title": one.title} for one in told]


def of_staff(video: Video) -> QuerySet[Track]:
    """All tracks of a video's newest file, those too that are not ready."""
    return belonging(video.transcode_id, video.transcode.source)


def described_for_staff(track: Track, video_id: int, site: str) -> dict[str, Any]:
    is_ready = track.state == TrackState.READY
    known = described(ShownTrack.of(track), video_id, site)
    return {
        **known,
        "url": known["url"] if is_ready else None,
        "hls_url": known["hls_url"] if is_ready else None,
        "is_described": track.is_described,
        "is_commentary": track.is_commentary,
        "origin": track.origin,
        "state": track.state,
        "revision": track.revision,
        "error": failure(track),
    }


def failure(track: Track) -> dict[str, str] | None:
    if track.state != TrackState.FAILED:
        return None
    advice = track_advice(track.error_code)
    return {"code": track.error_code, "message": advice.message, "hint": advice.hint}
