"""ffmpeg's command line for one chunk, in ffmpeg's own order: global, input, graph, then each output."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import ceil
from pathlib import Path

from hls.core import names
from hls.core.encoding import sounds
from hls.core.encoding.filters import graph, tiles
from hls.core.encoding.sounds import Sound
from hls.core.ladder import Rendition
from hls.core.plan import Plan, SoundRendition
from hls.core.probe import Landing
from hls.core.timeline import ChunkSpan

MOST_THREADS = 16  # more threads don't make encoding faster, and each takes memory
READ_ON_S = 1  # a picture may be stored after others that are shown later
PES_DELAY_S = "0.16"  # twice what a PES packet holds: four AAC frames, a fifth less than one by one; a clock each 0.1 s
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # of a container: what `cpus:` and Kubernetes' limits say
TS_OFFSET_S = 10  # a video's timestamps begin at 10 s, so that no decoding timestamp is negative


@dataclass(frozen=True)
class Encoder:
    """The ffmpeg to use, and its limits."""

    ffmpeg: Path
    threads: int = 0  # for each codec; 0: as many as there are cores, at most 16
    nice: int = 10
    stall_s: float = 60  # ffmpeg is killed after so long without a new frame
    memory_bytes: int = 8 << 30  # address space
    cpu_s_at_least: int = 120
    cpu_s_per_frame: float = 20  # in addition; slow machines take half a second for the largest frames
    cpu_s_per_run_up_s: float = 20  # for decoding before a chunk, if reading can't begin nearby
    file_bytes: int = 2 << 30  # of each segment; the ladder's caps keep segments a hundred times smaller

    @property
    def codec_threads(self) -> str:
        return str(self.threads or min(_cores(), MOST_THREADS))


def _cores() -> int:
    """Those that this process may use, where the system tells; a container's time may be less than its cores have."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota_us, period_us = map(int, CPU_MAX.read_text().split())
    except (OSError, ValueError):  # another system, or "max"
        return cores
    return min(cores, ceil(quota_us / period_us))


def chunk_command(
    plan: Plan,
    index: int,
    *,
    source: Path,
    encoder: Encoder,
    has_zscale: bool,
    is_lost: bool = False,
    states: tuple[Sound, ...] = (),
) -> list[str]:
    """The command that encodes a chunk, to be run in the chunk's own folder.

    The folder has a subfolder for each rendition, one for each sound that is apart, and one for tiles. A chunk that
    `is_lost`, because none of its pictures could be decoded, is made black. `states` says where each of `sounds.tracks`
    comes from: from the source, if nothing is said. For each `Sound.APART`, `sound_command` has to be run first.
    """
    span = plan.timeline.chunks[index]
    states = states or sounds.of_source(plan)
    command = [str(encoder.ffmpeg), *GLOBAL]
    if not is_lost or any(state != Sound.SILENT for state in states):
        command += source_input(plan, plan.landing(span), source, encoder)
    if not is_lost and plan.is_after_pictures(span):
        command += source_input(plan, plan.picture_landing(span), source, encoder)
    for number, state in enumerate(states):
        if state == Sound.APART:
            command += ["-f", "nut", "-protocol_whitelist", "file", "-i", f"file:{sounds.apart_file(plan, number)}"]
    command += ["-filter_complex", graph(plan, span, has_zscale=has_zscale, is_lost=is_lost, states=states)]
    command += _renditions(plan, span, encoder)
    for number, sound in enumerate(plan.sounds):
        command += _sound_rendition(plan, span, number, sound)
    return command + _tiles(plan, span)


def sound_command(plan: Plan, index: int, *, source: Path, encoder: Encoder, number: int = 0) -> list[str]:
    """The command that writes one of a chunk's sounds to a file, in one format even if the source's sound changes."""
    span, track = plan.timeline.chunks[index], sounds.tracks(plan)[number]
    return [
        *(str(encoder.ffmpeg), *GLOBAL),
        *source_input(plan, plan.landing(span), source, encoder, is_sound_apart=True),
        *("-map", f"0:{track.index}", "-filter:a", sounds.sound_apart(plan, span, track), "-c:a", "pcm_f32le"),
        *("-f", "nut", f"file:{sounds.apart_file(plan, number)}"),
    ]


def decoding_command(segments: Sequence[Path], encoder: Encoder) -> list[str]:
    """The command that decodes the pictures of these segments, each by itself, and writes nothing.

    With one thread for each: several may show a picture before they know that it is damaged.
    """
    options = ("-f", "mpegts", "-protocol_whitelist", "file", "-threads", "1")
    inputs = ((*options, "-i", f"file:{path}") for path in segments)
    mapped = (("-map", f"{number}:v") for number in range(len(segments)))
    outputs = ("-fps_mode", "passthrough", "-f", "null", "-")
    return [str(encoder.ffmpeg), *GLOBAL, *chain.from_iterable((*inputs, *mapped)), *outputs]


