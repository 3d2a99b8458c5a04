"""Whether the two fields of interlaced frames show two moments, or one picture that was stored as fields.

Broadcasters and camcorders store progressive pictures as fields too (PsF), flagged like any others: only the pictures
tell. Two moments show as zigzags, from line to line over many lines, which no lens draws. And where something moves,
they have combs, about as many as a field has with the other field of the next frame; one moment has next to none.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from av.video.frame import VideoFrame

COLUMNS = 32  # of each picture are looked at
MOTION = 16  # of 255: less may be noise
LEAST_COMBS = 500  # brightness summed up: less says nothing
ZIGZAG_LINES = 8  # of a column: fewer may be a texture
LEAST_ZIGZAGS = 0.0004  # of all that is looked at
ONE_MOMENT = 0.15  # of the combs with another picture: texture has some; two moments had 0.2 at the very least


def show_two_moments(frames: Sequence[VideoFrame]) -> bool:
    """For frames that follow each other. True as well where too little moves to tell."""
    pictures = [_columns(frame) for frame in frames if _size(frame) == _size(frames[0])]
    if sum(_zigzags(column) for columns in pictures for column in columns) > LEAST_ZIGZAGS * _amount(pictures):
        return True
    return any(_share(pictures, parity) > ONE_MOMENT for parity in (0, 1))  # either field may be the earlier one


def _amount(pictures: Sequence[list[bytes]]) -> int:
    return sum(len(column) for columns in pictures for column in columns)


def _zigzags(column: bytes) -> int:
    """How many lines go up where the one before went down, and down where it went up, many in a row."""
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
    """The combs within a picture, by those with the next one; the median, since a cut or a flash says nothing."""
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
    """How far a field's lines stick out of the other field's, before and after that one moved."""
    own = other = 0
    pairs = zip(pairwise(around), pairwise(around_later), strict=False)
    for line, ((above, below), (above_later, below_later)) in zip(lines, pairs, strict=False):
        if abs(above - above_later) > MOTION or abs(below - below_later) > MOTION:
            own += _height(line, above, below)
            other += _height(line, above_later, below_later)
    return own, other


def _height(line: int, above: int, below: int) -> int:
    return max(0, min(line - above, line - below), min(above - line, below - line))
