"""The filter graph of one chunk: one decode feeds every rendition, their sound, and the storyboard's tiles.

All times in a graph are on the source's own clock until the picture gets its frame numbers and the sound its sample
numbers, counted from the film's beginning: that is what makes separately encoded chunks join without a seam.
"""

from dataclasses import dataclass
from math import ceil, gcd

from hls.core import spacing
from hls.core.plan import Plan
from hls.core.probe import AudioTrack, VideoTrack
from hls.core.timeline import ChunkSpan

SAMPLE_RATE = 48_000
AAC_SAMPLES = 1024
WARM_UP_FRAMES = 4  # AAC frames encoded before a chunk and dropped: the encoder must know what came before
PRIMING_FRAMES = 1  # the encoder's own delay
RESAMPLER_RUN_UP = 512  # samples
SYNC_S = 0.04  # sound further from its timestamps than this is put right
HD_SIDE = 720
BT709 = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})


@dataclass(frozen=True)
class AudioSpan:
    """A chunk's sound on the film's grid of 1024-sample frames: from `first_frame` up to `end_frame`."""

    first_frame: int
    end_frame: int

    @property
    def warm_up_sample(self) -> int:
        return (self.first_frame - WARM_UP_FRAMES) * AAC_SAMPLES

    @property
    def end_sample(self) -> int:
        return self.end_frame * AAC_SAMPLES

    @property
    def dropped_packets(self) -> int:
        return WARM_UP_FRAMES + PRIMING_FRAMES


def audio_span(plan: Plan, span: ChunkSpan) -> AudioSpan:
    """Each AAC frame belongs to the chunk it begins in, so neighbours neither overlap nor leave a gap."""
    grid = [
        ceil(plan.timeline.seconds(frame) * SAMPLE_RATE / AAC_SAMPLES) for frame in (span.first_frame, span.end_frame)
    ]
    return AudioSpan(*grid)


def tiles(plan: Plan, span: ChunkSpan) -> range:
    """The numbers of the storyboard pictures whose frames are in this chunk."""
    every = plan.frames_per_tile
    return range(ceil(span.first_frame / every), ceil(span.end_frame / every))


def graph(plan: Plan, span: ChunkSpan, *, has_zscale: bool, is_lost: bool = False) -> str:
    """For -filter_complex, with pads [v0] … and [a0] … for the renditions, and [tiles] where there are any."""
    parts = [_black(plan, span) if is_lost else _picture(plan, span, has_zscale=has_zscale)]
    encoded = [entry for entry in enumerate(plan.renditions) if not entry[1].is_copied]
    outputs = [f"r{number}" for number, _ in encoded]
    if tiles(plan, span):
        outputs.append("rt")
        parts.append(_tiles(plan, span))
    parts[0] += f",split={len(outputs)}" + "".join(f"[{output}]" for output in outputs)
    for number, rendition in encoded:
        parts.append(f"[r{number}]scale={rendition.width}:{rendition.height},setsar=1[v{number}]")
    if plan.source.audio:
        copies = "".join(f"[a{number}]" for number in range(len(plan.renditions)))
        sound = _silence(plan, span) if is_lost else _sound(plan, span)
        parts.append(f"{sound},asplit={len(plan.renditions)}{copies}")
    return ";".join(parts)


def _picture(plan: Plan, span: ChunkSpan, *, has_zscale: bool) -> str:
    video, rate = plan.source.video, plan.timeline.rate
    grid_rate = rate * plan.frame_step
    begin_s = float(video.start_s + plan.timeline.seconds(span.first_frame))
    mode = "send_field" if video.has_fields else "send_frame"
    filters = [f"bwdif=mode={mode}:deint=interlaced"] if video.is_interlaced else []
    if video.is_variable_rate:
        filters += spacing.filters(grid_rate)
    elif video.picture_rate > grid_rate:
        filters += spacing.counted(video.picture_rate, video.start_s)
    filters += [
        # The frame grid: what falls between is dropped, what is missing is repeated, also after the source's end.
        f"fps=fps={grid_rate.numerator}/{grid_rate.denominator}:start_time={begin_s:.6f}",
        *([f"framestep={plan.frame_step}"] if plan.frame_step > 1 else []),
        "tpad=stop=-1:stop_mode=clone",
        f"trim=end_frame={span.frame_count}",
        f"settb={rate.denominator}/{rate.numerator}",
        f"setpts=N+{span.first_frame}",
        *_colour(plan, has_zscale=has_zscale),
    ]
    return f"[0:{video.index}]" + ",".join(filters)


def _black(plan: Plan, span: ChunkSpan) -> str:
    """For a part of the film that is damaged beyond its last frame."""
    rate, top = plan.timeline.rate, plan.renditions[-1]
    filters = [
        f"color=c=black:s={top.width}x{top.height}:r={rate.numerator}/{rate.denominator}",
        f"trim=end_frame={span.frame_count}",
        f"settb={rate.denominator}/{rate.numerator}",
        f"setpts=N+{span.first_frame}",
        "format=yuv420p",
        BT709,
    ]
    return ",".join(filters)


