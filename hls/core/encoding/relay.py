"""A program that rewrites a part of a file of joined recordings on one clock. `reading` runs it, with limits.

    python -m hls.core.encoding.relay '{"demuxer": …}' FILE TARGET

The packets stay as they are; only their times change. The target is a NUT file, which takes exact times and most
codecs; of sound that it doesn't take, the samples are written.
"""

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from hls.core.encoding.arguments import MOST_REORDERED, RelayArguments, RelayedSound
from hls.core.inspection.continuing import as_continued
from hls.core.inspection.joins import DISCONTINUOUS, WITHOUT_DECODING_TIMES, can_be_relayed
from hls.core.inspection.media_file import opened
from hls.core.inspection.packets import AnyPacket, sounds_of, tick_s, time_of
from hls.core.probe import EXACT_FORMAT, Join
from hls.core.wire import load

HEVC_END_OF_SEQUENCE = b"\x48\1"
START_CODE = b"\0\0\0\1"
CONFIGURED = b"\1"  # the first byte of an hvcC record: NAL units have lengths instead of start codes
HVCC_LENGTH_SIZE = 21  # where that record says, in the last two bits, how many bytes a length has, less one
LEAST_STEP_S = Fraction(1, 2000)  # between decoding times: TrueHD has 1200 packets a second
STRAY_S = 1  # recordings overlap by less where they are joined
MOST_APART_S = 10  # between packets that are stored together: of a sound that isn't read by then there is nothing here

type Placed = tuple[int, AnyPacket, Fraction]  # a track, a packet of it, and the packet's ticks in seconds


def write(source: Path, target: Path, arguments: RelayArguments) -> None:
    """Write the part to `target`: track 0 is the picture track, and the sounds follow in their order."""
    with opened(source) as container, av.open(str(target), "w", format=EXACT_FORMAT) as relayed:
        if arguments.byte is not None and container.format.name in DISCONTINUOUS:
            container.seek(arguments.byte, unsupported_byte_offset=True)
        video = container.streams[arguments.video]
        outputs: dict[int, Stream] = {arguments.video: relayed.add_stream_from_template(video, opaque=True)}
        plain: dict[int, _Plain] = {}
        for sound in arguments.sounds:
            stream = container.streams[sound.index]
            if can_be_relayed(stream):
                outputs[sound.index] = relayed.add_stream_from_template(stream)
                _describe(outputs[sound.index], sound)
            else:
                plain[sound.index] = _Plain.of(relayed, sound)
                outputs[sound.index] = plain[sound.index].output
        is_untold = container.format.name.split(",")[0] in WITHOUT_DECODING_TIMES
        numbers = [*outputs, *(continuation.track for continuation in arguments.continued)]
        demuxed = container.demux([container.streams[number] for number in numbers])
        going_on = as_continued(demuxed, container, arguments.continued, _begins(arguments))
        packets = _without_strays(_on_one_clock(going_on, arguments, is_untold=is_untold), arguments.video)
        if is_untold:
            packets = _with_decoding_times(packets, arguments.video)
        _copy(_decoded(packets, plain), relayed, outputs, arguments.video)


@dataclass
class _Plain:
    """A sound that is decoded, to one format even if the source's changes."""

    output: AudioStream
    resamplers: dict[tuple[str, str, int], AudioResampler] = field(default_factory=dict)

    @classmethod
    def of(cls, relayed: OutputContainer, sound: RelayedSound) -> Self:
        output = relayed.add_stream("pcm_s32le", rate=sound.sample_rate)
        output.codec_context.layout = sound.layout
        return cls(output)

    def packets(self, packet: AnyPacket) -> Iterator[AnyPacket]:
        decoder, encoder = packet.stream.codec_context, self.output.codec_context
        for frame in sounds_of(decoder, packet):
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if kind not in self.resamplers:
                self.resamplers[kind] = AudioResampler(encoder.format, encoder.layout, encoder.sample_rate)
            for even in self.resamplers[kind].resample(frame):
                yield from self.output.encode(even)


def _decoded(packets: Iterable[Placed], plain: dict[int, _Plain]) -> Iterator[Placed]:
    for track, packet, ticks in packets:
        if track in plain:
            yield from (
                (track, part, Fraction(1, plain[track].output.sample_rate)) for part in plain[track].packets(packet)
            )
        else:
            yield track, packet, ticks


def _describe(output: Stream, sound: RelayedSound) -> None:
    """Tell NUT the format of a sound that begins too late to be recognised when the file is opened."""
    if isinstance(output, AudioStream) and not output.codec_context.sample_rate:
        output.codec_context.sample_rate = sound.sample_rate
        output.codec_context.layout = sound.layout


