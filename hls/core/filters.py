"""The filter graph of one chunk: one decode feeds every rendition, its sound, and the storyboard's tiles.

Times in a graph are on the source's own clock at first. Then pictures get frame numbers, and sound gets sample numbers,
both counted from the video's beginning: so chunks that are encoded separately join without a seam.
"""

from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from math import ceil, gcd

from hls.core import spacing
from hls.core.colour import BT709, converted
from hls.core.framing import cropped, steadied
from hls.core.plan import Plan
from hls.core.probe import AudioTrack
from hls.core.timeline import ChunkSpan

SAMPLE_RATE = 48_000
AAC_SAMPLES = 1024
WARM_UP_FRAMES = 4  # AAC frames that are encoded before a chunk and dropped: the encoder needs to know what came before
LAST_PICTURE_INPUT = 1  # ffmpeg's number of the input that begins at the last picture
APART_SYNC_S = 0.01  # where the sound's format changes, the last packet before it may overlap the first one after it
SOUND_APART_S = 1  # extra sound before and after a chunk whose sound is made first
PRIMING_FRAMES = 1  # the encoder's own delay
RESAMPLER_RUN_UP = 512  # samples
SYNC_S = 0.04  # sound that is further from its timestamps is corrected
STILL_RUN_UP_S = 30  # before the last picture: if that can't be decoded, an earlier one stays on
# Mono becomes two channels of the same level; FFmpeg's own way makes each 3 dB quieter.
MONO_LEVEL = "volume='if(eq(nb_channels,1),sqrt(2),1)':precision=float"
PAIRS = (("FL", "FR"), ("SL", "SR"), ("BL", "BR"), ("FLC", "FRC"))


class Sound(Enum):
    """Where a chunk's sound comes from."""

    OF_SOURCE = auto()
    APART = auto()  # from the last input: a file that `sound_apart` made
    SILENT = auto()


@dataclass(frozen=True)
class AudioSpan:
    """A chunk's sound on the video's grid of 1024-sample frames: from `first_frame` up to `end_frame`."""

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
    """The AAC frames that begin in a chunk, so that neighbouring chunks neither overlap nor leave a gap."""
    grid = [
        ceil(plan.timeline.seconds(frame) * SAMPLE_RATE / AAC_SAMPLES) for frame in (span.first_frame, span.end_frame)
    ]
    return AudioSpan(*grid)


def tiles(plan: Plan, span: ChunkSpan) -> range:
    """The numbers of the storyboard pictures whose frames are in this chunk."""
    every = plan.frames_per_tile
    return range(ceil(span.first_frame / every), ceil(span.end_frame / every))


def graph(
    plan: Plan, span: ChunkSpan, *, has_zscale: bool, is_lost: bool = False, sound: Sound = Sound.OF_SOURCE
) -> str:
    """The graph for -filter_complex, with pads [v0] … and [a0] … for the renditions, and [tiles] if there are any."""
    is_black = is_lost or plan.is_before_pictures(span)
    parts = [_black(plan, span) if is_black else _picture(plan, span, has_zscale=has_zscale)]
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
        apart = 2 if plan.is_after_pictures(span) and not is_lost else 1  # the last input's number
        heard = _silence(plan, span) if sound == Sound.SILENT else _sound(plan, span, sound, apart)
        parts.append(f"{heard},asplit={len(plan.renditions)}{copies}")
    return ";".join(parts)


def _picture(plan: Plan, span: ChunkSpan, *, has_zscale: bool) -> str:
    video, rate, top = plan.source.video, plan.timeline.rate, plan.renditions[-1]
    grid_rate = rate * plan.frame_step
    first, skipped = _grid(plan, span)
    begin_s = float(plan.zero_s + plan.timeline.seconds(first))
    black = max(0, plan.lead - span.first_frame)
    last = ":eof_action=pass" if plan.tail else ""  # pass it on even if it ends before the next frame of the grid
    cut = f"start_frame={skipped}:" if skipped else ""
    numbered = f"setpts=N+{span.first_frame}"
    filters = [_counted(plan, span, video.counted_rate)] if video.counted_rate else []
    filters += [*cropped(video), *steadied(video, top.width, top.height)]
    mode = "send_field" if video.has_fields else "send_frame"
    filters += [f"bwdif=mode={mode}:deint=interlaced"] if video.is_interlaced else []
    if video.is_variable_rate:
        filters += spacing.filters(grid_rate)
    elif video.picture_rate > grid_rate:
        filters += spacing.counted(video.picture_rate, video.start_s)
    filters += [
        # The frame grid: extra pictures are dropped and missing ones repeated, also after the source's end.
        f"fps=fps={grid_rate.numerator}/{grid_rate.denominator}:start_time={begin_s:.6f}{last}",
        *([f"framestep={plan.frame_step}"] if plan.frame_step > 1 else []),
        "tpad=stop=-1:stop_mode=clone",
        f"trim={cut}end_frame={skipped + span.frame_count - black}",
        f"settb={rate.denominator}/{rate.numerator}",
        *([] if black else [numbered]),
        *converted(video, top.width, top.height, has_zscale=has_zscale),
        *([f"tpad=start={black}:start_mode=add:color=black", BT709, numbered] if black else []),
    ]
    number = LAST_PICTURE_INPUT if plan.is_after_pictures(span) else 0
    return f"[{number}:{video.index}]" + ",".join(filters)


