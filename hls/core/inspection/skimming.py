"""Reads all packets of an MP4 file of which only a part is here, but the contents of few.

The index of an MP4 file says where each packet is, how large it is, when it is shown, and which pictures are key
pictures. So libav can go through all packets while their contents are zeros. Before anybody looks into a packet, its
true contents are put in place; what will be looked at is mostly known before, and fetched all at once.

Only for codecs whose packets libav hands out as they are stored: of others it reads the contents itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import floor

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from hls.core.blocks import AskingFile, ByteRange
from hls.core.formats.sps import PPS, SPS, kind
from hls.core.inspection.copying import LENGTH_SIZE_MASK
from hls.core.inspection.headers import LOOKED_AT
from hls.core.inspection.later_fields import may_be_interlaced
from hls.core.inspection.packets import AnyPacket, tick_s

DEMUXER = "mov"
PICTURES = frozenset({"h264", "hevc"})  # with lengths before their NAL units
SOUNDS = ("aac", "alac", "pcm_")
CONFIGURED = b"\x01"  # the first byte of an avcC or hvcC record
LOOK_AGAIN_S = 5  # between two looks at a sound: chunks are longer, so each chunk's sound is looked at
FIRST_PICTURES, FIRST_SOUNDS = 32, 13  # packets whose contents are looked at in any case
SOUNDS_AGAIN = 2  # packets after each pause
PICTURES_AFTER_KEY = 4  # packets that a decoder may need before it shows a key picture
MOST_OF_ONE_BYTES = 1 << 22


class Content:
    """The contents of packets that were read with them: there is nothing to do."""

    def whole(self, packet: AnyPacket) -> None:
        """Make sure of all of the packet's bytes."""

    def beginning(self, packet: AnyPacket) -> None:
        """Make sure of those that have headers."""

    def units(self, packet: AnyPacket, avcc: bytes) -> None:
        """Make sure of each NAL unit's length and kind, and of parameter sets."""


@dataclass(frozen=True)
class SkimmedContent(Content):
    file: AskingFile

    def whole(self, packet: AnyPacket) -> None:
        self._bring(packet, 0, packet.size)

    def beginning(self, packet: AnyPacket) -> None:
        self._bring(packet, 0, LOOKED_AT)

    def units(self, packet: AnyPacket, avcc: bytes) -> None:
        length_size = (avcc[4] & LENGTH_SIZE_MASK) + 1
        at = 0
        while at + length_size < packet.size:
            self._bring(packet, at, at + length_size + 1)
            data = memoryview(packet)
            size = int.from_bytes(data[at : at + length_size])
            at += length_size
            if size and kind(bytes(data[at : at + 1])) in (SPS, PPS):
                self._bring(packet, at, at + size)
            at += size

    def _bring(self, packet: AnyPacket, start: int, end: int) -> None:
        if packet.size and packet.pos is not None:
            self.file.need([(packet.pos + start, packet.pos + min(end, packet.size))])
            packet.update(self.file.at(packet.pos, packet.size))


def skimmed(
    file: AskingFile, container: InputContainer, video: VideoStream, sounds: Sequence[AudioStream]
) -> SkimmedContent | None:
    """The contents of this file's packets, of which from now on only few are brought; None where all have to be read.

    `file` reads zeros where nothing is here, until its `is_skimming` is false again.
    """
    codec = video.codec_context
    can_be = (
        container.format.name.split(",")[0] == DEMUXER
        and codec.name in PICTURES
        and (codec.extradata or b"")[:1] == CONFIGURED
        and not may_be_interlaced(codec.name, codec.extradata or b"", b"")  # each picture's head is looked at
        and all(sound.codec_context.name.startswith(SOUNDS) for sound in sounds)
        and all(len(track.index_entries) for track in (video, *sounds))
        and not file.is_fragmented()
    )
    if not can_be:
        return None
    file.need(looked_at(video, sounds))
    file.is_skimming = True
    return SkimmedContent(file)


def looked_at(video: VideoStream, sounds: Sequence[AudioStream]) -> Iterator[ByteRange]:
    """Where that is stored which is surely looked at."""
    for entry in islice(video.index_entries, FIRST_PICTURES):
        yield entry.pos, entry.pos + entry.size
    for entry in video.index_entries:
        if entry.is_keyframe:
            yield entry.pos, entry.pos + min(entry.size, LOOKED_AT)
    for sound in sounds:
        yield from sounds_looked_at(sound)


def sounds_looked_at(sound: AudioStream) -> Iterator[ByteRange]:
    """The first packets, and a few after each pause: one more on each side than `soundtrack` mostly needs."""
    entries, pause = sound.index_entries, round(LOOK_AGAIN_S / tick_s(sound))
    first, seen = 0, FIRST_SOUNDS
    while True:
        for entry in islice(entries, max(0, first - 1), first + seen + 1):
            yield entry.pos, entry.pos + entry.size
        due = entries[min(first + seen, len(entries)) - 1].timestamp + pause
        first, seen = entries.search_timestamp(due, backward=False, any_frame=True), SOUNDS_AGAIN
        if first < 0:
            return


def key_pictures(video: VideoStream, wanted_s: Iterable[Fraction]) -> Iterator[ByteRange]:
    """Where the last key pictures before these times are stored, and what is read together with them."""
    entries = video.index_entries
    for at_s in wanted_s:
        place = entries.search_timestamp(floor(at_s / tick_s(video)), backward=True)
        if place >= 0:
            start, last = entries[place].pos, entries[min(place + PICTURES_AFTER_KEY, len(entries) - 1)]
            yield start, min(last.pos + last.size, start + MOST_OF_ONE_BYTES)
