"""What the packets of a film's sound tell, one after the other: hls.core.probing reads them."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from hls.core.probe import AudioTrack

FRAMES_LOOKED_AT = 12
FRAMES_LOOKED_AT_AGAIN = 2  # some decoders tell of a change with the frame after it
LOOK_AGAIN_S = 5  # a chunk is longer: the sound that it has alone is seen
PACKETS_DECODED = 2000  # at most, without a frame
JITTER_S = Fraction(3, 1000)
STRAY_GAP_S = 60  # sound that far from all other,
STRAY_PACKETS = 5  # and no more than this, is a damaged timestamp
USUALLY_AHEAD_S = 0.5  # tracks aren't interleaved exactly

type AnyPacket = Packet[Any]


def decoded(packet: AnyPacket) -> list[object]:
    """The frames that a packet completes."""
    try:
        return list(packet.decode())
    except av.error.FFmpegError:  # damaged: the next one may be whole
        return []


@dataclass
class SoundLog:
    """Of one track. Frames are decoded at its beginning, and again every few seconds."""

    time_base: Fraction
    pts: array[int] = field(default_factory=lambda: array("q"))
    durations: array[int] = field(default_factory=lambda: array("q"))
    frames: list[AudioFrame] = field(default_factory=list)  # the first ones
    kinds: set[tuple[str, int]] = field(default_factory=set)  # layouts and rates
    ahead_s: float = 0.0  # how far what is stored before a key frame is ahead of it, at most
    packets_decoded: int = 0
    frames_seen: int = 0
    look_again_pts: int = 0

    def note(self, packet: AnyPacket) -> None:
        is_beginning = len(self.frames) < FRAMES_LOOKED_AT
        is_due = is_beginning or (packet.pts is not None and packet.pts >= self.look_again_pts)
        if is_due and self.packets_decoded < PACKETS_DECODED:
            self.packets_decoded += 1
            found = [frame for frame in decoded(packet) if isinstance(frame, AudioFrame)]
            self.frames += found if is_beginning else []
            self._note_kinds(packet.pts, found)
        if packet.pts is not None and packet.size and not packet.is_discard:
            self.pts.append(packet.pts)
            self.durations.append(packet.duration or 0)

    def _note_kinds(self, pts: int | None, found: Iterable[AudioFrame]) -> None:
        seen = [(frame.layout.name, frame.sample_rate) for frame in found]
        self.kinds.update(seen)
        self.frames_seen += len(seen)
        if pts is not None and len(self.frames) >= FRAMES_LOOKED_AT and self.frames_seen >= FRAMES_LOOKED_AT_AGAIN:
            self.look_again_pts = pts + round(LOOK_AGAIN_S / self.time_base)
            self.packets_decoded = self.frames_seen = 0

    def note_keyframe(self, at_s: float) -> None:
        """Who begins to read at this picture misses the sound that is stored before it, whatever its time."""
        if self.pts:
            self.ahead_s = max(self.ahead_s, min(self.pts[-STRAY_PACKETS - 1 :]) * float(self.time_base) - at_s)

    def track(self, audio: AudioStream, *, is_interleaved: bool) -> AudioTrack | None:
        """None where nothing can be heard. Tracks that aren't interleaved are each read from their own place."""
        if not self.pts or not self.frames:
            return None
        first, end = self._heard()
        start_s = min(self.pts) * self.time_base
        return AudioTrack(
            index=audio.index,
            codec=audio.codec_context.name,
            channels=self.frames[-1].layout.nb_channels,
            sample_rate=self.frames[-1].sample_rate,
            start_s=start_s,
            frame_samples=self._regular_samples(start_s),
            heard_s=first * self.time_base,
            end_s=end * self.time_base,
            layout=tuple(channel.name for channel in self.frames[-1].layout.channels),
            is_changing=len(self.kinds) > 1,
            ahead_s=self.ahead_s if is_interleaved and self.ahead_s > USUALLY_AHEAD_S else 0.0,
        )

    def _heard(self) -> tuple[int, int]:
        """When the first sample is heard, and when the last packet ends; strays far from all others don't count."""
        times, gap = sorted(self.pts), STRAY_GAP_S / self.time_base
        gaps = (place for place in range(1, len(times)) if times[place] - times[place - 1] > gap)
        parts = [times[begin:end] for begin, end in pairwise([0, *gaps, len(times)])]
        believed = [part for part in parts if len(part) > STRAY_PACKETS] or [max(parts, key=len)]
        first, last = believed[0][0], believed[-1][-1]
        shown = self.frames[0].pts  # a decoder takes off what is there for its own run-up
        return first if shown is None else max(first, shown), last + self.durations[self.pts.index(last)]

    def _regular_samples(self, start_s: Fraction) -> int:
        """The samples of each packet where all have as many, and every timestamp is where counting puts it; else 0."""
        whole = self.frames[1:] or self.frames  # the first one may have lost samples to an edit list
        samples, sample_rate = whole[0].samples, whole[0].sample_rate
        if any((frame.samples, frame.sample_rate) != (samples, sample_rate) for frame in whole):
            return 0
        step, slack = float(samples / sample_rate / self.time_base), float(JITTER_S / self.time_base)
        first = float(start_s / self.time_base)
        offsets = (pts - first for pts in self.pts)
        is_regular = all(abs(offset - round(offset / step) * step) <= slack for offset in offsets)
        return samples if is_regular and slack * 3 < step else 0
