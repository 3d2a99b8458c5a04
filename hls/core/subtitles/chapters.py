"""Chapters: a text track of kind `chapters`, as a list with titles and back."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from hls.core.subtitles.cues import LATEST_MS, Cue
from hls.core.subtitles.sanitising import escaped, plain_text, without_forbidden

LONGEST_TITLE = 200


@dataclass(frozen=True)
class Chapter:
    """A part of a video, in seconds from its beginning. The title is plain text in one line."""

    start_s: float
    end_s: float
    title: str


def chapters_of(cues: Iterable[Cue]) -> tuple[Chapter, ...]:
    """The chapters that a track's cues stand for."""
    found = (Chapter(cue.start_ms / 1_000, cue.end_ms / 1_000, plain_text(cue.text)) for cue in cues)
    return tuple(sorted(found, key=lambda chapter: chapter.start_s))


def in_turn(cues: Iterable[Cue], end_s: float | None) -> tuple[Cue, ...]:
    """The cues of a track of chapters one after another, and within a video of this length, if that is known.

    Where several are over each other, the one that began last goes on, up to where the last of them ends. Of those that
    begin together the last one is kept. What begins at the video's end or later is left out.
    """
    end_ms = LATEST_MS if end_s is None else round(end_s * 1_000)
    begun = {cue.start_ms: cue for cue in sorted(cues, key=lambda cue: cue.start_ms) if cue.start_ms < end_ms}
    ends = accumulate((cue.end_ms for cue in begun.values()), max)
    return tuple(
        replace(cue, end_ms=min(latest_ms, next_ms))
        for cue, latest_ms, (_, next_ms) in zip(begun.values(), ends, pairwise([*begun, end_ms]), strict=True)
    )


def cues_of(chapters: Iterable[Chapter], duration_s: float) -> tuple[Cue, ...]:
    """The cues of a track of chapters, without gaps: each lasts until the next one, the last one as long as the video.

    Ends that are given don't count. What begins before the video counts from its beginning; what begins at its end or
    later is left out, and so is all but the last of those that begin together. One without a title gets a number.
    """
    end_ms = round(duration_s * 1_000)
    titles: dict[int, str] = {}
    within = [chapter for chapter in chapters if chapter.start_s < duration_s]  # which no NaN is
    for chapter in sorted(within, key=lambda chapter: chapter.start_s):
        start_ms = round(max(chapter.start_s, 0) * 1_000)
        if start_ms < end_ms:
            titles[start_ms] = " ".join(without_forbidden(chapter.title).split())[:LONGEST_TITLE].rstrip()
    return tuple(
        Cue(start_ms, next_ms, escaped(titles[start_ms] or f"Chapter {number}"))
        for number, (start_ms, next_ms) in enumerate(pairwise([*titles, end_ms]), 1)
    )
