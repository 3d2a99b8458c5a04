"""Writes Matroska files with texts as programs other than FFmpeg write them, and with what no program should write."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av

EBML, DOC_TYPE, SEGMENT, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x4282, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
TICK, DURATION, TIMESTAMP = 0x2AD7B1, 0x4489, 0xE7
ENTRY, NUMBER, UID, KIND, CODEC, PRIVATE, VIDEO, WIDTH, HEIGHT = (
    0xAE,
    0xD7,
    0x73C5,
    0x83,
    0x86,
    0x63A2,
    0xE0,
    0xB0,
    0xBA,
)
LANGUAGE, LANGUAGE_BCP47 = 0x22B59C, 0x22B59D
MOST_BESIDE, GROUP, BLOCK, SIMPLE_BLOCK, BLOCK_DURATION = 0x55EE, 0xA0, 0xA1, 0xA3, 0x9B
ADDITIONS, MORE, ADD_ID, ADDITIONAL = 0x75A1, 0xA6, 0xEE, 0xA5
PICTURES, SOUND, WORDS = 1, 2, 17


@dataclass(frozen=True)
class Spoken:
    """A block of a track of text."""

    start_ms: int
    text: bytes
    lasts_ms: int | None = 900
    beside: bytes = b""  # a BlockAddition


@dataclass(frozen=True)
class Words:
    codec: str
    blocks: Sequence[Spoken]
    told: bytes = b""  # further elements of its TrackEntry


def element(name: int, *parts: bytes | int | str) -> bytes:
    data = b"".join(map(_bytes, parts))
    return name.to_bytes((name.bit_length() + 7) // 8) + (1 << 56 | len(data)).to_bytes(8) + data


def _bytes(part: bytes | int | str) -> bytes:
    if isinstance(part, int):
        return part.to_bytes(max(1, (part.bit_length() + 7) // 8))
    return part.encode() if isinstance(part, str) else part


def matroska(plain: Path, target: Path, texts: Sequence[Words], *, begins_ms: int = 0, told: bytes = b"") -> Path:
    """The pictures of `plain`, with these texts; all times are `begins_ms` later. `told` is of the pictures' entry."""
    blocks: list[tuple[int, bytes]] = []
    with av.open(str(plain)) as container:
        video = container.streams.video[0]
        size = element(VIDEO, element(WIDTH, video.width), element(HEIGHT, video.height))
        private = element(PRIVATE, video.codec_context.extradata or b"")
        entries = [_entry(1, PICTURES, "V_MPEG4/ISO/AVC", size + private + told)]
        for packet in container.demux(video):
            if packet.size and packet.pts is not None:
                ms = round(float(packet.pts * video.time_base) * 1_000)
                flags = b"\x80" if packet.is_keyframe else b"\x00"
                blocks.append((ms, element(SIMPLE_BLOCK, _head(1, ms), flags, bytes(packet))))
    for number, words in enumerate(texts, 2):
        entries.append(_entry(number, WORDS, words.codec, words.told))
        blocks += [(spoken.start_ms, _group(number, spoken)) for spoken in words.blocks]
    ordered = b"".join(block for _, block in sorted(blocks, key=lambda block: block[0]))
    content = (
        element(INFO, element(TICK, 1_000_000)),
        element(TRACKS, *entries),
        element(CLUSTER, element(TIMESTAMP, begins_ms), ordered),
    )
    target.write_bytes(element(EBML, element(DOC_TYPE, "matroska")) + element(SEGMENT, *content))
    return target


def as_in_avi(stream: Path, target: Path) -> Path:
    """The H.264 of an elementary stream, 25 pictures a second, in a track of AVI's kind: times tell when to decode."""
    with av.open(str(stream)) as container:
        video = container.streams.video[0]
        packets = [packet for packet in container.demux(video) if packet.size]
        size = element(VIDEO, element(WIDTH, video.width), element(HEIGHT, video.height))
        header = struct.pack("<IiiHH4sI16x", 40, video.width, video.height, 1, 24, b"H264", 0)
    blocks = (
        element(SIMPLE_BLOCK, _head(1, 40 * number), b"\x80" if packet.is_keyframe else b"\x00", bytes(packet))
        for number, packet in enumerate(packets)
    )
    content = (
        element(INFO, element(TICK, 1_000_000)),
        element(TRACKS, _entry(1, PICTURES, "V_MS/VFW/FOURCC", size + element(PRIVATE, header))),
        element(CLUSTER, element(TIMESTAMP, 0), *blocks),
    )
    target.write_bytes(element(EBML, element(DOC_TYPE, "matroska")) + element(SEGMENT, *content))
    return target


def _entry(number: int, kind: int, codec: str, told: bytes) -> bytes:
    return element(
        ENTRY, element(NUMBER, number), element(UID, number), element(KIND, kind), element(CODEC, codec), told
    )


def _head(number: int, ms: int) -> bytes:
    """A block's track and its time in the cluster."""
    return bytes([0x80 | number]) + ms.to_bytes(2, signed=True)


def _group(number: int, spoken: Spoken) -> bytes:
    parts = [element(BLOCK, _head(number, spoken.start_ms), b"\x00", spoken.text)]
    if spoken.lasts_ms is not None:
        parts.append(element(BLOCK_DURATION, spoken.lasts_ms))
    if spoken.beside:
        parts.append(element(ADDITIONS, element(MORE, element(ADD_ID, 1), element(ADDITIONAL, spoken.beside))))
    return element(GROUP, *parts)
