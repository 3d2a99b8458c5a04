"""Finds where to begin reading for a chunk: by decoding, because a container may be wrong about its keyframes.

1. A chunk is read from half a second before its beginning: sound decoders need a run-up.
2. A seek there is accepted if it leads to packets that have the same times as when the whole file was read, and if a
   new decoder shows a key picture in time for the chunk's first frame.
3. Otherwise earlier places are tried: at keyframes, then further back, then the last place that was accepted.
4. If there is none, the chunk is read from the file's beginning.
5. Decoders that may need more than a key picture have to prove once that they don't: a frame at some distance from the
   file's beginning must be the same after the seek as after decoding everything before it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Self

import av
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from hls.core.blocks import PartlyHerePath
from hls.core.inspection.media_file import opened
from hls.core.inspection.packets import AnyPacket, SoundPackets, TrackLog, pictures_of, tick_s, time_of
from hls.core.inspection.skimming import DEMUXER, key_pictures
from hls.core.plan import RUN_UP_S
from hls.core.probe import Landing

REORDERING_S = Fraction(1, 2)  # a picture is stored before it is shown
SEEKS_ANYWHERE = frozenset({"mpegts", "mpeg"})  # these have no index; a seek may land between keyframes
KEY_FRAMES_TRIED = 2
FURTHER_BACK_S = (4, 16)
PROVEN_AFTER_S = 10  # from the first place looked for to the one that is tried for all of them
SOUNDS_COMPARED = 10  # packets; the first ones after a seek may be incomplete
PACKETS_AFTER_SEEK = 3000  # for each sound
SPARSE_S = 2  # after which one of several sounds isn't waited for: what is stored later will be read anyway
FIXED_INDEX = frozenset({"mov", "matroska"})  # the index is read when the file is opened; no seek changes it
SELF_CONTAINED = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg1video", "mpeg2video"})  # from a key picture


@dataclass(frozen=True)
class Reading:
    """The tracks as they were when the whole file was read. `order` has the pictures' times in display order."""

    video: int
    pictures: TrackLog
    order: Sequence[int]
    sounds: Mapping[int, SoundPackets]  # by the tracks' numbers
    is_untimed: bool  # pictures only have decoding times, so they are counted instead


def landings(path: Path | PartlyHerePath, reading: Reading, wanted_s: Sequence[Fraction]) -> tuple[Landing, ...]:
    """Places to begin reading for frames at these times, which ascend, on the file's own clock."""
    found: list[tuple[Landing, Fraction]] = []
    with _Search(path, reading) as search:
        if isinstance(path, PartlyHerePath) and search.demuxer == DEMUXER:
            path.reader().need(key_pictures(search.video, (at_s - RUN_UP_S for at_s in wanted_s)))
        for at_s in wanted_s:
            landing = search.place(at_s, after_s=found[-1][0].seek_s if found else None)
            if landing:
                found.append((landing, at_s))
        # Reading from the file's first picture proves nothing, nor is one soon after it a hard trial.
        on_trial = [(landing, at_s) for landing, at_s in found if landing.picture]
        late = [(landing, at_s) for landing, at_s in on_trial if at_s - wanted_s[0] >= PROVEN_AFTER_S]
        if on_trial and not search.is_proven(*(late or on_trial[-1:])[0]):
            return ()
    return tuple(landing for landing, _ in found)


@dataclass
class _Heard:
    """The sounds' packets after a seek, compared with those of the whole file.

    A sound of which nothing is stored there, because it begins later or has ended, is no obstacle.
    """

    sounds: Mapping[int, SoundPackets]
    counts: dict[int, int] = field(default_factory=dict)  # of packets, by track
    known: dict[int, Fraction | None] = field(default_factory=dict)  # the sound just before the first known packet

    def note(self, packet: AnyPacket) -> None:
        track = packet.stream_index
        self.counts[track] = self.counts.get(track, 0) + 1
        if track not in self.known and self.sounds[track].has(packet):
            # Sound may be stored far from the pictures it belongs to.
            time = time_of(packet)
            before = None if time is None else self.sounds[track].time_before(time)
            self.known[track] = None if before is None else before * tick_s(packet.stream)

    @property
    def is_enough(self) -> bool:
        """Whether nothing more can be learned by reading on."""
        return all(track in self.known or self.counts.get(track, 0) >= SOUNDS_COMPARED for track in self.sounds)

    @property
    def is_trusted(self) -> bool:
        """Whether each sound leads to a packet that has the same time as when the whole file was read."""
        return all(track in self.known for track in self.counts)

    @property
    def missed_s(self) -> Fraction | None:
        """The latest sound that is stored before."""
        return max((before_s for before_s in self.known.values() if before_s is not None), default=None)


