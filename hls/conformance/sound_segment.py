"""Parses segments that hold sound alone: AAC in a transport stream, or packed (RFC 8216 3.2 and 3.4)."""

from dataclasses import dataclass

from hls.core.formats import transport
from hls.core.formats.transport import AAC_ADTS, H264, PACKET, Malformed, SoundFrames

_OWNER = b"com.apple.streaming.transportStreamTimestamp\x00"
_ID3_HEADER, _FRAME_HEADER = 10, 10


@dataclass(frozen=True)
class ReadSound:
    frames: SoundFrames
    channels: int  # 0: told within the stream
    is_packed: bool
    begins_with_tables: bool  # of a transport stream
    has_pictures: bool


def read(data: bytes) -> ReadSound:
    """Raises Malformed, IndexError, ValueError for bytes that can't be parsed."""
    return _packed(data) if data.startswith(b"ID3") else _multiplexed(data)


def _multiplexed(data: bytes) -> ReadSound:
    pmt_pid, streams = transport.program(data)
    if AAC_ADTS not in streams:
        raise Malformed("no AAC stream in the PMT")
    pid = streams[AAC_ADTS]
    frames = transport.sound(data, pid)
    if frames is None:
        raise Malformed("no sound")
    header = transport.payload(data, transport.units(data, pid)[0], pid)
    first = [transport.pid(data, packet) for packet in (0, PACKET)]
    return ReadSound(frames, _channels(header), False, first == [transport.PAT_PID, pmt_pid], H264 in streams)


def _packed(data: bytes) -> ReadSound:
    """ADTS frames behind an ID3 tag whose PRIV frame tells the first one's PTS."""
    at = _ID3_HEADER + _syncsafe(data[6:10])
    found = data.find(_OWNER, _ID3_HEADER + _FRAME_HEADER, at)
    if found < 0:
        raise Malformed("no timestamp in its ID3 tag")
    time = found + len(_OWNER)
    first_pts = int.from_bytes(data[time : time + 8])
    header, count = data[at : at + 7], 0
    while at < len(data):
        if len(data) - at < 7 or data[at] != 0xFF or data[at + 1] & 0xF0 != 0xF0:
            raise Malformed("not ADTS")
        at += max(7, (data[at + 3] & 0x03) << 11 | data[at + 4] << 3 | data[at + 5] >> 5)
        count += 1
    if not count:
        raise Malformed("no sound")
    rate = transport.ADTS_SAMPLE_RATES[header[2] >> 2 & 0x0F]
    frames = SoundFrames(first_pts, count, (header[2] >> 6) + 1, rate)
    return ReadSound(frames, _channels(header), True, False, False)


def _syncsafe(coded: bytes) -> int:
    """Seven bits in each byte (ID3v2.4 6.2)."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(coded, (21, 14, 7, 0), strict=True))


def _channels(header: bytes) -> int:
    """The channel configuration of an ADTS header; 7 stands for eight channels."""
    configuration = (header[2] & 1) << 2 | header[3] >> 6
    return 8 if configuration == 7 else configuration
