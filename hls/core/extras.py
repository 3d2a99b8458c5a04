"""Finds what else is in a file: other tracks, subtitles, chapters, captions, transparency, 360° projections."""

import unicodedata
from collections.abc import Sequence
from typing import cast

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hls.core.probe import Extras, OtherTrack

LONGEST_TITLE = 80
ROLES = {
    Disposition.comment: "commentary",
    Disposition.visual_impaired: "described",
    Disposition.hearing_impaired: "hearing impaired",
    Disposition.forced: "forced",
    Disposition.dub: "dubbed",
}
PROJECTIONS = {0: "equirectangular", 1: "cubemap", 2: "equirectangular", 3: "half equirectangular", 5: "fisheye"}


def extras(
    container: InputContainer,
    video: VideoStream,
    audio: AudioStream | None,
    frames: Sequence[VideoFrame],
    sounds: Sequence[AudioFrame],
) -> Extras:
    pictures = (track for track in container.streams.video if not track.disposition & Disposition.attached_pic)
    return Extras(
        pictures=tuple(_track(track) for track in pictures if track.index != video.index),
        sounds=tuple(_track(track) for track in container.streams.audio if audio is None or track.index != audio.index),
        subtitles=tuple(_track(track) for track in container.streams.subtitles),
        chapters=len(container.chapters()),
        layout=sounds[-1].layout.name.partition("(")[0] if sounds else "",
        has_captions=any(Type.A53_CC in frame.side_data for frame in frames),
        has_alpha=_has_alpha(video, frames[0]),
        projection=_projection(video),
    )


def _track(track: Stream) -> OtherTrack:
    codec = cast("CodecContext | None", track.codec_context)
    told = {name.lower(): _clean(text) for name, text in track.metadata.items()}
    language = told.get("language", "")
    role = next((word for flag, word in ROLES.items() if track.disposition & flag), "")
    return OtherTrack(
        codec=codec.name if codec else "",
        language="" if language == "und" else language,
        title=told.get("title") or told.get("name") or role,
    )


def _clean(text: str) -> str:
    """Remove characters that a database can't store or a page can't show; old files may not be in UTF-8."""
    readable = text.encode(errors="surrogateescape").decode(errors="replace")
    shown = "".join(character for character in readable if not unicodedata.category(character).startswith("C"))
    return shown.strip()[:LONGEST_TITLE]


def _has_alpha(video: VideoStream, frame: VideoFrame) -> bool:
    """WebM stores transparency apart from the picture, and most decoders ignore it."""
    return any(part.is_alpha for part in frame.format.components) or video.metadata.get("alpha_mode") == "1"


def _projection(video: VideoStream) -> str:
    """The name of a 360° projection; "" for a flat picture. FFmpeg's AVSphericalMapping begins with its number."""
    mapping = video.codec_context.coded_side_data.get("spherical", b"")
    return PROJECTIONS.get(int.from_bytes(mapping[:4], "little"), "") if mapping else ""
