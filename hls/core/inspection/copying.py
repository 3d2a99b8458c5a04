"""Whether a source's own H.264 can be the top rendition: then its packets are copied instead of encoded.

It can if it plays wherever a rendition of our own does: High, Main or Constrained Baseline profile, 8-bit 4:2:0,
progressive, square pixels, BT.709, every frame on the frame grid, closed GOPs, and an IDR picture at least every 8
seconds, where a segment can begin.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil

from hls.core.bandwidth import Piece, peak_bps
from hls.core.formats.sps import IDR, PPS, SPS, SequenceParameters, kind, nal_units, sequence_parameters
from hls.core.probe import Copyable, Obstacle, VideoTrack
from hls.core.timeline import MAX_RATE, MIN_RATE, SEGMENT_S, rounded_s, segment_starts

BASELINE, MAIN, HIGH = 66, 77, 100
IS_ALSO_MAIN = 0x40  # constraint_set1_flag, which makes Baseline Constrained Baseline (ITU-T H.264, A.2.1.1)
MAX_LEVEL = 42  # 1080p at 60 frames a second
AVCC_VERSION = 1  # the first byte of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)
LENGTH_SIZE_MASK = 0x03
SDR = frozenset({"bt709", "unknown"})
SDR_TRANSFERS = SDR | {"iec61966-2-1", "iec61966-2-4", "bt2020-10", "bt2020-12"}  # players show them like BT.709's


@dataclass
class PacketLog:
    """What the packets of an H.264 track tell, in decoding order.

    With an AVCDecoderConfigurationRecord as `extradata` (MP4, Matroska, Flash) each NAL unit has its length before it,
    and the record has the parameter sets. Else it is a byte stream (Annex B; MPEG-TS), with the parameter sets before
    each IDR picture; libav repeats them as `extradata`.
    """

    extradata: bytes
    pts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    keyframes: array[int] = field(default_factory=lambda: array("q"))  # packet numbers in decoding order
    obstacle: Obstacle | None = None  # that was found so far

    def __post_init__(self) -> None:
        if not self.parameter_sets:
            self.obstacle = Obstacle.SETS

    @property
    def has_lengths(self) -> bool:
        return self.extradata[:1] == bytes([AVCC_VERSION])

    @cached_property
    def parameter_sets(self) -> frozenset[bytes]:
        """Every SPS and PPS that the container has."""
        if not self.has_lengths:
            return _sets(nal_units(self.extradata))
        if len(self.extradata) <= 8:
            return frozenset()
        units = avcc_units(self.extradata[6:], 2)
        count = self.extradata[5] & 0x1F
        after = 7 + sum(2 + len(unit) for unit in units[:count])
        return _sets([*units[:count], *avcc_units(self.extradata[after:], 2)])

    @property
    def is_usable(self) -> bool:
        return self.obstacle is None

    def note(self, pts: int, size: int, key_data: bytes | None) -> None:
        """`key_data` has the bytes of a keyframe; None for any other packet."""
        if key_data is not None:
            self.keyframes.append(len(self.pts))
            self._note_units(self._units(key_data))
        self.pts.append(pts)
        self.sizes.append(size)

    @property
    def length_size(self) -> int:
        """How many bytes the length before a NAL unit has, if units have lengths."""
        return (self.extradata[4] & LENGTH_SIZE_MASK) + 1

    def _units(self, data: bytes) -> list[bytes]:
        return avcc_units(data, self.length_size) if self.has_lengths else [*nal_units(data)]

    def _note_units(self, units: Sequence[bytes]) -> None:
        sets = _sets(units)
        if not sets <= self.parameter_sets or not (self.has_lengths or sets == self.parameter_sets):
            self.obstacle = Obstacle.SETS
        elif not any(kind(unit) == IDR for unit in units):
            self.obstacle = Obstacle.OPEN

    def forget(self) -> None:
        """Rule the track out: a packet has no place on the frame grid."""
        self.obstacle = Obstacle.PACKETS


def _sets(units: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(unit for unit in units if kind(unit) in (SPS, PPS))


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


def judged(track: VideoTrack, log: PacketLog | None, time_base: Fraction) -> VideoTrack:
    """The track with how to cut it, if it can be copied, or else with the reason why it has to be encoded.

    `log` is None for any other codec than H.264, and for several recordings in one file.
    """
    return marked(track, Obstacle.CODEC if log is None else _cut(track, log, time_base))


def marked(track: VideoTrack, found: Copyable | Obstacle) -> VideoTrack:
    if isinstance(found, Obstacle):
        return replace(track, copyable=None, obstacle=found)
    return replace(track, copyable=found, obstacle="")


def _cut(track: VideoTrack, log: PacketLog, time_base: Fraction) -> Copyable | Obstacle:
    if log.obstacle or not log.keyframes:
        return log.obstacle or Obstacle.OPEN
    if obstacle := _obstacle(track, _parameters(log.parameter_sets)):
        return obstacle
    shown = _frames(log.pts, track.rate, time_base)
    if shown is None or track.frame_count != len(shown):
        return Obstacle.TIMES
    if log.keyframes[0] or [shown[place] for place in log.keyframes] != list(log.keyframes):
        return Obstacle.OPEN
    delay_frames = max(place - frame for place, frame in enumerate(shown))
    return cut(log.keyframes, log.sizes, track.rate, delay_frames=delay_frames)


def cut(idr_frames: Sequence[int], sizes: Sequence[int], rate: Fraction, *, delay_frames: int) -> Copyable | Obstacle:
    """How to cut packets of these sizes, in decoding order, if IDR pictures are at these frames."""
    starts = segment_starts(idr_frames, len(sizes), rate)
    if starts is None:
        return Obstacle.FAR_APART
    return Copyable(segment_starts=starts, delay_frames=delay_frames, peak_kbps=_peak_kbps(sizes, starts, rate))


def _obstacle(track: VideoTrack, parameters: SequenceParameters | None) -> Obstacle | None:
    """What some player can't show as it is; None for pictures that every player can show."""
    if parameters is None or not _is_usual(parameters):
        return Obstacle.KIND
    if (parameters.width, parameters.height) != (track.width, track.height) or track.rotation or track.is_mirrored:
        return Obstacle.SHAPE
    if track.is_variable_rate or not MIN_RATE <= track.rate <= MAX_RATE:
        return Obstacle.TIMES
    if track.is_interlaced or track.pixel_format != "yuv420p":
        return Obstacle.KIND
    if track.is_full_range or not {track.primaries, track.matrix} <= SDR or track.transfer not in SDR_TRANSFERS:
        return Obstacle.COLOURS
    return Obstacle.SHAPE if track.crop or track.shapes else None


