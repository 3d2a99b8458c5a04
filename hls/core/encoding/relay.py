"""A program that rewrites a part of a file of joined recordings on one clock. `reading` runs it, with limits.

    python -m hls.core.encoding.relay '{"demuxer": …}' FILE TARGET

The packets stay as they are; only their times change. The target is a NUT file, which takes any codec and exact times.
"""

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from hls.core.encoding.arguments import FORMAT, RelayArguments, RelayedSound
from hls.core.inspection.media_file import opened
from hls.core.inspection.packets import AnyPacket, tick_s, time_of
from hls.core.probe import Join
from hls.core.wire import load

HEVC_END_OF_SEQUENCE = b"\0\0\0\1\x48\1"
LEAST_STEP_S = Fraction(1, 1000)
MOST_APART_S = 10  # between packets that are stored together: of a sound that isn't read by then there is nothing here


def write(source: Path, target: Path, arguments: RelayArguments) -> None:
    """Write the part to `target`: track 0 is the picture track, and the sounds follow in their order."""
    with opened(source) as container, av.open(str(target), "w", format=FORMAT) as relayed:
        if arguments.byte is not None:
            container.seek(arguments.byte, unsupported_byte_offset=True)
        indexes = (arguments.video, *(sound.index for sound in arguments.sounds))
        wanted = [container.streams[index] for index in indexes]
        outputs = {stream.index: relayed.add_stream_from_template(stream) for stream in wanted}
        for sound in arguments.sounds:
            _describe(outputs[sound.index], sound)
        _copy(container.demux(wanted), relayed, outputs, arguments)


def _describe(output: Stream, sound: RelayedSound) -> None:
    """Tell NUT the format of a sound that begins too late to be recognised when the file is opened."""
    if isinstance(output, AudioStream) and not output.codec_context.sample_rate:
        output.codec_context.sample_rate = sound.sample_rate
        output.codec_context.layout = sound.layout


def _copy(
    packets: Iterator[AnyPacket], relayed: OutputContainer, outputs: dict[int, Stream], arguments: RelayArguments
) -> None:
    latest: dict[int, int] = {}
    bytes_read: dict[int, int | None] = {}
    over: set[int] = set()
    within: Join | None = None
    for packet in packets:
        if not packet.size or packet.dts is None:
            continue
        track, ticks = packet.stream_index, tick_s(packet.stream)
        if packet.pos is not None:  # of several packets that are stored as one, only the first has it
            bytes_read[track] = packet.pos
        join = joined_at(arguments.joins, bytes_read.get(track))
        shift = round(join.shift_s / ticks) if join else 0
        if track == arguments.video and join and needs_what_is_cut_off(join, time_of(packet), shift, ticks):
            continue
        dts = packet.dts + shift
        # Recordings overlap a little where they are joined, but decoding timestamps have to increase.
        earliest = latest[track] + round(LEAST_STEP_S / ticks) if track in latest else dts
        if dts < earliest and track != arguments.video:
            continue
        latest[track] = packet.dts = dts = max(dts, earliest)
        packet.pts = None if packet.pts is None else max(packet.pts + shift, dts)
        if track == arguments.video and join != within:
            within, packet = join, _behind_end(packet)
        packet.stream = outputs[track]
        relayed.mux(packet)
        if dts * ticks > arguments.end_s:
            over.add(track)
            if len(over) == len(outputs) or dts * ticks > arguments.end_s + MOST_APART_S:
                return


def _behind_end(packet: AnyPacket) -> AnyPacket:
    """The first picture of a recording, for HEVC with an end-of-sequence NAL unit before it.

    Without that, an HEVC decoder would sort the picture, by its number, among the last ones of the previous recording.
    """
    if packet.stream.codec_context.name != "hevc":
        return packet
    parted: AnyPacket = Packet(HEVC_END_OF_SEQUENCE + bytes(packet))
    parted.pts, parted.dts, parted.duration, parted.time_base = (
        packet.pts,
        packet.dts,
        packet.duration,
        packet.time_base,
    )
    parted.is_keyframe = packet.is_keyframe
    return parted


def joined_at(joins: tuple[Join, ...], byte: int | None) -> Join | None:
    """The last join before this byte of the file."""
    passed = [join for join in joins if byte is not None and byte >= join.byte]
    return passed[-1] if passed else None


def needs_what_is_cut_off(join: Join, time: int | None, shift: int, ticks: Fraction) -> bool:
    """Whether a picture comes before the first key picture of its recording, whose beginning was cut off.

    A decoder would predict it wrongly, from the last pictures of the previous recording.
    """
    return time is not None and join.key_s is not None and (time + shift) * ticks < join.key_s


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    write(Path(sys.argv[2]), Path(sys.argv[3]), load(RelayArguments, json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
