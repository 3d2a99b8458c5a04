"""How objects of a bucket become one: which ranges are copied, so that no part of it is too small."""

from collections.abc import Iterator, Sequence

from hls.store.multipart import COPIED_AT_ONCE
from hls.store.sections import least_part_bytes

type JoinedPiece = tuple[tuple[str, int, int], ...]  # ranges that are next to each other: key, start and end


def pieces_of(sources: Sequence[tuple[str, int]], *, start: int, length: int) -> Iterator[JoinedPiece]:
    """The parts of an object that is made of others, in order, from `start` on. `sources` are keys and lengths.

    A piece of one range is copied by the bucket. One of several holds no more than the least that a part may have; it
    joins the end of an object with the beginning of the next. Only the last piece may be smaller than that.
    """
    least = least_part_bytes(length)
    most = max(COPIED_AT_ONCE, least)
    piece: list[tuple[str, int, int]] = []
    size = 0
    for key, begin, end in ranges_from(sources, start):
        at = begin
        while at < end:
            count = min(end - at, least - size if piece else most)
            piece.append((key, at, at + count))
            size, at = size + count, at + count
            if size >= least:
                yield tuple(piece)
                piece, size = [], 0
    if piece:
        yield tuple(piece)


def ranges_from(sources: Sequence[tuple[str, int]], start: int) -> Iterator[tuple[str, int, int]]:
    """What is left of each object behind the first `start` bytes of all of them."""
    begins_at = 0
    for key, length in sources:
        if begins_at + length > start:
            yield key, max(0, start - begins_at), length
        begins_at += length
