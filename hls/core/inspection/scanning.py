"""Reads all packets of the picture track and the sounds once, and decodes the first few of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.rational import AVRational
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hls.core.errors import Code, TranscodeError
from hls.core.inspection import elementary
from hls.core.inspection.continuing import NOTHING, Continued, as_continued
from hls.core.inspection.copying import PacketLog
from hls.core.inspection.display import key_picture
from hls.core.inspection.elementary import Counter
from hls.core.inspection.fields import Fields
from hls.core.inspection.headers import LOOKED_AT, described_anew, size_header
from hls.core.inspection.joins import Parts, Times, can_be_relayed, joined
from hls.core.inspection.lasting import told_end_s
from hls.core.inspection.later_fields import LaterFields
from hls.core.inspection.packets import AnyPacket, TrackLog, pictures_of, tick_s, time_of, with_untold
from hls.core.inspection.skimming import Content
from hls.core.inspection.soundtrack import SoundLog, default_sound
from hls.core.probe import Join, Landing, Limits, Obstacle

FRAMES_LOOKED_AT = 12
PACKETS_DECODED = 2000  # at most, to get those frames: an edit list may hide many
MAX_RATE = 1000
MOST_SHAPES = 8
FIRST_OF_ALL = (-(1 << 63), 0)
KEY_FRAME_GAP_S = 4  # between the places for seeking in a file of several recordings


class EmptyTrack(TranscodeError):
    """The picture track with this number has no packet at all."""

    def __init__(self, number: int) -> None:
        super().__init__(Code.UNREADABLE, "no packet of the picture track")
        self.number = number


@dataclass
class Scan:
    """What the packets of the chosen tracks tell."""

    log: PacketLog | None  # of a track that can perhaps be copied
    parts: Parts
    shown: Times  # of the pictures, except those that an edit list hides
    keys: Times  # of keyframes as the container marks them, some seconds apart
    sounds: Mapping[int, SoundLog]  # by the tracks' numbers, in the file's order
    key_bytes: list[int] = field(default_factory=list)
    byte: int | None = None  # where the last picture is stored, or the unit of several pictures that it is in
    pictures: TrackLog = field(default_factory=TrackLog)
    counter: Counter | None = None  # of an elementary stream
    fields: Fields | None = None  # of H.264
    untold: int = 0  # pictures without a timestamp
    last_duration: int = 0  # of the picture stored last
    latest: tuple[int, int] = FIRST_OF_ALL  # the time and the duration of the picture shown last
    told_end_s: Fraction | None = None  # when the pictures end by a container that tells how long each is shown
    frames: list[VideoFrame] = field(default_factory=list)
    headers: set[bytes] = field(default_factory=set)  # the different headers of keyframes
    reshaped: list[tuple[VideoFrame, AVRational | None]] = field(default_factory=list)  # one for each further header
    pictures_decoded: int = 0  # packets given to the decoder, whether or not it returned a frame
    joins: tuple[Join, ...] = ()
    content: Content = field(default_factory=Content)
    is_untimed: bool = False  # the pictures' timestamps are decoding timestamps,
    is_reordered: bool = False  # and their order is another one
    is_broken_off: bool = False  # reading ended with an error
    anew_s: Fraction | None = None  # when the container first describes the pictures anew

    def __post_init__(self) -> None:
        self.later_fields = LaterFields(self.frames)

    @property
    def sound(self) -> SoundLog | None:
        """The default sound."""
        return default_sound(list(self.sounds.values()))

    @property
    def described_anew_s(self) -> Fraction | None:
        """When the container first describes the pictures or a sound anew; None for nearly all files."""
        told = (self.anew_s, *(sound.anew_s for sound in self.sounds.values()))
        return min((time_s for time_s in told if time_s is not None), default=None)

    @property
    def order(self) -> Sequence[int]:
        """When the pictures are shown, in sorted ticks; pictures without a timestamp are put into gaps."""
        is_stored = self.is_untimed and not self.counter
        told = sorted(set(self.pictures.decoding if is_stored else self.shown.times))
        return with_untold(told, self.untold) if self.untold else told

    def check_pictures(self, video: VideoStream) -> None:
        """Raises TranscodeError(UNREADABLE) where there is no picture; EmptyTrack where there is no packet of one."""
        if not (self.pictures.times or self.untold or self.counter):
            raise EmptyTrack(video.index)
        if not self.frames or not self.shown.times:
            raise TranscodeError(Code.UNREADABLE, "no frame can be decoded")

    def landings(self) -> tuple[Landing, ...]:
        """Keyframes by their byte offsets, for a file of several recordings, in which times are ambiguous."""
        tick_s = self.keys.tick_s
        return tuple(
            Landing(seek_s=float(time * tick_s), shown_s=time * tick_s, byte=byte)
            for time, byte in zip(self.keys.times, self.key_bytes, strict=True)
        )


def scan(
    container: InputContainer,
    video: VideoStream,
    sounds: Sequence[AudioStream],
    limits: Limits,
    content: Content | None = None,
    packets: Iterable[AnyPacket] | None = None,
    continued: Continued = NOTHING,
) -> Scan:
    """Read all packets of these tracks, or else `packets`. Raises TranscodeError: UNREADABLE, UNSUPPORTED, TOO_LONG."""
    wanted = [video, *sounds]
    ticks_s = {stream.index: tick_s(stream) for stream in wanted}
    found = Scan(
        log=PacketLog(video.codec_context.extradata or b"") if video.codec_context.name == "h264" else None,
        parts=Parts(container.format.name.split(",")[0], ticks_s, video.index, continued.bytes),
        shown=Times(tick_s(video)),
        keys=Times(tick_s(video)),
        sounds={sound.index: SoundLog.of(sound) for sound in sounds},
        content=content or Content(),
    )
    found.fields = Fields(found.log) if found.log else None
    if container.format.name in elementary.DEMUXERS:
        rate = Fraction(video.guessed_rate.num, video.guessed_rate.den)
        found.counter = Counter(1 / (rate * tick_s(video)))
    read = [*wanted, *(container.streams[number] for number in sorted(continued.numbers))]
    for stream in container.streams:
        stream.discard = Discard.default if stream in read else Discard.all
    video.codec_context.thread_count = 1
    try:
        demuxed = as_continued(container.demux(read), container, continued.tracks, continued.bytes)
        for packet in demuxed if packets is None else packets:
            track = packet.stream.index  # each track's last packet, which is empty, has the stream_index 0
            if track == video.index:
                _note_picture(found, packet, video, limits)
            else:
                found.sounds[track].note(packet, found.parts, found.content)
    except av.error.FFmpegError as error:  # what was read so far is used
        if not found.shown.times:
            raise TranscodeError(Code.UNREADABLE, str(error)) from error
        found.is_broken_off = True
    found.check_pictures(video)
    _put_on_one_clock(found, video, limits)
    if not found.parts.bytes:
        found.is_reordered = _is_reordered(found, container, video)
        # libav, as PyAV asks it to, makes up times of H.264 that are a picture late; ffmpeg doesn't.
        is_undated = _is_as_in_avi(container, video) or container.format.name == "asf"  # which has times for decoding
        is_made_up = is_undated and video.codec_context.name == "h264"
        found.is_untimed = found.is_reordered or (is_made_up and found.pictures.is_ordered)
    found.told_end_s = told_end_s(container, video)
    return found


def _is_reordered(found: Scan, container: InputContainer, video: VideoStream) -> bool:
    """Whether timestamps follow the decoding order although pictures are reordered: AVI's do."""
    if found.counter:
        return True
    seen = [frame.pts for frame in found.frames if frame.pts is not None]
    is_contradicted = any(later <= earlier for earlier, later in pairwise(seen))
    is_counting = _is_as_in_avi(container, video) and video.codec_context.has_b_frames
    return (is_contradicted or is_counting) and found.pictures.is_ordered


