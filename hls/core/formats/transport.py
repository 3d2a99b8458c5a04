"""Parses MPEG transport streams (ISO/IEC 13818-1), and moves a segment's tables to its beginning."""

from collections.abc import Iterator
from dataclasses import dataclass

from hls.core.formats.sps import IDR, SPS, SequenceParameters, kind, nal_units, sequence_parameters

PACKET = 188
PAT_PID, SDT_PID = 0, 17
H264, AAC_ADTS = 0x1B, 0x0F
TICKS = 90_000  # per second, of the clock of PTS and DTS
ADTS_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


class Malformed(ValueError):
    """The bytes aren't a transport stream of the kind this program makes."""


@dataclass(frozen=True)
class Tables:
    pmt_pid: int
    video_pid: int
    audio_pid: int | None


@dataclass(frozen=True)
class Unit:
    """One PES packet: a picture, or some AAC frames. `offset` and `end` are byte offsets in the segment."""

    offset: int
    end: int
    pts: int
    dts: int
    is_random_access: bool


@dataclass(frozen=True)
class SoundFrames:
    """The AAC frames of a segment: the first one's PTS, and the number of frames (1024 samples) without a gap."""

    first_pts: int
    frame_count: int
    object_type: int  # 2: AAC-LC
    sample_rate: int


@dataclass(frozen=True)
class SoundTables:
    """The tables of a segment that is sound alone."""

    pmt_pid: int
    audio_pid: int


def tables(data: bytes) -> Tables:
    """The PIDs of a segment's streams. Raises Malformed, also for a segment without pictures."""
    pmt_pid, streams = program(data)
    if H264 not in streams:
        raise Malformed("no H.264 stream in the PMT")
    return Tables(pmt_pid, streams[H264], streams.get(AAC_ADTS))


def sound_tables(data: bytes) -> SoundTables:
    """The PIDs of a segment that is sound alone. Raises Malformed, also for any other segment."""
    pmt_pid, streams = program(data)
    if set(streams) != {AAC_ADTS}:
        raise Malformed("not one AAC stream alone in the PMT")
    return SoundTables(pmt_pid, streams[AAC_ADTS])


def program(data: bytes) -> tuple[int, dict[int, int]]:
    """The PID of a segment's PMT, and the PID of each stream by its type."""
    if len(data) % PACKET or data[::PACKET].strip(b"G"):
        raise Malformed("not whole transport packets")
    pat = _section(data, PAT_PID)
    pmt_pid = (pat[10] & 0x1F) << 8 | pat[11]
    pmt = _section(data, pmt_pid)
    at = 12 + ((pmt[10] & 0x0F) << 8 | pmt[11])
    end = 3 + ((pmt[1] & 0x0F) << 8 | pmt[2]) - 4
    streams: dict[int, int] = {}
    while at < end:
        streams[pmt[at]] = (pmt[at + 1] & 0x1F) << 8 | pmt[at + 2]
        at += 5 + ((pmt[at + 3] & 0x0F) << 8 | pmt[at + 4])
    return pmt_pid, streams


def units(data: bytes, pid: int) -> list[Unit]:
    """The PES packets of a stream, in file order. Raises Malformed."""
    starts = []
    last_packet = -1
    ends = []
    for packet in _packets(data, pid):
        if data[packet + 1] & 0x40:
            starts.append(packet)
            ends.append(last_packet + PACKET)
        last_packet = packet
    ends = [*ends[1:], last_packet + PACKET] if starts else []
    return [_unit(data, start, end) for start, end in zip(starts, ends, strict=True)]


def payload(data: bytes, unit: Unit, pid: int) -> bytes:
    """The bytes of the elementary stream in a PES packet."""
    parts = [_payload(data, packet) for packet in _packets(data, pid, unit.offset, unit.end)]
    whole = b"".join(parts)
    return whole[9 + whole[8] :]


def is_idr(data: bytes, unit: Unit, pid: int) -> bool:
    return any(kind(nal) == IDR for nal in nal_units(payload(data, unit, pid)))


