"""Writes transport streams by hand (ISO/IEC 13818-1), so that a test can make what no encoder would."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hls.core import names
from hls.core.encoding.filters import tiles
from hls.core.encoding.sounds import audio_span
from hls.core.plan import Plan
from hls.core.timeline import Segment

TICKS = 90_000
BEGIN = 10 * TICKS  # when a video's first picture is shown
AAC_TICKS = 1920  # 1024 samples at 48 kHz
PMT_PID, VIDEO_PID, AUDIO_PID = 0x1000, 0x100, 0x101
IDR_PICTURE, OTHER_PICTURE = b"\x65\x88\x80", b"\x41\x9a\x02"
PARAMETERS = b"\x68\xee\x3c\x80"


def golomb(number: int) -> str:
    """An unsigned Exp-Golomb number as bits (H.264 9.1)."""
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def sps(
    width: int,
    height: int,
    *,
    profile: int = 100,
    constraints: int = 0,
    level: int = 31,
    has_fields: int = 0,
    chroma: int = 1,
    extra_depth: int = 0,
    has_scaling: int = 0,
    order: int = 0,
) -> bytes:
    """A sequence parameter set (H.264 7.3.2.1) for an even size, cropped if it isn't whole macroblocks."""
    row = 32 if has_fields else 16
    columns, rows = -(-width // 16), -(-height // row)
    right, bottom = (columns * 16 - width) // 2, (rows * row - height) // (row // 8)
    bits = f"{profile:08b}{constraints:08b}{level:08b}{golomb(0)}"
    if profile in (100, 110, 122, 244):
        bits += golomb(chroma) + golomb(extra_depth) * 2 + "0" + str(int(has_scaling))
    bits += golomb(0) + golomb(order) + (golomb(2) if order == 0 else "") + golomb(4) + "0"
    bits += golomb(columns - 1) + golomb(rows - 1) + ("00" if has_fields else "1") + "1"
    bits += "1" + "".join(golomb(side) for side in (0, right, 0, bottom)) if right or bottom else "0"
    bits += "01"  # no VUI, and the stop bit
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    return b"\x67" + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", data)


def annex_b(*units: bytes) -> bytes:
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def key_picture(width: int, height: int, **facts: int) -> bytes:
    return annex_b(sps(width, height, **facts), PARAMETERS, IDR_PICTURE)


def packet(pid: int, payload: bytes, *, is_start: bool = False, adaptation: bytes = b"") -> bytes:
    """A transport packet of 188 bytes, with stuffing before a payload that is too short."""
    room = 184 - len(payload)
    field = b"" if not room else bytes([room - 1]) + (adaptation or b"\x00").ljust(room - 1, b"\xff")[: room - 1]
    head = bytes([0x47, is_start << 6 | pid >> 8, pid & 0xFF, 0x30 if room else 0x10])
    return head + field + payload


def packets(pid: int, data: bytes, *, adaptation: bytes = b"") -> bytes:
    """One PES packet, cut into transport packets of which the first has this adaptation field."""
    first = 184 - (1 + len(adaptation) if adaptation else 0)
    parts = [data[:first], *(data[at : at + 184] for at in range(first, len(data), 184))]
    return packet(pid, parts[0], is_start=True, adaptation=adaptation) + b"".join(packet(pid, p) for p in parts[1:])


def clock(prefix: int, time: int) -> bytes:
    """A timestamp: 33 bits with markers (2.4.3.6)."""
    bits = f"{prefix:04b}{time >> 30 & 7:03b}1{time >> 15 & 0x7FFF:015b}1{time & 0x7FFF:015b}1"
    return int(bits, 2).to_bytes(5)


def pes(stream_id: int, stream: bytes, pts: int, dts: int | None = None) -> bytes:
    times = clock(2, pts) if dts is None else clock(3, pts) + clock(1, dts)
    flags = 0x80 if dts is None else 0xC0
    return bytes([0, 0, 1, stream_id, 0, 0, 0x80, flags, len(times)]) + times + stream


@dataclass(frozen=True)
class Picture:
    pts: int
    stream: bytes
    dts: int | None = None
    is_random_access: bool = False
    pcr: int | None = None

    def packets(self) -> bytes:
        flags = 0x40 * self.is_random_access | 0x10 * (self.pcr is not None)
        clock_bits = b"" if self.pcr is None else (self.pcr << 15 | 0x7E00).to_bytes(6)
        adaptation = bytes([flags]) + clock_bits if flags else b""
        return packets(VIDEO_PID, pes(0xE0, self.stream, self.pts, self.dts), adaptation=adaptation)


def adts(count: int = 1, *, object_type: int = 2, rate_index: int = 3, channels: int = 2, body: int = 20) -> bytes:
    """AAC frames with their headers (ISO/IEC 13818-7 6.2); their content is never decoded here."""
    size = 7 + body
    third = (object_type - 1) << 6 | rate_index << 2 | channels >> 2
    fourth = (channels & 3) << 6 | size >> 11
    header = bytes([0xFF, 0xF1, third, fourth, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC])
    return (header + bytes(body)) * count


def sound_packets(pts: int, stream: bytes) -> bytes:
    return packets(AUDIO_PID, pes(0xC0, stream, pts))


def section(table_id: int, body: bytes) -> bytes:
    """A table with a checksum that nobody looks at."""
    length = len(body) + 9
    return bytes([0, table_id, 0xB0 | length >> 8, length & 0xFF, 0, 1, 0xC1, 0, 0]) + body + bytes(4)


def table_packet(pid: int, table_id: int, body: bytes) -> bytes:
    return packet(pid, section(table_id, body).ljust(184, b"\xff"), is_start=True)


def pat() -> bytes:
    return table_packet(0, 0, bytes([0, 1, 0xE0 | PMT_PID >> 8, PMT_PID & 0xFF]))


def pmt(
    streams: Sequence[tuple[int, int]] = ((0x1B, VIDEO_PID), (0x0F, AUDIO_PID)), *, descriptor: bytes = b""
) -> bytes:
    """A program map table; each stream has the same descriptor, for instance a language."""
    listed = b"".join(
        bytes([kind, 0xE0 | pid >> 8, pid & 0xFF, 0xF0, len(descriptor)]) + descriptor for kind, pid in streams
    )
    return table_packet(PMT_PID, 2, bytes([0xE0 | VIDEO_PID >> 8, VIDEO_PID & 0xFF, 0xF0, 0]) + listed)


def pictures_of(plan: Plan, segment: Segment, **facts: int) -> list[Picture]:
    """A segment's pictures on the frame grid, in the size of the best rendition."""
    best = plan.renditions[-1]
    keyframes = plan.timeline.keyframes(segment)
    made = []
    for frame in range(segment.first_frame, segment.end_frame):
        is_key = frame in keyframes
        stream = key_picture(best.width, best.height, **facts) if is_key else annex_b(OTHER_PICTURE)
        pts = BEGIN + round(plan.timeline.seconds(frame) * TICKS)
        made.append(Picture(pts, stream, is_random_access=is_key))
    return made


def sound_of(plan: Plan, segment: Segment) -> list[int]:
    """The times of the AAC frames that begin in a segment."""
    chunk = next(span for span in plan.timeline.chunks if segment in span.segments)
    part = audio_span(plan, chunk)
    begin, end = (plan.timeline.seconds(frame) * TICKS for frame in (segment.first_frame, segment.end_frame))
    return [BEGIN + n * AAC_TICKS for n in range(part.first_frame, part.end_frame) if begin <= n * AAC_TICKS < end]


def written(pictures: Sequence[Picture], sound: Sequence[int], stream: bytes = adts()) -> bytes:
    """A segment: tables, pictures, and one AAC frame at each time of `sound`."""
    tables = pat() + (pmt() if sound else pmt(((0x1B, VIDEO_PID),)))
    return tables + b"".join(p.packets() for p in pictures) + b"".join(sound_packets(pts, stream) for pts in sound)


def written_sound(sound: Sequence[int], stream: bytes = adts()) -> bytes:
    """A segment of sound alone."""
    return pat() + pmt(((0x0F, AUDIO_PID),)) + b"".join(sound_packets(pts, stream) for pts in sound)


def write_chunk(plan: Plan, index: int, folder: Path) -> None:
    """Write what a correct encoder leaves in a chunk's folder, for a video of one rendition."""
    span = plan.timeline.chunks[index]
    (folder / names.TILES).mkdir(parents=True)
    for number in tiles(plan, span):
        Image.new("L", (plan.tile_width, plan.tile_height), 10 * number).save(folder / names.tile_name(number))
    (folder / plan.renditions[-1].name).mkdir()
    for segment in span.segments:
        data = written(pictures_of(plan, segment), sound_of(plan, segment) if plan.muxed else ())
        (folder / plan.renditions[-1].name / names.segment_name(segment.number)).write_bytes(data)
        for sound in plan.sounds:
            (folder / sound.name).mkdir(exist_ok=True)
            heard = written_sound(sound_of(plan, segment))
            (folder / sound.name / names.segment_name(segment.number)).write_bytes(heard)
