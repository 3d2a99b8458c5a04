"""Whether a source's own H.264 can be the top rendition: then its packets are copied instead of encoded.

It can if it is like a rendition of our own: High profile, 8-bit 4:2:0, progressive, square pixels, BT.709, every frame
on the frame grid, closed GOPs of at most 2 seconds, and an IDR picture wherever a segment has to begin.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil

from hls.core.bandwidth import Piece, peak_bps
from hls.core.probe import Copyable, VideoTrack
from hls.core.sps import IDR, PPS, SPS, SequenceParameters, kind, sequence_parameters
from hls.core.timeline import MAX_RATE, MIN_RATE, SEGMENT_S, gop_frames, segment_starts

HIGH = 100
MAX_LEVEL = 42  # 1080p at 60 frames a second
AVCC_VERSION = 1  # the first byte of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)
LENGTH_SIZE_MASK = 0x03
SDR = frozenset({"bt709", "unknown"})
SDR_TRANSFERS = SDR | {"iec61966-2-1", "iec61966-2-4", "bt2020-10", "bt2020-12"}  # players show them like BT.709's


@dataclass
class PacketLog:
    """What the packets of an H.264 track in avcC format tell, in decoding order."""

    avcc: bytes
    pts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    keyframes: array[int] = field(default_factory=lambda: array("q"))  # packet numbers in decoding order
    is_closed: bool = True  # so far, every keyframe is an IDR picture, and there is one set of parameters

    @cached_property
    def parameter_sets(self) -> frozenset[bytes]:
        """Every SPS and PPS that the container has."""
        units = avcc_units(self.avcc[6:], 2)
        count = self.avcc[5] & 0x1F
        after = 7 + sum(2 + len(unit) for unit in units[:count])
        return frozenset([*units[:count], *avcc_units(self.avcc[after:], 2)])

    @property
    def is_usable(self) -> bool:
        return self.is_closed and len(self.avcc) > 8 and self.avcc[0] == AVCC_VERSION

    def note(self, pts: int, size: int, key_data: bytes | None) -> None:
        """`key_data` has the bytes of a keyframe; None for any other packet."""
        if key_data is not None:
            self.keyframes.append(len(self.pts))
            units = avcc_units(key_data, (self.avcc[4] & LENGTH_SIZE_MASK) + 1)
            is_alike = self.parameter_sets.issuperset(unit for unit in units if kind(unit) in (SPS, PPS))
            self.is_closed = self.is_closed and is_alike and any(kind(unit) == IDR for unit in units)
        self.pts.append(pts)
        self.sizes.append(size)

    def forget(self) -> None:
        """Rule the track out: a packet has no place on the frame grid."""
        self.is_closed = False


def avcc_units(data: bytes, length_size: int) -> list[bytes]:
    """NAL units that are preceded by their length (ISO/IEC 14496-15, 5.3.2), without one that is cut off."""
    units = []
    at = 0
    while at + length_size < len(data):
        size = int.from_bytes(data[at : at + length_size])
        at += length_size
        if size:
            units.append(data[at : at + size])
        at += size
    return units


def copyable(track: VideoTrack, log: PacketLog, time_base: Fraction) -> Copyable | None:
    """How to cut a track that can be copied; None for one that has to be encoded."""
    if not log.is_usable or not log.keyframes or not _is_plain(track, _parameters(log.avcc)):
        return None
    shown = _frames(log.pts, track.rate, time_base)
    if shown is None or track.frame_count != len(shown):
        return None
    if [shown[place] for place in log.keyframes] != list(log.keyframes):
        return None
    delay_frames = max(place - frame for place, frame in enumerate(shown))
    return cut(log.keyframes, log.sizes, track.rate, delay_frames=delay_frames)


def cut(idr_frames: Sequence[int], sizes: Sequence[int], rate: Fraction, *, delay_frames: int) -> Copyable | None:
    """How to cut packets of these sizes, in decoding order, if IDR pictures are at these frames; None if impossible."""
    if not _is_closely_spaced(idr_frames, len(sizes), rate):
        return None
    starts = segment_starts(idr_frames, len(sizes), rate)
    if starts is None:
        return None
    return Copyable(segment_starts=starts, delay_frames=delay_frames, peak_kbps=_peak_kbps(sizes, starts, rate))


def _is_plain(track: VideoTrack, parameters: SequenceParameters | None) -> bool:
    """Whether every player can show the pictures as they are."""
    return (
        parameters is not None
        and (parameters.profile, parameters.is_interlaced) == (HIGH, False)
        and parameters.level <= MAX_LEVEL
        and (parameters.width, parameters.height) == (track.width, track.height)
        and track.rotation == 0
        and MIN_RATE <= track.rate <= MAX_RATE
        and not (track.is_variable_rate or track.is_interlaced or track.is_full_range)
        and track.pixel_format == "yuv420p"
        and {track.primaries, track.matrix} <= SDR
        and track.transfer in SDR_TRANSFERS
        and not (track.crop or track.shapes)
    )


def _parameters(avcc: bytes) -> SequenceParameters | None:
    """The track's SPS, if it has only one, of the kind that this program also makes; else None."""
    if avcc[5] & 0x1F != 1:
        return None
    try:
        return sequence_parameters(avcc[8 : 8 + int.from_bytes(avcc[6:8])])
    except (ValueError, IndexError):
        return None


def _frames(timestamps: Sequence[int], rate: Fraction, time_base: Fraction) -> list[int] | None:
    """The frame number of each packet, if the packets show every frame from first to last exactly once; else None."""
    first = min(timestamps)
    per_tick = float(rate * time_base)
    frames = [round((pts - first) * per_tick) for pts in timestamps]
    return frames if sorted(frames) == list(range(len(frames))) else None


def _is_closely_spaced(idr_frames: Sequence[int], frame_count: int, rate: Fraction) -> bool:
    ends = [*idr_frames[1:], frame_count]
    return all(end - begin <= gop_frames(rate) for begin, end in zip(idr_frames, ends, strict=True))


def _peak_kbps(sizes: Sequence[int], starts: Sequence[int], rate: Fraction) -> int:
    bounds = pairwise([*starts, len(sizes)])
    pieces = [Piece(sum(sizes[begin:end]), (end - begin) / rate) for begin, end in bounds]
    return ceil(peak_bps(pieces, SEGMENT_S) / 1000)
