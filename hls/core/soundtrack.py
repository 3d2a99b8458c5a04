"""Follows the packets of the sound track while they are read: its formats, and when it is heard."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from hls.core.packets import AnyPacket, sounds_of

FRAMES_LOOKED_AT = 12
FRAMES_LOOKED_AT_AGAIN = 2  # some decoders report a change one frame late
LOOK_AGAIN_S = 5  # chunks are longer, so each chunk's sound is looked at
PACKETS_DECODED = 2000  # at most, without a frame
STRAY_GAP_S = 60  # sound that is this far from all other sound
STRAY_PACKETS = 5  # and has no more packets than this is a damaged timestamp


@dataclass
class SoundLog:
    """The sound's formats and times. Frames are decoded at the beginning and then every few seconds."""

    tick_s: Fraction = Fraction(1)
    durations: array[int] = field(default_factory=lambda: array("q"))
    frames: list[AudioFrame] = field(default_factory=list)  # the first ones
    kinds: set[tuple[str, int]] = field(default_factory=set)  # channel layouts and sample rates
    packets_decoded: int = 0
    frames_seen: int = 0
    next_look: int | None = None

    def look(self, packet: AnyPacket, decoder: AudioCodecContext) -> None:
        is_beginning = len(self.frames) < FRAMES_LOOKED_AT
        if not (is_beginning or self._is_due(packet.pts)) or self.packets_decoded >= PACKETS_DECODED:
            return
        self.packets_decoded += 1
        found = sounds_of(decoder, packet)
        self.frames += found if is_beginning else []
        self.kinds.update((frame.layout.name, frame.sample_rate) for frame in found)
        self.frames_seen += len(found)
        is_seen = len(self.frames) >= FRAMES_LOOKED_AT and self.frames_seen >= FRAMES_LOOKED_AT_AGAIN
        if is_seen and packet.pts is not None:
            self.next_look = packet.pts + round(LOOK_AGAIN_S / self.tick_s)
            self.packets_decoded = self.frames_seen = 0

    def _is_due(self, time: int | None) -> bool:
        """Whether to decode again: some seconds later, or when the clock has started anew."""
        if time is None or self.next_look is None:
            return time is not None
        return time >= self.next_look or time < self.next_look - round(2 * LOOK_AGAIN_S / self.tick_s)

    def span_s(self, heard: Sequence[int]) -> tuple[Fraction, Fraction]:
        """When the first sample is heard, and when the last packet ends; stray packets far from all others don't count.

        `heard` has the times of all packets, in storing order.
        """
        times, gap = sorted(heard), STRAY_GAP_S / self.tick_s
        gaps = (place for place in range(1, len(times)) if times[place] - times[place - 1] > gap)
        parts = [times[begin:end] for begin, end in pairwise([0, *gaps, len(times)])]
        believed = [part for part in parts if len(part) > STRAY_PACKETS] or [max(parts, key=len)]
        first, last = believed[0][0], believed[-1][-1]
        shown = self.frames[0].pts  # the decoder drops priming samples
        end = last + self.durations[list(heard).index(last)]
        return (first if shown is None else max(first, shown)) * self.tick_s, end * self.tick_s