def _on_one_clock(packets: Iterator[AnyPacket], arguments: RelayArguments, *, is_untold: bool) -> Iterator[Placed]:
    """The packets with the target's times, up to its end. Where decoding times are untold, there are pictures' own."""
    bytes_read: dict[int, int | None] = {}
    over: set[int] = set()
    within: Join | None = None
    for packet in packets:
        track, ticks = packet.stream_index, tick_s(packet.stream)
        time = packet.pts if is_untold and track == arguments.video else packet.dts
        if not packet.size or time is None:
            continue
        if packet.pos is not None:  # of several packets that are stored as one, only the first has it
            bytes_read[track] = packet.pos
        byte = bytes_read.get(track)
        if arguments.byte is not None and (byte is None or byte < arguments.byte):
            continue
        join = joined_at(arguments.joins, byte)
        shift, later = round(join.shift_s / ticks) if join else 0, round(arguments.later_s / ticks)
        if track == arguments.video and join and needs_what_is_cut_off(join, time_of(packet), shift, ticks):
            continue
        packet.dts = time + shift + later
        packet.pts = None if packet.pts is None else packet.pts + shift + later
        after_s = packet.dts * ticks - arguments.later_s - arguments.end_s
        if track == arguments.video and join != within:
            within, packet = join, _behind_end(packet)
        yield track, packet, ticks
        if after_s > 0:
            over.add(track)
            if len(over) == 1 + len(arguments.sounds) or after_s > MOST_APART_S:
                return


def _without_strays(packets: Iterable[Placed], video: int) -> Iterator[Placed]:
    """Leave out a sound's packet if the next one is to be heard long before it.

    libav says of the first packet of a further Ogg stream that it follows on the stream before.
    """
    waiting: dict[int, Placed] = {}
    for placed in packets:
        track, packet, ticks = placed
        if track == video:
            yield placed
            continue
        before = waiting.get(track)
        waiting[track] = placed
        if before and ((before[1].dts or 0) - (packet.dts or 0)) * ticks <= STRAY_S:
            yield before
    yield from waiting.values()


def _with_decoding_times(packets: Iterable[Placed], video: int) -> Iterator[Placed]:
    """Pictures get decoding times that increase, and are no later than when the same and any later one is shown."""
    waiting: deque[Placed] = deque()
    for track, packet, ticks in packets:
        if track != video:
            yield track, packet, ticks
            continue
        waiting.append((track, packet, ticks))
        if len(waiting) > MOST_REORDERED:
            yield _with_decoding_time(waiting)
    while waiting:
        yield _with_decoding_time(waiting)


def _with_decoding_time(waiting: deque[Placed]) -> Placed:
    step = _least_step(waiting[0][2])
    times = (packet.dts - number * step for number, (_, packet, _) in enumerate(waiting) if packet.dts is not None)
    earliest = min(times)
    track, packet, ticks = waiting.popleft()
    packet.dts = earliest
    return track, packet, ticks


def _least_step(ticks: Fraction) -> int:
    return max(1, round(LEAST_STEP_S / ticks))


def _copy(packets: Iterable[Placed], relayed: OutputContainer, outputs: dict[int, Stream], video: int) -> None:
    """Recordings overlap a little where they are joined, but decoding timestamps have to increase."""
    latest: dict[int, int] = {}
    for track, packet, ticks in packets:
        dts = packet.dts or 0
        earliest = latest[track] + _least_step(ticks) if track in latest else dts
        if dts < earliest and track != video:
            continue
        latest[track] = packet.dts = dts = max(dts, earliest)
        packet.pts = None if packet.pts is None else max(packet.pts, dts)
        packet.stream = outputs[track]
        relayed.mux(packet)


def _behind_end(packet: AnyPacket) -> AnyPacket:
    """The first picture of a recording, for HEVC with an end-of-sequence NAL unit before it.

    Without that, an HEVC decoder would sort the picture, by its number, among the last ones of the previous recording.
    """
    if packet.stream.codec_context.name != "hevc":
        return packet
    hvcc, prefix = packet.stream.codec_context.extradata or b"", START_CODE
    if hvcc[:1] == CONFIGURED and len(hvcc) > HVCC_LENGTH_SIZE:
        prefix = len(HEVC_END_OF_SEQUENCE).to_bytes((hvcc[HVCC_LENGTH_SIZE] & 3) + 1)
    parted: AnyPacket = Packet(prefix + HEVC_END_OF_SEQUENCE + bytes(packet))
    parted.pts, parted.dts, parted.duration, parted.time_base = (
        packet.pts,
        packet.dts,
        packet.duration,
        packet.time_base,
    )
    parted.is_keyframe = packet.is_keyframe
    return parted


def _begins(arguments: RelayArguments) -> list[int]:
    """Where the parts begin of a file in which tracks go on in others."""
    return [join.byte for join in arguments.joins] if arguments.continued else []


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
