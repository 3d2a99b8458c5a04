"""When the last picture ends: how long it is shown, only its own duration tells.

MP4 and Matroska have such durations. Other containers don't, so libav makes them up. One that is told may be damaged:
it is believed if it ends within the track, and is not far longer than everything before it.
"""

from collections.abc import Sequence
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from hls.core.inspection.packets import tick_s
from hls.core.inspection.rates import Rate
from hls.core.plan import ROUNDING_S

TELL_DURATIONS = frozenset({"mov", "matroska"})
LONGEST_LAST_S = Fraction(600)  # believed in any case
MOST_FRAMES_UNTOLD = 10  # for which the last picture of a variable rate is shown, where the container can't tell


def told_end_s(container: InputContainer, video: VideoStream) -> Fraction | None:
    """When the pictures end by a container that tells how long each is shown, on the file's clock; else None."""
    if container.format.name.split(",")[0] not in TELL_DURATIONS:
        return None
    if video.duration:
        return ((video.start_time or 0) + video.duration) * tick_s(video)
    if container.duration:
        return Fraction((container.start_time or 0) + container.duration, av.time_base)
    return None


def lasting_s(shown: Sequence[int], time_base: Fraction, measured: Rate, last: int, end_s: Fraction | None) -> Fraction:
    """How long all pictures last together, whose times are `shown`. `last` is the last one's duration in ticks.

    `end_s` is when the pictures end by the container, None if it doesn't tell their durations.
    """
    span_s, frame_s = (shown[-1] - shown[0]) * time_base, 1 / measured.rate
    told_s = None if end_s is None else min(last * time_base or frame_s, end_s - shown[-1] * time_base)
    if not measured.is_variable:
        return steady_s(measured.frame_count, measured.rate, told_s)
    if told_s is None or not _is_believable(told_s, span_s):
        told_s = min(last * time_base, MOST_FRAMES_UNTOLD * frame_s)
    return max(span_s + max(frame_s, told_s), measured.frame_count * frame_s)


def steady_s(frame_count: int, rate: Fraction, last_s: Fraction | None) -> Fraction:
    """How long pictures at a steady rate last, if the last one is told to last `last_s`."""
    before_s = (frame_count - 1) / rate
    if last_s is None or not _is_believable(last_s, before_s) or abs(last_s - 1 / rate) < ROUNDING_S:
        return frame_count / rate
    return before_s + last_s


def _is_believable(last_s: Fraction, before_s: Fraction) -> bool:
    return 0 < last_s <= max(LONGEST_LAST_S, before_s)
