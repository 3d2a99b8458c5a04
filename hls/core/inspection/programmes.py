"""Finds which tracks of a transport stream belong to other programmes than the pictures that are used.

A recording of several channels has a table for each of them. libav reads them all, but PyAV lists the tracks without
saying what belongs together. Only what the file's beginning says is known.
"""

from pathlib import Path

from av.video.stream import VideoStream

from hls.core.blocks import PartlyHerePath
from hls.core.formats.programmes import programmes

DEMUXER = "mpegts"
HEAD_BYTES = 1 << 22  # tables come every half second (ETSI TR 101 290, 5.2.1), of a stream of up to 60 Mbit/s


def of_others(path: Path | PartlyHerePath, video: VideoStream) -> frozenset[int]:
    """The ids of tracks that belong to other programmes alone; none if the picture's own programme isn't known."""
    if video.container.format.name != DEMUXER:
        return frozenset()
    with path.open("rb") as file:
        found = programmes(file.read(HEAD_BYTES))
    own = [pids for pids in found.values() if video.id in pids]
    return frozenset().union(*found.values()).difference(*own) if own else frozenset()
