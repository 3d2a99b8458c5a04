"""A program that takes texts out of a file, packet by packet. hls.core.subtitles.extraction runs it, with limits.

    python -m hls.core.subtitles.packets '{"demuxer": …}' FILE

A packet is one cue, whatever its lines look like. Written down as they are, an empty line in one would end the cue, and
a line of times begin another; and FFmpeg's way from one format to another, over ASS, loses places, voices and ruby.
In MP4's WebVTT a packet is a moment instead, with all cues that are shown then.

Writes NUMBER.vtt, safe and sorted, into the working directory for each of the tracks that the file has. Prints one JSON
object with the numbers of those that are too much: {"refused": [2]}.
"""

import json
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.stream import Discard
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.subtitle import AssSubtitle

from hls.core.inspection.media_file import opened
from hls.core.inspection.packets import AnyPacket, tick_s, time_of
from hls.core.subtitles.arguments import PacketArguments
from hls.core.subtitles.boxed import cues_of
from hls.core.subtitles.cues import MOST_CUES, TextRefused
from hls.core.subtitles.decoding import decoded
from hls.core.subtitles.extraction import BY_PACKET, name
from hls.core.subtitles.reading import MOST_BYTES, Form, RawCue, read_packets
from hls.core.subtitles.writing import webvtt
from hls.core.wire import load

MOST_LENGTH = 20_000_000  # characters of a track with all its codes; what is left of them is bounded again
MATROSKA = "matroska"  # there, a text without a duration lasts until the next one (RFC 9559, BlockDuration)
# FFmpeg's names of what a packet of WebVTT may have beside its text
SETTINGS, ADDITION = "webvtt_settings", "matroska_block_additional"
ID_BYTES = 8  # of an addition; in WebVTT's, the settings, the cue's name and comments follow, each in a line
LENGTH_BYTES = 2  # before the text in a packet of mov_text; styles may follow it
ASS_FIELDS = 9  # of an event in a packet (Matroska's S_TEXT/ASS): ReadOrder to Effect, and the text


@dataclass
class ReadTrack:
    """What was read of a track. Of one that is too much, only as much is kept as tells that."""

    index: int
    form: Form
    cues: list[RawCue] = field(default_factory=list)
    length: int = 0
    latest: dict[tuple[str, str], int] = field(default_factory=dict)  # the place of the last cue with text and settings

    @property
    def is_too_much(self) -> bool:
        return self.length > MOST_LENGTH or len(self.cues) > MOST_CUES

    def note(self, packet: AnyPacket, zero_s: Fraction) -> None:
        time = time_of(packet)
        if time is None or self.is_too_much:
            return
        tick_ms = 1_000 * tick_s(packet.stream)
        start_ms = time * tick_ms - 1_000 * zero_s
        end_ms = start_ms + max(0, packet.duration or 0) * tick_ms
        if self.form is Form.BOXED:
            for text, placed in cues_of(bytes(packet)):
                self._note_moment(RawCue((round(start_ms), round(end_ms), plain(placed)), plain(text)))
        else:
            self._note_cue(RawCue((round(start_ms), round(end_ms), settings(packet)), text_of(packet, self.form)))

    def _note_cue(self, cue: RawCue) -> None:
        self.length += len(cue.text)
        self.cues.append(cue)

    def _note_moment(self, cue: RawCue) -> None:
        """A cue that goes on while others begin or end beside it is in several packets."""
        start_ms, end_ms, placed = cue.times
        place = self.latest.get((cue.text, placed))
        before = None if place is None else self.cues[place]
        if place is not None and before and before.times[1] == start_ms:
            self.cues[place] = RawCue((before.times[0], end_ms, placed), cue.text)
            return
        self.latest[cue.text, placed] = len(self.cues)
        self._note_cue(cue)

    def webvtt(self, *, may_lack_ends: bool) -> str:
        """Raises TextRefused for too much."""
        text = "" if self.is_too_much else webvtt(read_packets(self.cues, self.form, may_lack_ends=may_lack_ends))
        if self.is_too_much or len(text) > MOST_BYTES:
            raise TextRefused("This track is too long.")
        return text


def read(container: InputContainer, arguments: PacketArguments) -> Collection[ReadTrack]:
    """The tracks, as far as the file can be read."""
    told = {track.index: BY_PACKET[track.codec] for track in arguments.tracks}
    wanted = [stream for stream in container.streams if stream.index in told]
    tracks = {stream.index: ReadTrack(stream.index, told[stream.index]) for stream in wanted}
    for stream in container.streams:
        stream.discard = Discard.default if stream in wanted else Discard.all
    with suppress(av.error.FFmpegError):  # the file may be cut off
        for packet in container.demux(wanted) if wanted else ():
            if packet.stream.index in tracks:  # which each track's last packet, an empty one, need not be
                tracks[packet.stream.index].note(packet, arguments.zero_s)
    return tracks.values()


def settings(packet: AnyPacket) -> str:
    """A cue's settings, which WebVTT has behind its times."""
    for beside in packet.iter_sidedata():
        if beside.data_type == SETTINGS:
            return plain(bytes(beside))
        if beside.data_type == ADDITION:
            return plain(bytes(beside)[ID_BYTES:]).partition("\n")[0]
    return ""


def text_of(packet: AnyPacket, form: Form) -> str:
    if form is Form.MOV_TEXT:
        return converted(packet)
    return last_field(bytes(packet)) if form is Form.ASS else plain(bytes(packet))


def plain(data: bytes) -> str:
    """The text up to the first zero. Programs that join files leave lines in different encodings."""
    return "\n".join(map(decoded, data.partition(b"\0")[0].split(b"\n")))


def last_field(event: bytes) -> str:
    """The text of an event of ASS, which may have commas."""
    fields = event.split(b",", ASS_FIELDS - 1)
    return plain(fields[-1]) if len(fields) == ASS_FIELDS else ""


def converted(packet: AnyPacket) -> str:
    """What FFmpeg's decoder makes of it: the text of an event of ASS; nothing where it is damaged.

    It takes UTF-16, which begins with a mark (3GPP TS 26.245, 5.17.1.1), for UTF-8.
    """
    text = bytes(packet)[LENGTH_BYTES:][: int.from_bytes(bytes(packet)[:LENGTH_BYTES])]
    if text.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        return decoded(text)
    decoder = cast(SubtitleCodecContext, packet.stream.codec_context)
    if not decoder.is_open:
        decoder.options = {"sub_charenc_mode": "ignore"}  # lines that are no UTF-8 would be left out
    try:
        found = decoder.decode2(packet)
    except av.error.FFmpegError:
        return ""
    return "\n".join(last_field(rect.ass) for rect in found or () if isinstance(rect, AssSubtitle))


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    arguments = load(PacketArguments, json.loads(sys.argv[1]))
    refused = []
    with opened(Path(sys.argv[2]), arguments.demuxer) as container:
        tracks = read(container, arguments)
    for track in tracks:
        try:
            text = track.webvtt(may_lack_ends=arguments.demuxer == MATROSKA)
        except TextRefused:
            refused.append(track.index)
        else:
            Path(name(track.index)).write_text(text, encoding="utf-8")
    sys.stdout.write(json.dumps({"refused": refused}))


if __name__ == "__main__":
    main()
