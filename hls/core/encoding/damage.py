"""A program that finds which pictures in a part of a file can't be decoded. `reading` runs it, with limits.

    python -m hls.core.encoding.damage '{"video": 0, …}' FILE

ffmpeg repairs damaged pictures as well as it can and reports no times; a strict decoder shows which ones they were.
Prints one JSON object: {"spans": [[from, to], …]}, in seconds on the file's own clock.
"""

import json
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import av
from av.video.stream import VideoStream

from hls.core.chunk import merged
from hls.core.encoding.arguments import DamageArguments
from hls.core.inspection.media_file import opened
from hls.core.inspection.packets import AnyPacket, tick_s, time_of
from hls.core.wire import load


def damaged(path: Path, arguments: DamageArguments) -> list[tuple[float, float]]:
    """The spans that can't be decoded, in seconds on the file's own clock, in order."""
    with opened(path, arguments.demuxer) as container:
        video = next(stream for stream in container.streams.video if stream.index == arguments.video)
        video.codec_context.options = {"err_detect": "explode"}
        video.codec_context.thread_count = 1
        if arguments.seek_s is not None:
            container.seek(int(arguments.seek_s * av.time_base))
        ticks = tick_s(video)
        wanted = range(round(arguments.begin_s / ticks), round(arguments.end_s / ticks))
        times, lost = _looked_at(container.demux(video), video, wanted)
    ends = dict(pairwise(sorted(times)))
    return merged((float(time * ticks), float(ends.get(time, wanted.stop) * ticks)) for time in sorted(lost))


def _looked_at(packets: Iterable[AnyPacket], video: VideoStream, wanted: range) -> tuple[set[int], set[int]]:
    """The times of all pictures in a part, and of those that can't be decoded correctly."""
    times: set[int] = set()
    lost: set[int] = set()
    for packet in packets:
        time = time_of(packet)
        if packet.dts is not None and packet.dts >= wanted.stop and not packet.is_discard:
            break
        is_wanted = time is not None and packet.size > 0 and time in wanted and not packet.is_discard
        if is_wanted and time is not None:
            times.add(time)
        try:
            frames = video.codec_context.decode(packet)
        except av.error.FFmpegError:
            lost.update({time} if is_wanted and time is not None else ())
            continue
        lost.update(frame.pts for frame in frames if frame.is_corrupt and frame.pts is not None and frame.pts in wanted)
    return times, lost


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    spans = damaged(Path(sys.argv[2]), load(DamageArguments, json.loads(sys.argv[1])))
    sys.stdout.write(json.dumps({"spans": spans}))


if __name__ == "__main__":
    main()
