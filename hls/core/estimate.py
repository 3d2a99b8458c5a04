"""Estimates how long a video will still take, from the speed of its latest chunks.

Work is counted in frames, or in anything else that is proportional to it; times are seconds on one clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heapreplace
from typing import Self

RECENT_SHARE = 1 / 3  # the latest share of all work: long enough to be steady, short enough to follow a change
RECENT_AT_LEAST_S = 30.0
SILENT_AT_MOST_S = 5.0  # a worker that is silent for longer is assumed to have stopped
MOST_PIECES = 500  # with more pieces, it doesn't matter which server takes which one


@dataclass(frozen=True)
class Stint:
    """The work done on one chunk, from its beginning to its end or to its worker's last report."""

    begin_s: float
    until_s: float
    work: float

    @property
    def lasted_s(self) -> float:
        return self.until_s - self.begin_s

    def after(self, moment_s: float) -> Self:
        """The part of the stint after this moment, assuming an even pace."""
        begin_s = max(self.begin_s, moment_s)
        return replace(self, begin_s=begin_s, work=self.work * (self.until_s - begin_s) / self.lasted_s)


@dataclass(frozen=True)
class Begun:
    """The work that a chunk still needed at its worker's last report, and how long ago that was."""

    left: float
    unheard_s: float


@dataclass(frozen=True)
class Crew:
    """The workers: `slots` chunks at once in total, on `hosts` hosts. Chunks on one host share its processors."""

    hosts: int = 1
    slots: int = 1


ALONE = Crew()


@dataclass(frozen=True)
class Workload:
    """The work still to be done: on the video's own chunks, and on others' chunks that come before its last one."""

    begun: Sequence[Begun] = ()
    waiting: Sequence[float] = ()
    ahead: Sequence[float] = ()


def remaining_s(stints: Iterable[Stint], workload: Workload, crew: Crew) -> float | None:
    """How long until the last of a video's chunks is done; None while the speed isn't known."""
    recent = latest(stints)
    lasted_s, covered_s = sum(stint.lasted_s for stint in recent), union_s(recent)
    work = sum(stint.work for stint in recent)
    if not work or not covered_s:
        return None
    rate = work / lasted_s  # of one slot
    if crew.hosts > 1 or workload.ahead:  # each slot keeps its rate, whatever the others do
        pieces = [*since_heard(workload.begun, rate), *workload.ahead, *workload.waiting]
        return makespan_s(pieces, servers=crew.slots, rate=rate)
    whole_rate = work / covered_s  # however many chunks share it
    return sum((*since_heard(workload.begun, whole_rate / max(1, len(workload.begun))), *workload.waiting)) / whole_rate


def since_heard(begun: Iterable[Begun], rate: float) -> list[float]:
    """The work that these chunks still need now, if their encoders went on at this rate."""
    return [max(0.0, entry.left - rate * min(entry.unheard_s, SILENT_AT_MOST_S)) for entry in begun]


def latest(stints: Iterable[Stint]) -> list[Stint]:
    """The stints in the latest third of the time in which anybody worked, or at least in its last half minute."""
    worked = [stint for stint in stints if stint.lasted_s > 0]
    left_s = max(RECENT_AT_LEAST_S, RECENT_SHARE * union_s(worked))
    since_s = float("inf")
    for stint in sorted(worked, key=lambda stint: stint.until_s, reverse=True):
        begin_s, until_s = stint.begin_s, min(stint.until_s, since_s)
        if begin_s < until_s and left_s > 0:
            since_s = max(begin_s, until_s - left_s)
            left_s -= until_s - since_s
    return [stint.after(since_s) for stint in worked if stint.until_s > since_s]


def union_s(stints: Iterable[Stint]) -> float:
    """The length of the time that the stints cover together, in seconds."""
    covered_s, until_s = 0.0, float("-inf")
    for stint in sorted(stints, key=lambda stint: stint.begin_s):
        covered_s += max(0.0, stint.until_s - max(stint.begin_s, until_s))
        until_s = max(until_s, stint.until_s)
    return covered_s


def makespan_s(pieces: Sequence[float], *, servers: int, rate: float) -> float:
    """When the last piece is done, if each server takes the next piece as soon as it is free."""
    if len(pieces) > MOST_PIECES:
        return sum(pieces) / rate / servers
    free_at = [0.0] * servers
    for piece in pieces:
        heapreplace(free_at, free_at[0] + piece / rate)
    return max(free_at)
