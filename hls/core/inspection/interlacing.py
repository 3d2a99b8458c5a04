"""Whether the two fields of interlaced frames show two moments, or one progressive picture that was stored as fields.

Broadcasters and camcorders also store progressive pictures as fields (PsF), with the same flags, so only the pictures
can tell. Two moments in a frame show as zigzags from line to line over many lines, which no camera records otherwise.
Where something moves, they also show as combs: about as many as between a field and the other field of the next frame.
A single moment has almost none.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from av.video.frame import VideoFrame

COLUMNS = 32  # looked at in each picture
MOTION = 16  # brightness out of 255: a smaller difference may be noise
LEAST_COMBS = 500  # summed brightness: a smaller sum proves nothing
ZIGZAG_LINES = 8  # in a row, in one column: fewer may be a texture
LEAST_ZIGZAGS = 0.0004  # share of all pixels looked at
ONE_MOMENT = 0.15  # share of the combs with another picture: textures have some; two moments had at least 0.2


def show_two_moments(frames: Sequence[VideoFrame]) -> bool:
    """Whether consecutive frames show two moments each. Also true if too little moves to tell."""
    pictures = [_columns(frame) for frame in frames if _size(frame) == _size(frames[0])]
    if sum(_zigzags(column) for columns in pictures for column in columns) > LEAST_ZIGZAGS * _amount(pictures):
        return True
    return any(_share(pictures, parity) > ONE_MOMENT for parity in (0, 1))  # either field may be the earlier one


def _amount(pictures: Sequence[list[bytes]]) -> int:
    return sum(len(column) for columns in pictures for column in columns)


def _zigzags(column: bytes) -> int:
    """How many lines are in a zigzag: brightness goes up and down by turns over many lines."""
    count = run = 0
    went = 0
    for above, below in pairwise(column):
        step = below - above
        is_zigzag = (step > MOTION and went < 0) or (step < -MOTION and went > 0)
        if not is_zigzag:
            count += run if run >= ZIGZAG_LINES else 0
            run = 0
        run += is_zigzag
        went = step if abs(step) > MOTION else 0
    return count + (run if run >= ZIGZAG_LINES else 0)


def _share(pictures: Sequence[list[bytes]], parity: int) -> float:
    """Combs within a picture, divided by those with the next one. The median: a cut or a flash proves nothing."""
    shares = []
    for earlier, later in pairwise(pictures):
        own = other = 0
        for column, later_column in zip(earlier, later, strict=True):
            lines, around = column[1 - parity :: 2][parity:], column[parity::2]
            found = _combs(lines, around, later_column[parity::2])
            own, other = own + found[0], other + found[1]
        if max(own, other) >= LEAST_COMBS:
            shares.append(own / max(other, 1))
    return median(shares) if shares else 1


def _size(frame: VideoFrame) -> tuple[int, int]:
    return frame.width, frame.height


def _columns(frame: VideoFrame) -> list[bytes]:
    plane = frame.reformat(format="gray").planes[0]
    luma, width = bytes(plane), frame.width
    places = [(2 * number + 1) * width // (2 * COLUMNS) for number in range(COLUMNS)]
    return [luma[place :: plane.line_size][: frame.height] for place in places]


def _combs(lines: bytes, around: bytes, around_later: bytes) -> tuple[int, int]:
    """How far a field's lines stick out from the other field's: in the same frame, and in the next one."""
    own = other = 0
    pairs = zip(pairwise(around), pairwise(around_later), strict=False)
    for line, ((above, below), (above_later, below_later)) in zip(lines, pairs, strict=False):
        if abs(above - above_later) > MOTION or abs(below - below_later) > MOTION:
            own += _height(line, above, below)
            other += _height(line, above_later, below_later)
    return own, other


def _height(line: int, above: int, below: int) -> int:
    return max(0, min(line - above, line - below), min(above - line, below - line))