def _is_as_in_avi(container: InputContainer, video: VideoStream) -> bool:
    """Whether pictures are stored without the times at which they are shown, by AVI or by Matroska as in AVI.

    There, such a track (`V_MS/VFW/FOURCC`) has a codec's tag.
    """
    is_of_avi = container.format.name.startswith("matroska") and video.codec_context.codec_tag.strip("\0") != ""
    return container.format.name == "avi" or is_of_avi


def _put_on_one_clock(found: Scan, video: VideoStream, limits: Limits) -> None:
    if not found.parts.bytes:
        return
    if not can_be_relayed(video):
        raise TranscodeError(Code.UNSUPPORTED, f"joined recordings in {video.codec_context.codec.canonical_name}")
    found.log = None
    first_default = sorted(found.sounds.values(), key=lambda sound: sound is not found.sound)
    found.joins = joined(found.parts, found.shown, [sound.heard for sound in first_default], found.keys)
    if (max(found.shown.times) - min(found.shown.times)) * found.shown.tick_s > limits.max_duration_s:
        raise _too_long(limits)


def _note_picture(found: Scan, packet: AnyPacket, video: VideoStream, limits: Limits) -> None:
    if len(found.frames) < FRAMES_LOOKED_AT and found.pictures_decoded < PACKETS_DECODED:
        found.pictures_decoded += 1
        found.content.whole(packet)
        found.frames += pictures_of(video.codec_context, packet)
    _note_header(found, packet, video.codec_context)
    _note_for_copying(found, packet)
    if not packet.size:
        return
    found.later_fields.note(packet, video.codec_context, found.content.whole)
    if found.counter:
        _count_picture(found, packet, limits)
        return
    time = time_of(packet)
    if found.fields and found.fields.is_second(packet, found.content.beginning):
        _note_second(found, time, packet)
        return
    if time is None:
        found.untold += 1
        return
    for _ in range(found.parts.enters(packet)):
        found.shown.begins.append(len(found.shown.times))
        found.keys.begins.append(len(found.keys.times))
    found.pictures.note(time, packet)
    found.byte = found.byte if packet.pos is None else packet.pos
    if packet.is_keyframe and found.byte is not None:
        _note_key(found, time, found.byte)
    if packet.is_discard:  # hidden by an edit list
        return
    found.shown.times.append(time)
    found.last_duration = packet.duration or found.last_duration
    found.latest = max(found.latest, (time, packet.duration or 0))
    _check_length(found, time, limits)


