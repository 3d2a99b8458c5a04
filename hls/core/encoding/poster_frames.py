"""Extracts single frames from published segments, as candidates for a video's poster."""

from dataclasses import dataclass
from pathlib import Path

from hls.core.encoding.command import Encoder
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.core.process import Bounds, Watch, run

TIMEOUT_S = 60


@dataclass(frozen=True)
class Moment:
    """The place of a frame: its segment, and the seconds since that segment's beginning."""

    segment: int
    at_s: float


def moment_of_tile(plan: Plan, tile: int) -> Moment:
    """The place of the frame that a storyboard tile shows, so that it can be extracted in full size."""
    frame = tile * plan.frames_per_tile
    segment = next(segment for segment in plan.timeline.segments if frame < segment.end_frame)
    return Moment(segment.number, float(plan.timeline.seconds(frame - segment.first_frame)))


def extract_frame(
    segment: Path, target: Path, *, at_s: float, width: int, encoder: Encoder, watch: Watch | None = None
) -> None:
    """Write the frame shown `at_s` seconds after a published segment's beginning as a JPEG, `width` pixels wide.

    Raises Stopped when the watch says so;
    TranscodeError: ENCODER_FAILED (also for a time past its end), TIMEOUT, SOURCE_MISSING.
    """
    if not segment.exists():
        raise TranscodeError(Code.SOURCE_MISSING, str(segment))
    command = frame_command(segment, target, at_s=at_s, width=width, encoder=encoder)
    bounds = Bounds(timeout_s=TIMEOUT_S, memory_bytes=encoder.memory_bytes, nice=encoder.nice)
    ended = run(command, bounds=bounds, watch=watch)
    if ended.returncode != 0 or not target.exists():
        raise TranscodeError(Code.ENCODER_FAILED, f"no picture: {ended.stderr[-500:]}")


def frame_command(segment: Path, target: Path, *, at_s: float, width: int, encoder: Encoder) -> list[str]:
    """The command; `-update 1` with `-frames:v 1` writes one file of exactly this name, even if it has a % in it."""
    return [
        *(str(encoder.ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *("-f", "mpegts", "-protocol_whitelist", "file", "-i", f"file:{segment.absolute()}"),
        *("-map", "0:v:0", "-vf", f"select='gte(t-start_t,{max(0, at_s - 0.002):.3f})',scale={width}:-2:out_range=pc"),
        *("-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
        *("-f", "image2", "-update", "1", f"file:{target.absolute()}"),
    ]
