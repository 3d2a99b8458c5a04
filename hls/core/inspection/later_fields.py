"""Looks for interlaced pictures behind a progressive beginning: a programme that follows another, say.

Key pictures are decoded for that, further and further apart; each stands for all pictures up to the next one
looked at. Only tracks that allow both kinds are looked into: others needn't be decoded, and are not made slower.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from hls.core.formats.sps import SPS, kind, sequence_parameters
from hls.core.inspection.copying import PacketLog
from hls.core.inspection.display import key_picture
from hls.core.inspection.headers import LOOKED_AT, size_header
from hls.core.inspection.packets import AnyPacket, pictures_of

LEAST_APART, MOST_APART = 12, 250  # pictures: half a second to ten, mostly
FRAMES_COMPARED = 12
PICTURE_CODING = b"\x00\x00\x01\xb5"  # an extension start code; the next four bits say of which kind (13818-2, 6.2.3.1)
PICTURE_CODING_KIND = 8


@dataclass
class LaterFields:
    """`frames` are consecutive ones from the first interlaced key picture on that is found."""

    begin: Sequence[VideoFrame]  # the track's first frames
    frames: list[VideoFrame] = field(default_factory=list)
    count: int = 0  # of pictures
    interlaced_count: int = 0
    next_look: int = LEAST_APART
    is_interlaced: bool = False  # where it was looked last
    decoder: VideoCodecContext | None = None

    @property
    def are_most(self) -> bool:
        return self.interlaced_count * 2 > self.count

    def note(self, packet: AnyPacket, codec: VideoCodecContext, bring: Callable[[AnyPacket], None]) -> None:
        """Look at a picture's packet, if its turn has come. `bring` makes sure of its contents."""
        if packet.is_keyframe and self.count >= self.next_look and not is_mostly_interlaced(self.begin):
            self.next_look = self.count + min(max(self.count // 4, LEAST_APART), MOST_APART)
            self._look(packet, codec, bring)
        if self.decoder and len(self.frames) < FRAMES_COMPARED:
            bring(packet)
            self.frames += pictures_of(self.decoder, packet)
            if len(self.frames) >= FRAMES_COMPARED and not is_mostly_interlaced(self.frames):
                self._forget()
        self.count += 1
        self.interlaced_count += self.is_interlaced

    def _look(self, packet: AnyPacket, codec: VideoCodecContext, bring: Callable[[AnyPacket], None]) -> None:
        self.is_interlaced = False
        if not may_be_interlaced(codec.name, codec.extradata or b"", bytes(memoryview(packet)[:LOOKED_AT])):
            return
        bring(packet)
        found = key_picture(codec, packet)
        self.is_interlaced = found is not None and found[0].interlaced_frame
        if self.is_interlaced and not self.decoder:
            self.decoder = cast(VideoCodecContext, VideoCodecContext.create(codec.name, "r"))
            self.decoder.extradata = codec.extradata
            self.decoder.thread_count = 1

    def _forget(self) -> None:
        """A key picture was flagged by mistake: libav can't tell of the first one whether film is stored at 30 fps."""
        self.frames.clear()
        self.decoder, self.is_interlaced, self.interlaced_count = None, False, 0


def is_mostly_interlaced(frames: Sequence[VideoFrame]) -> bool:
    return sum(frame.interlaced_frame for frame in frames) * 2 > len(frames)


def may_be_interlaced(codec: str, extradata: bytes, key_frame: bytes) -> bool:
    """Whether a keyframe may be interlaced, by the headers at its beginning; False for codecs not known here."""
    if codec == "h264":
        sets = (*PacketLog(extradata).parameter_sets, size_header(codec, extradata, key_frame))
        return any(_allows_fields(unit) for unit in sets if unit)
    return codec == "mpeg2video" and _is_stored_as_fields(key_frame)


def _allows_fields(unit: bytes) -> bool:
    try:
        return kind(unit) == SPS and sequence_parameters(unit).is_interlaced
    except (ValueError, IndexError):
        return False


def _is_stored_as_fields(key_frame: bytes) -> bool:
    """Whether progressive_frame is not set, by MPEG-2's picture coding extension."""
    for extension in key_frame.split(PICTURE_CODING)[1:]:
        if len(extension) > 4 and extension[0] >> 4 == PICTURE_CODING_KIND:
            return not extension[4] & 0x80
    return False