GLOBAL = [
    *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning"),
    *("-y", "-progress", "pipe:1", "-stats_period", "0.5"),
    *("-copytb", "1"),  # copied packets keep the clock as well
    "-copyts",  # keep the source's clock: a chunk's beginning doesn't depend on where the seek lands
    *("-max_error_rate", "1"),  # repair damaged frames as well as possible instead of stopping
]


def source_input(
    plan: Plan, landing: Landing | None, source: Path, encoder: Encoder, *, is_sound_apart: bool = False
) -> Iterator[str]:
    yield from ("-f", plan.source.demuxer)  # the one that was probed: ffmpeg mustn't guess again
    yield from ("-protocol_whitelist", "file")
    yield from ("-threads", encoder.codec_threads)
    # The scaler handles a picture size that changes: a new graph would begin to count frames anew.
    if not is_sound_apart:
        yield from ("-reinit_filter", "0")
        if plan.source.video.turns:
            yield "-noautorotate"  # the graph turns the pictures, after deinterlacing them
        if plan.source.video.packet_filter:
            yield from (f"-bsf:{plan.source.video.index}", plan.source.video.packet_filter)
    if landing:
        # The graph cuts at the exact frame; ffmpeg's own cut would drop the sound's run-up.
        yield from ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{landing.seek_s:.6f}")
    yield from ("-i", f"file:{source.absolute()}")


def _renditions(plan: Plan, span: ChunkSpan, encoder: Encoder) -> Iterator[str]:
    """One output that writes all renditions' segments, so that the sound beside the pictures is encoded once."""
    for number, rendition in enumerate(plan.made(span)):
        yield from ("-map", f"0:{plan.source.video.index}" if rendition.is_copied else f"[v{number}]")
        options = _copied_video(plan, span) if rendition.is_copied else video_codec(plan, span, rendition, encoder)
        yield from (f"{word}:v:{number}" if at % 2 == 0 else word for at, word in enumerate(options))
    if plan.is_copying:
        # Packets after the chunk are dropped; reading ends here. What is counted ends before, by itself.
        end_s = max(plan.zero_s, Fraction(0)) + plan.timeline.seconds(span.end_frame)
        yield from ("-to", f"{float(end_s) + READ_ON_S:.6f}")
    if plan.muxed:
        yield from _sound_codec(plan, span, 0, plan.renditions[0].audio_kbps)
    ends = [segment.end_frame - span.first_frame for segment in span.segments]
    yield from _muxer(delay_s="0")
    yield from ("-f", "tee", "|".join(_branch(plan, span, number, ends) for number in range(len(plan.made(span)))))


def _branch(plan: Plan, span: ChunkSpan, number: int, ends: Sequence[int]) -> str:
    """A rendition's segments as the tee muxer has them. Each value is quoted twice, as it is taken out twice."""
    name = plan.made(span)[number].name
    options = {"select": f"v:{number},a" if plan.muxed else f"v:{number}", "max_delay": "0"}
    # The tee's own clock is the encoder's, in which an offset may be no whole number; here it is MPEG-TS's.
    options |= {"output_ts_offset": str(TS_OFFSET_S), "avoid_negative_ts": "disabled", "max_interleave_delta": "0"}
    options |= _segments(span, ends)
    return "[" + ":".join(rf"{option}=\'{value}\'" for option, value in options.items()) + "]" + _files(name)


def _sound_rendition(plan: Plan, span: ChunkSpan, number: int, sound: SoundRendition) -> Iterator[str]:
    """One of several sounds; its segments are cut at the AAC frames where the pictures' segments begin."""
    yield from _sound_codec(plan, span, number, sound.audio_kbps)
    first = sounds.audio_frame(plan, span.first_frame)
    ends = [sounds.audio_frame(plan, segment.end_frame) - first for segment in span.segments]
    yield from ("-output_ts_offset", str(TS_OFFSET_S), *_muxer(delay_s=PES_DELAY_S))
    for option, value in _segments(span, ends).items():
        yield from (f"-{option}", value)
    yield _files(sound.name)


def _sound_codec(plan: Plan, span: ChunkSpan, number: int, audio_kbps: int) -> Iterator[str]:
    yield from ("-map", f"[a{number}]", "-c:a", "aac", "-b:a", f"{audio_kbps}k")
    kept = sounds.audio_span(plan, span).kept_packets
    yield from ("-bsf:a", f"noise=drop='not(between(n,{kept.start},{kept.stop - 1}))'")


