"""The arguments of the programs hls.core.relay and hls.core.damage, which read a part of a file in a child process."""

from dataclasses import dataclass

from hls.core.probe import Join

FORMAT = "nut"


@dataclass(frozen=True)
class RelayArguments:
    """What hls.core.relay reads: from `byte` or the file's beginning, up to `end_s` on the first recording's clock."""

    video: int
    audio: int | None
    joins: tuple[Join, ...]
    byte: int | None
    end_s: float
    sample_rate: int = 0  # of the sound; the container doesn't know it if the first recording has no sound
    layout: str = ""


@dataclass(frozen=True)
class DamageArguments:
    """What hls.core.damage checks: from `begin_s` to `end_s` on the file's own clock, reading from `seek_s` on."""

    demuxer: str
    video: int
    seek_s: float | None
    begin_s: float
    end_s: float
