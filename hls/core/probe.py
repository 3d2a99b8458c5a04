"""What is in a file: found by a child process with limits, because a hostile file may crash the parser."""

import json
import signal
import sys
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

from hls.core.errors import Code, EncoderKilled, TranscodeError
from hls.core.process import Bounds, Ended, Watch, run
from hls.core.wire import dump, load

READ_BYTES_PER_S = 20_000_000


@dataclass(frozen=True)
class Limits:
    """What a source may be, and what looking into it may cost."""

    max_duration_s: float
    max_pixels: int
    max_tracks: int = 64
    timeout_s: float = 120  # wall clock; a large file is given more, a second for each 20 MB
    memory_bytes: int = 4 << 30  # address space of the child


@dataclass(frozen=True)
class Copyable:
    """How to cut H.264 that needs no encoding: the other renditions follow these boundaries."""

    segment_starts: tuple[int, ...]  # frames of IDR pictures
    delay_frames: int  # how many frames a picture is decoded before it is shown, at most
    peak_kbps: int  # of the worst segment


@dataclass(frozen=True)
class VideoTrack:
    index: int  # the track's number in the file
    codec: str
    width: int  # as shown: after rotation, with square pixels
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
    keyframes_s: tuple[float, ...] = ()  # on the file's own clock, thinned out: places to seek to
    copyable: Copyable | None = None  # where its H.264 needs no encoding


@dataclass(frozen=True)
class AudioTrack:
    index: int
    codec: str
    channels: int
    sample_rate: int
    start_s: Fraction = Fraction(0)  # on the file's own clock
    frame_samples: int = 0  # samples in each packet where all are alike and regular, else 0


@dataclass(frozen=True)
class Source:
    demuxer: str  # FFmpeg's name, the one to force when the file is opened again
    size_bytes: int
    duration_s: float
    video: VideoTrack
    audio: AudioTrack | None


def probe(path: Path, *, limits: Limits, watch: Watch | None = None, python: str = sys.executable) -> Source:
    """Look into `path`, reading all packets of its picture track once.

    Raises Stopped soon after the watch says so;
    TranscodeError: NO_VIDEO, UNREADABLE, UNSUPPORTED, TOO_LONG, TOO_LARGE, SOURCE_MISSING, TIMEOUT,
    and EncoderKilled where somebody else ended the parser.
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
    command = [python, "-s", "-m", "hls.core.probing", json.dumps(dump(limits)), str(path.absolute())]
    return _answer(run(command, bounds=bounds, watch=watch))


def _answer(ended: Ended) -> Source:
    if -ended.returncode in (signal.SIGKILL, signal.SIGTERM):
        raise EncoderKilled(f"the parser was ended by {signal.Signals(-ended.returncode).name}")
    if ended.returncode != 0:
        raise TranscodeError(Code.UNREADABLE, f"the parser ended with {ended.returncode}: {ended.stderr[-500:]}")
    answer = json.loads(ended.stdout)
    if "error" in answer:
        raise TranscodeError(Code(answer["error"]), answer["detail"])
    return load(Source, answer["source"])
