"""Opens a file as a film, and chooses the tracks that are shown and heard."""

import errno
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from hls.core.errors import Code, TranscodeError
from hls.core.probe import Limits

# Containers of films, and of sound alone for a telling answer. Nothing that names other files: no playlist, concat,
# image sequence, script or device.
DEMUXERS = "mov,matroska,avi,flv,asf,mpegts,mpeg,ogg,mp3,wav,flac,aac"


def opened(path: Path) -> InputContainer:
    options = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}
    try:
        return av.open(f"file:{path.absolute()}", options=options)
    except av.error.FFmpegError as error:
        code = Code.UNSUPPORTED if error.errno == errno.EINVAL else Code.UNREADABLE
        raise TranscodeError(code, str(error)) from error


def picture_track(container: InputContainer) -> VideoStream:
    """The default picture track, or else the first; cover art isn't one."""
    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise TranscodeError(Code.NO_VIDEO)
    chosen = next((track for track in tracks if track.disposition & Disposition.default), tracks[0])
    if not _is_decodable(chosen):
        raise TranscodeError(Code.UNSUPPORTED, "no decoder for the picture track")
    return chosen


def sound_track(container: InputContainer) -> AudioStream | None:
    """The default sound track, or else the first, of those that can be decoded."""
    tracks = [track for track in container.streams.audio if _is_decodable(track)]
    return next((track for track in tracks if track.disposition & Disposition.default), next(iter(tracks), None))


def _is_decodable(track: Stream) -> bool:
    return cast("CodecContext | None", track.codec_context) is not None


def check_size(video: VideoStream, limits: Limits) -> None:
    width, height = video.codec_context.width, video.codec_context.height
    if width * height > limits.max_pixels:
        raise TranscodeError(Code.TOO_LARGE, f"{width} x {height}")
