"""Finds tracks of a transport stream that go on where others have ended: recordings that were joined, or broadcasters,
may change the PIDs. libav then begins new tracks.

Pictures of programmes that are sent at the same time take turns all the time. Where the PIDs change they do so rarely.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from hls.core.blocks import PartlyHerePath
from hls.core.inspection.joins import DISCONTINUOUS
from hls.core.inspection.media_file import is_decodable, opened
from hls.core.inspection.packets import AnyPacket, tick_s
from hls.core.probe import Continuation

MOST_TURNS = 100
LEAST_PICTURES = 12  # of a part: fewer are of programmes at the same time
MPEG_SOUND = ("mp3float", "mp3", "mp2", "mp2float", "mp1", "mp1float")
LEAST_SOUNDS = 5  # packets: fewer are the rest of a part that has ended


@dataclass
class _Part:
    """What is stored from one change of the picture track up to the next one: packets by the number of their track."""

    video: int
    byte: int
    pictures: int = 0
    sounds: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class Continued:
    tracks: tuple[Continuation, ...] = ()
    bytes: tuple[int, ...] = ()  # where a part begins

    @property
    def numbers(self) -> frozenset[int]:
        """Of the tracks that go on where others have ended."""
        return frozenset(continuation.track for continuation in self.tracks)


NOTHING = Continued()


def continued(path: Path | PartlyHerePath, container: InputContainer, video: VideoStream) -> Continued:
    """The tracks that the picture track and its sounds go on in; nothing for nearly all files."""
    alike = [track for track in container.streams.video if is_decodable(track) and _codec(track) == _codec(video)]
    if container.format.name not in DISCONTINUOUS or len(alike) < 2:
        return NOTHING
    numbers = {track.index for track in alike}
    with opened(path) as again:
        wanted = [track for track in again.streams if track.index in numbers or track.type == "audio"]
        parts = _parts(again, wanted, numbers)
    if len(parts) < 2 or any(part.pictures < LEAST_PICTURES for part in parts):
        return NOTHING
    pictures = (Continuation(number, video.index) for number in sorted(numbers - {video.index}))
    sounds = dict(_sounds(list(container.streams), parts, video.index))
    return Continued(
        tracks=(*pictures, *(Continuation(later, sooner) for later, sooner in sorted(sounds.items()))),
        bytes=tuple(part.byte for part in parts[1:]),
    )


def as_continued(
    packets: Iterable[AnyPacket], container: InputContainer, tracks: Sequence[Continuation], begins: Sequence[int]
) -> Iterator[AnyPacket]:
    """The packets, with those of tracks that go on with another's as if they were that one's.

    libav gives the last picture of a part at the file's end, where no other comes on its PID. It is left out.
    """
    sooner = {continuation.track: container.streams[continuation.continues] for continuation in tracks}
    clocks = {track.index: _Clock.of(track) for track in sooner.values() if isinstance(track, AudioStream)}
    reached = 0
    places: dict[int, int] = {}
    for packet in packets:
        track = packet.stream.index  # each track's last packet, which is empty, has the stream_index 0
        if not packet.size:
            if track not in sooner:
                yield packet
            continue
        if packet.pos is not None:  # of several packets that are stored as one, only the first has it
            places[track] = bisect_right(begins, packet.pos)
        reached = max(reached, places.get(track, 0))
        if places.get(track, 0) < reached:
            continue
        if track in sooner:
            packet.stream = sooner[track]
        if packet.stream.index in clocks:
            clocks[packet.stream.index].tell(packet)
        yield packet


@dataclass
class _Clock:
    """The times of sound that libav has not looked into: of several packets in one it knows the first one's alone."""

    lasts: int
    end: int | None = None

    @classmethod
    def of(cls, track: AudioStream) -> Self:
        sound = track.codec_context
        return cls(round(sound.frame_size / sound.sample_rate / tick_s(track)) if sound.sample_rate else 0)

    def tell(self, packet: AnyPacket) -> None:
        if packet.dts is None:
            packet.dts = packet.pts = self.end
        self.lasts = packet.duration or self.lasts
        packet.duration = self.lasts
        self.end = None if packet.dts is None else packet.dts + self.lasts


def _parts(container: InputContainer, wanted: Sequence[Stream], pictures: set[int]) -> list[_Part]:
    parts: list[_Part] = []
    for byte, track in sorted(_places(container, wanted, pictures)):
        if track in pictures:
            if not parts or parts[-1].video != track:
                parts.append(_Part(track, byte))
            parts[-1].pictures += 1
        elif parts:
            parts[-1].sounds[track] += 1
    return parts


def _places(container: InputContainer, wanted: Sequence[Stream], pictures: set[int]) -> Iterator[tuple[int, int]]:
    """Where packets are stored, with the numbers of their tracks; until pictures have taken turns too often."""
    turns, latest = 0, None
    for packet in container.demux(wanted):
        if packet.size and packet.pos is not None:
            yield packet.pos, packet.stream_index
            if packet.stream_index in pictures:
                turns += latest not in (None, packet.stream_index)
                latest = packet.stream_index
        if turns > MOST_TURNS:
            return


def _sounds(tracks: Sequence[Stream], parts: Sequence[_Part], video: int) -> Iterator[tuple[int, int]]:
    """Of each other part, the sounds that the picture track isn't heard with, and the ones whose turn it is."""
    own = {track for part in parts if part.video == video for track in _heard(part)}
    for part in parts:
        missing = sorted(own - _heard(part))
        for later in sorted(_heard(part) - own):
            sooner = next((track for track in missing if _codec(tracks[track]) == _codec(tracks[later])), None)
            if sooner is not None:
                missing.remove(sooner)
                yield later, sooner


def _heard(part: _Part) -> set[int]:
    return {track for track, count in part.sounds.items() if count >= LEAST_SOUNDS}


def _codec(track: Stream) -> str:
    """FFmpeg's name of it; of MPEG's sounds always the same, as the table doesn't tell them apart."""
    name = track.codec_context.name if is_decodable(track) else ""
    return MPEG_SOUND[0] if name in MPEG_SOUND else name
