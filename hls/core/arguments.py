"""What the programs that read a part of a file are told. They use FFmpeg's libraries, which no server loads."""

from dataclasses import dataclass

from hls.core.probe import Join

FORMAT = "nut"


@dataclass(frozen=True)
class RelayArguments:
    """What to read: from `byte` on, or from the beginning; up to `end_s` on the first recording's clock."""

    video: int
    audio: int | None
    joins: tuple[Join, ...]
    byte: int | None
    end_s: float
    sample_rate: int = 0  # of the sound; the container doesn't know it where the first recording has none
    layout: str = ""


@dataclass(frozen=True)
class DamageArguments:
    """What to look at: from `begin_s` to `end_s` of the file's own clock, reading from `seek_s` on."""

    demuxer: str
    video: int
    seek_s: float | None
    begin_s: float
    end_s: float
