"""Encodes short samples of a video to find its own CRF for each rendition (hls.core.quality).

1. A sample is the first two seconds of a chunk (hls.core.sampling.places).
2. It is encoded in each rendition, at the ladder's CRF and at a higher one, with the filters and settings of any chunk.
   Its VMAF is measured against the source's pictures, filtered and scaled alike (hls.core.sampling.commands).
3. Where hardly any detail is lost in the next smaller size, that rendition's samples are enlarged and measured, too:
   they may be as good. Then single pictures of the whole video have to lose as little.
4. Black and still stretches are left out: with next to no bytes they say nothing of the rest.

The model is VMAF v1, in 10 bits. Over flat cartoons, screencasts and grain it agrees with v0.6.1 to about two points
and bends alike, but it also sees banding: on smooth gradients v0.6.1 loses a point with the CRF raised by 8, where v1
loses six (bench/own_crf.py). It takes no more time.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import fmean

from hls.core.encoding.abilities import fitted
from hls.core.encoding.command import Encoder
from hls.core.encoding.encode import has_zscale, is_odd
from hls.core.errors import Code, TranscodeError
from hls.core.plan import Plan
from hls.core.process import Bounds, Watch, run
from hls.core.quality import SAMPLED_AT, Comparison, Quality, Sampled, of_renditions
from hls.core.sampling.commands import (
    DETAIL,
    LUMA,
    LUMA_FILE,
    MODEL,
    Step,
    comparing,
    detail_file,
    encoding,
    enlarged_file,
    losing_detail,
    made_file,
    preparing,
    vmaf_file,
)
from hls.core.sampling.places import LEAST_SAMPLES, picture_spans, sample_spans
from hls.core.timeline import ChunkSpan

STILL_SHARE = 0.1  # of the bytes of the largest sample: one with less is left out
LITTLE_LOSS = 46.0  # dB of PSNR: pictures that were enlarged before lose so little in a smaller size, others more
TIMEOUT_S = 300  # of each ffmpeg; ten times what it takes for 1080p on a busy machine


@dataclass(frozen=True)
class Sample:
    """A sample in one rendition, with one CRF."""

    vmaf: float
    size_bytes: int
    smaller_vmaf: float | None = None  # of the next smaller rendition, enlarged to this one's size


@dataclass(frozen=True)
class Shown:
    """What one sample shows: by the renditions' names, at each of SAMPLED_AT; and its pictures' mean luma."""

    renditions: Mapping[str, tuple[Sample, ...]]
    luma: float


@lru_cache  # of those that can: another one is asked again
def check_measuring(ffmpeg: Path) -> None:
    """Raise TranscodeError unless this ffmpeg has libvmaf with the model; Debian's has neither."""
    picture = ("-f", "lavfi", "-i", "color=s=480x270:r=1:d=1,format=yuv420p10le")
    filters = ("-lavfi", f"libvmaf=model={MODEL}", "-f", "null", "-")
    command = [str(ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error", *picture, *picture, *filters]
    ended = run(command, bounds=Bounds(timeout_s=30))
    if ended.returncode:
        raise TranscodeError(Code.ENCODER_FAILED, f"this ffmpeg doesn't measure VMAF v1: {ended.stderr[-200:]}")


def sampled(
    plan: Plan,
    *,
    source: Path,
    folder: Path,
    encoder: Encoder,
    watch: Watch,
    is_whole: bool = True,
    spans: Sequence[ChunkSpan] = (),
    bring: Callable[[Sequence[ChunkSpan]], None] = lambda spans: None,
) -> Quality:
    """The video's own CRFs. Raises TranscodeError where samples can't be encoded or measured, or say nothing; Stopped.

    Writes into the private `folder`. `spans` are the samples, unless they are to be chosen here. Unless the source
    `is_whole`, anything odd that ffmpeg says is an error, and `bring` is told what will be read of it.
    """
    check_measuring(encoder.ffmpeg)  # before anything is encoded in vain
    work = _Work(replace(plan, quality=None), source, folder, encoder, watch, is_whole=is_whole)
    spans = spans or sample_spans(plan)
    bring(spans)
    shown = [work.shown(span) for span in spans]
    compared = {name: _compared(name, shown) for name in shown[0].renditions}
    needless = _needless(work, {name for name, each in compared.items() if each.brings_nothing}, bring)
    sure = {name: each if name in needless else Comparison(each.own) for name, each in compared.items()}
    return Quality(of_renditions(plan.renditions, sure))


def _needless(work: "_Work", names: set[str], bring: Callable[[Sequence[ChunkSpan]], None]) -> set[str]:
    """Those of the renditions over which no detail is gained anywhere in the video; none where that can't be seen."""
    try:
        for span in picture_spans(work.plan) if names else ():
            bring([span])
            work.prepare(span)
            names &= set(work.steps_without_loss(span))
            if not names:
                break
    except TranscodeError:
        return set()
    return names


def prepared_plan(plan: Plan) -> Plan:
    """The plan of the pictures alone, in the size of the largest rendition."""
    return replace(
        plan,
        source=replace(plan.source, audio=None, sounds=()),
        renditions=(replace(plan.renditions[-1], is_copied=False),),
        frames_per_tile=plan.timeline.frame_count,  # no tile is in a sample
    )


def raised_plan(plan: Plan, raised: float) -> Plan:
    """The plan with all CRFs so much above the ladder's."""
    return replace(plan, renditions=tuple(replace(entry, crf=entry.crf + raised) for entry in plan.renditions))


@dataclass(frozen=True)
class _Work:
    plan: Plan
    source: Path
    folder: Path
    encoder: Encoder
    watch: Watch
    is_whole: bool

    def shown(self, span: ChunkSpan) -> Shown:
        self.prepare(span)
        steps = self.steps_without_loss(span)
        found = [self._encoded(span, raised, steps) for raised in SAMPLED_AT]
        luma = fmean(_values(self.folder / LUMA_FILE, LUMA))
        return Shown({name: tuple(each[name] for each in found) for name in found[0]}, luma)

    def steps_without_loss(self, span: ChunkSpan) -> list[str]:
        """The larger rendition's name of each step of the ladder that costs the prepared pictures hardly any detail."""
        steps = [pair for pair in pairwise(self.plan.renditions) if not pair[1].is_copied]
        if not steps:
            return []
        zscale = has_zscale(self.encoder.ffmpeg)
        self._run(losing_detail(self.plan, span, self.encoder, steps, has_zscale=zscale), span)
        found = {larger.name: _values(self.folder / detail_file(larger), DETAIL) for _, larger in steps}
        return [name for name, values in found.items() if min(values) >= LITTLE_LOSS]

    def prepare(self, span: ChunkSpan) -> None:
        zscale = has_zscale(self.encoder.ffmpeg)
        prepared = fitted(prepared_plan(self.plan), self.encoder.ffmpeg)
        told = self._run(preparing(prepared, span, source=self.source, encoder=self.encoder, has_zscale=zscale), span)
        if is_odd(told) and not self.is_whole:
            raise TranscodeError(Code.ENCODER_FAILED, f"parts of the source may be missing: {told[-500:]}")

    def _encoded(self, span: ChunkSpan, raised: float, steps: Sequence[str]) -> dict[str, Sample]:
        plan = raised_plan(self.plan, raised)
        zscale = has_zscale(self.encoder.ffmpeg)
        enlarged: list[Step] = [pair for pair in pairwise(plan.renditions) if pair[1].name in steps]
        self._run(encoding(plan, span, self.encoder, has_zscale=zscale), span)
        self._run(comparing(plan, span, self.encoder, has_zscale=zscale, enlarged=enlarged), span)
        return {
            rendition.name: Sample(
                _vmaf(self.folder / vmaf_file(rendition)),
                (self.folder / made_file(rendition)).stat().st_size,
                _vmaf(self.folder / enlarged_file(rendition)) if rendition.name in steps else None,
            )
            for rendition in plan.renditions
            if not rendition.is_copied
        }

    def _run(self, command: list[str], span: ChunkSpan) -> str:
        """What ffmpeg says."""
        encoder = self.encoder
        bounds = Bounds(
            timeout_s=TIMEOUT_S,
            cpu_s=ceil(encoder.cpu_s_at_least + encoder.cpu_s_per_frame * span.frame_count),
            memory_bytes=encoder.memory_bytes,
            file_bytes=encoder.file_bytes,
            nice=encoder.nice,
        )
        ended = run(command, bounds=bounds, watch=self.watch, folder=self.folder)
        if ended.returncode:
            raise TranscodeError(Code.ENCODER_FAILED, f"ffmpeg ended with {ended.returncode}: {ended.stderr[-500:]}")
        return ended.stderr


def _vmaf(log_file: Path) -> float:
    try:
        return float(json.loads(log_file.read_text())["pooled_metrics"]["vmaf"]["mean"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TranscodeError(Code.ENCODER_FAILED, f"libvmaf has measured nothing: {error}") from error


def _values(file: Path, key: str) -> list[float]:
    """What ffmpeg's filter `metadata` has written of each picture."""
    try:
        found = [float(line.partition("=")[2]) for line in file.read_text().splitlines() if line.startswith(f"{key}=")]
    except (OSError, ValueError) as error:
        raise TranscodeError(Code.ENCODER_FAILED, f"no picture was looked at: {error}") from error
    if not found:
        raise TranscodeError(Code.ENCODER_FAILED, "no picture was looked at")
    return found


def _compared(name: str, shown: Sequence[Shown]) -> Comparison:
    """What the samples of a rendition show: those in which something moves."""
    found = [(entry.renditions[name], entry.luma) for entry in shown]
    most = max(samples[0].size_bytes for samples, _ in found)
    moving = [(samples, luma) for samples, luma in found if samples[0].size_bytes >= STILL_SHARE * most]
    if len(moving) < LEAST_SAMPLES:
        raise TranscodeError(Code.ENCODER_FAILED, "too little moves in the samples")
    luma = min(luma for _, luma in moving)
    own = _means([[sample.vmaf for sample in samples] for samples, _ in moving])
    smaller = [[sample.smaller_vmaf for sample in samples] for samples, _ in moving]
    known = [[vmaf for vmaf in values if vmaf is not None] for values in smaller]
    is_measured = all(len(values) == len(SAMPLED_AT) for values in known)
    return Comparison(Sampled(own, luma), Sampled(_means(known), luma) if is_measured else None)


def _means(samples: Sequence[Sequence[float]]) -> tuple[float, float]:
    """At each of SAMPLED_AT."""
    first, second = (fmean(values) for values in zip(*samples, strict=True))
    return first, second
