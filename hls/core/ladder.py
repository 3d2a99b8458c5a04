"""Which renditions a film gets: the ladder is data."""

from dataclasses import dataclass
from fractions import Fraction

from hls.core.probe import Source


@dataclass(frozen=True)
class Rung:
    """A step of the ladder. `side` is the picture's shorter side in pixels."""

    name: str
    side: int
    crf: int
    maxrate_kbps: int


@dataclass(frozen=True)
class Rendition:
    name: str  # 480p, 720p, 1080p
    width: int
    height: int
    crf: int
    maxrate_kbps: int
    bufsize_kbits: int
    audio_kbps: int


# CRF 22 at "faster" costs 0.6 of the CPU of three "medium" CRF 23 runs for a slightly better VMAF (measured).
# The caps are twice what usual films need, so that they bound the worst second without touching the usual one.
RUNGS = (
    Rung("480p", side=480, crf=22, maxrate_kbps=2_400),
    Rung("720p", side=720, crf=22, maxrate_kbps=5_200),
    Rung("1080p", side=1080, crf=22, maxrate_kbps=10_000),
)
AUDIO_KBPS = 128
FAST_RATE = 31  # from here on twice the frames of a usual film, and half as many bits more


def renditions(source: Source) -> tuple[Rendition, ...]:
    """Smallest first. Nothing is upscaled: a source below 480 gets one rendition, in its own size."""
    short_side = min(source.video.width, source.video.height)
    rungs = [rung for rung in RUNGS if rung.side <= short_side] or [RUNGS[0]]
    return tuple(_rendition(rung, source) for rung in rungs)


def _rendition(rung: Rung, source: Source) -> Rendition:
    video = source.video
    scale = min(Fraction(rung.side, min(video.width, video.height)), Fraction(1))
    maxrate_kbps = rung.maxrate_kbps * 3 // 2 if video.rate > FAST_RATE else rung.maxrate_kbps
    return Rendition(
        name=rung.name,
        width=_even(video.width, scale),
        height=_even(video.height, scale),
        crf=rung.crf,
        maxrate_kbps=maxrate_kbps,
        bufsize_kbits=maxrate_kbps * 2,
        audio_kbps=AUDIO_KBPS if source.audio else 0,
    )


def _even(pixels: int, scale: Fraction) -> int:
    """The nearest even number that doesn't exceed the source's: 4:2:0 has a colour sample for two pixels."""
    return max(2, min(round(pixels * scale / 2), pixels // 2) * 2)
