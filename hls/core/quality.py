"""A video's own CRF for each rendition: chosen once, from what short samples show, and written into the plan.

The ladder's CRF is right for difficult pictures. Easier ones are better than anybody can see with it: they get a higher
CRF, with which they still reach TARGET_VMAF. No video gets a lower CRF, so none takes more bytes than by the ladder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import pow

from hls.core.ladder import Rendition
from hls.core.timeline import SEGMENTS_NEXT_CHUNKS
from hls.core.wire import Json, dump

# These are made with the ladder's CRF while the samples are, so that no viewer waits for the samples.
CHUNKS_BY_LADDER = 1 + len(SEGMENTS_NEXT_CHUNKS)
TARGET_VMAF = 93.0  # above that, few people tell pictures from their source; usual ones have more by the ladder
SAMPLED_AT = (0.0, 6.0)  # above the ladder's CRF
MOST_RAISED = 8.0
MOST_RAISED_DARK = 2.0  # see Sampled.luma
DARK_LUMA = 50.0  # of 16 to 235
LEAST_GAIN = 1.0  # of VMAF, by a rendition over the next smaller one
LEAST_RAISED = 0.5  # a smaller difference is not worth telling
BEND = 1.2  # VMAF falls with this power of the rise: about 1.1 for small ones, up to 1.4 for large ones (measured)
STEP = 0.1


class Why(StrEnum):
    """Why a rendition has its CRF."""

    TARGET = "target"  # raised until the target is just reached
    LIMIT = "limit"  # raised as far as is allowed; it would reach the target with more
    DARK = "dark"  # the same, where the pictures are dark
    LADDER = "ladder"  # the ladder's, because the target isn't reached with more
    LEFT_OUT = "left_out"  # it isn't made: the next smaller one, enlarged, looks the same
    COPIED = "copied"  # none: the source's own pictures
    UNMEASURED = "unmeasured"  # the ladder's, because the samples failed


@dataclass(frozen=True)
class RenditionQuality:
    name: str
    crf: float
    estimated_vmaf: float | None  # 0 to 100, in the size of the largest one that it plays for; None if not measured
    reason: str  # a `Why`


@dataclass(frozen=True)
class Quality:
    renditions: tuple[RenditionQuality, ...]
    first_chunk: int = CHUNKS_BY_LADDER  # from this one on
    detail: str = ""  # what went wrong, where nothing was measured; not for callers

    def to_json(self) -> Json:
        return dump(self)

    @property
    def left_out(self) -> frozenset[str]:
        """The names of the renditions that are not made."""
        return frozenset(entry.name for entry in self.renditions if entry.reason == Why.LEFT_OUT)

    def crf(self, rendition: Rendition, chunk: int) -> float:
        """The CRF for one of the video's chunks."""
        own = (entry.crf for entry in self.renditions if entry.name == rendition.name and chunk >= self.first_chunk)
        return next(own, rendition.crf)


@dataclass(frozen=True)
class Sampled:
    """What the samples of a rendition show: the VMAF at each of SAMPLED_AT, and the mean luma of the source's pictures.

    VMAF was trained on bright pictures, seen in a bright room: it hardly notices the steps that a higher CRF makes in
    dark, smooth areas, which viewers in the dark see first.
    """

    vmaf: tuple[float, float]
    luma: float

    def vmaf_at(self, raised: float) -> float:
        """The VMAF with a CRF so much above the ladder's."""
        first, second = self.vmaf
        return first - max(0.0, first - second) * pow(raised / SAMPLED_AT[1], BEND)


@dataclass(frozen=True)
class Comparison:
    """A rendition's samples, and those of the next smaller one enlarged to its size.

    The second is None where detail is lost in the smaller size: then that one can't be as good.
    """

    own: Sampled
    smaller: Sampled | None = None

    @property
    def brings_nothing(self) -> bool:
        """Whether the next smaller rendition looks as good as this one will, with a CRF of its own."""
        raised, _ = _raised(self.own)
        return self.smaller is not None and self.own.vmaf_at(raised) - self.smaller.vmaf[0] < LEAST_GAIN


def of_renditions(renditions: Sequence[Rendition], shown: Mapping[str, Comparison]) -> tuple[RenditionQuality, ...]:
    """Each rendition's CRF, smallest first; of those that aren't copied, `shown` has what the samples show.

    A rendition that gains next to nothing over the next smaller one is left out. That one then has to reach the target
    in the size of the other, and is never left out itself: of Big Buck Bunny, enlarged from 480p, each of two steps
    loses less than a point, and both together lose four (measured).
    """
    found: list[RenditionQuality] = []
    enlarged: Sampled | None = None  # the rendition in question, where the one above it is left out
    for rendition in reversed(renditions):
        if rendition.is_copied:
            found.append(RenditionQuality(rendition.name, rendition.crf, None, str(Why.COPIED)))
            continue
        compared = shown[rendition.name]
        if enlarged is None and compared.smaller is not None and compared.brings_nothing:
            enlarged = compared.smaller
            found.append(RenditionQuality(rendition.name, rendition.crf, chosen_vmaf(enlarged), str(Why.LEFT_OUT)))
        else:
            found.append(chosen(rendition, enlarged or compared.own))
            enlarged = None
    return tuple(reversed(found))


def chosen(rendition: Rendition, sampled: Sampled) -> RenditionQuality:
    """The highest CRF that reaches the target, within bounds."""
    raised, why = _raised(sampled)
    return RenditionQuality(rendition.name, round(rendition.crf + raised, 2), chosen_vmaf(sampled), str(why))


def chosen_vmaf(sampled: Sampled) -> float:
    raised, _ = _raised(sampled)
    return round(sampled.vmaf_at(raised), 1)


def _raised(sampled: Sampled) -> tuple[float, Why]:
    """How much higher than the ladder's the CRF may be, and why no more."""
    most = MOST_RAISED_DARK if sampled.luma < DARK_LUMA else MOST_RAISED
    steps = [step * STEP for step in range(round(most / STEP) + 1)]
    raised = max((step for step in steps if sampled.vmaf_at(step) >= TARGET_VMAF), default=0.0)
    if raised < LEAST_RAISED:
        return 0.0, Why.LADDER
    if raised < most:
        return raised, Why.TARGET
    return raised, Why.DARK if most < MOST_RAISED else Why.LIMIT


def unmeasured(renditions: Sequence[Rendition], detail: str) -> Quality:
    """The ladder's CRF for all, because the samples failed."""
    return Quality(
        tuple(
            RenditionQuality(rendition.name, rendition.crf, None, str(_why_not(rendition))) for rendition in renditions
        ),
        detail=detail,
    )


def _why_not(rendition: Rendition) -> Why:
    return Why.COPIED if rendition.is_copied else Why.UNMEASURED
