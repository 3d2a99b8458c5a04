"""Parses H.264: NAL units, sequence parameter sets (ITU-T H.264, 7.3.2.1), and the beginning of slices (7.3.3)."""

from collections.abc import Iterator
from dataclasses import dataclass

SLICE, IDR, SPS, PPS = 1, 5, 7, 8
SLICE_HEADER_BYTES = 32  # more than its first five numbers can take
HIGH_PROFILES = frozenset({100, 110, 122, 244})
START_CODE = b"\x00\x00\x01"


@dataclass(frozen=True)
class SequenceParameters:
    profile: int
    constraints: int
    level: int
    width: int  # after cropping
    height: int
    is_interlaced: bool  # at least possibly: fields are allowed
    frame_number_bits: int = 4

    @property
    def codec(self) -> str:
        """The codec's name by RFC 6381 3.3: "avc1.640028"."""
        return f"avc1.{self.profile:02x}{self.constraints:02x}{self.level:02x}"


def nal_units(stream: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream, without their start codes (H.264 Annex B)."""
    begin = stream.find(START_CODE)
    while begin >= 0:
        begin += len(START_CODE)
        end = stream.find(START_CODE, begin)
        unit = stream[begin : end if end >= 0 else None].rstrip(b"\x00")
        if unit:
            yield unit
        begin = end


def kind(unit: bytes) -> int:
    return unit[0] & 0x1F


def sequence_parameters(unit: bytes) -> SequenceParameters:
    """Parse an SPS. Raises ValueError or IndexError unless it is 8-bit 4:2:0, the only kind this program makes."""
    bits = _Bits(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile, constraints, level = bits.take(8), bits.take(8), bits.take(8)
    bits.golomb()  # seq_parameter_set_id
    if profile in HIGH_PROFILES:
        chroma, luma_depth, chroma_depth = bits.golomb(), bits.golomb(), bits.golomb()
        if (chroma, luma_depth, chroma_depth) != (1, 0, 0) or bits.take(2):
            raise ValueError("not 8-bit 4:2:0 without scaling lists")
    frame_number_bits = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()  # log2_max_pic_order_cnt_lsb
    elif order == 1:
        raise ValueError("a picture order this program doesn't make")
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    width, height_units = (bits.golomb() + 1) * 16, bits.golomb() + 1
    is_frames_only = bits.take(1)
    if not is_frames_only:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = (bits.golomb() for _ in range(4)) if bits.take(1) else (0, 0, 0, 0)
    height = height_units * 16 * (2 - is_frames_only)
    crop_height = 2 * (2 - is_frames_only) * (top + bottom)
    return SequenceParameters(
        profile,
        constraints,
        level,
        width=width - 2 * (left + right),
        height=height - crop_height,
        is_interlaced=not is_frames_only,
        frame_number_bits=frame_number_bits,
    )


@dataclass(frozen=True)
class Field:
    """A picture that is one field of a frame."""

    frame_number: int
    is_bottom: bool

    def completes(self, first: "Field") -> bool:
        """Whether this one, decoded next, is the other field of the same frame."""
        return self.frame_number == first.frame_number and self.is_bottom != first.is_bottom


def field_of(unit: bytes, parameters: SequenceParameters) -> Field | None:
    """The field that a slice belongs to; None for a whole frame, or for a slice that is cut off."""
    bits = _Bits(unit[1:SLICE_HEADER_BYTES].replace(b"\x00\x00\x03", b"\x00\x00"))
    try:
        for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
            bits.golomb()
        frame_number = bits.take(parameters.frame_number_bits)
        is_field = parameters.is_interlaced and bits.take(1)
        return Field(frame_number, is_bottom=bool(bits.take(1))) if is_field else None
    except IndexError:
        return None


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte, bit = divmod(self.position, 8)
            value = value << 1 | (self.data[byte] >> (7 - bit)) & 1
            self.position += 1
        return value

    def golomb(self) -> int:
        """Read an unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
