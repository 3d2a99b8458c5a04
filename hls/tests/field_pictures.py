"""Writes H.264 whose frames are stored as two field pictures, which no encoder at hand does.

All macroblocks are plain samples (I_PCM). A white bar moves to the right with each field.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

WIDTH, HEIGHT, GROUP = 160, 64, 25
BAR, STEP = 16, 3  # the bar's width, and how far it moves with each field
BLACK, WHITE, GREY = b"\x10", b"\xeb", b"\x80"
TICKS = 90_000


class Bits:
    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int = 1) -> "Bits":
        self.text += f"{value:0{count}b}"
        return self

    def golomb(self, *values: int) -> "Bits":
        for value in values:
            self.put(value + 1, 2 * (value + 1).bit_length() - 1)
        return self

    def bytes(self) -> bytes:
        """Filled up with zeros."""
        size = -(-len(self.text) // 8)
        return int(self.text.ljust(size * 8, "0"), 2).to_bytes(size)


def unit(head: int, payload: bytes) -> bytes:
    return b"\0\0\0\1" + bytes([head]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)


def parameter_sets() -> bytes:
    """Main profile with fields, eight bits for a frame's number, and no sound of when it is shown."""
    sequence = Bits().put(77, 8).put(0, 8).put(30, 8).golomb(0, 4, 0, 4, 1).put(0)
    sequence.golomb(WIDTH // 16 - 1, HEIGHT // 32 - 1).put(0).put(0).put(1).put(0).put(0).put(1)
    picture = Bits().golomb(0, 0).put(0).put(0).golomb(0, 0, 0).put(0).put(0, 2).golomb(0, 0, 0).put(0, 3).put(1)
    return unit(0x27, sequence.bytes()) + unit(0x28, picture.bytes())


def row(moment: int) -> bytes:
    begin = moment * STEP % (WIDTH - BAR)
    return BLACK * begin + WHITE * BAR + BLACK * (WIDTH - BAR - begin)


def stored(number: int, field: int | None) -> bytes:
    """A field of a frame, or else the whole frame, which shows the moment of its first field in all lines."""
    place = number % GROUP
    is_idr = place == 0 and field != 1
    slice_bits = Bits().golomb(0, 7, 0).put(place, 8).put(field is not None)
    if field is not None:
        slice_bits.put(field)
    if is_idr:
        slice_bits.golomb(number // GROUP % 2)
    slice_bits.put(2 * place + (field or 0), 8).put(0, 2 if is_idr else 1).golomb(0)
    line, coded = row(2 * number + (field or 0)), b""
    for _ in range(HEIGHT // 16 if field is None else HEIGHT // 32):
        for left in range(0, WIDTH, 16):
            head = Bits().golomb(25).bytes() if coded else slice_bits.golomb(25).bytes()
            coded += head + line[left : left + 16] * 16 + GREY * 128
    begin = parameter_sets() if is_idr else b""
    return b"\0\0\0\1\x09\x10" + begin + unit(0x25 if is_idr else 0x21, coded + b"\x80")


def packets(frame_count: int, whole: Sequence[int] = ()) -> Iterator[tuple[int, bytes]]:
    """When each packet is shown, in fields; frames whose numbers are in `whole` are stored as one picture."""
    for number in range(frame_count):
        if number in whole:
            yield 2 * number, stored(number, None)
        else:
            yield from ((2 * number + field, stored(number, field)) for field in (0, 1))


def recording(target: Path, frame_count: int, *, whole: Sequence[int] = ()) -> Path:
    """A recording of 25 frames a second, with a packet for each field."""
    stream = target.with_suffix(".264")
    fields = list(packets(frame_count, whole))
    stream.write_bytes(b"".join(data for _, data in fields))
    with av.open(str(stream)) as described, av.open(str(target), "w") as made:
        track = made.add_stream_from_template(described.streams.video[0], opaque=True)
        for at, data in fields:
            packet = Packet(data)
            packet.time_base, packet.stream = Fraction(1, TICKS), track
            packet.pts = packet.dts = at * TICKS // 50
            packet.is_keyframe = b"\0\0\0\1\x25" in data
            made.mux(packet)
    return target
