"""Finds where to begin reading for a chunk: by decoding, because a container may be wrong about its keyframes.

1. A chunk is read from a second before its beginning: sound decoders need a run-up.
2. A seek there is accepted if it leads to packets that have the same times as when the whole file was read, and if a
   new decoder shows a key picture in time for the chunk's first frame.
3. Otherwise earlier places are tried: at keyframes, then further back, then the last place that was accepted.
4. If there is none, the chunk is read from the file's beginning.
5. Decoders that may need more than a key picture have to prove once that they don't: the frame at the first chunk's end
   must be the same after the seek as after decoding everything before it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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

from hls.core.media_file import opened
from hls.core.packets import AnyPacket, TrackLog, pictures_of, tick_s, time_of
from hls.core.plan import RUN_UP_S
from hls.core.probe import Landing

REORDERING_S = Fraction(1, 2)  # a picture is stored before it is shown
SEEKS_ANYWHERE = frozenset({"mpegts", "mpeg"})  # these have no index; a seek may land between keyframes
KEY_FRAMES_TRIED = 2
FURTHER_BACK_S = (4, 16)
SOUNDS_COMPARED = 10  # packets; the first ones after a seek may be incomplete
PACKETS_AFTER_SEEK = 3000
FIXED_INDEX = frozenset({"mov", "matroska"})  # the index is read when the file is opened; no seek changes it
SELF_CONTAINED = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg1video", "mpeg2video"})  # from a key picture


@dataclass(frozen=True)
class Reading:
    """The tracks as they were when the whole file was read. `order` has the pictures' times in display order."""

    video: int
    pictures: TrackLog
    order: Sequence[int]
    audio: int | None
    sounds: TrackLog
    heard: Sequence[int]  # the times of the sound, sorted
    is_untimed: bool  # pictures only have decoding times, so they are counted instead


def landings(path: Path, reading: Reading, wanted_s: Iterable[Fraction]) -> tuple[Landing, ...]:
    """Places to begin reading for frames at these times, which ascend, on the file's own clock."""
    found: list[Landing] = []
    with _Search(path, reading) as search:
        for at_s in wanted_s:
            landing = search.place(at_s, after_s=found[-1].seek_s if found else None)
            if landing is None:
                continue
            if not found and not search.is_proven(landing, at_s):
                return ()
            found.append(landing)
    return tuple(found)


class _Search:
    def __init__(self, path: Path, reading: Reading) -> None:
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
        is_sound_known = self.reading.audio is None
        sounds = 0
        missed_s: Fraction | None = None
        known: set[int | None] = set()
        for packet in islice(self._packets(), PACKETS_AFTER_SEEK):
            if packet.stream_index != self.reading.video:
                sounds += 1
                if not is_sound_known and self.reading.sounds.has(packet):
                    is_sound_known, missed_s = True, self._sound_before(packet)
            elif landing is None:
                if self.reading.pictures.has(packet):
                    known.add(time_of(packet))
                if self.reading.is_untimed and not known and not packet.is_keyframe:
                    return None  # counting has to begin at a packet that is known
                key = self._key_picture(decoder, packet)
                landing = self._landing(seek_s, key) if key and key.pts in known else None
                if (landing and landing.shown_s > at_s) or self._is_past(packet, at_s):
                    return None
            if landing and (is_sound_known or sounds >= SOUNDS_COMPARED):
                break
        if landing is None or not (is_sound_known or not sounds):
            return None
        landing = replace(landing, missed_s=missed_s)
        return landing if landing.serves(at_s, run_up_s=0) else None

    def _sound_before(self, packet: AnyPacket) -> Fraction | None:
        """The time of the sound just before this packet: sound may be stored far from the pictures it belongs to."""
        times, first = self.reading.heard, time_of(packet)
        place = bisect_left(times, first) if first is not None else 0
        return times[place - 1] * tick_s(packet.stream) if place else None

    def _is_past(self, packet: AnyPacket, at_s: Fraction) -> bool:
        return packet.dts is not None and packet.dts * self.tick_s > at_s + 1

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
        wanted = {self.reading.video, self.reading.audio}
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
