"""Takes the text tracks out of a source: a program reads the whole file once and writes each as WebVTT.

1. Of the usual formats, hls.core.subtitles.packets writes each packet as a cue.
2. What only FFmpeg can put together, such as a track of closed captions, ffmpeg writes. Times before the video's
   beginning can't be written in WebVTT, so it adds SAFE_S, which is taken off again.
3. A source with closed captions inside of its pictures is decoded for them in a run of its own.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from hls.core.encoding.command import Encoder
from hls.core.errors import Code, EncoderKilled, TranscodeError
from hls.core.plan import Plan
from hls.core.process import Bounds, ProcessResult, Watch, run
from hls.core.subtitles.arguments import PacketArguments, PacketTrack
from hls.core.subtitles.cues import Cue, TextRefused
from hls.core.subtitles.decoding import decoded
from hls.core.subtitles.reading import Form, read_webvtt
from hls.core.wire import dump

SAFE_S = 100_000
SAFE_MS = SAFE_S * 1_000
READ_BYTES_PER_S = 5_000_000
AT_LEAST_S = 120
MEMORY_BYTES = 4 << 30
FILE_BYTES = 64_000_000  # of each text
MOST_TEXT_BYTES = 20_000_000  # that are read of it
CAPTIONS = -1  # stands for the closed captions where tracks are named by their number in the file
BY_PACKET: Mapping[str, Form] = {  # by FFmpeg's names of the decoders, or as hls.core.inspection.embedded names them
    "webvtt": Form.WEBVTT,
    "wvtt": Form.BOXED,
    "srt": Form.SUBRIP,
    "subrip": Form.SUBRIP,
    "ssa": Form.ASS,
    "ass": Form.ASS,
    "text": Form.SUBRIP,
    "mov_text": Form.MOV_TEXT,
}
SOURCE = "source"  # the name that the file has in the private folder, for a filter that takes no odd names

type Text = tuple[Cue, ...] | TextRefused  # a track's cues, or why they are refused
type Texts = dict[int, Text]  # by the track's number in the file


@dataclass(frozen=True)
class TextExtraction:
    """What to take out of which file. `folder` is private and empty."""

    plan: Plan
    source: Path
    folder: Path
    encoder: Encoder
    watch: Watch

    @property
    def bounds(self) -> Bounds:
        timeout_s = AT_LEAST_S + self.plan.source.size_bytes / READ_BYTES_PER_S
        return Bounds(timeout_s=timeout_s, memory_bytes=MEMORY_BYTES, file_bytes=FILE_BYTES, nice=self.encoder.nice)


def extracted(job: TextExtraction, tracks: Sequence[int]) -> Texts:
    """The texts of these tracks; a track that can't be read is missing.

    Raises Stopped, EncoderKilled, TranscodeError(TIMEOUT, SOURCE_MISSING, DISK_FULL).
    """
    if not job.source.exists():
        raise TranscodeError(Code.SOURCE_MISSING, str(job.source))
    by_packet = [text.index for text in job.plan.source.texts if text.index in tracks and text.codec in BY_PACKET]
    others = [track for track in tracks if track not in by_packet]
    return _together(job, by_packet, _packets) | _together(job, others, _converted)


def _together(job: TextExtraction, tracks: Sequence[int], take_out: Callable[..., Texts | None]) -> Texts:
    """The tracks' texts. Where the program fails over one of several tracks, each is tried alone."""
    if not tracks:
        return {}
    texts = take_out(job, tracks)
    if texts is None and len(tracks) > 1:
        return {number: text for track in tracks for number, text in _together(job, [track], take_out).items()}
    return texts or {}


def _packets(job: TextExtraction, tracks: Sequence[int]) -> Texts | None:
    wanted = tuple(PacketTrack(text.index, text.codec) for text in job.plan.source.texts if text.index in tracks)
    arguments = PacketArguments(job.plan.source.demuxer, job.plan.zero_s, wanted)
    program = (sys.executable, "-s", "-m", "hls.core.subtitles.packets")
    ended = run(
        [*program, json.dumps(dump(arguments)), str(job.source.absolute())],
        bounds=job.bounds,
        watch=job.watch,
        folder=job.folder,
    )
    check_end(ended)
    if ended.returncode != 0:
        return None
    refused: list[int] = json.loads(ended.stdout)["refused"]
    too_much: Texts = {track: TextRefused("This track is too long.") for track in refused}
    return all_written(job, tracks, shift_ms=0) | too_much


