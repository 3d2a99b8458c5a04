"""Finds recordings that were joined into one file, each with its own clock, and puts their times on one clock."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from math import floor
from statistics import median_low

import av
from av.stream import Stream

from hls.core.errors import Code, TranscodeError
from hls.core.inspection.packets import AnyPacket
from hls.core.probe import EXACT_FORMAT, Join

BACK_S = 2  # a clock that goes back by more has started anew
AHEAD_S = 10  # a clock that jumps ahead by more, in sound and picture alike, is new; FFmpeg's dts_delta_threshold
DISCONTINUOUS = frozenset({"mpegts", "mpeg"})  # formats that may be cut and joined (FFmpeg's AVFMT_TS_DISCONT)
WITHOUT_DECODING_TIMES = frozenset({"matroska"})  # libav's guesses are wrong where a clock starts anew
SOUND_ALONE_S = Fraction(1, 4)  # a smaller difference between the ends of a recording's sound and picture is ignored
INTERVALS_MEASURED = 100


@dataclass
class Times:
    """A track's times in its own ticks; `begins` has the number of times before each further recording."""

    tick_s: Fraction
    times: array[int] = field(default_factory=lambda: array("q"))
    begins: list[int] = field(default_factory=list)

    def parts(self) -> list[array[int]]:
        bounds = [0, *self.begins, len(self.times)]
        return [self.times[begin:end] for begin, end in pairwise(bounds)]


class Parts:
    """Follows the packets of a file in reading order, and notices where another recording begins."""

    def __init__(self, demuxer: str, ticks_s: dict[int, Fraction], video: int, begins: Sequence[int] = ()) -> None:
        self.is_discontinuous = demuxer in DISCONTINUOUS
        self.is_untold = demuxer in WITHOUT_DECODING_TIMES
        self.ticks_s = ticks_s
        self.video = video
        self.bytes = list(begins)  # where the second, third… recording begins
        self.part = dict.fromkeys(ticks_s, 0)
        self.latest: dict[int, int] = {}  # in each track's ticks: fractions would take most of the time of reading
        self.back = {track: floor(BACK_S / tick_s) for track, tick_s in ticks_s.items()}
        self.ahead = {track: floor(AHEAD_S / tick_s) for track, tick_s in ticks_s.items()}

    def enters(self, packet: AnyPacket) -> int:
        """How many recordings begin with this packet in its track: more than one if the track is missing in some.

        Raises TranscodeError(UNSUPPORTED).
        """
        track, at = packet.stream_index, packet.dts
        if at is None or packet.is_discard:  # all edits of an MP4 are on one clock; what they hide goes back
            return 0
        begin = packet.pts if self.is_untold and packet.is_keyframe and packet.pts is not None else at
        passed = self._pass_begun(track, packet.pos)
        is_new = not passed and self._is_elsewhere(track, begin) and self._may_begin(track)
        if is_new:
            self._begin(track, packet.pos)
        self.latest[track] = begin if passed or is_new else max(at, self.latest.get(track, at))
        return passed + is_new

    def _pass_begun(self, track: int, byte: int | None) -> int:
        """Whatever its clock says, a packet that is stored after a recording's beginning belongs to that recording."""
        before = self.part[track]
        while byte is not None and self.part[track] < len(self.bytes) and byte >= self.bytes[self.part[track]]:
            self.part[track] += 1
        return self.part[track] - before

    def _is_elsewhere(self, track: int, at: int) -> bool:
        before = self.latest.get(track)
        if before is None:
            return False
        if before - at > self.back[track]:
            return True
        if at - before <= self.ahead[track] or not self.is_discontinuous or len(self.latest) == 1:
            return False
        others = (other for other in self.latest if self.part[other] == self.part[track])
        latest_s = max(self.latest[other] * self.ticks_s[other] for other in others)
        return at * self.ticks_s[track] - latest_s > AHEAD_S

    def _may_begin(self, track: int) -> bool:
        return self.is_discontinuous or track == self.video or self.part[track] < len(self.bytes)

    def _begin(self, track: int, byte: int | None) -> None:
        if byte is None:
            raise TranscodeError(Code.UNSUPPORTED, "its clock starts anew in the middle")
        number = self.part[track]
        if number < len(self.bytes):  # another track got there first
            self.bytes[number] = min(self.bytes[number], byte)
        else:
            self.bytes.append(byte)
        self.part[track] += 1


def can_be_relayed(track: Stream) -> bool:
    """Whether the packets of a track can be put on another clock as they are."""
    with av.open(BytesIO(), "w", format=EXACT_FORMAT) as relayed:
        return track.codec_context.name in relayed.supported_codecs


def joined(parts: Parts, pictures: Times, sounds: Sequence[Times], keys: Times) -> tuple[Join, ...]:
    """Move the times of all recordings onto the first one's clock, in place; gives how far each was moved.

    The first sound decides with the pictures how long a recording lasts.
    """
    joins = []
    bounds = list(_extents(pictures, sounds[0] if sounds else None))
    shift_s = Fraction(0)
    for byte, before, after in zip(parts.bytes, bounds, bounds[1:], strict=False):
        shift_s += before.end_s - after.begin_s
        joins.append(Join(byte=byte, shift_s=shift_s))
    for track in (pictures, *sounds, keys):
        _move(track, [join.shift_s for join in joins])
    begins_s = [_first_s(part, pictures.tick_s) for part in pictures.parts()[1:]]
    keys_s = [_first_s(part, keys.tick_s) for part in keys.parts()[1:]]
    return tuple(
        replace(join, begin_s=begin_s, key_s=key_s)
        for join, begin_s, key_s in zip(joins, begins_s, keys_s, strict=False)
    )


def _first_s(times: Sequence[int], tick_s: Fraction) -> Fraction | None:
    return min(times) * tick_s if times else None


@dataclass(frozen=True)
class Extent:
    begin_s: Fraction
    end_s: Fraction


def _extents(pictures: Times, sound: Times | None) -> Iterator[Extent]:
    """When each recording begins and ends: by its pictures, or by its sound where that is well outside of them."""
    heard = sound.parts() if sound else []
    for number, shown in enumerate(pictures.parts()):
        bounds = _extent(shown, pictures.tick_s)
        if sound and number < len(heard) and heard[number]:
            heard_in = _extent(heard[number], sound.tick_s)
            bounds = Extent(
                heard_in.begin_s if bounds.begin_s - heard_in.begin_s > SOUND_ALONE_S else bounds.begin_s,
                heard_in.end_s if heard_in.end_s - bounds.end_s > SOUND_ALONE_S else bounds.end_s,
            )
        yield bounds


def _extent(times: Sequence[int], tick_s: Fraction) -> Extent:
    if not times:
        return Extent(Fraction(0), Fraction(0))
    last = sorted(times)[-INTERVALS_MEASURED:]
    intervals = [later - earlier for earlier, later in pairwise(last) if later > earlier]
    step = median_low(intervals) if intervals else 0
    return Extent(min(times) * tick_s, (last[-1] + step) * tick_s)


def _move(track: Times, shifts_s: Sequence[Fraction]) -> None:
    for number, begin in enumerate(track.begins[: len(shifts_s)]):
        end = track.begins[number + 1] if number + 1 < len(track.begins) else len(track.times)
        shift = round(shifts_s[number] / track.tick_s)
        for place in range(begin, end):
            track.times[place] += shift
