"""Finds encrypted tracks by reading the container's own marks.

libav opens such files and decodes noise, or fails without saying why. It doesn't recognise FairPlay or a second,
encrypted sample entry (MP4), ContentEncryption without a key id (Matroska), PlayReady (ASF), filtered FLV, or scrambled
MPEG-TS and MPEG-PS. All reading is limited, because the file may be hostile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from av.stream import Stream

from hls.core.blocks import PartlyHerePath
from hls.core.formats.parts import boxes, inside, within
from hls.core.formats.programmes import SYNC, alignment
from hls.core.formats.track_heads import is_matroska, is_mp4, matroska_tracks, mp4_tracks, track_ids

HEAD_BYTES = 1 << 18
WINDOW_BYTES = 1 << 19
WINDOWS = 8  # parts of the file to look into, spread over it, if packets carry the marks

MP4_ENCRYPTED = (b"encv", b"enca", b"drmi", b"drms")  # ISO/IEC 14496-12, 8.12; FairPlay
ENCODINGS, ENCODING, ENCRYPTION = 0x6D80, 0x6240, 0x5035  # RFC 9559, 5.1.4.1.31
ASF_HEADER = UUID("75B22630-668E-11CF-A6D9-00AA0062CE6C").bytes_le
ASF_EXTENSION = UUID("5FBF03B5-A92E-11CF-8EE3-00C00C205365").bytes_le
ASF_ENCRYPTIONS = (
    UUID("2211B3FB-BD23-11D2-B4B7-00A0C955FC6E").bytes_le,
    UUID("298AE614-2622-4C17-B935-DAE07EE9289C").bytes_le,  # extended
    UUID("43058533-6981-49E6-9B74-AD12CB86D58C").bytes_le,  # advanced
)
FLV_FILTER = 0x20
AACS_UNIT_BYTES = 6144  # of a Blu-ray disc; only the first 16 bytes are clear
START = b"\x00\x00\x01"  # of a PES packet, and of anything else in a program stream
PS_PICTURE = re.compile(START + rb"[\xe0-\xef](..)([\x80-\xbf])", re.DOTALL)  # of MPEG-2: its length, and its marks
PS_SCRAMBLED_SHARE = 0.05  # a disc scrambles only some of its packets


@dataclass(frozen=True)
class Protection:
    """The encrypted tracks, by libav's ids if the container has ids, else by their index; or the whole file."""

    ids: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()
    is_whole: bool = False
    is_certain: bool = True  # False where receivers may leave the mark on descrambled packets

    def __bool__(self) -> bool:
        return bool(self.ids or self.places or self.is_whole)

    def covers(self, track: Stream) -> bool:
        return self.is_whole or track.id in self.ids or track.index in self.places


def protection(path: Path | PartlyHerePath) -> Protection:
    """The encrypted tracks of a file. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = path.stat().st_size
        if is_mp4(head):
            return Protection(ids=frozenset(_mp4_ids(file, size)))
        if is_matroska(head):
            return Protection(places=frozenset(_matroska_places(file, size)))
        if head[:16] == ASF_HEADER:
            return Protection(is_whole=_is_asf_encrypted(head))
        if head[:3] == b"FLV":
            return Protection(is_whole=_is_flv_encrypted(head))
        if head[:4] == b"\x00\x00\x01\xba":
            return Protection(is_whole=_is_ps_scrambled(_windows(file, size)))
        if _is_aacs(head):
            return Protection(is_whole=True)
        return Protection(ids=frozenset(_scrambled_pids(_windows(file, size))), is_certain=False)


def _windows(file: BinaryIO, size: int) -> Iterator[bytes]:
    step = max(WINDOW_BYTES, size // WINDOWS)
    for begin in range(0, size, step):
        file.seek(begin)
        yield file.read(WINDOW_BYTES)


def _mp4_ids(file: BinaryIO, size: int) -> Iterator[int]:
    for track in mp4_tracks(file, size):
        for table in inside(file, track, b"mdia", b"minf", b"stbl", b"stsd"):
            entries = boxes(file, table.begin + 8, table.end)  # after version, flags and count
            if any(entry.name in MP4_ENCRYPTED for entry in entries):
                yield from track_ids(file, track)


def _matroska_places(file: BinaryIO, size: int) -> Iterator[int]:
    for place, entry in enumerate(matroska_tracks(file, size)):
        if any(within(file, entry, ENCODINGS, ENCODING, ENCRYPTION)):
            yield place


def _is_asf_encrypted(head: bytes) -> bool:
    """ASF specification, 3.1: objects with a GUID and a size; some are in the header's extension."""
    begin, end = 30, min(len(head), int.from_bytes(head[16:24], "little"))
    while begin + 24 <= end:
        name, size = head[begin : begin + 16], int.from_bytes(head[begin + 16 : begin + 24], "little")
        if name in ASF_ENCRYPTIONS:
            return True
        if size < 24:
            return False
        begin += 46 if name == ASF_EXTENSION else size
    return False


def _is_flv_encrypted(head: bytes) -> bool:
    """Whether a tag needs a filter before its packets can be read (Video File Format specification 10.1, E.4.1)."""
    at = int.from_bytes(head[5:9]) + 4
    while at + 11 <= len(head):
        if head[at] & FLV_FILTER:
            return True
        at += 11 + int.from_bytes(head[at + 1 : at + 4]) + 4
    return False


def _scrambled_pids(windows: Iterator[bytes]) -> Iterator[int]:
    """PIDs whose packets are mostly scrambled: transport_scrambling_control (ISO/IEC 13818-1, 2.4.3.2)."""
    counts: dict[int, list[int]] = {}
    for data in windows:
        size, begin = alignment(data)
        for at in range(begin, len(data) - 3, size):
            if data[at] == SYNC:
                pid = int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF
                counts.setdefault(pid, [0, 0])[data[at + 3] >> 7] += 1
    yield from (pid for pid, (clear, scrambled) in counts.items() if scrambled > clear)


def _is_aacs(head: bytes) -> bool:
    """Whether these are a Blu-ray disc's encrypted units: each begins with a clear packet, marked against copying."""
    units = [head[begin : begin + AACS_UNIT_BYTES] for begin in range(0, len(head), AACS_UNIT_BYTES)][:16]
    whole = [unit for unit in units if len(unit) == AACS_UNIT_BYTES]
    is_marked = all(unit[4] == SYNC and unit[0] & 0xC0 for unit in whole)
    return len(whole) > 3 and is_marked and not any(set(unit[4::192]) == {SYNC} for unit in whole)


def _is_ps_scrambled(windows: Iterator[bytes]) -> bool:
    """Whether packets are scrambled as on a DVD: PES_scrambling_control (ISO/IEC 13818-1, 2.4.3.7)."""
    marks = [mark for data in windows for mark in _ps_marks(data)]
    return bool(marks) and sum(mark != 0 for mark in marks) > len(marks) * PS_SCRAMBLED_SHARE


def _ps_marks(data: bytes) -> Iterator[int]:
    """Of each packet of pictures that ends where another packet begins; sound may have bytes that look like one."""
    for match in PS_PICTURE.finditer(data):
        end = match.end(1) + int.from_bytes(match[1])
        if data[end : end + len(START)] == START:
            yield match[2][0] & 0x30
