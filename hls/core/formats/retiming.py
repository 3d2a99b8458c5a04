"""Writes exact timestamps into copied pictures (ISO/IEC 13818-1): their container may only count milliseconds."""

from collections.abc import Sequence

from hls.core.formats import transport
from hls.core.formats.transport import PACKET, Malformed

PCR_FLAG = 0x10


def with_times(data: bytes, pid: int, times: Sequence[tuple[int, int]]) -> bytes:
    """The same segment, with PTS and DTS (90 kHz) for each picture in decoding order. Raises Malformed.

    Each program clock reference is moved as far as its picture's DTS.
    """
    units = transport.units(data, pid)
    if len(units) != len(times):
        raise Malformed(f"{len(units)} pictures instead of {len(times)}")
    changed = bytearray(data)
    for unit, (pts, dts) in zip(units, times, strict=True):
        header = _payload_offset(changed, unit.offset)
        has_dts = bool(changed[header + 7] & 0x40)
        if not has_dts and pts != dts:
            raise Malformed("a picture without DTS that is decoded before it is shown")
        changed[header + 9 : header + 14] = _coded(pts, 3 if has_dts else 2)
        if has_dts:
            changed[header + 14 : header + 19] = _coded(dts, 1)
        for packet in range(unit.offset, unit.end, PACKET):
            if transport.pid(changed, packet) == pid:
                _move_clock(changed, packet, dts - unit.dts)
    return bytes(changed)


def _payload_offset(data: bytearray, packet: int) -> int:
    return packet + (5 + data[packet + 4] if data[packet + 3] & 0x20 else 4)


def _coded(time: int, prefix: int) -> bytes:
    """A timestamp of 33 bits in five bytes, with marker bits (2.4.3.6)."""
    return bytes(
        (
            prefix << 4 | (time >> 30 & 0x07) << 1 | 1,
            time >> 22 & 0xFF,
            (time >> 15 & 0x7F) << 1 | 1,
            time >> 7 & 0xFF,
            (time & 0x7F) << 1 | 1,
        )
    )


def _move_clock(data: bytearray, packet: int, ticks: int) -> None:
    """Change the base of the packet's PCR, its first 33 bits, if it has one (2.4.3.5)."""
    if not data[packet + 3] & 0x20 or not data[packet + 4] or not data[packet + 5] & PCR_FLAG:
        return
    field = slice(packet + 6, packet + 12)
    clock = int.from_bytes(data[field])
    data[field] = (clock + (ticks << 15)).to_bytes(6)
