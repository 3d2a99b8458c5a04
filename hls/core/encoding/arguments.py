"""The arguments of the programs `relay` and `damage`, which read a part of a file in a child process."""

from dataclasses import dataclass

from hls.core.probe import Continuation, Join

MOST_REORDERED = 16  # how many pictures earlier than it is shown one is decoded, at most


@dataclass(frozen=True)
class RelayedSound:
    index: int
    sample_rate: int  # the container doesn't know the format if the first recording hasn't this sound
    layout: str


@dataclass(frozen=True)
class RelayArguments:
    """What `relay` reads: from `byte` or the file's beginning, up to `end_s` on the first recording's clock.

    What it writes is `later_s` later than on that clock, because a NUT file has no times before 0.
    """

    video: int
    sounds: tuple[RelayedSound, ...]
    joins: tuple[Join, ...]
    byte: int | None
    end_s: float
    later_s: int = 0
    continued: tuple[Continuation, ...] = ()


@dataclass(frozen=True)
class DamageArguments:
    """What `damage` checks: from `begin_s` to `end_s` on the file's own clock, reading from `seek_s` on."""

    demuxer: str
    video: int
    seek_s: float | None
    begin_s: float
    end_s: float


@dataclass(frozen=True)
class IndexArguments:
    """What hls.core.encoding.index finds the places of: packets of these tracks, by times on the file's own clock."""

    tracks: tuple[int, ...]  # the picture track first, where there is one
    begin_s: float | None  # where ffmpeg seeks to; None: it reads from the file's beginning
    end_s: float | None  # None: it reads up to the file's end