def _grid(plan: Plan, span: ChunkSpan) -> tuple[int, int]:
    """The first frame of the grid for a chunk's pictures, and how many frames are dropped from there on.

    ffmpeg drops a picture that ends before the grid begins. So for a chunk that repeats the source's last picture, the
    grid begins earlier. The dropped frames show earlier pictures; all frames after them are alike.
    """
    if not plan.is_after_pictures(span):
        return max(span.first_frame, plan.lead), 0
    first = max(plan.lead, plan.last_picture - ceil(STILL_RUN_UP_S * plan.timeline.rate))
    return first, plan.last_picture - first


def _counted(plan: Plan, span: ChunkSpan, rate: Fraction) -> str:
    """Give times to pictures that have none: each is shown equally long."""
    landing = plan.picture_landing(span)
    return f"setpts='round(({plan.source.video.start_s}+(N+{landing.picture if landing else 0})/({rate}))/TB)'"


def _black(plan: Plan, span: ChunkSpan) -> str:
    """Black pictures, for a chunk none of whose pictures can be shown."""
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


def _tiles(plan: Plan, span: ChunkSpan) -> str:
    # The chunk's first picture is always among them: ffmpeg reports no progress until each output has had a picture.
    chosen = f"select='eq(n,0)+not(mod(n+{span.first_frame},{plan.frames_per_tile}))'"
    return f"[rt]{chosen},scale={plan.tile_width}:{plan.tile_height}:out_range=pc[tiles]"


def sound_apart(plan: Plan, span: ChunkSpan) -> str:
    """Filters for -filter:a: a chunk's sound on the source's clock, in one stereo format even if the source's changes.

    ffmpeg builds these filters anew at each change, so none of them may count from the beginning.
    """
    audio, begin, end = _bounds(plan, span)
    run_on = SOUND_APART_S * SAMPLE_RATE
    filters = [
        *_exact_times(audio),
        MONO_LEVEL,
        f"aresample={SAMPLE_RATE}",
        "aformat=sample_fmts=flt:channel_layouts=stereo",
        f"atrim=start_pts={begin - run_on}:end_pts={end + run_on}",
    ]
    return ",".join(filters)


def _bounds(plan: Plan, span: ChunkSpan) -> tuple[AudioTrack, int, int]:
    """The sound track, and the range of it that a chunk needs: samples at 48 kHz on the source's own clock."""
    if plan.source.audio is None:
        raise ValueError("the video has no sound")
    part, zero = audio_span(plan, span), round(plan.zero_s * SAMPLE_RATE)
    return plan.source.audio, zero + part.warm_up_sample, zero + part.end_sample


def _sound(plan: Plan, span: ChunkSpan, sound: Sound, apart: int) -> str:
    audio, begin, end = _bounds(plan, span)
    part, number, sync_s = audio_span(plan, span), 0, SYNC_S
    if sound == Sound.APART:
        audio = AudioTrack(index=0, codec="pcm_f32le", channels=2, sample_rate=SAMPLE_RATE)
        number, sync_s = apart, APART_SYNC_S
    filters = [
        *_exact_times(audio),
        *_levels(audio),
        # Silence fills gaps and the time before late sound. The cut is where both sample rates have a sample, so the
        # samples of neighbouring chunks lie on one grid.
        f"aresample={audio.sample_rate}:async=1:min_hard_comp={sync_s}:first_pts={_shared_sample(audio, begin)}",
        f"aresample={SAMPLE_RATE}",
        "aformat=sample_fmts=fltp:channel_layouts=stereo",
        f"atrim=start_pts={begin}:end_pts={end}",
        f"apad=whole_len={end - begin}",
        f"asetpts=NB_CONSUMED_SAMPLES+({part.warm_up_sample})",
    ]
    return f"[{number}:{audio.index}]" + ",".join(filters)


def _levels(audio: AudioTrack) -> list[str]:
    """Filters before FFmpeg's own conversion to stereo, which makes mono too quiet and can't convert odd layouts."""
    channels = audio.layout
    if audio.channels == 1:
        return [MONO_LEVEL]
    if channels[:2] == ("AMBI0", "AMBI1"):  # ambisonics: the sum, and left minus right
        return ["pan=stereo|c0=c0+0.5*c1|c1=c0-0.5*c1"]
    if "FC" in channels and not {"FL", "FR"} & set(channels):
        return ["channelmap=map=FC-FL|FC-FR:channel_layout=stereo"]
    if any((left in channels) != (right in channels) for left, right in PAIRS) or {"BL", "SL"} & set(channels[:1]):
        return ["channelmap=map=0|1:channel_layout=stereo"]
    return []


def _shared_sample(audio: AudioTrack, begin: int) -> int:
    """A sample number of the source, a little before `begin` (at 48 kHz), at which both rates have a whole sample."""
    shared_rate = gcd(audio.sample_rate, SAMPLE_RATE)
    shared = (begin - RESAMPLER_RUN_UP) * shared_rate // SAMPLE_RATE
    return shared * (audio.sample_rate // shared_rate)


def _exact_times(audio: AudioTrack) -> list[str]:
    """Undo the rounding of containers that count milliseconds: it would put neighbouring chunks a few samples apart."""
    samples, rate = audio.frame_samples, audio.sample_rate
    if not samples:
        return []
    start_s = f"{audio.start_s.numerator}/{audio.start_s.denominator}"
    place = f"round((T-({start_s}))*{rate}/{samples})"
    return [f"asetpts='if(eq(S,{samples}),round(({place}*{samples}/{rate}+{start_s})/TB),PTS)'"]