def _note_second(found: Scan, time: int | None, packet: AnyPacket) -> None:
    """The second field of the latest frame: it lasts as long as both together."""
    lasts = packet.duration or 0
    found.last_duration += lasts
    if found.shown.times and found.shown.times[-1] == found.latest[0]:
        found.latest = (found.latest[0], found.latest[1] + lasts)
    if time is not None:
        found.pictures.note(time, packet)


def _note_header(found: Scan, packet: AnyPacket, codec: VideoCodecContext) -> None:
    if not packet.is_keyframe or len(found.headers) > MOST_SHAPES:
        return
    described = described_anew(packet, codec.extradata)
    found.content.beginning(packet)
    name = codec.codec.canonical_name  # `codec.name` is the decoder's, such as libdav1d
    header = described or size_header(name, codec.extradata or b"", bytes(memoryview(packet)[:LOOKED_AT]))
    if not header or header in found.headers:
        return
    if found.headers or described:
        found.content.whole(packet)
        found.reshaped += filter(None, [key_picture(codec, packet, described)])
    if described and found.anew_s is None:
        found.anew_s = (time_of(packet) or 0) * found.shown.tick_s
    if found.log and described:
        found.log.obstacle = Obstacle.SETS
    found.headers.add(header)


def _count_picture(found: Scan, packet: AnyPacket, limits: Limits) -> None:
    time = found.counter.place(packet.duration or 0) if found.counter else None
    if time is not None:
        found.shown.times.append(time)
        found.last_duration = packet.duration or found.last_duration
        _check_length(found, time, limits)


def _note_key(found: Scan, time: int, byte: int) -> None:
    is_first_of_part = len(found.keys.times) == (found.keys.begins or [0])[-1]
    if is_first_of_part or (time - found.keys.times[-1]) * found.keys.tick_s >= KEY_FRAME_GAP_S:
        found.keys.times.append(time)
        found.key_bytes.append(byte)


def _check_length(found: Scan, time: int, limits: Limits) -> None:
    first = found.shown.times[(found.shown.begins or [0])[-1]]
    if (time - first) * found.shown.tick_s > limits.max_duration_s:
        raise _too_long(limits)
    if len(found.shown.times) > (limits.max_duration_s + 1) * MAX_RATE:
        raise TranscodeError(Code.UNSUPPORTED, "too many frames")


def _too_long(limits: Limits) -> TranscodeError:
    return TranscodeError(Code.TOO_LONG, f"more than {limits.max_duration_s} s")


def _note_for_copying(found: Scan, packet: AnyPacket) -> None:
    log = found.log
    if log is None or not log.is_usable or (packet.pts is None and not packet.size):  # libav's last packet is empty
        return
    if packet.pts is None or packet.is_discard or packet.is_corrupt:
        log.forget()
    else:
        if packet.is_keyframe:
            found.content.units(packet, log.extradata)
        log.note(packet.pts, packet.size, bytes(packet) if packet.is_keyframe else None)
