"""Provides what a chunk reads: the source itself or, if it has several recordings, a part of it put on one clock."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from hls.core.chunk import Span
from hls.core.encoding.arguments import MOST_REORDERED, DamageArguments, RelayArguments, RelayedSound
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.core.probe import EXACT_FORMAT, AudioTrack, Source
from hls.core.process import Bounds, Watch, run
from hls.core.timeline import ChunkSpan
from hls.core.wire import dump

READ_ON_S = 2  # pictures may be stored before others that are shown earlier, and sound beside later pictures
STALL_S = 120
MEMORY_BYTES = 4 << 30


@dataclass(frozen=True)
class Readable:
    """A file from which ffmpeg can read a chunk, and the plan with the times and tracks in that file."""

    plan: Plan
    path: Path


@contextmanager
def readable(plan: Plan, span: ChunkSpan, source: Path, folder: Path, watch: Watch) -> Iterator[Readable]:
    """Give a file to read a chunk from; a temporary one in `folder` is removed afterwards.

    Raises TranscodeError(UNREADABLE), Stopped.
    """
    if not plan.source.joins:
        yield Readable(plan, source)
        return
    target = folder / f"source.{EXACT_FORMAT}"
    try:
        _relay(plan, span, source, target, watch)
        yield Readable(_of_relayed(plan), target)
    finally:
        target.unlink(missing_ok=True)


def _relay(plan: Plan, span: ChunkSpan, source: Path, target: Path, watch: Watch) -> None:
    landing = plan.picture_landing(span)
    arguments = RelayArguments(
        video=plan.source.video.index,
        sounds=tuple(
            RelayedSound(sound.index, sound.sample_rate, f"{sound.channels}c") for sound in _sounds(plan.source)
        ),
        joins=plan.source.joins,
        byte=landing.byte if landing else None,
        end_s=float(plan.zero_s + plan.timeline.seconds(span.end_frame)) + READ_ON_S,
        later_s=_later_s(plan.source),
        continued=plan.source.continued,
    )
    command = [
        sys.executable,
        "-s",
        "-m",
        "hls.core.encoding.relay",
        json.dumps(dump(arguments)),
        str(source.absolute()),
        str(target),
    ]
    ended = run(command, bounds=Bounds(timeout_s=STALL_S, memory_bytes=MEMORY_BYTES), watch=watch)
    if ended.returncode != 0:
        raise TranscodeError(Code.UNREADABLE, f"reading on across a join ended with {ended.returncode}: {ended.stderr}")


def undecoded(reading: Readable, span: ChunkSpan, watch: Watch) -> tuple[Span, ...]:
    """Where a chunk's pictures can't be decoded, by a strict decoder; the whole chunk if that decoder fails."""
    plan = reading.plan
    landing, video = plan.landing(span), plan.source.video
    arguments = DamageArguments(
        demuxer=plan.source.demuxer,
        video=video.index,
        seek_s=landing.seek_s if landing else None,
        begin_s=float(plan.zero_s + plan.timeline.seconds(span.first_frame)),
        end_s=float(plan.zero_s + plan.timeline.seconds(span.end_frame)),
    )
    command = [
        sys.executable,
        "-s",
        "-m",
        "hls.core.encoding.damage",
        json.dumps(dump(arguments)),
        str(reading.path.absolute()),
    ]
    bounds = Bounds(timeout_s=STALL_S + plan.run_up_s(span), memory_bytes=MEMORY_BYTES, file_bytes=0)
    try:
        ended = run(command, bounds=bounds, watch=replace(watch, on_line=None))
        spans = json.loads(ended.stdout)["spans"] if ended.returncode == 0 else [(arguments.begin_s, arguments.end_s)]
    except TranscodeError:  # it took too long
        spans = [(arguments.begin_s, arguments.end_s)]
    zero_s = float(plan.zero_s)
    return tuple(Span(round(begin_s - zero_s, 3), round(end_s - zero_s, 3)) for begin_s, end_s in spans)


def cut_off(plan: Plan, span: ChunkSpan) -> tuple[Span, ...]:
    """Where a chunk's pictures can't be decoded because a recording begins without its key picture."""
    begin_s, end_s = (plan.timeline.seconds(frame) for frame in (span.first_frame, span.end_frame))
    shown = (
        (max(begin_s, join.begin_s - plan.zero_s), min(end_s, join.key_s - plan.zero_s))
        for join in plan.source.joins
        if join.begin_s is not None and join.key_s is not None
    )
    return tuple(
        Span(round(float(first_s), 3), round(float(last_s), 3)) for first_s, last_s in shown if first_s < last_s
    )


def _sounds(source: Source) -> tuple[AudioTrack, ...]:
    """All sounds that are read, in the order in which they are in a relayed file."""
    return source.sounds or ((source.audio,) if source.audio else ())


def _later_s(source: Source) -> int:
    """Whole seconds by which everything is moved, so that nothing is before 0."""
    first_s = min([source.video.start_s, *(sound.start_s for sound in _sounds(source))])
    return max(0, ceil(MOST_REORDERED / source.video.rate - first_s))


def _of_relayed(plan: Plan) -> Plan:
    source, later_s = plan.source, _later_s(plan.source)
    sounds = {sound.index: _moved(sound, place, later_s) for place, sound in enumerate(_sounds(source), start=1)}
    relayed = replace(
        source,
        demuxer=EXACT_FORMAT,
        # NUT says nothing of the pictures
        video=replace(source.video, index=0, start_s=source.video.start_s + later_s, landings=(), packet_filter=""),
        audio=sounds[source.audio.index] if source.audio else None,
        sounds=tuple(sounds[sound.index] for sound in source.sounds),
        joins=(),
    )
    return replace(plan, source=relayed)


def _moved(sound: AudioTrack, place: int, later_s: int) -> AudioTrack:
    return replace(
        sound,
        index=place,
        start_s=sound.start_s + later_s,
        heard_s=None if sound.heard_s is None else sound.heard_s + later_s,
        end_s=None if sound.end_s is None else sound.end_s + later_s,
    )
