"""The sounds of one chunk: their filters, and the grid of AAC frames that neighbouring chunks share.

A video with one sound has it in each rendition, beside the pictures. Where there are several, each is encoded once,
apart from the pictures. Either way samples are counted from the video's beginning: so chunks join without a seam.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from math import ceil, gcd

from hls.core import names
from hls.core.plan import RUN_UP_S, Plan
from hls.core.probe import AudioTrack
from hls.core.timeline import ChunkSpan

SAMPLE_RATE = 48_000
AAC_SAMPLES = 1024
WARM_UP_FRAMES = 4  # AAC frames that are encoded before a chunk and dropped: the encoder needs to know what came before
# Where a sound's format changes, the last packet before it may overlap the first one after it. Chunks that begin before
# and after the change have to agree to a few samples; a container's rounding to milliseconds is no reason to correct.
APART_SYNC_S = 0.002
SOUND_APART_S = 1  # extra sound before and after a chunk whose sound is made first
RUN_ON_FRAMES = 2  # AAC frames that are encoded after a chunk and dropped: the encoder shapes a frame by the next one
PRIMING_FRAMES = 1  # the encoder's own delay
RESAMPLER_RUN_UP = 512  # samples
SYNC_S = 0.04  # sound that is further from its timestamps is corrected
# Mono becomes two channels of the same level; FFmpeg's own way makes each 3 dB quieter.
MONO_LEVEL = "volume='if(eq(nb_channels,1),sqrt(2),1)':precision=float"
PAIRS = (("FL", "FR"), ("SL", "SR"), ("BL", "BR"), ("FLC", "FRC"))


class Sound(Enum):
    """Where a chunk's sound comes from."""

    OF_SOURCE = auto()
    APART = auto()  # from an input of its own: a file that `sound_apart` made
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
        return (self.end_frame + RUN_ON_FRAMES) * AAC_SAMPLES

    @property
    def kept_packets(self) -> range:
        """Which of the encoder's packets are the chunk's."""
        first = WARM_UP_FRAMES + PRIMING_FRAMES
        return range(first, first + self.end_frame - self.first_frame)


def audio_frame(plan: Plan, frame: int) -> int:
    """The first AAC frame that begins at or after this frame of the video."""
    return ceil(plan.timeline.seconds(frame) * SAMPLE_RATE / AAC_SAMPLES)


def audio_span(plan: Plan, span: ChunkSpan) -> AudioSpan:
    """The AAC frames that begin in a chunk, so that neighbouring chunks neither overlap nor leave a gap."""
    return AudioSpan(audio_frame(plan, span.first_frame), audio_frame(plan, span.end_frame))


def tracks(plan: Plan) -> tuple[AudioTrack, ...]:
    """The sounds that are made of a chunk: those that are apart from the pictures, or else the only one."""
    return tuple(sound.track for sound in plan.sounds) or ((plan.muxed,) if plan.muxed else ())


def of_source(plan: Plan) -> tuple[Sound, ...]:
    """All sounds from the source."""
    return (Sound.OF_SOURCE,) * len(tracks(plan))


def apart_file(plan: Plan, number: int) -> str:
    """The file in a chunk's folder from which a sound is read that is made first."""
    return names.sound_apart(plan.sounds[number].name) if plan.sounds else names.SOUND_APART


def expected(plan: Plan, span: ChunkSpan) -> tuple[Sound, ...]:
    """Where a chunk's sounds come from, by what is known of them: a sound that changes its format is made first."""
    found = (Sound.APART if track.is_changing else Sound.OF_SOURCE for track in tracks(plan))
    return _without_absent(plan, span, found)


def all_apart(plan: Plan, span: ChunkSpan) -> tuple[Sound, ...]:
    """Each of a chunk's sounds is made first, by itself."""
    return _without_absent(plan, span, (Sound.APART for _ in tracks(plan)))


