"""Follows the packets of one sound track while they are read: its formats, and when it is heard."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Self

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.stream import Disposition

from hls.core.inspection.headers import described_anew
from hls.core.inspection.joins import Parts, Times
from hls.core.inspection.packets import AnyPacket, SoundPackets, is_ascending, sounds_of, tick_s
from hls.core.inspection.skimming import LOOK_AGAIN_S, Content
from hls.core.probe import AudioTrack

FRAMES_LOOKED_AT = 12
FRAMES_LOOKED_AT_AGAIN = 2  # some decoders report a change one frame late
PACKETS_DECODED = 2000  # at most, without a frame
STRAY_GAP_S = 60  # sound that is this far from all other sound
STRAY_PACKETS = 5  # and has no more packets than this is a damaged timestamp
JITTER_S = Fraction(3, 1000)


@dataclass
class SoundLog:
    """A sound's packets, formats and times. Frames are decoded at the beginning and then every few seconds."""

    stream: AudioStream
    heard: Times  # of the packets, in storing order, except those that an edit list hides
    packets: SoundPackets = field(default_factory=SoundPackets)
    durations: array[int] = field(default_factory=lambda: array("q"))
    frames: list[AudioFrame] = field(default_factory=list)  # the first ones
    kinds: set[tuple[str, int]] = field(default_factory=set)  # channel layouts and sample rates
    packets_decoded: int = 0
    frames_seen: int = 0
    next_look: int | None = None
    look_again: int = 0  # LOOK_AGAIN_S in ticks
    anew_s: Fraction | None = None  # when the container first describes it anew

    @classmethod
    def of(cls, stream: AudioStream) -> Self:
        return cls(stream, Times(tick_s(stream)), look_again=round(LOOK_AGAIN_S / tick_s(stream)))

    @property
    def tick_s(self) -> Fraction:
        return self.heard.tick_s

    @property
    def is_heard(self) -> bool:
        return bool(self.heard.times and self.frames)

    def note(self, packet: AnyPacket, parts: Parts, content: Content) -> None:
        """Raises TranscodeError(UNSUPPORTED) where another recording begins in a container that can't have several."""
        if self.frames and described_anew(packet, self.stream.codec_context.extradata):
            self._begin_anew(packet)
        self._look(packet, content)
        if packet.pts is None or not packet.size:
            return
        for _ in range(parts.enters(packet)):
            self.heard.begins.append(len(self.heard.times))
        self.packets.note(packet.pts, packet.size)
        if not packet.is_discard:
            self.heard.times.append(packet.pts)
            self.durations.append(packet.duration or 0)

    def _begin_anew(self, packet: AnyPacket) -> None:
        """Decode this packet in any case: the description is with it alone."""
        self.next_look, self.packets_decoded, self.frames_seen = packet.pts or 0, 0, 0
        if self.anew_s is None:
            self.anew_s = self.next_look * self.tick_s

    def _look(self, packet: AnyPacket, content: Content) -> None:
        is_beginning = len(self.frames) < FRAMES_LOOKED_AT
        if not (is_beginning or self._is_due(packet.pts)) or self.packets_decoded >= PACKETS_DECODED:
            return
        self.packets_decoded += 1
        content.whole(packet)
        found = sounds_of(self.stream.codec_context, packet)
        self.frames += found if is_beginning else []
        self.kinds.update((frame.layout.name, frame.sample_rate) for frame in found)
        self.frames_seen += len(found)
        is_seen = len(self.frames) >= FRAMES_LOOKED_AT and self.frames_seen >= FRAMES_LOOKED_AT_AGAIN
        if is_seen and packet.pts is not None:
            self.next_look = packet.pts + self.look_again
            self.packets_decoded = self.frames_seen = 0

    def _is_due(self, time: int | None) -> bool:
        """Whether to decode again: some seconds later, or when the clock has started anew."""
        if time is None or self.next_look is None:
            return time is not None
        return time >= self.next_look or time < self.next_look - 2 * self.look_again

    def track(self) -> AudioTrack | None:
        """What is known of the sound; None if nothing of it can be decoded."""
        if not self.is_heard:
            return None
        start_s, last = min(self.heard.times) * self.tick_s, self.frames[-1]
        heard_s, end_s = self._span_s()
        return AudioTrack(
            index=self.stream.index,
            codec=self.stream.codec_context.codec.canonical_name,
            channels=last.layout.nb_channels,
            sample_rate=last.sample_rate,
            start_s=start_s,
            frame_samples=self._regular_samples(start_s),
            heard_s=heard_s,
            end_s=end_s,
            layout=tuple(channel.name for channel in last.layout.channels),
            is_changing=len(self.kinds) > 1,
        )

    def _span_s(self) -> tuple[Fraction, Fraction]:
        """When the first sample is heard, and when the last packet ends.

        Stray packets far from all others don't count.
        """
        heard, gap = self.heard.times, floor(STRAY_GAP_S / self.tick_s)
        times = heard if is_ascending(heard) else array("q", sorted(heard))
        gaps = (place for place in range(1, len(times)) if times[place] - times[place - 1] > gap)
        parts = [times[begin:end] for begin, end in pairwise([0, *gaps, len(times)])]
        believed = [part for part in parts if len(part) > STRAY_PACKETS] or [max(parts, key=len)]
        first, last = believed[0][0], believed[-1][-1]
        shown = self.frames[0].pts  # the decoder drops priming samples
        end = last + self.durations[heard.index(last)]
        return (first if shown is None else max(first, shown)) * self.tick_s, end * self.tick_s

    def _regular_samples(self, start_s: Fraction) -> int:
        """The number of samples in each packet; 0 unless it is the same for all and every timestamp agrees with it."""
        whole = self.frames[1:] or self.frames  # the first one may have lost samples to an edit list
        samples, sample_rate = whole[0].samples, whole[0].sample_rate
        if any((frame.samples, frame.sample_rate) != (samples, sample_rate) for frame in whole):
            return 0
        step, slack = float(samples / sample_rate / self.tick_s), float(JITTER_S / self.tick_s)
        first = float(start_s / self.tick_s)
        offsets = (pts - first for pts in self.heard.times)
        is_regular = all(abs(offset - round(offset / step) * step) <= slack for offset in offsets)
        return samples if is_regular and slack * 3 < step else 0


def default_sound(sounds: Sequence[SoundLog]) -> SoundLog | None:
    """The sound that is heard unless another is chosen: the first default one, or else the first one."""
    usable = [sound for sound in sounds if sound.is_heard] or sounds
    marked = (sound for sound in usable if sound.stream.disposition & Disposition.default)
    return next(marked, usable[0] if usable else None)
