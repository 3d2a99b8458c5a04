"""Cuts a text track into the segments of HLS (RFC 8216 section 3.5), on the video's own timeline."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil, floor

from hls.core.encoding.command import TS_OFFSET_S
from hls.core.formats import transport
from hls.core.subtitles.cues import Cue
from hls.core.subtitles.writing import HEADER, block

# The video's first picture has this time in MPEG-TS; cues count from there
HEAD = f"{HEADER}X-TIMESTAMP-MAP=MPEGTS:{TS_OFFSET_S * transport.TICKS},LOCAL:00:00:00.000\n"


def segment(cues: Iterable[Cue], begin_s: Fraction, end_s: Fraction) -> str:
    """The segment of [begin_s, end_s), in seconds: every cue that is shown in it, with its whole times.

    A cue over a border stands in both segments. To cut more than one segment, use a CueIndex.
    """
    return CueIndex(cues).segment(begin_s, end_s)


class CueIndex:
    """A track's cues, arranged so that those of a segment are found without looking at the others.

    Those that begin within the segment stand side by side, as cues are sorted by their beginnings. Those that began
    before and still run are found in a binary tree, of which each node knows the latest end of the cues below it: a
    cue that lasts as long as the video costs a way down the tree, and not a look at all that begin after it.
    """

    def __init__(self, cues: Iterable[Cue]) -> None:
        self._cues = sorted(cues, key=lambda cue: cue.start_ms)
        self._starts = [cue.start_ms for cue in self._cues]
        self._leaves = 1 << max(len(self._cues) - 1, 0).bit_length()
        self._latest_end = [0] * (2 * self._leaves)
        for number, cue in enumerate(self._cues, self._leaves):
            self._latest_end[number] = cue.end_ms
        for node in range(self._leaves - 1, 0, -1):
            self._latest_end[node] = max(self._latest_end[2 * node], self._latest_end[2 * node + 1])

    def segment(self, begin_s: Fraction, end_s: Fraction) -> str:
        """As the function of this name."""
        return HEAD + "".join(map(block, self.shown(begin_s, end_s)))

    def shown(self, begin_s: Fraction, end_s: Fraction) -> list[Cue]:
        """The cues that are shown in [begin_s, end_s), sorted by their beginnings.

        Cues have whole milliseconds, borders need not: rounded outwards, they divide the cues as the exact ones do.
        """
        begin_ms, end_ms = floor(begin_s * 1_000), ceil(end_s * 1_000)
        first, behind = bisect_left(self._starts, begin_ms), bisect_left(self._starts, end_ms)
        return [self._cues[number] for number in self._running(first, begin_ms)] + self._cues[first:behind]

    def _running(self, count: int, ms: int) -> Iterator[int]:
        """The numbers of those among the first `count` cues that end after `ms`, in order."""
        nodes = [(1, 0, self._leaves)]  # a node, and the first and the number of the leaves below it
        while nodes:
            node, first, size = nodes.pop()
            if first >= count or self._latest_end[node] <= ms:
                continue
            if size == 1:
                yield first
            else:
                half = size // 2
                nodes += [(2 * node + 1, first + half, half), (2 * node, first, half)]