def _without_absent(plan: Plan, span: ChunkSpan, states: Iterable[Sound]) -> tuple[Sound, ...]:
    """Silence for those of several sounds that begin after the chunk or end before it.

    ffmpeg would look for them up to the file's end. The only sound of a video is nearly always as long as its pictures.
    """
    return tuple(
        Sound.SILENT if plan.sounds and _is_absent(plan, span, track) else state
        for track, state in zip(tracks(plan), states, strict=True)
    )


def _is_absent(plan: Plan, span: ChunkSpan, audio: AudioTrack) -> bool:
    begin_s, end_s = (plan.zero_s + plan.timeline.seconds(frame) for frame in (span.first_frame, span.end_frame))
    is_later = audio.heard_s is not None and audio.heard_s >= end_s + RUN_UP_S
    return is_later or (audio.end_s is not None and audio.end_s <= begin_s - RUN_UP_S)


def read_on_s(plan: Plan, span: ChunkSpan) -> float:
    """How many seconds of the source may be read after a chunk because one of several sounds ends in it.

    ffmpeg 5 learns only at the file's end that nothing more of a sound will come.
    """
    end_s = plan.zero_s + plan.timeline.seconds(span.end_frame)
    is_any_ending = any(
        sound.track.end_s is not None and sound.track.end_s < end_s and not _is_absent(plan, span, sound.track)
        for sound in plan.sounds
    )
    return float(plan.timeline.duration_s - plan.timeline.seconds(span.end_frame)) if is_any_ending else 0


def silence(plan: Plan, span: ChunkSpan) -> str:
    part = audio_span(plan, span)
    samples = part.end_sample - part.warm_up_sample
    filters = [
        f"anullsrc=r={SAMPLE_RATE}:cl=stereo",
        "aformat=sample_fmts=fltp",
        f"atrim=end_sample={samples}",
        f"asetpts=NB_CONSUMED_SAMPLES+({part.warm_up_sample})",
    ]
    return ",".join(filters)


def sound_apart(plan: Plan, span: ChunkSpan, audio: AudioTrack) -> str:
    """Filters for -filter:a: a chunk's sound on the source's clock, in one stereo format even if the source's changes.

    ffmpeg builds these filters anew at each change, so none of them may count from the beginning.
    """
    begin, end = _bounds(plan, span)
    run_on = SOUND_APART_S * SAMPLE_RATE
    filters = [
        *_exact_times(audio),
        MONO_LEVEL,
        f"aresample={SAMPLE_RATE}",
        "aformat=sample_fmts=flt:channel_layouts=stereo",
        f"atrim=start_pts={begin - run_on}:end_pts={end + run_on}",
    ]
    return ",".join(filters)


def heard(plan: Plan, span: ChunkSpan, audio: AudioTrack) -> str:
    """A chunk's sound on the grid, read from the source, which is ffmpeg's first input."""
    return f"[0:{audio.index}]" + _on_grid(plan, span, audio, SYNC_S)


def heard_apart(plan: Plan, span: ChunkSpan, *, apart_input: int) -> str:
    """A chunk's sound on the grid, read from the input that has what `sound_apart` made."""
    audio = AudioTrack(index=0, codec="pcm_f32le", channels=2, sample_rate=SAMPLE_RATE)
    return f"[{apart_input}:{audio.index}]" + _on_grid(plan, span, audio, APART_SYNC_S)


def _on_grid(plan: Plan, span: ChunkSpan, audio: AudioTrack, sync_s: float) -> str:
    begin, end = _bounds(plan, span)
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
        f"asetpts=NB_CONSUMED_SAMPLES+({audio_span(plan, span).warm_up_sample})",
    ]
    return ",".join(filters)


def _bounds(plan: Plan, span: ChunkSpan) -> tuple[int, int]:
    """The range of sound that a chunk needs: samples at 48 kHz on the source's own clock."""
    part, zero = audio_span(plan, span), round(plan.zero_s * SAMPLE_RATE)
    return zero + part.warm_up_sample, zero + part.end_sample


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
