"""Bit rates as RFC 8216 defines them, from measured sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil


@dataclass(frozen=True)
class Piece:
    """A media segment, or an I-frame with the time until the next one."""

    size_bytes: int
    duration_s: Fraction


def peak_bps(pieces: Sequence[Piece], target_duration_s: int) -> int:
    """The largest bit rate of any run of pieces lasting 0.5 to 1.5 target durations (RFC 8216 4.1).

    A video that is shorter than half a target duration counts as one run.
    """
    shortest, longest = Fraction(target_duration_s, 2), Fraction(3 * target_duration_s, 2)
    peak = Fraction(0)
    for start in range(len(pieces)):
        size_bytes, duration_s = 0, Fraction(0)
        for piece in pieces[start:]:
            size_bytes += piece.size_bytes
            duration_s += piece.duration_s
            if duration_s > longest:
                break
            if duration_s >= shortest:
                peak = max(peak, size_bytes * 8 / duration_s)
    return ceil(peak) if peak else average_bps(pieces)


def average_bps(pieces: Sequence[Piece]) -> int:
    """All bits divided by the whole duration. Raises ZeroDivisionError if there are no pieces."""
    duration_s = sum((piece.duration_s for piece in pieces), Fraction(0))
    return ceil(sum(piece.size_bytes for piece in pieces) * 8 / duration_s)
