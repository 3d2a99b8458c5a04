"""Opens a media file with libav, and chooses the picture track and the sounds to use."""

import errno
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from hls.core.blocks import AskingFile, PartlyHerePath
from hls.core.errors import Code, Reason, TranscodeError
from hls.core.inspection import elementary
from hls.core.inspection.protection import Protection
from hls.core.probe import Limits

# Containers of video, and of sound alone, so that the refusal can say what is missing. None that can name other files:
# no playlist, concat, image sequence, script or device.
DEMUXERS = ",".join(("mov,matroska,avi,flv,asf,mpegts,mpeg,ogg,mp3,wav,flac,aac", *sorted(elementary.DEMUXERS)))

MOST_SOUNDS = 16
STILLS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000"})
DURATION = re.compile(r"(\d{1,4}):(\d\d):(\d\d\.\d{1,9})")


def opened(path: Path | PartlyHerePath | AskingFile, demuxers: str = DEMUXERS) -> InputContainer:
    """Open a file. Raises TranscodeError: UNSUPPORTED, UNREADABLE."""
    options = {"protocol_whitelist": "file", "format_whitelist": demuxers}
    file = path.reader() if isinstance(path, PartlyHerePath) else path
    try:
        return av.open(f"file:{file.absolute()}" if isinstance(file, Path) else file, "r", options=options)
    except av.error.FFmpegError as error:
        code = Code.UNSUPPORTED if error.errno == errno.EINVAL else Code.UNREADABLE
        raise TranscodeError(code, str(error)) from error


def picture_track(container: InputContainer, empty: Collection[int] = frozenset()) -> VideoStream:
    """The default picture track, or else the first one. Cover art doesn't count. Raises TranscodeError.

    Art without its mark does count, but any other track that can be decoded is taken before it. Tracks of `empty`, by
    their numbers, have turned out to have no picture.
    """
    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise TranscodeError(Code.NO_VIDEO)
    tracks = [track for track in tracks if track.index not in empty]
    if not tracks or (empty and all(_is_still(track) for track in tracks)):
        raise TranscodeError(Code.UNREADABLE, "no picture in any picture track")
    chosen = _default(tracks)
    if not is_decodable(chosen):
        raise TranscodeError(Code.UNSUPPORTED, "no decoder for the picture track")
    films = [track for track in tracks if is_decodable(track) and not _is_still(track)]
    return _default(films) if films and _is_still(chosen) else chosen


def _default(tracks: Sequence[VideoStream]) -> VideoStream:
    return next((track for track in tracks if track.disposition & Disposition.default), tracks[0])


def _is_still(track: VideoStream) -> bool:
    """Whether a track is a single picture of a kind that covers are, by what the container says.

    Matroska doesn't say it itself, but the programs that write it add tags, whose names may end with a language.
    """
    if track.codec_context.name not in STILLS:
        return False
    told = {name.partition("-")[0]: text for name, text in track.metadata.items()}
    if track.frames or "NUMBER_OF_FRAMES" in told:
        return track.frames == 1 or told.get("NUMBER_OF_FRAMES") == "1"
    lasts = DURATION.fullmatch(told.get("DURATION", ""))
    if not lasts or not track.average_rate:
        return False
    hours, minutes, seconds = map(float, lasts.groups())
    return round((hours * 3600 + minutes * 60 + seconds) * float(track.average_rate)) == 1


def sound_tracks(
    container: InputContainer,
    protection: Protection,
    others: Collection[int] = frozenset(),
    continuing: Collection[int] = frozenset(),
) -> list[AudioStream]:
    """The sounds that can be decoded, at most MOST_SOUNDS, default ones before others; encrypted ones only if all are.

    They are in the file's order. Tracks of `others`, by their ids, belong to other programmes; their sounds are given
    only if the picture's programme has none. Those of `continuing`, by their numbers, go on with others.
    """
    sounds = [track for track in container.streams.audio if track.index not in continuing]
    own = [track for track in sounds if track.id not in others] or sounds
    tracks = [track for track in own if is_decodable(track)]
    tracks = [track for track in tracks if not protection.covers(track)] or tracks
    default_first = sorted(tracks, key=lambda track: not track.disposition & Disposition.default)
    return sorted(default_first[:MOST_SOUNDS], key=lambda track: track.index)


def check_protection(container: InputContainer, chosen: Sequence[Stream], protection: Protection) -> None:
    """Refuse encrypted tracks, also when the only sound is encrypted: neither noise nor silence is published."""
    has_sound = any(track.type == "audio" for track in chosen)
    needed = chosen if has_sound else [*chosen, *container.streams.audio]
    if protection.is_certain and any(protection.covers(track) for track in needed):
        raise TranscodeError(Code.UNSUPPORTED, "an encrypted track", reason=Reason.ENCRYPTED)


def is_decodable(track: Stream) -> bool:
    return cast("CodecContext | None", track.codec_context) is not None


def check_size(video: VideoStream, limits: Limits) -> None:
    width, height = video.codec_context.width, video.codec_context.height
    if width * height > limits.max_pixels:
        raise TranscodeError(Code.TOO_LARGE, f"{width} x {height}")
