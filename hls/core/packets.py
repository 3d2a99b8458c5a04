"""What reading a file once tells about a track's packets."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

type AnyPacket = Packet[Any]


def time_of(packet: AnyPacket) -> int | None:
    """When it is shown or heard, in its track's ticks, or else when it is decoded."""
    return packet.pts if packet.pts is not None else packet.dts


@dataclass
class TrackLog:
    """A track's packets that have a time, in decoding order; times in the track's ticks, sizes in bytes."""

    times: array[int] = field(default_factory=lambda: array("q"))
    decoding: array[int] = field(default_factory=lambda: array("q"))  # when each is decoded
    sizes: array[int] = field(default_factory=lambda: array("q"))
    keyframes: array[int] = field(default_factory=lambda: array("q"))  # their times

    def note(self, time: int, packet: AnyPacket) -> None:
        self.times.append(time)
        self.decoding.append(time if packet.dts is None else packet.dts)
        self.sizes.append(packet.size)
        if packet.is_keyframe:
            self.keyframes.append(time)

    @cached_property
    def keyframe_times(self) -> Sequence[int]:
        """Sorted. As the container or a parser has them: not to be believed."""
        return sorted(self.keyframes)

    @property
    def is_ordered(self) -> bool:
        """Whether all are shown in the order in which they are decoded, as far as their times tell."""
        return all(earlier < later for earlier, later in pairwise(self.times))

    @cached_property
    def _places(self) -> dict[int, int]:
        return {time: place for place, time in enumerate(self.times)}

    def place(self, time: int | None) -> int | None:
        """How many packets stand before the one of this time."""
        return None if time is None else self._places.get(time)

    def has(self, packet: AnyPacket) -> bool:
        """Whether it stands in the file at the time that it says."""
        place = self.place(time_of(packet))
        return place is not None and self.sizes[place] == packet.size


def pictures_of(decoder: VideoCodecContext, packet: AnyPacket) -> list[VideoFrame]:
    """What is decoded of a packet; nothing where it is damaged: the next one may be whole."""
    try:
        return list(decoder.decode(packet))
    except av.error.FFmpegError:
        return []


def sounds_of(decoder: AudioCodecContext, packet: AnyPacket) -> list[AudioFrame]:
    """The same for sound."""
    try:
        return list(decoder.decode(packet))
    except av.error.FFmpegError:
        return []


def tick_s(stream: Stream) -> Fraction:
    """How long a tick of its clock is."""
    return Fraction(stream.time_base.num, stream.time_base.den)
