"""Finds out what is in a file, in a child process with limits, because a hostile file may crash the parser."""

import json
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from math import ceil
from pathlib import Path

from hls.core.blocks import PartlyHere, asked_for
from hls.core.errors import Code, EncoderKilled, Reason, TranscodeError
from hls.core.process import Bounds, ProcessResult, Watch, run
from hls.core.wire import dump, load

READ_BYTES_PER_S = 20_000_000
EXACT_FORMAT = "nut"  # of files that are written for ffmpeg alone: it takes exact times and most codecs
SOUND_RUN_UP_S = Fraction(1, 4)  # for a decoder and a resampler; a track may begin in the middle of a packet


@dataclass(frozen=True)
class Limits:
    """Limits of a source's length and size, and of the resources for probing it."""

    max_duration_s: float
    max_pixels: int
    max_tracks: int = 64
    timeout_s: float = 120  # wall clock; a large file gets a second more for each 20 MB
    memory_bytes: int = 4 << 30  # address space of the child


class Obstacle(StrEnum):
    """Why a source's own pictures can't be the top rendition."""

    CODEC = "not one recording in H.264"
    PACKETS = "packets that are damaged, hidden or without a time"
    SETS = "parameter sets that change, or are missing before an IDR picture"
    OPEN = "pictures before an IDR picture that need it, or key pictures that are none"
    KIND = "another profile, level or sampling than players know, or interlaced"
    SHAPE = "turned, cropped, or of another shape than shown"
    COLOURS = "other colours than BT.709 in limited range"
    TIMES = "a variable rate, or frames that are missing"
    FAR_APART = "IDR pictures more than 8 s apart, or 6.5 s at the beginning"
    ONLY_ONE = "no smaller rendition, which damage would be noticed in"
    SIZE = "another size than the rendition's"
    TOO_MANY_BITS = "more bits per second than the rendition may have"
    SOUND = "sound that begins before the pictures, or ends after them"
    STAYS = "a last picture that stays on"
    TRIED = "tried in vain"


@dataclass(frozen=True)
class Copyable:
    """How to cut H.264 that needs no encoding: the other renditions follow these boundaries."""

    segment_starts: tuple[int, ...]  # frames of IDR pictures
    delay_frames: int  # how many frames a picture is decoded before it is shown, at most
    peak_kbps: int  # as in RFC 8216 4.1, of these segments


@dataclass(frozen=True)
class Landing:
    """A place to begin reading, from which a decoder has been seen to show correct pictures."""

    seek_s: float  # where to seek to, on the file's own clock
    shown_s: Fraction  # when the first correct picture is shown, on the same clock
    picture: int = 0  # how many pictures are stored before that one
    byte: int | None = None  # where reading begins in a file of several recordings
    missed_s: Fraction | None = None  # the latest sound that is stored before the landing

    def serves(self, begin_s: Fraction, *, run_up_s: Fraction | int) -> bool:
        """Whether reading from here gets all pictures from `begin_s` on, and all sound from `run_up_s` before that."""
        hears_all = self.missed_s is None or self.missed_s < begin_s - SOUND_RUN_UP_S
        in_time = self.seek_s <= float(begin_s - run_up_s)  # rounded alike, or half of the exact matches would be late
        return in_time and self.shown_s <= begin_s and hears_all


@dataclass(frozen=True)
class Join:
    """Where another recording begins, and how far its clock has to be moved to continue the first one's."""

    byte: int
    shift_s: Fraction
    begin_s: Fraction | None = None  # its first picture, on the first recording's clock,
    key_s: Fraction | None = None  # and its first key picture: earlier ones need pictures that were cut off


@dataclass(frozen=True)
class Continuation:
    """A track of an MPEG transport stream that goes on with another's pictures or sound, by their numbers."""

    track: int
    continues: int


