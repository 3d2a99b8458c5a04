"""The log of a track's packets that one reading of a file makes, and decoding that ignores damage."""

from array import array
from bisect import bisect_left, bisect_right
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
    """A packet's presentation timestamp, or else its decoding timestamp, in its track's ticks."""
    return packet.pts if packet.pts is not None else packet.dts


@dataclass
class TrackLog:
    """A track's packets that have a timestamp, in decoding order; times in the track's ticks, sizes in bytes."""

    times: array[int] = field(default_factory=lambda: array("q"))
    decoding: array[int] = field(default_factory=lambda: array("q"))  # decoding timestamps
    sizes: array[int] = field(default_factory=lambda: array("q"))
    keyframes: array[int] = field(default_factory=lambda: array("q"))  # presentation timestamps of keyframes
    hidden: set[int] = field(default_factory=set)  # places of those that an edit list hides

    def note(self, time: int, packet: AnyPacket) -> None:
        if packet.is_discard:
            self.hidden.add(len(self.times))
        self.times.append(time)
        self.decoding.append(time if packet.dts is None else packet.dts)
        self.sizes.append(packet.size)
        if packet.is_keyframe:
            self.keyframes.append(time)

    @cached_property
    def keyframe_times(self) -> Sequence[int]:
        """Sorted. The container or a parser reports them, so they may be wrong."""
        return sorted(self.keyframes)

    @property
    def is_ordered(self) -> bool:
        """Whether, by their timestamps, all are shown in the order in which they are decoded."""
        return all(earlier < later for earlier, later in pairwise(self.times))

    @cached_property
    def _places(self) -> dict[int, int]:
        """Where edits meet, hidden pictures may have the times of others that are shown."""
        places = {self.times[place]: place for place in self.hidden}
        return places | {time: place for place, time in enumerate(self.times) if place not in self.hidden}

    def place(self, time: int | None) -> int | None:
        """How many packets are stored before the one with this time."""
        return None if time is None else self._places.get(time)

    def has(self, packet: AnyPacket) -> bool:
        """Whether the file has a packet of this size at this time."""
        place = self.place(time_of(packet))
        return place is not None and self.sizes[place] == packet.size


@dataclass
class SoundPackets:
    """Times and sizes of a sound's packets in storing order, in a few bytes for each: a film may have many millions."""

    times: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("i"))

    def note(self, time: int, size: int) -> None:
        self.times.append(time)
        self.sizes.append(size)

    @cached_property
    def _sorted(self) -> tuple[array[int], array[int]]:
        """Times and sizes in the order of the times."""
        if is_ascending(self.times):
            return self.times, self.sizes
        places = array("q", sorted(range(len(self.times)), key=self.times.__getitem__))
        return array("q", map(self.times.__getitem__, places)), array("i", map(self.sizes.__getitem__, places))

    def has(self, packet: AnyPacket) -> bool:
        """Whether the file has a packet of this size at this time."""
        times, sizes = self._sorted
        time = time_of(packet)
        place = -1 if time is None else bisect_right(times, time) - 1
        return place >= 0 and times[place] == time and sizes[place] == packet.size

    def time_before(self, time: int) -> int | None:
        """The time of the last packet that is heard before this time."""
        times, _ = self._sorted
        place = bisect_left(times, time)
        return times[place - 1] if place else None


def is_ascending(times: Sequence[float]) -> bool:
    return all(earlier <= later for earlier, later in pairwise(times))


def with_untold(told: Sequence[int], count: int) -> list[int]:
    """Sorted times, with `count` more spread over the gaps; those that fit nowhere are put after the last one."""
    step = (told[-1] - told[0]) / (len(told) + count - 1)
    times = list(told)
    for earlier, later in pairwise(told):
        missing = min(count, round((later - earlier) / step) - 1) if step else 0
        times += (earlier + round((later - earlier) * place / (missing + 1)) for place in range(1, missing + 1))
        count -= max(0, missing)
    times += (told[-1] + round(step * place) for place in range(1, count + 1))
    return sorted(set(times))


def pictures_of(decoder: VideoCodecContext, packet: AnyPacket) -> list[VideoFrame]:
    """The pictures decoded from a packet; none if it is damaged, because the next one may be whole."""
    try:
        return list(decoder.decode(packet))
    except av.error.FFmpegError:
        return []


def sounds_of(decoder: AudioCodecContext, packet: AnyPacket) -> list[AudioFrame]:
    """The sound decoded from a packet; none if it is damaged."""
    try:
        return list(decoder.decode(packet))
    except av.error.FFmpegError:
        return []


def tick_s(stream: Stream) -> Fraction:
    """The length of a tick of the stream's clock."""
    return Fraction(stream.time_base.num, stream.time_base.den)
