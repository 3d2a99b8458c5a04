"""Finds what else is in a file: tracks that are not used, captions, transparency, 360° projections."""

from collections.abc import Collection, Sequence
from typing import cast

from av.audio.frame import AudioFrame
from av.codec.context import CodecContext
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hls.core.inspection.embedded import is_of_pictures, language, title
from hls.core.probe import Extras, OtherTrack

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
    used: Collection[int],
    frames: Sequence[VideoFrame],
    sounds: Sequence[AudioFrame],
) -> Extras:
    """What the file has beside the tracks that are used, which are given by their numbers; except for its chapters."""
    others = [track for track in container.streams if track.index not in used]
    subtitles = [track for track in others if track.type == "subtitle"]
    return Extras(
        pictures=tuple(_track(track) for track in others if track.type == "video" and not _is_cover(track)),
        sounds=tuple(_track(track) for track in others if track.type == "audio"),
        subtitles=tuple(_track(track) for track in subtitles if not is_of_pictures(track)),
        subtitle_pictures=tuple(_track(track) for track in subtitles if is_of_pictures(track)),
        layout=sounds[-1].layout.name.partition("(")[0] if sounds else "",
        has_captions=any(Type.A53_CC in frame.side_data for frame in frames),
        has_alpha=_has_alpha(video, frames[0]),
        projection=_projection(video),
    )


def _is_cover(track: Stream) -> bool:
    return bool(track.disposition & Disposition.attached_pic)


def _track(track: Stream) -> OtherTrack:
    codec = cast("CodecContext | None", track.codec_context)
    role = next((word for flag, word in ROLES.items() if track.disposition & flag), "")
    name = codec.codec.canonical_name if codec else ""
    return OtherTrack(codec=name, language=language(track), title=title(track) or role)


def _has_alpha(video: VideoStream, frame: VideoFrame) -> bool:
    """WebM stores transparency apart from the picture, and most decoders ignore it."""
    return any(part.is_alpha for part in frame.format.components) or video.metadata.get("alpha_mode") == "1"


def _projection(video: VideoStream) -> str:
    """The name of a 360° projection; "" for a flat picture. FFmpeg's AVSphericalMapping begins with its number."""
    mapping = video.codec_context.coded_side_data.get("spherical", b"")
    return PROJECTIONS.get(int.from_bytes(mapping[:4], "little"), "") if mapping else ""
