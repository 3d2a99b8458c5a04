"""A program that looks at the beginning of a long file: enough to plan its first chunk. hls.core.probe runs it.

    python -m hls.core.inspection.opening '{"max_pixels": …}' FILE

1. A file counts as usual if its container has an index and tells its length, one sound at most is in it, and picture
   and sound begin together, at a constant rate.
2. Of a long and usual file, packets are read up to the first key picture after OPENING_S. It prints the source as it
   would be if it went on in the same way; `is_opening` says so.
3. Of any other file it prints what hls.core.inspection.probing does, which reads the whole file.
4. Later the whole file is read. hls.core.encoding.agreement then says whether the first chunk can stay.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from hls.core.blocks import PartlyHerePath
from hls.core.errors import TranscodeError
from hls.core.inspection.copying import cut, judged, marked
from hls.core.inspection.display import check_base_layer
from hls.core.inspection.landing import FIXED_INDEX
from hls.core.inspection.lasting import steady_s
from hls.core.inspection.media_file import check_size, opened, picture_track, sound_tracks
from hls.core.inspection.packets import AnyPacket, tick_s, time_of
from hls.core.inspection.probing import look, main, video_track
from hls.core.inspection.protection import Protection, protection
from hls.core.inspection.scanning import Scan, scan
from hls.core.plan import make_plan
from hls.core.probe import Limits, Obstacle, Source, VideoTrack
from hls.core.timeline import segment_starts

LONG_S = 300  # a shorter file is read as a whole in about a second
OPENING_S = 7  # longer than any first chunk; where the later ones of a copied video begin is in the file's index
MOST_BYTES = 64 << 20  # of packets
TELLS_SIZES = frozenset({"mov"})  # its index has every packet


def looked_at(path: Path | PartlyHerePath, limits: Limits) -> Source:
    """The opening of a long and usual file, or else the whole file. Raises TranscodeError."""
    try:
        found = opening(path, limits)
    except TranscodeError:  # the whole file says more about it
        found = None
    return found or look(path, limits)


def opening(path: Path | PartlyHerePath, limits: Limits) -> Source | None:
    """The source as its beginning shows it; None where the whole file has to be read first. Raises TranscodeError."""
    if protection(path):
        return None
    with opened(path) as container:
        demuxer = container.format.name.split(",")[0]
        if demuxer not in FIXED_INDEX or len(container.streams) > limits.max_tracks or len(container.streams.audio) > 1:
            return None
        video = picture_track(container)
        told_s = _told_s(container, video)
        check_size(video, limits)
        check_base_layer(video)
        if not LONG_S <= told_s < limits.max_duration_s:
            return None
        beginning = _Beginning(video)
        sounds = sound_tracks(container, Protection())
        found = scan(container, video, sounds, limits, packets=beginning.packets(container, [video, *sounds]))
        if not beginning.is_whole or not _is_usual(found):
            return None
        return _source(path, container, video, found, limits)


@dataclass
class _Beginning:
    """The packets before the first key picture after OPENING_S: of the pictures before it, none is missing."""

    video: VideoStream
    is_whole: bool = False

    def packets(self, container: InputContainer, tracks: list[Stream]) -> Iterator[AnyPacket]:
        size_bytes, first = 0, None
        for packet in container.demux(tracks):
            size_bytes += packet.size
            if size_bytes > MOST_BYTES:
                return
            time = time_of(packet) if packet.stream_index == self.video.index else None
            if time is not None:
                first = time if first is None else first
                self.is_whole = packet.is_keyframe and (time - first) * tick_s(self.video) >= OPENING_S
                if self.is_whole:
                    return
            yield packet


def _told_s(container: InputContainer, video: VideoStream) -> Fraction:
    """How long the pictures last by the container; 0 if it doesn't say."""
    if video.duration:
        return video.duration * tick_s(video)
    return Fraction(container.duration or 0, 1_000_000)


def _is_usual(found: Scan) -> bool:
    is_odd = found.is_untimed or found.untold or found.is_broken_off or found.reshaped or found.counter
    return not is_odd and not found.joins and all(sound.is_heard for sound in found.sounds.values())


def _source(
    path: Path | PartlyHerePath, container: InputContainer, video: VideoStream, found: Scan, limits: Limits
) -> Source | None:
    read = video_track(video, found, limits)
    if read.is_variable_rate or read.counted_rate:
        return None
    told_s, demuxer = _told_s(container, video), container.format.name.split(",")[0]
    places = round(told_s * read.rate)
    lasting_s = min(told_s, places / read.rate)
    track = replace(judged(read, found.log, tick_s(video)), frame_count=places, duration_s=lasting_s)
    if track.copyable and demuxer in TELLS_SIZES:
        track = _cut_by_index(track, video, told_s, delay_frames=track.copyable.delay_frames)
    elif track.copyable and _is_far_apart(container, video, found, track):
        track = marked(track, Obstacle.FAR_APART)
    audio = found.sound.track() if found.sound else None
    source = Source(
        demuxer=demuxer,
        size_bytes=path.stat().st_size,
        duration_s=float(told_s),
        video=track,
        audio=replace(audio, end_s=None) if audio else None,
        is_opening=True,
    )
    plan = make_plan(source)
    is_cut_unknown = plan.is_copying and demuxer not in TELLS_SIZES
    return None if plan.lead or is_cut_unknown else source


def _is_far_apart(container: InputContainer, video: VideoStream, found: Scan, track: VideoTrack) -> bool:
    """Whether IDR pictures are too far apart by a Matroska file's index, which mostly tells when each is shown."""
    container.seek(0)  # libav reads the index when it is first needed
    times = sorted(entry.timestamp for entry in video.index_entries if entry.is_keyframe)
    if not set(found.pictures.keyframes) <= set(times):
        return False
    frames = [round((time - times[0]) * tick_s(video) * track.rate) for time in times]
    return segment_starts(frames, max(track.frame_count, frames[-1] + 1), track.rate) is None


def _cut_by_index(track: VideoTrack, video: VideoStream, told_s: Fraction, *, delay_frames: int) -> VideoTrack:
    """The track, to be copied if the whole file's index allows it."""
    entries = list(video.index_entries)
    keyframes = [place for place, entry in enumerate(entries) if entry.is_keyframe]
    sizes = [entry.size for entry in entries]
    found = cut(keyframes, sizes, track.rate, delay_frames=delay_frames)
    duration_s = steady_s(len(sizes), track.rate, told_s - (len(sizes) - 1) / track.rate)
    return marked(replace(track, frame_count=len(sizes), duration_s=duration_s), found)


if __name__ == "__main__":
    main(looked_at)
