"""Puts pictures with irregular times on a frame grid, each on a place of its own.

A picture that follows too soon, so that it would replace the one before it, is shown a little later, on the next place.
If that is impossible too, the one before it isn't shown. The filters do exactly what `spaced` predicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

TICKS = 1000  # per frame, of the clock on which pictures are spaced
SHORTEST_S = Fraction(1, 64)  # a frame at 60 fps, less the rounding of a clock in milliseconds
SOONEST_S = Fraction(1, 100)  # a picture that follows even sooner isn't delayed: more like it will follow
LATEST_S = Fraction(1, 25)  # no picture is delayed by more than this, nor by more than a frame


@dataclass(frozen=True)
class Spacing:
    place_count: int  # from the first picture to the last, including places that repeat a picture
    hidden_count: int  # pictures that last for a frame but are never shown


def filters(rate: Fraction) -> list[str]:
    """ffmpeg's filters that space pictures, to be put before the filter that makes the rate constant."""
    free = f"PREV_OUTPTS+{TICKS}"
    is_moved = f"gt({free},PTS)*lte({free}-PTS,{_latest(rate)})*gte(PTS-PREV_INPTS,{_ticks(SOONEST_S, rate)})"
    return [
        f"settb={rate.denominator}/{rate.numerator * TICKS}",
        f"setpts='if(isnan(PREV_OUTPTS),PTS,if({is_moved},{free},PTS))'",
    ]


def spaced(timestamps: Sequence[int], time_base: Fraction, rate: Fraction, *, most_hidden: int) -> Spacing:
    """What happens to pictures at sorted `timestamps`; stops counting once more than `most_hidden` aren't shown."""
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
    """Filters that give exact times to a steady rate: rounded ones would jump at random on a slightly slower grid."""
    start = f"({start_s.numerator}/{start_s.denominator})"
    return ["settb=AVTB", f"setpts='(round((T-{start})*{rate})/({rate})+{start})/TB'"]


def _latest(rate: Fraction) -> int:
    return min(TICKS, _ticks(LATEST_S, rate))


def _ticks(seconds: Fraction, rate: Fraction) -> int:
    return round(seconds * rate * TICKS)