class _Search:
    def __init__(self, path: Path | PartlyHerePath, reading: Reading) -> None:
        self.path = path
        self.reading = reading
        self.container = opened(path)
        self.tick_s = tick_s(self.video)
        self.is_self_contained = self.video.codec_context.name in SELF_CONTAINED
        self.demuxer = self.container.format.name.split(",")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    @property
    def video(self) -> VideoStream:
        return next(stream for stream in self.container.streams.video if stream.index == self.reading.video)

    def place(self, at_s: Fraction, *, after_s: float | None) -> Landing | None:
        """The best place for a frame at `at_s`; None if there is none, or none beyond the one at `after_s`."""
        for seek_s in self._candidates(at_s):
            if after_s is not None and seek_s <= after_s:
                return None
            try:
                landing = self._tried(seek_s, at_s)
            except av.error.FFmpegError:
                continue
            if landing:
                return landing
        return None

    def _candidates(self, at_s: Fraction) -> Iterator[Fraction]:
        latest_s = at_s - RUN_UP_S
        slack_s = REORDERING_S if self.demuxer in SEEKS_ANYWHERE else Fraction(0)
        if not slack_s:
            yield latest_s
        keyframes = self.reading.pictures.keyframe_times
        end = bisect_right(keyframes, latest_s / self.tick_s)
        yield from (time * self.tick_s - slack_s for time in reversed(keyframes[max(0, end - KEY_FRAMES_TRIED) : end]))
        yield from (latest_s - back_s for back_s in FURTHER_BACK_S)

    def _tried(self, seek_s: Fraction, at_s: Fraction) -> Landing | None:
        """The landing of a seek to `seek_s`, if it serves the frame at `at_s`."""
        decoder = self._sought(seek_s)
        landing: Landing | None = None
        heard = _Heard(self.reading.sounds)
        known: set[int | None] = set()
        for packet in islice(self._packets(), PACKETS_AFTER_SEEK * max(1, len(self.reading.sounds))):
            if packet.stream_index != self.reading.video:
                heard.note(packet)
            elif landing is None:
                if self.reading.pictures.has(packet):
                    known.add(time_of(packet))
                if self.reading.is_untimed and not known and not packet.is_keyframe:
                    return None  # counting has to begin at a packet that is known
                key = self._key_picture(decoder, packet)
                landing = self._landing(seek_s, key) if key and key.pts in known else None
                if (landing and landing.shown_s > at_s) or self._is_past(packet, at_s + 1):
                    return None
            elif len(self.reading.sounds) > 1 and self._is_past(packet, at_s + SPARSE_S):
                break
            if landing and heard.is_enough:
                break
        if landing is None or not heard.is_trusted:
            return None
        landing = replace(landing, missed_s=heard.missed_s)
        return landing if landing.serves(at_s, run_up_s=0) else None

    def _is_past(self, packet: AnyPacket, at_s: Fraction) -> bool:
        """What an edit list hides may be later than what follows it."""
        return packet.dts is not None and not packet.is_discard and packet.dts * self.tick_s > at_s

    def _key_picture(self, decoder: VideoCodecContext, packet: AnyPacket) -> VideoFrame | None:
        """A picture of this packet that needs no earlier one. An H.264 decoder shows nothing before such a picture."""
        for frame in pictures_of(decoder, packet):
            if not frame.is_corrupt:
                is_untold = frame.pict_type == PictureType.NONE and packet.is_keyframe
                if frame.pict_type == PictureType.I or is_untold or decoder.name == "h264":
                    return frame
        return None

    def _landing(self, seek_s: Fraction, key: VideoFrame) -> Landing | None:
        place = self.reading.pictures.place(key.pts)
        if key.pts is None or place is None:
            return None
        shown = self.reading.order[place] if self.reading.is_untimed else key.pts
        return Landing(seek_s=float(seek_s), shown_s=shown * self.tick_s, picture=place)

    def _sought(self, seek_s: Fraction) -> VideoCodecContext:
        """Seek, and give a decoder that has only the codec's parameters from the container and no earlier packets."""
        if not (self.is_self_contained and self.demuxer in FIXED_INDEX):
            self._open_again()
        self.container.seek(int(seek_s * av.time_base))
        context = self.video.codec_context
        decoder = CodecContext.create(context.codec.name, "r") if self.is_self_contained else context
        if not isinstance(decoder, VideoCodecContext):
            raise TypeError(f"{decoder.name} doesn't decode pictures")
        if decoder is not context:
            decoder.extradata = context.extradata
        decoder.thread_count = 1
        return decoder

    def _open_again(self) -> None:
        self.container.close()
        self.container = opened(self.path)

    def _packets(self) -> Iterator[AnyPacket]:
        wanted = {self.reading.video, *self.reading.sounds}
        streams = [stream for stream in self.container.streams if stream.index in wanted]
        yield from (packet for packet in self.container.demux(streams) if packet.size)

    def is_proven(self, landing: Landing, at_s: Fraction) -> bool:
        """Whether the frame at `at_s` is the same when read from the landing as from the file's beginning."""
        if self.is_self_contained and not self.reading.is_untimed:
            return True
        sought, whole = self._digest(landing, at_s), self._digest(None, at_s)
        return sought is not None and sought == whole

    def _digest(self, landing: Landing | None, at_s: Fraction) -> bytes | None:
        self._open_again()
        if landing:
            self.container.seek(int(landing.seek_s * av.time_base))
        shown: VideoFrame | None = None
        for number, frame in enumerate(self._frames(), start=landing.picture if landing else 0):
            time = self.reading.order[number] if self.reading.is_untimed else frame.pts
            if time is not None and time * self.tick_s > at_s:
                break
            shown = frame
        return blake2b(b"".join(bytes(plane) for plane in shown.planes)).digest() if shown else None

    def _frames(self) -> Iterator[VideoFrame]:
        context = self.video.codec_context
        for packet in self.container.demux(self.video):
            yield from pictures_of(context, packet)
