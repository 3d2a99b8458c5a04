"""Extracts the headers of keyframes, as bytes to compare: if they differ, the pictures' size may change."""

from typing import Final

from hls.core.formats.sps import SPS, kind, nal_units
from hls.core.inspection.copying import avcc_units
from hls.core.inspection.packets import AnyPacket

DESCRIPTION: Final = "new_extradata"  # PyAV's name of it
LOOKED_AT = 4096  # bytes at a keyframe's beginning
CONFIGURED = 1  # the first byte of an avcC or hvcC record: NAL units are preceded by their length
HEVC_SPS = 33
SEQUENCE_HEADER = b"\x00\x00\x01\xb3"  # ISO/IEC 13818-2, 6.2.2.1: 12 bits of width, 12 of height, 4 of aspect
VP8_START = b"\x9d\x01\x2a"  # RFC 6386, 9.1: 14 bits of width, 2 of scale, and as much for the height
VP9_SYNC = b"\x49\x83\x42"
AV1_SEQUENCE_HEADER = 1


def described_anew(packet: AnyPacket, extradata: bytes | None) -> bytes:
    """The description of a track from this packet on, where the container has another one; else nothing.

    MP4 may have several in one track, and in Flash a stream's sender may have begun anew.
    """
    if not packet.has_sidedata(DESCRIPTION):
        return b""
    described = next((bytes(beside) for beside in packet.iter_sidedata() if beside.data_type == DESCRIPTION), b"")
    return b"" if described == extradata else described


def size_header(codec: str, extradata: bytes, key_frame: bytes) -> bytes:
    """The header that holds the size; empty if there is none, or for any other codec."""
    if codec in {"h264", "hevc"}:
        return _parameter_sets(codec, extradata, key_frame)
    if codec in {"mpeg1video", "mpeg2video"}:
        _, found, after = key_frame.partition(SEQUENCE_HEADER)
        return after[:3] + bytes([after[3] & 0xF0]) if found and len(after) > 3 else b""
    if codec == "vp8" and key_frame[3:6] == VP8_START:
        return key_frame[6:10]
    if codec == "vp9" and key_frame[1:4] == VP9_SYNC:
        return key_frame[4:9]
    return _sequence_header(key_frame) if codec == "av1" else b""


def _parameter_sets(codec: str, extradata: bytes, key_frame: bytes) -> bytes:
    has_lengths = extradata[:1] == bytes([CONFIGURED])
    units = avcc_units(key_frame, 4) if has_lengths else nal_units(key_frame)
    is_hevc = codec == "hevc"
    return b"".join(unit for unit in units if (unit[0] >> 1 & 0x3F == HEVC_SPS if is_hevc else kind(unit) == SPS))


def _sequence_header(temporal_unit: bytes) -> bytes:
    """The sequence header OBU, if every OBU before it has its size (AV1 specification, 5.3)."""
    at = 0
    while at + 1 < len(temporal_unit) and temporal_unit[at] & 0x02:
        obu_type, has_extension = temporal_unit[at] >> 3 & 0x0F, temporal_unit[at] >> 2 & 1
        at += 1 + has_extension
        size = shift = 0
        while at < len(temporal_unit):  # leb128
            size |= (temporal_unit[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not temporal_unit[at - 1] & 0x80:
                break
        if obu_type == AV1_SEQUENCE_HEADER:
            return temporal_unit[at : at + size]
        at += size
    return b""
