"""Writes a part of a file of several recordings anew, on one clock: run by hls.core.reading as a program of its own.

    python -m hls.core.relay '{"demuxer": …}' FILE TARGET

The packets stay as they are; only their times change. The target is a NUT file: any codec, exact times.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.stream import Stream

from hls.core.opening import opened
from hls.core.packets import AnyPacket, tick_s
from hls.core.probe import Join
from hls.core.wire import load

FORMAT = "nut"
LEAST_STEP_S = Fraction(1, 1000)


@dataclass(frozen=True)
class Order:
    """What to read: from `byte` on, or from the beginning; up to `end_s` on the first recording's clock."""

    video: int
    audio: int | None
    joins: tuple[Join, ...]
    byte: int | None
    end_s: float


def write(source: Path, target: Path, order: Order) -> None:
    """The picture track becomes track 0, the sound track 1."""
    with opened(source) as container, av.open(str(target), "w", format=FORMAT) as relayed:
        if order.byte is not None:
            container.seek(order.byte, unsupported_byte_offset=True)
        wanted = [container.streams[index] for index in (order.video, order.audio) if index is not None]
        outputs = {stream.index: relayed.add_stream_from_template(stream) for stream in wanted}
        _copy(container.demux(wanted), relayed, outputs, order)


def _copy(packets: Iterator[AnyPacket], relayed: OutputContainer, outputs: dict[int, Stream], order: Order) -> None:
    latest: dict[int, int] = {}
    bytes_read: dict[int, int | None] = {}
    over: set[int] = set()
    for packet in packets:
        if not packet.size or packet.dts is None:
            continue
        track, ticks = packet.stream_index, tick_s(packet.stream)
        if packet.pos is not None:  # of several packets that are stored as one, only the first one knows
            bytes_read[track] = packet.pos
        shift = round(shift_s(order.joins, bytes_read.get(track)) / ticks)
        dts = packet.dts + shift
        # Recordings overlap a little where they are joined, but decoding times have to rise.
        earliest = latest[track] + round(LEAST_STEP_S / ticks) if track in latest else dts
        if dts < earliest and track == order.audio:
            continue
        latest[track] = packet.dts = dts = max(dts, earliest)
        packet.pts = None if packet.pts is None else max(packet.pts + shift, dts)
        packet.stream = outputs[track]
        relayed.mux(packet)
        if dts * ticks > order.end_s:
            over.add(track)
            if len(over) == len(outputs):
                return


def shift_s(joins: tuple[Join, ...], byte: int | None) -> Fraction:
    """How far the clock has to be moved at this byte of the file."""
    passed = [join.shift_s for join in joins if byte is not None and byte >= join.byte]
    return passed[-1] if passed else Fraction(0)


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    write(Path(sys.argv[2]), Path(sys.argv[3]), load(Order, json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
