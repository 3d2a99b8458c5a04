"""What a file's head says of its tracks and libav doesn't tell: languages as BCP 47, texts that it doesn't know, flags.

libav gives the language of ISO 639-2 alone, so `pt-BR` would become `por`, has no decoder for WebVTT as mkvmerge and
MP4 have it, and doesn't look at what QuickTime's subtitles say of being forced. Everything is optional: where anything
is odd, what libav says holds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer

from hls.core.blocks import PartlyHerePath
from hls.core.formats.parts import ContainerPart, inside, within
from hls.core.formats.track_heads import (
    TRACK_TYPE,
    first_number,
    is_matroska,
    is_mp4,
    matroska_tracks,
    mp4_tracks,
    track_ids,
)

CODEC_ID, LANGUAGE_BCP47 = 0x86, 0x22B59D  # RFC 9559, 5.1.4.1.21 and 5.1.4.1.20
KINDS = {1: "video", 2: "audio", 17: "subtitle", 33: "data"}  # of Matroska's tracks, as PyAV calls them
LONGEST = 100  # bytes that are read of a value
FULL_BOX_BYTES = 4  # version and flags
KIND_OF_SAMPLES = slice(12, 16)  # in a sample description: behind the count of entries and the first one's size
DISPLAY_FLAGS, ALL_FORCED = slice(24, 28), 1 << 31  # QuickTime File Format, subtitle sample description
TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
MOST_TRACKS = 256


@dataclass(frozen=True)
class Declared:
    language_tag: str = ""  # BCP 47, not checked for more than its shape; "" where there is none
    codec: str = ""  # Matroska's or MP4's name of it
    is_forced: bool = False


NOTHING = Declared()


def declared(path: Path | PartlyHerePath, container: InputContainer) -> Mapping[int, Declared]:
    """By the track's number in the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if is_mp4(head):
            by_id = dict(_of_mp4(file, size))
            return {track.index: by_id[track.id] for track in container.streams if track.id in by_id}
        if is_matroska(head):
            return _of_matroska(file, size, container)
    return {}


def _of_mp4(file: BinaryIO, size: int) -> Iterator[tuple[int, Declared]]:
    """By the track's id (ISO/IEC 14496-12, 8.4.6: the extended language; 8.5.2: the first sample's description)."""
    for track in islice(mp4_tracks(file, size), MOST_TRACKS):
        tag = next(inside(file, track, b"mdia", b"elng"), None)
        described = next(inside(file, track, b"mdia", b"minf", b"stbl", b"stsd"), None)
        samples = described.content(file, LONGEST) if described else b""
        codec = samples[KIND_OF_SAMPLES].decode("ascii", "replace")
        told = Declared(
            language_tag=_tag(_value(file, tag)[FULL_BOX_BYTES:]) if tag else "",
            codec=codec,
            is_forced=codec == "tx3g" and bool(int.from_bytes(samples[DISPLAY_FLAGS]) & ALL_FORCED),
        )
        yield from ((number, told) for number in track_ids(file, track))


def _of_matroska(file: BinaryIO, size: int, container: InputContainer) -> Mapping[int, Declared]:
    """By the track's place. Where the kinds differ from what libav has there, it has left out a track."""
    entries = list(islice(matroska_tracks(file, size), MOST_TRACKS))
    kinds = [KINDS.get(first_number(file, entry, TRACK_TYPE) or 0) for entry in entries]
    if kinds != [track.type for track in container.streams][: len(kinds)]:
        return {}
    return {
        place: Declared(
            language_tag=_tag(_first(file, entry, LANGUAGE_BCP47)),
            codec=_first(file, entry, CODEC_ID).decode("ascii", "replace"),
        )
        for place, entry in enumerate(entries)
    }


def _first(file: BinaryIO, entry: ContainerPart, name: int) -> bytes:
    found = next(within(file, entry, name), None)
    return _value(file, found) if found else b""


def _value(file: BinaryIO, part: ContainerPart) -> bytes:
    """Nothing where it is damaged or far too long."""
    return part.content(file, LONGEST) if part.is_whole and part.end - part.begin <= LONGEST else b""


def _tag(data: bytes) -> str:
    """Up to the first zero; "" for what is no tag."""
    text = data.partition(b"\0")[0].decode("ascii", "replace").strip()
    return text if TAG.fullmatch(text) else ""
