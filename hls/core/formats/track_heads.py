"""What the heads of MP4 and Matroska say of their tracks, found without trust (hls.core.formats.parts)."""

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from hls.core.formats.parts import ContainerPart, inside, within

MP4_BEGINNINGS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"uuid")
EBML, SEGMENT, TRACKS, TRACK_ENTRY, TRACK_TYPE = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x83
MATROSKA_STREAMS = (1, 2, 17, 33)  # track types for which libav makes streams


def is_mp4(head: bytes) -> bool:
    return head[4:8] in MP4_BEGINNINGS


def is_matroska(head: bytes) -> bool:
    return head[:4] == EBML.to_bytes(4)


def mp4_tracks(file: BinaryIO, size: int) -> Iterator[ContainerPart]:
    """The `trak` boxes. What fragments say comes after them: a recording has thousands of boxes."""
    movie = islice(inside(file, ContainerPart(b"", 0, size), b"moov"), 1)
    return (track for box in movie for track in inside(file, box, b"trak"))


def track_ids(file: BinaryIO, track: ContainerPart) -> Iterator[int]:
    """The number of a `trak` box, which libav calls its id."""
    for header in inside(file, track, b"tkhd"):
        data = header.content(file, 24)
        begin = 20 if data[:1] == b"\x01" else 12  # version 1 has longer times
        yield int.from_bytes(data[begin : begin + 4])


def matroska_tracks(file: BinaryIO, size: int) -> Iterator[ContainerPart]:
    """The TrackEntry elements that libav makes streams of, in their order."""
    tracks = islice(within(file, ContainerPart(b"", 0, size), SEGMENT, TRACKS), 1)
    for entry in (entry for element in tracks for entry in within(file, element, TRACK_ENTRY)):
        if first_number(file, entry, TRACK_TYPE) in MATROSKA_STREAMS:
            yield entry


def first_number(file: BinaryIO, part: ContainerPart, name: int) -> int | None:
    """What the first element of this name is."""
    found = next(within(file, part, name), None)
    return int.from_bytes(found.content(file, 8)) if found else None