def _is_usual(parameters: SequenceParameters) -> bool:
    is_constrained = parameters.profile == BASELINE and bool(parameters.constraints & IS_ALSO_MAIN)
    is_known = parameters.profile in (MAIN, HIGH) or is_constrained
    return is_known and parameters.level <= MAX_LEVEL and not parameters.is_interlaced


def _parameters(sets: Iterable[bytes]) -> SequenceParameters | None:
    """The track's SPS, if it has only one, of a kind that this program also makes; else None."""
    found = [unit for unit in sets if kind(unit) == SPS]
    try:
        return sequence_parameters(found[0]) if len(found) == 1 else None
    except (ValueError, IndexError):
        return None


def _frames(timestamps: Sequence[int], rate: Fraction, time_base: Fraction) -> list[int] | None:
    """The frame number of each packet, if the packets show every frame from first to last exactly once; else None."""
    first = min(timestamps)
    per_tick = float(rate * time_base)
    frames = [round((pts - first) * per_tick) for pts in timestamps]
    return frames if sorted(frames) == list(range(len(frames))) else None


def _peak_kbps(sizes: Sequence[int], starts: Sequence[int], rate: Fraction) -> int:
    bounds = pairwise([*starts, len(sizes)])
    pieces = [Piece(sum(sizes[begin:end]), (end - begin) / rate) for begin, end in bounds]
    target_s = max(SEGMENT_S, *(rounded_s(piece.duration_s) for piece in pieces))
    return ceil(peak_bps(pieces, target_s) / 1000)