def _silence(plan: Plan, span: ChunkSpan) -> str:
    part = audio_span(plan, span)
    samples = part.end_sample - part.warm_up_sample
    filters = [
        f"anullsrc=r={SAMPLE_RATE}:cl=stereo",
        "aformat=sample_fmts=fltp",
        f"atrim=end_sample={samples}",
        f"asetpts=NB_CONSUMED_SAMPLES+({part.warm_up_sample})",
    ]
    return ",".join(filters)


def _colour(plan: Plan, *, has_zscale: bool) -> list[str]:
    """Scale to the top rendition and make it 8-bit 4:2:0 BT.709, limited range."""
    video, top = plan.source.video, plan.renditions[-1]
    size = f"{top.width}:{top.height}"
    is_wide = video.transfer in HDR_TRANSFERS or video.primaries == "bt2020"
    if is_wide and has_zscale:
        converted = [f"scale={size}", *_tone_mapped(video)]
    else:
        converted = [*_declared_matrix(video), f"scale={size}:out_color_matrix=bt709:out_range=tv"]
    return [*converted, "format=yuv420p", BT709]


def _tone_mapped(video: VideoTrack) -> list[str]:
    """HDR10, HLG and wide-gamut SDR to BT.709. What a film leaves untold is as BT.2100 has it."""
    matrix = {"bt2020c": "2020_cl", "bt709": "709"}.get(video.matrix, "2020_ncl")
    transfer = {"smpte2084": "smpte2084", "arib-std-b67": "arib-std-b67"}.get(video.transfer, "709")
    declared = f"min={matrix}:tin={transfer}:pin=2020:rin={'full' if video.is_full_range else 'limited'}"
    curve = ["tonemap=tonemap=hable:desat=0"] if video.transfer in HDR_TRANSFERS else []
    return [
        f"zscale={declared}:t=linear:npl=100",
        "format=gbrpf32le",
        "zscale=p=709",
        *curve,
        "zscale=t=709:m=709:r=limited",
    ]


def _declared_matrix(video: VideoTrack) -> list[str]:
    """Films that don't tell their matrix: small pictures come from the SD world, large ones from HD."""
    if video.matrix != "unknown" or not video.pixel_format.startswith(("yuv", "nv", "p0")):
        return []
    matrix = "bt709" if min(video.width, video.height) >= HD_SIDE else "smpte170m"
    return [f"setparams=colorspace={matrix}"]


def _tiles(plan: Plan, span: ChunkSpan) -> str:
    # The chunk's first picture is always among them: ffmpeg tells of no progress before each output has had one.
    chosen = f"select='eq(n,0)+not(mod(n+{span.first_frame},{plan.frames_per_tile}))'"
    return f"[rt]{chosen},scale={plan.tile_width}:{plan.tile_height}:out_range=pc[tiles]"


def _sound(plan: Plan, span: ChunkSpan) -> str:
    audio = plan.source.audio
    if audio is None:
        raise ValueError("the film has no sound")
    part = audio_span(plan, span)
    zero = round(plan.source.video.start_s * SAMPLE_RATE)  # the film's beginning on the source's clock
    begin, end = zero + part.warm_up_sample, zero + part.end_sample
    filters = [
        *_exact_times(audio),
        # Late sound begins with silence, gaps are filled with it, and it is cut where both sample rates have a sample:
        # so the samples of neighbouring chunks lie on one grid.
        f"aresample={audio.sample_rate}:async=1:min_hard_comp={SYNC_S}:first_pts={_shared_sample(audio, begin)}",
        f"aresample={SAMPLE_RATE}",
        "aformat=sample_fmts=fltp:channel_layouts=stereo",
        f"atrim=start_pts={begin}:end_pts={end}",
        f"apad=whole_len={end - begin}",
        f"asetpts=NB_CONSUMED_SAMPLES+({part.warm_up_sample})",
    ]
    return f"[0:{audio.index}]" + ",".join(filters)


def _shared_sample(audio: AudioTrack, begin: int) -> int:
    """A sample of the source a little before `begin` (at 48 kHz) that is at a full sample of both rates."""
    shared_rate = gcd(audio.sample_rate, SAMPLE_RATE)
    shared = (begin - RESAMPLER_RUN_UP) * shared_rate // SAMPLE_RATE
    return shared * (audio.sample_rate // shared_rate)


def _exact_times(audio: AudioTrack) -> list[str]:
    """Undo the rounding of containers that count milliseconds, or neighbouring chunks would be a few samples apart."""
    samples, rate = audio.frame_samples, audio.sample_rate
    if not samples:
        return []
    start_s = f"{audio.start_s.numerator}/{audio.start_s.denominator}"
    place = f"round((T-({start_s}))*{rate}/{samples})"
    return [f"asetpts='if(eq(S,{samples}),round(({place}*{samples}/{rate}+{start_s})/TB),PTS)'"]
