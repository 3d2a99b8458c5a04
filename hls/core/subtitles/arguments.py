"""The arguments of the program `packets`, which reads texts of a file in a child process."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class PacketTrack:
    index: int  # the track's number in the file
    codec: str


@dataclass(frozen=True)
class PacketArguments:
    """Which tracks, and the time on the file's own clock from which theirs are counted."""

    demuxer: str
    zero_s: Fraction
    tracks: tuple[PacketTrack, ...]