def _copied_video(plan: Plan, span: ChunkSpan) -> Iterator[str]:
    """Copy the source's packets from the chunk's first IDR picture up to the next chunk's; their times are counted."""
    video, rate = plan.source.video, plan.timeline.rate
    if video.copyable is None:
        raise ValueError("the source's pictures can't be copied")
    start_s = plan.zero_s
    yield from ("-c", "copy")
    # ffmpeg 5 tells bitstream filters a time base other than MPEG-TS's, which it then uses.
    tick_s = f"if(lt(abs(DURATION*TB*{rate}-1),0.2),TB,1/90000)"
    frame = f"round((PTS*{tick_s}-({start_s}))*{rate})"
    decoded = f"(N+{span.first_frame}-{video.copyable.delay_frames})/({rate})"
    filters = [
        f"noise=drop='not(between({frame.lower()},{span.first_frame},{span.end_frame - 1}))'",
        # As exact as the source's clock allows; hls.core.encoding.measure rounds to the frame grid.
        f"setts=pts='round({frame}/({rate})/{tick_s})':dts='round({decoded}/{tick_s})'",
        # Missing colour tags get the values that players assume for HD; all renditions have them.
        "h264_metadata=video_full_range_flag=0:colour_primaries=1:transfer_characteristics=1:matrix_coefficients=1",
        "filter_units=remove_types=6",  # SEI: captions, which the playlist denies, and hints for encoders
    ]
    yield from ("-bsf", ",".join(filters))


def video_codec(plan: Plan, span: ChunkSpan, rendition: Rendition, encoder: Encoder) -> Iterator[str]:
    rate, gop = plan.timeline.rate, plan.timeline.gop
    yield from ("-c", "libx264", "-preset", rendition.preset, "-profile", "high")
    yield from ("-threads", encoder.codec_threads, "-x264-params", plan.x264_params(rendition, span))
    yield from ("-crf", str(plan.crf(rendition, span)))
    yield from ("-maxrate", f"{rendition.maxrate_kbps}k", "-bufsize", f"{rendition.bufsize_kbits}k")
    yield from ("-a53cc", "0")  # the playlist says that there are no captions
    # IDR pictures at planned frames and nowhere else, the same in all encoded renditions.
    yield from ("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-flags", "+cgop+global_header")
    keyframes = (
        f"eq(n,{frame - span.first_frame})" for segment in span.segments for frame in plan.timeline.keyframes(segment)
    )
    yield from ("-force_key_frames", f"expr:{'+'.join(keyframes)}")
    # The encoder's clock counts frames: nothing is rounded, so rates like 23.976 have no irregular steps.
    yield from ("-enc_time_base", f"{rate.denominator}:{rate.numerator}", "-fps_mode", "passthrough")
    for option in ("-color_primaries", "-color_trc", "-colorspace"):
        yield from (option, "bt709")
    yield from ("-color_range", "tv")


def _muxer(*, delay_s: str) -> Iterator[str]:
    yield from ("-muxdelay", delay_s, "-muxpreload", "0")
    # Wait for sound that comes late, after a gap in the source: it has to be in its own segment.
    yield from ("-avoid_negative_ts", "disabled", "-max_muxing_queue_size", "9999", "-max_interleave_delta", "0")


def _segments(span: ChunkSpan, ends: Sequence[int]) -> dict[str, str]:
    """Options for segments that end after so many pictures or, without pictures, so many AAC frames."""
    return {
        "f": "segment",
        "segment_frames": ",".join(map(str, ends)),
        "segment_start_number": str(span.segments[0].number),
        "segment_format": "mpegts",
        # One PAT and PMT at each segment's beginning.
        "segment_format_options": "mpegts_copyts=1:mpegts_flags=+initial_discontinuity:pat_period=1000:sdt_period=1000",
    }


def _files(name: str) -> str:
    return f"{name}/segment_%03d.ts"


def _tiles(plan: Plan, span: ChunkSpan) -> list[str]:
    numbers = tiles(plan, span)
    if not numbers:
        return []
    codec = ["-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p", "-fps_mode", "passthrough"]
    if span.first_frame % plan.frames_per_tile:
        codec += ["-bsf:v", "noise=drop='eq(n,0)'"]  # drop the chunk's first picture, which isn't a tile
    return ["-map", "[tiles]", *codec, "-f", "image2", "-start_number", str(numbers[0]), f"{names.TILES}/%05d.jpg"]
