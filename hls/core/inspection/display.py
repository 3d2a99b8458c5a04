"""The part of a decoded picture that a player shows, and its size: cropped, rotated, with square pixels."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import cast

import av
from av.rational import AVRational
from av.sidedata.sidedata import Type
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hls.core.errors import Code, Reason, TranscodeError
from hls.core.inspection.packets import AnyPacket
from hls.core.probe import Crop, Shape

PLAUSIBLE_ASPECT = Fraction(8)
CROPPING = "<4I"  # AV_PKT_DATA_FRAME_CROPPING: top, bottom, left, right
MATRIX = "=9i"  # AV_FRAME_DATA_DISPLAYMATRIX
DOLBY_VISION = "8B"  # AVDOVIDecoderConfigurationRecord: its third byte is the profile, its last the compatibility
TOLD_ONCE = (Type.DISPLAYMATRIX, Type.STEREO3D)  # of which ffmpeg's filter graphs take no two
# What takes them out of the stream: NAL units and user data that only advise a decoder.
WITHOUT_ADVICE = {
    "h264": "filter_units=remove_types=6",
    "hevc": "filter_units=remove_types=39",
    "mpeg2video": "filter_units=remove_types=178",
}
OWN_COLOURS = frozenset({5, 10, 20})  # profiles whose base layer is in Dolby's own colours if compatibility is 0


def check_base_layer(video: VideoStream) -> None:
    """Refuse Dolby Vision that only a Dolby Vision decoder can show: the pictures would be green and violet.

    Raises TranscodeError.
    """
    told = video.codec_context.coded_side_data.get("dovi_conf", b"")
    if len(told) < struct.calcsize(DOLBY_VISION):
        return
    _, _, profile, *_, compatibility = struct.unpack_from(DOLBY_VISION, told)
    if profile in OWN_COLOURS and compatibility == 0:
        detail = f"Dolby Vision profile {profile}, without a compatible base layer"
        raise TranscodeError(Code.UNSUPPORTED, detail, reason=Reason.DOLBY_VISION)


def shown_size(video: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Width and height as shown; square pixels change the width only: 720x576 at 64:45 becomes 1024x576."""
    _, _, shown_width, height = _uncovered(video, frame)
    width = max(1, round(shown_width * _plausible(video.sample_aspect_ratio)))
    return (height, width) if int(frame.rotation) % 180 == 90 else (width, height)


def packet_filter(video: VideoStream, frames: Sequence[VideoFrame]) -> str:
    """The bitstream filter for packets that repeat what the container says of the pictures; "" where none do.

    It may be how they are turned, or where the two views of a film in 3D are. Then the container's word holds.
    """
    for frame in frames:
        told = [data.type for data in frame.side_data[:]]
        if any(told.count(kind) > 1 for kind in TOLD_ONCE):
            return WITHOUT_ADVICE.get(video.codec_context.name, "")
    return ""


def turns(frame: VideoFrame) -> tuple[str, ...]:
    """The filters that turn and mirror a picture as it is shown: the same that ffmpeg takes by itself."""
    if (matrix := _matrix(frame)) is None:
        return ()
    a, _, _, c, d, *_ = matrix
    match -int(frame.rotation) % 360:
        case 90:
            return ("transpose=cclock_flip" if c > 0 else "transpose=clock",)
        case 270:
            return ("transpose=clock_flip" if c < 0 else "transpose=cclock",)
        case 0 | 180:
            return (*(["hflip"] if a < 0 else []), *(["vflip"] if d < 0 else []))
        case degrees:
            return (f"rotate={degrees}*PI/180",)


def is_mirrored(frame: VideoFrame) -> bool:
    """Whether a picture is mirrored as it is shown, however it is turned besides."""
    if (matrix := _matrix(frame)) is None:
        return False
    a, b, _, c, d, *_ = matrix
    return a * d < b * c


def _matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The display matrix; of two, the container's, which comes first."""
    matrices = (bytes(data) for data in frame.side_data[:] if data.type == Type.DISPLAYMATRIX)
    matrix = next(matrices, None)
    return struct.unpack(MATRIX, matrix) if matrix else None


def shape(frame: VideoFrame, pixel_aspect: AVRational | None, *, is_turned: bool) -> Shape:
    aspect = frame.width * _plausible(pixel_aspect) / frame.height
    return Shape(frame.height, frame.width, 1 / aspect) if is_turned else Shape(frame.width, frame.height, aspect)


def key_picture(
    codec: VideoCodecContext, packet: AnyPacket, description: bytes = b""
) -> tuple[VideoFrame, AVRational | None] | None:
    """Decode one keyframe with a new decoder; gives the picture and its pixels' aspect ratio, None if it is damaged.

    The description is the track's, unless another is given.
    """
    decoder = cast(VideoCodecContext, VideoCodecContext.create(codec.name, "r"))
    decoder.extradata = description or codec.extradata
    try:
        frames = [*decoder.decode(packet), *decoder.decode(None)]
    except av.error.FFmpegError:
        return None
    return (frames[0], decoder.sample_aspect_ratio) if frames else None


def _plausible(pixel_aspect: AVRational | None) -> Fraction:
    aspect = Fraction(pixel_aspect.num, pixel_aspect.den) if pixel_aspect else Fraction(1)
    return aspect if 1 / PLAUSIBLE_ASPECT <= aspect <= PLAUSIBLE_ASPECT else Fraction(1)


def shown_part(video: VideoStream, frame: VideoFrame, *, is_turned: bool) -> Crop | None:
    """The part that is shown, by the container's crop flags (Matroska's PixelCrop…, MP4's clap); None for all of it.

    Its place is the one in the turned picture if that `is_turned` before it is cropped.
    """
    left, top, width, height = _uncovered(video, frame)
    if (width, height) == (frame.width, frame.height):
        return None
    matrix = _matrix(frame)
    if matrix is None or not is_turned:
        return Crop(left, top, width, height)
    a, b, _, c, d, *_ = matrix
    right, bottom = frame.width - left - width, frame.height - top - height
    # The matrix says which column or row comes first once the picture is rotated.
    if int(frame.rotation) % 180 == 90:
        return Crop(bottom if c < 0 else top, right if b < 0 else left, height, width)
    return Crop(right if a < 0 else left, bottom if d < 0 else top, width, height)


def _uncovered(video: VideoStream, frame: VideoFrame) -> tuple[int, int, int, int]:
    """Left, top, width and height of the part that is shown, before rotation."""
    cropping = video.codec_context.coded_side_data.get("frame_cropping", b"")
    if len(cropping) != struct.calcsize(CROPPING):
        return 0, 0, frame.width, frame.height
    top, bottom, left, right = struct.unpack(CROPPING, cropping)
    width, height = frame.width - left - right, frame.height - top - bottom
    return (left, top, width, height) if width > 0 and height > 0 else (0, 0, frame.width, frame.height)
