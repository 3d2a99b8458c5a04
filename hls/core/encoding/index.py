"""A program that tells where a part of an MP4 file's packets is stored. `chunk_parts` runs it, with limits.

    python -m hls.core.encoding.index '{"tracks": …}' FILE RECORD

An MP4 file's index says where each packet is, before any of them is read. The index itself, and what libav reads when
it opens a file, are asked for on the way (hls.core.blocks), so they are there afterwards.

Prints one JSON object: {"parts": [[0, 4096], …]}, or {"parts": null} where that isn't certain: then ffmpeg needs the
whole file.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from pathlib import Path
from typing import Self

import av
from av.index import IndexEntry
from av.stream import Stream

from hls.core.blocks import ByteRange, PartlyHerePath, merged
from hls.core.encoding.arguments import IndexArguments
from hls.core.inspection.media_file import opened
from hls.core.inspection.packets import is_ascending, tick_s
from hls.core.wire import load

DEMUXER = "mov"
BEFORE_S = 2  # of other tracks, before the key picture: they are not interleaved exactly
OPENING_S = 2  # of all tracks: another libav may look at more packets when it opens the file
EARLIER_S = 0.5  # than the seek: ffmpeg may subtract something, for pictures that are stored before others
BUFFER_BYTES = 1 << 15  # what libav reads at once, also beyond the last packet
GAP_S = 2  # between two packets of a track; ffmpeg may look further for the next one after a longer time


def parts(path: PartlyHerePath, wanted: IndexArguments) -> list[ByteRange] | None:
    """The bytes that ffmpeg reads for a part of the file, and some more; None where that isn't certain."""
    with path.reader() as file, opened(file) as container:
        tracks = [container.streams[index] for index in wanted.tracks]
        is_indexed = container.format.name.split(",")[0] == DEMUXER and not file.is_fragmented()
        if not is_indexed or not all(len(track.index_entries) for track in tracks):
            return None
        if wanted.end_s is None:
            found = [part for track in tracks for part in where(track.index_entries)]
        else:
            window = Window.of(tracks[0], wanted.begin_s, wanted.end_s)
            is_end_alike = len({window.ends_within(track) for track in tracks}) == 1
            if not is_end_alike or not all(window.is_covered(track) for track in tracks):
                return None
            found = [part for track in tracks for part in where(window.entries_of(track, before_s=BEFORE_S))]
        found += [part for track in container.streams for part in beginning_of(track)]
        return merged((start, end + BUFFER_BYTES) for start, end in found)


@dataclass(frozen=True)
class Window:
    """From the key picture at which ffmpeg may begin to read, up to a time at which it has surely ended."""

    begin_s: float | None  # None: the file's beginning
    end_s: float

    @classmethod
    def of(cls, pictures: Stream, seek_s: float | None, end_s: float) -> Self:
        if seek_s is None:
            return cls(None, end_s)
        entries = pictures.index_entries
        place = entries.search_timestamp(int((seek_s - EARLIER_S) / tick_s(pictures)), backward=True)
        return cls(float(entries[place].timestamp * tick_s(pictures)) if place >= 0 else None, end_s)

    def entries_of(self, track: Stream, *, before_s: float) -> list[IndexEntry]:
        """In the order of their times. `before_s` is how much earlier than the window they begin."""
        entries, tick = track.index_entries, float(tick_s(track))
        begin = 0
        if self.begin_s is not None:
            begin = max(0, entries.search_timestamp(int((self.begin_s - before_s) / tick), any_frame=True))
        entries_on = islice(entries, begin, None)
        return list(takewhile(lambda entry: entry.is_discard or entry.timestamp * tick < self.end_s, entries_on))

    def ends_within(self, track: Stream) -> bool:
        """Whether the track has nothing behind the window."""
        return track.index_entries[-1].timestamp * tick_s(track) < self.end_s

    def is_covered(self, track: Stream) -> bool:
        """Whether the track has packets all the time, so that ffmpeg never looks for one outside of the window.

        Where edits meet, it reads what an edit list hides: the times go back, so they don't say how far it reads.
        """
        times = [float(entry.timestamp * tick_s(track)) for entry in self.entries_of(track, before_s=0)]
        if not times or not is_ascending(times):
            return False
        first_s = self.begin_s if self.begin_s is not None else min(times[0], 0)
        last_s = times[-1] if self.ends_within(track) else self.end_s
        return all(later - earlier <= GAP_S for earlier, later in pairwise([first_s, *times, last_s]))


def where(entries: Iterable[IndexEntry]) -> list[ByteRange]:
    return [(entry.pos, entry.pos + entry.size) for entry in entries]


def beginning_of(track: Stream) -> list[ByteRange]:
    if not len(track.index_entries):
        return []
    end = track.index_entries[0].timestamp + OPENING_S / tick_s(track)
    return where(takewhile(lambda entry: entry.timestamp < end, track.index_entries))


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    path = PartlyHerePath(Path(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.write(json.dumps({"parts": parts(path, load(IndexArguments, json.loads(sys.argv[1])))}))


if __name__ == "__main__":
    main()
