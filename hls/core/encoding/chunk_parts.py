"""Which bytes of a source a chunk or its texts need, so that work can begin before the whole source is here."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hls.core.blocks import ByteRange, PartlyHere, asked_for
from hls.core.encoding import sounds
from hls.core.encoding.arguments import IndexArguments
from hls.core.errors import EncoderKilled
from hls.core.plan import Plan
from hls.core.process import Bounds, Watch, run
from hls.core.timeline import ChunkSpan
from hls.core.wire import dump

DEMUXER = "mov"  # FFmpeg's name; MP4 as well
# Their decoders complain about zeros, so that even a mistake here would be noticed (hls.core.encoding.encode)
PICTURES = ("h264", "hevc")
READ_ON_S = 6  # behind the chunk's end: ffmpeg reads on until all its outputs are full, and some packets ahead
STALL_S = 120
MEMORY_BYTES = 4 << 30


def chunk_parts(plan: Plan, index: int, path: Path, partly: PartlyHere, watch: Watch) -> list[ByteRange] | None:
    """As span_parts, for a chunk of the plan."""
    return span_parts(plan, plan.timeline.chunks[index], path, partly, watch)


def span_parts(plan: Plan, span: ChunkSpan, path: Path, partly: PartlyHere, watch: Watch) -> list[ByteRange] | None:
    """The parts of the source that ffmpeg reads for this span; None where it needs the whole one, or may need it.

    The container's own index is brought on the way. Raises Stopped, EncoderKilled, TranscodeError(TIMEOUT).
    """
    if not is_foreseeable(plan, span):
        return None
    landing = plan.landing(span)
    arguments = IndexArguments(
        tracks=(plan.source.video.index, *(track.index for track in sounds.tracks(plan))),
        begin_s=landing.seek_s if landing else None,
        end_s=float(plan.zero_s + plan.timeline.seconds(span.end_frame)) + READ_ON_S,
    )
    return _by_index(arguments, path, partly, watch)


def text_parts(
    plan: Plan, tracks: Sequence[int], path: Path, partly: PartlyHere, watch: Watch
) -> list[ByteRange] | None:
    """As chunk_parts, for reading these tracks to their ends and no others."""
    if plan.source.demuxer != DEMUXER or plan.source.joins or plan.source.is_broken_off:
        return None
    return _by_index(IndexArguments(tracks=tuple(tracks), begin_s=None, end_s=None), path, partly, watch)


def _by_index(arguments: IndexArguments, path: Path, partly: PartlyHere, watch: Watch) -> list[ByteRange] | None:
    command = [sys.executable, "-s", "-m", "hls.core.encoding.index", json.dumps(dump(arguments))]
    ended = run(
        [*command, str(path.absolute()), str(partly.record.absolute())],
        bounds=Bounds(stall_s=STALL_S, memory_bytes=MEMORY_BYTES, file_bytes=0),
        watch=asked_for(partly, watch),
    )
    if ended.killer:
        raise EncoderKilled(f"the reader of the index was ended by {ended.killer}")
    if ended.returncode != 0:
        return None
    found: list[list[int]] | None = json.loads(ended.stdout)["parts"]
    return None if found is None else [(start, end) for start, end in found]


def is_foreseeable(plan: Plan, span: ChunkSpan) -> bool:
    """Whether ffmpeg reads nothing for this chunk but what is stored for its time."""
    source = plan.source
    return (
        source.demuxer == DEMUXER
        and source.video.codec in PICTURES
        and source.video.counted_rate is None
        and not (source.joins or source.is_broken_off)
        and not plan.is_after_pictures(span)
        and not sounds.read_on_s(plan, span)
    )