def _converted(job: TextExtraction, tracks: Sequence[int]) -> Texts | None:
    ended = run(command(job, tracks), bounds=job.bounds, watch=job.watch, folder=job.folder)
    check_end(ended)
    return all_written(job, tracks, shift_ms=SAFE_MS) if ended.returncode == 0 else None


def command(job: TextExtraction, tracks: Sequence[int]) -> list[str]:
    shift_s = SAFE_S - job.plan.zero_s
    found = [
        *(str(job.encoder.ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y", "-copyts"),
        # Lines that are no UTF-8 would be left out
        *("-sub_charenc_mode", "ignore"),
        *("-f", job.plan.source.demuxer, "-protocol_whitelist", "file", "-i", f"file:{job.source.absolute()}"),
    ]
    for track in tracks:
        found += ["-map", f"0:{track}", *_as_webvtt(shift_s), f"file:{name(track)}"]
    return found


def captions(job: TextExtraction) -> Text | None:
    """The closed captions (EIA-608) inside of the pictures; None where they can't be read. Raises as `extracted`."""
    (job.folder / SOURCE).symlink_to(job.source.absolute())
    source = job.plan.source
    opened = f"f={source.demuxer}:format_opts=protocol_whitelist=file"
    graph = f"movie={SOURCE}:{opened}:si={source.video.index}[out+subcc]"
    ended = run(
        [
            *(str(job.encoder.ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y", "-copyts"),
            *("-f", "lavfi", "-i", graph, "-map", "0:s", *_as_webvtt(SAFE_S - job.plan.zero_s)),
            f"file:{name(CAPTIONS)}",
        ],
        bounds=replace(job.bounds, timeout_s=None, cpu_s=_decoding_s(job.plan)),
        watch=job.watch,
        folder=job.folder,
    )
    check_end(ended)
    return written(job, CAPTIONS, shift_ms=SAFE_MS) if ended.returncode == 0 else None


def _as_webvtt(shift_s: Fraction) -> list[str]:
    return [
        *("-c:s", "webvtt", "-avoid_negative_ts", "disabled", "-output_ts_offset", f"{float(shift_s):.6f}"),
        *("-f", "webvtt"),
    ]


def _decoding_s(plan: Plan) -> int:
    """CPU time that is enough for decoding all pictures on a slow machine."""
    return AT_LEAST_S + round(20 * float(plan.timeline.duration_s))


def name(track: int) -> str:
    return "captions.vtt" if track == CAPTIONS else f"{track}.vtt"


def all_written(job: TextExtraction, tracks: Sequence[int], *, shift_ms: int) -> Texts:
    texts = {track: written(job, track, shift_ms=shift_ms) for track in tracks}
    return {track: text for track, text in texts.items() if text is not None}


def written(job: TextExtraction, track: int, *, shift_ms: int) -> Text | None:
    """What was written, with times `shift_ms` later than on the video's own clock; None where there is no file."""
    try:
        with (job.folder / name(track)).open("rb") as file:
            text = "\n".join(map(decoded, file.read(MOST_TEXT_BYTES).split(b"\n")))
    except FileNotFoundError:
        return None
    try:
        cues = read_webvtt(text)
    except TextRefused as refused:
        return refused
    moved = (replace(cue, start_ms=max(0, cue.start_ms - shift_ms), end_ms=cue.end_ms - shift_ms) for cue in cues)
    return tuple(cue for cue in moved if cue.end_ms > cue.start_ms)


def check_end(ended: ProcessResult) -> None:
    """Raises EncoderKilled, TranscodeError(DISK_FULL); any other end says something about the texts."""
    if ended.has_no_space:
        raise TranscodeError(Code.DISK_FULL, ended.stderr[-500:])
    if ended.killer:
        raise EncoderKilled(f"the program was ended by {ended.killer} while it took out the texts")