def parameters(data: bytes, unit: Unit, pid: int) -> SequenceParameters:
    """The SPS of a picture. Raises Malformed if it has none of its own."""
    for nal in nal_units(payload(data, unit, pid)):
        if kind(nal) == SPS:
            return sequence_parameters(nal)
    raise Malformed("an IDR picture without its SPS")


def sound(data: bytes, pid: int) -> SoundFrames | None:
    """The sound of a segment; None if it has none. Raises Malformed for a gap, or anything but ADTS."""
    first: tuple[int, int] | None = None
    count = 0
    expected = 0.0
    for unit in units(data, pid):
        stream = payload(data, unit, pid)
        if first is None:
            first = (unit.pts, int.from_bytes(stream[:4]))
            expected = unit.pts
        if abs(unit.pts - expected) > 1:
            raise Malformed(f"sound at {unit.pts} instead of {expected:.0f}")
        frames = _adts_frames(stream)
        count += frames
        expected += frames * 1024 * TICKS / _sample_rate(first[1])
    if first is None:
        return None
    header = first[1]
    return SoundFrames(first[0], count, ((header >> 14) & 0x03) + 1, _sample_rate(header))


def with_tables_first(data: bytes) -> bytes:
    """The same segment with one PAT and one PMT at its beginning, and no other tables.

    Each I-frame's byte range begins after them (RFC 8216 4.3.3.6). Raises Malformed.
    """
    pmt_pid, _ = program(data)
    first = [next(_packets(data, pid)) for pid in (PAT_PID, pmt_pid)]
    dropped = {PAT_PID, SDT_PID, pmt_pid}
    others = [packet for packet in range(0, len(data), PACKET) if pid(data, packet) not in dropped]
    return b"".join(data[packet : packet + PACKET] for packet in [*first, *others])


def pid(data: bytes | bytearray, packet: int) -> int:
    """The PID of the packet that begins at this byte."""
    return (data[packet + 1] & 0x1F) << 8 | data[packet + 2]


def _packets(data: bytes, pid: int, begin: int = 0, end: int | None = None) -> Iterator[int]:
    high, low = pid >> 8, pid & 0xFF
    for packet in range(begin, len(data) if end is None else end, PACKET):
        if data[packet + 2] == low and data[packet + 1] & 0x1F == high:
            yield packet


def _payload(data: bytes, packet: int) -> bytes:
    control = data[packet + 3]
    if not control & 0x10:
        return b""
    skipped = 5 + data[packet + 4] if control & 0x20 else 4
    return data[packet + skipped : packet + PACKET]


def _section(data: bytes, pid: int) -> bytes:
    for packet in _packets(data, pid):
        section = _payload(data, packet)
        return section[1 + section[0] :]
    raise Malformed(f"no table with PID {pid}")


def _unit(data: bytes, packet: int, end: int) -> Unit:
    header = _payload(data, packet)
    if len(header) < 14 or header[:3] != b"\x00\x00\x01" or not header[7] & 0x80:
        raise Malformed("a PES packet without PTS")
    pts = _clock(header[9:14])
    dts = _clock(header[14:19]) if header[7] & 0x40 else pts
    has_adaptation = data[packet + 3] & 0x20 and data[packet + 4]
    return Unit(packet, end, pts, dts, bool(has_adaptation and data[packet + 5] & 0x40))


def _clock(coded: bytes) -> int:
    return (coded[0] >> 1 & 0x07) << 30 | coded[1] << 22 | (coded[2] >> 1) << 15 | coded[3] << 7 | coded[4] >> 1


def _adts_frames(stream: bytes) -> int:
    at = count = 0
    while at < len(stream):
        if len(stream) - at < 7 or stream[at] != 0xFF or stream[at + 1] & 0xF0 != 0xF0:
            raise Malformed("not ADTS")
        at += (stream[at + 3] & 0x03) << 11 | stream[at + 4] << 3 | stream[at + 5] >> 5
        count += 1
    return count


def _sample_rate(header: int) -> int:
    index = (header >> 10) & 0x0F
    if index >= len(ADTS_SAMPLE_RATES):
        raise Malformed("not ADTS")
    return ADTS_SAMPLE_RATES[index]
