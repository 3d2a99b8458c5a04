"""Decides which renditions a video gets, by a ladder that is plain data."""

from dataclasses import dataclass, replace
from fractions import Fraction

from hls.core.probe import Obstacle, Source, VideoTrack


@dataclass(frozen=True)
class Rung:
    """A step of the ladder. `side` is the shorter side of the picture, in pixels."""

    name: str
    side: int
    crf: float
    maxrate_kbps: int
    preset: str
    x264_params: str


@dataclass(frozen=True)
class Rendition:
    """One size of the video. Plans that were made before `preset` and `x264_params` go on with the defaults."""

    name: str  # 480p, 720p, 1080p
    width: int
    height: int
    crf: float
    maxrate_kbps: int
    bufsize_kbits: int
    audio_kbps: int  # 0 without sound, and where the sounds are apart
    is_copied: bool = False  # the source's own packets are copied, not encoded
    preset: str = "faster"
    x264_params: str = "subme=2"  # what differs from the preset, as libx264 has it: "subme=2:trellis=0"


# Chosen by bench/transcode.py, against "medium" at CRF 23, so that no rendition of Big Buck Bunny loses 0.3 of VMAF by
# either model. One picture is referred to, and motion is looked for coarsely: more costs more than it saves.
# "qcomp=0.7" gives flat areas bits back, as the newer model asks. "direct=temporal" is free.
# At 1080p, three B pictures in turn take a sixth less of x264's CPU time than the best number of up to five, for 2 %
# more bytes; below, five are best. "p8x8" at 1080p and looking further ahead below spend that on bytes: each takes 7 %
# of the whole CPU time of Big Buck Bunny, and saves half a percent of its bytes. Grain and flat areas keep the gain.
COMMON = "subme=2:no-psy=1:me=dia:ref=1:qcomp=0.7:partitions=i4x4,i8x8,p8x8:aq-strength=0.7:b-adapt=0:direct=temporal"
SMALL = f"{COMMON}:bframes=5:rc-lookahead=30"
LARGE = f"{COMMON}:bframes=3"
# The caps are twice what most videos need: they limit the worst second and leave ordinary ones alone.
RUNGS = (
    Rung("480p", side=480, crf=23.1, maxrate_kbps=2_400, preset="faster", x264_params=SMALL),
    Rung("720p", side=720, crf=22.8, maxrate_kbps=5_200, preset="faster", x264_params=SMALL),
    Rung("1080p", side=1080, crf=21.8, maxrate_kbps=10_000, preset="faster", x264_params=LARGE),
)
# For a first chunk that is long, as viewers wait for it: a third of the time less for the same VMAF, and a quarter more
# bytes of these seconds.
HURRIED = "subme=1:trellis=0"
HURRIED_CRF = -1.0  # to be added
AUDIO_KBPS = 128
FAST_RATE = 31  # frames per second: from here on, a video has twice the usual frames and gets half as many bits more


def renditions(source: Source, *, may_copy: bool = True) -> tuple[Rendition, ...]:
    """The renditions, smallest first. Nothing is upscaled: a source below 480 gets one rendition, in its own size."""
    short_side = min(source.video.width, source.video.height)
    rungs = [rung for rung in RUNGS if rung.side <= short_side] or [RUNGS[0]]
    *smaller, top = (_rendition(rung, source) for rung in rungs)
    # Damage in copied pictures is noticed while the smaller renditions are made, so there has to be one.
    return *smaller, replace(top, is_copied=may_copy and bool(smaller) and not obstacle(source.video, top))


def _rendition(rung: Rung, source: Source) -> Rendition:
    video = source.video
    scale = min(Fraction(rung.side, min(video.width, video.height)), Fraction(1))
    maxrate_kbps = rung.maxrate_kbps * 3 // 2 if video.picture_rate > FAST_RATE else rung.maxrate_kbps
    return Rendition(
        name=rung.name,
        width=_even(video.width, scale),
        height=_even(video.height, scale),
        crf=rung.crf,
        maxrate_kbps=maxrate_kbps,
        bufsize_kbits=maxrate_kbps * 2,
        audio_kbps=AUDIO_KBPS if source.audio and not source.sounds else 0,
        preset=rung.preset,
        x264_params=rung.x264_params,
    )


def obstacle(video: VideoTrack, top: Rendition) -> str:
    """Why the source's own packets can't be this rendition; "" if they can."""
    if video.copyable is None:
        return video.obstacle or Obstacle.CODEC
    if (video.width, video.height) != (top.width, top.height):
        return Obstacle.SIZE
    return Obstacle.TOO_MANY_BITS if video.copyable.peak_kbps > top.maxrate_kbps else ""


def _even(pixels: int, scale: Fraction) -> int:
    """The scaled size as the nearest even number up to the source's: 4:2:0 has one colour sample for two pixels."""
    return max(2, min(round(pixels * scale / 2), pixels // 2) * 2)