@dataclass(frozen=True)
class Crop:
    """The part of a picture that is shown, after ffmpeg has turned it, in pixels as they are stored."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Shape:
    """Pictures of one size as they are stored (but turned by ffmpeg), and how they are shown."""

    width: int
    height: int
    aspect: Fraction  # as shown, width to height


@dataclass(frozen=True)
class VideoTrack:
    index: int  # the track's number in the file
    codec: str
    width: int  # as shown: cropped, turned, with square pixels
    height: int
    rotation: int  # degrees the picture is turned by when shown: 0, 90, 180 or 270
    rate: Fraction  # frames per second; for a variable rate the nearest standard one
    frame_count: int
    start_s: Fraction  # when the first frame is shown, on the file's own clock
    duration_s: Fraction  # from the first frame's beginning to the last one's end
    is_variable_rate: bool
    is_interlaced: bool
    is_full_range: bool
    pixel_format: str
    transfer: str  # FFmpeg's names: "bt709", "smpte2084" (PQ), "arib-std-b67" (HLG), "unknown"
    primaries: str
    matrix: str
    landings: tuple[Landing, ...] = ()  # in the order of their times
    copyable: Copyable | None = None  # where its H.264 needs no encoding
    counted_rate: Fraction | None = None  # for pictures without timestamps: the n-th is shown at n / counted_rate
    crop: Crop | None = None  # as the container says; decoders have already applied the stream's own cropping
    shapes: tuple[Shape, ...] = ()  # if the pictures' shape changes; empty for most videos
    has_fields: bool = False  # the two fields of each frame show two moments
    hidden_count: int = 0  # pictures that follow too soon after another to be shown at this rate
    obstacle: str = ""  # why its pictures can't be copied, as Obstacle has it; "" where that was never asked
    packet_filter: str = ""  # takes out of the packets what the container says as well, where ffmpeg fails on that
    turns: tuple[str, ...] = ()  # filters that turn interlaced pictures, which ffmpeg mustn't do before their lines go
    is_mirrored: bool = False  # when shown; it may be turned besides

    @property
    def picture_rate(self) -> Fraction:
        """Pictures per second, with each field counted as one if `has_fields`."""
        return self.rate * 2 if self.has_fields else self.rate


@dataclass(frozen=True)
class AudioTrack:
    index: int
    codec: str
    channels: int
    sample_rate: int
    start_s: Fraction = Fraction(0)  # of the first packet, on the file's own clock
    frame_samples: int = 0  # samples in each packet if all have as many and are regular, else 0
    heard_s: Fraction | None = None  # when the first sample is heard: the packet may begin with hidden ones
    end_s: Fraction | None = None
    layout: tuple[str, ...] = ()  # FFmpeg's names of its channels: ("FL", "FR", "LFE")
    is_changing: bool = False  # its channels or its sample rate change within the file
    language: str = ""  # as FFmpeg tells it, mostly ISO 639-2; "" if unknown
    language_tag: str = ""  # as the file has it beside that: BCP 47, unchecked; "" if it says none
    title: str = ""
    is_default: bool = False  # of one of several sounds, the one that is heard unless another is chosen
    is_described: bool = False  # what is seen is told, for those who can't see it
    is_commentary: bool = False


@dataclass(frozen=True)
class TextTrack:
    """Subtitles within the file, as text."""

    index: int  # the track's number in the file
    codec: str
    language: str = ""  # as FFmpeg tells it; "" if unknown
    language_tag: str = ""  # as of a sound
    title: str = ""
    is_default: bool = False
    is_forced: bool = False
    is_captions: bool = False  # for those who can't hear: sounds are told as well


@dataclass(frozen=True)
class FileChapter:
    start_s: float  # on the file's own clock
    end_s: float
    title: str


@dataclass(frozen=True)
class OtherTrack:
    codec: str  # FFmpeg's name; "" if FFmpeg has no decoder
    language: str  # as the file has it, mostly ISO 639-2; "" if unknown
    title: str  # or else its purpose, as "commentary"


@dataclass(frozen=True)
class Extras:
    """What else the file has, beside the tracks that are used, or within them."""

    pictures: tuple[OtherTrack, ...] = ()
    sounds: tuple[OtherTrack, ...] = ()
    subtitles: tuple[OtherTrack, ...] = ()
    subtitle_pictures: tuple[OtherTrack, ...] = ()  # subtitles that are pictures
    chapters: int = 0  # that are not used
    layout: str = ""  # of the sound that is used: "stereo", "5.1"
    has_captions: bool = False  # within the picture track's packets, which can't be taken out
    has_alpha: bool = False
    projection: str = ""  # of a 360° picture: "equirectangular", "cubemap"


@dataclass(frozen=True)
class Source:
    demuxer: str  # FFmpeg's name, to be forced when the file is opened again
    size_bytes: int
    duration_s: float
    video: VideoTrack
    audio: AudioTrack | None  # the default one
    joins: tuple[Join, ...] = ()  # where further recordings begin
    extras: Extras = Extras()
    is_broken_off: bool = False  # reading ended with an error, or the file before what it claims to have
    is_followed: bool = False  # by another recording, which can't be read
    told_s: float | None = None  # how long these tracks last by the container, if it can be believed
    sounds: tuple[AudioTrack, ...] = ()  # all of them, in the file's order, where there are several; `audio` is one
    texts: tuple[TextTrack, ...] = ()  # those that can be converted to WebVTT
    chapters: tuple[FileChapter, ...] = ()
    has_captions: bool = False  # within the picture track's packets, to be taken out
    continued: tuple[Continuation, ...] = ()  # where tracks of a file of several recordings go on in others
    is_opening: bool = False  # only the beginning was read: what is said of the rest is assumed


def probe(
    path: Path,
    *,
    limits: Limits,
    watch: Watch | None = None,
    python: str = sys.executable,
    partly: PartlyHere | None = None,
    is_opening_enough: bool = False,
) -> Source:
    """Read all packets of the picture and sound tracks of `path` once. What isn't there is brought as `partly` says.

    If an opening is enough, only the beginning of a long and usual file is read (hls.core.inspection.opening).
    Raises Stopped soon after the watch says so; TranscodeError: NO_VIDEO, UNREADABLE, UNSUPPORTED, TOO_LONG, TOO_LARGE,
    SOURCE_MISSING, TIMEOUT; EncoderKilled if somebody else killed the parser.
    """
    try:
        size_bytes = path.stat().st_size
        usable = path.is_file()
    except FileNotFoundError as error:
        raise TranscodeError(Code.SOURCE_MISSING, str(path)) from error
    except OSError as error:
        raise TranscodeError(Code.UNREADABLE, str(error)) from error
    if not usable or not size_bytes:
        raise TranscodeError(Code.UNREADABLE, "empty, or not a file")
    timeout_s = limits.timeout_s + size_bytes / READ_BYTES_PER_S
    bounds = Bounds(timeout_s=timeout_s, cpu_s=ceil(timeout_s), memory_bytes=limits.memory_bytes, file_bytes=0)
    program = "hls.core.inspection.opening" if is_opening_enough else "hls.core.inspection.probing"
    command = [python, "-s", "-m", program, json.dumps(dump(limits)), str(path.absolute())]
    if partly:
        command.append(str(partly.record.absolute()))
        bounds = replace(bounds, timeout_s=None, stall_s=timeout_s)  # a slow connection is not the file's fault
        watch = asked_for(partly, watch)
    return _answer(run(command, bounds=bounds, watch=watch))


def _answer(ended: ProcessResult) -> Source:
    if ended.killer:
        raise EncoderKilled(f"the parser was ended by {ended.killer}")
    if ended.returncode != 0:
        raise TranscodeError(Code.UNREADABLE, f"the parser ended with {ended.returncode}: {ended.stderr[-500:]}")
    answer = json.loads(ended.stdout)
    if "error" in answer:
        reason = Reason(answer["reason"]) if answer["reason"] else None
        raise TranscodeError(Code(answer["error"]), answer["detail"], reason=reason)
    return load(Source, answer["source"])
