"""How pictures that come at irregular times find places of their own on a frame grid.

A picture that comes so soon that it would take its predecessor's place is shown a little later, on the next place.
Where even that can't be, the predecessor isn't shown. The filters do what `spaced` foretells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

TICKS = 1000  # of a frame: the clock on which pictures are spaced
SHORTEST_S = Fraction(1, 64)  # a frame at 60 fps, less what a clock of milliseconds rounds off
SOONEST_S = Fraction(1, 100)  # what comes sooner after another isn't waited with: there will be more of its kind
LATEST_S = Fraction(1, 25)  # no picture is put off by more than this, nor by more than a frame


@dataclass(frozen=True)
class Spacing:
    place_count: int  # from the first picture to the last, with those between that repeat one
    hidden_count: int  # pictures that last, and yet are never shown


def filters(rate: Fraction) -> list[str]:
    """For a chain of ffmpeg's video filters, before the one that makes the rate constant."""
    free = f"PREV_OUTPTS+{TICKS}"
    is_moved = f"gt({free},PTS)*lte({free}-PTS,{_latest(rate)})*gte(PTS-PREV_INPTS,{_ticks(SOONEST_S, rate)})"
    return [
        f"settb={rate.denominator}/{rate.numerator * TICKS}",
        f"setpts='if(isnan(PREV_OUTPTS),PTS,if({is_moved},{free},PTS))'",
    ]


def spaced(timestamps: Sequence[int], time_base: Fraction, rate: Fraction, *, most_hidden: int) -> Spacing:
    """What becomes of pictures at sorted `timestamps`; looking ends where more than `most_hidden` aren't shown."""
    latest, soonest, shortest = _latest(rate), _ticks(SOONEST_S, rate), _ticks(SHORTEST_S, rate)
    scale, first = float(time_base * rate * TICKS), timestamps[0]
    came = shown = place = count = 0
    for timestamp in islice(timestamps, 1, None):
        at, free = round((timestamp - first) * scale), shown + TICKS
        lasted, came = at - came, at
        shown = free if at < free <= at + latest and lasted >= soonest else at
        before, place = place, max(place, (shown + TICKS // 2) // TICKS)
        if place == before and lasted >= shortest:
            count += 1
            if count > most_hidden:
                break
    return Spacing(place + 1, count)


def counted(rate: Fraction, start_s: Fraction) -> list[str]:
    """Exact times for a steady rate: on a grid that is a little slower, rounded ones would change places at random."""
    start = f"({start_s.numerator}/{start_s.denominator})"
    return ["settb=AVTB", f"setpts='(round((T-{start})*{rate})/({rate})+{start})/TB'"]


def _latest(rate: Fraction) -> int:
    return min(TICKS, _ticks(LATEST_S, rate))


def _ticks(seconds: Fraction, rate: Fraction) -> int:
    return round(seconds * rate * TICKS)
