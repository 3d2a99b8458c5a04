"""ffmpeg's command lines for a sample (hls.core.sampling), to be run in the sample's own folder.

They have the filters and the settings of any chunk. Each ffmpeg encodes with one CRF only: so none takes more memory
than a chunk's does.
"""

from fractions import Fraction
from math import floor
from pathlib import Path

from hls.core.arguments import FORMAT
from hls.core.colour import BT709
from hls.core.command import GLOBAL, Encoder, source_input, video_codec
from hls.core.filters import graph, sized
from hls.core.ladder import Rendition
from hls.core.plan import Plan
from hls.core.timeline import ChunkSpan

MODEL = "version=vmaf_v1.0.16_3d0h"  # hls.core.sampling says why
# VMAF looks at every third picture. Every fourth would be in step with the B pictures: up to 1.5 points off (measured).
SUBSAMPLE = 3
# The last pictures of a sample are not measured: x264 doesn't know that more would follow, and makes them two or three
# points worse than the same ones in a chunk. Without them, a sample is as good as the chunk, to a tenth of a point.
MEASURED = Fraction(5, 6)
LUMA = "lavfi.signalstats.YAVG"
PREPARED = f"source.{FORMAT}"
LUMA_FILE = "luma.txt"


def made_file(rendition: Rendition) -> str:
    return f"{rendition.name}.{FORMAT}"


def vmaf_file(rendition: Rendition) -> str:
    """Of libvmaf's log, in JSON."""
    return f"{rendition.name}.json"


def preparing(plan: Plan, span: ChunkSpan, *, source: Path, encoder: Encoder, has_zscale: bool) -> list[str]:
    """Writes the pictures of `span` as they are before they get the renditions' sizes, and their mean luma.

    `plan` has one rendition, of the largest one's size.
    """
    luma = f"[v0]signalstats,metadata=print:key={LUMA}:file={LUMA_FILE}[prepared]"
    return [
        *(str(encoder.ffmpeg), *GLOBAL, *source_input(plan, plan.landing(span), source, encoder)),
        *("-filter_complex", f"{graph(plan, span, has_zscale=has_zscale)};{luma}"),
        *("-map", "[prepared]", "-c:v", "rawvideo", "-fps_mode", "passthrough", "-f", FORMAT, f"file:{PREPARED}"),
    ]


def encoding(plan: Plan, span: ChunkSpan, encoder: Encoder, *, has_zscale: bool) -> list[str]:
    """Encodes the prepared pictures in each rendition of `plan` that isn't copied."""
    encoded = [rendition for rendition in plan.renditions if not rendition.is_copied]
    command = [str(encoder.ffmpeg), *GLOBAL, *_input(PREPARED)]
    command += ["-filter_complex", ";".join(_sized(plan, span, has_zscale=has_zscale))]
    for number, rendition in enumerate(encoded):
        command += ["-map", f"[v{number}]", *video_codec(plan, span, rendition, encoder)]
        command += ["-f", FORMAT, f"file:{made_file(rendition)}"]
    return command


def comparing(plan: Plan, span: ChunkSpan, encoder: Encoder, *, has_zscale: bool) -> list[str]:
    """Measures the VMAF of what was encoded, against the prepared pictures in the same size."""
    encoded = [rendition for rendition in plan.renditions if not rendition.is_copied]
    command = [str(encoder.ffmpeg), *GLOBAL, *_input(PREPARED)]
    parts = _sized(plan, span, has_zscale=has_zscale)
    count = max(1, floor(span.frame_count * MEASURED))
    alike = f"trim=end_frame={count},{_numbered(plan, span)},{BT709},format=yuv420p10le"
    outputs: list[str] = []
    for number, rendition in enumerate(encoded):
        command += _input(made_file(rendition))
        parts.append(f"[v{number}]{alike}[source{number}];[{number + 1}:v]{alike}[made{number}]")
        options = f"model={MODEL}:n_threads={encoder.codec_threads}:n_subsample={SUBSAMPLE}"
        log = f"log_fmt=json:log_path={vmaf_file(rendition)}"
        parts.append(f"[made{number}][source{number}]libvmaf={options}:{log}[score{number}]")
        outputs += ["-map", f"[score{number}]", "-f", "null", "-"]
    return [*command, "-filter_complex", ";".join(parts), *outputs]


def _input(name: str) -> list[str]:
    return ["-f", FORMAT, "-protocol_whitelist", "file", "-i", f"file:{name}"]


def _sized(plan: Plan, span: ChunkSpan, *, has_zscale: bool) -> list[str]:
    return [f"[0:v]{_numbered(plan, span)},{BT709}[r]", *sized(plan.renditions, has_zscale=has_zscale)]


def _numbered(plan: Plan, span: ChunkSpan) -> str:
    rate = plan.timeline.rate
    return f"settb={rate.denominator}/{rate.numerator},setpts=N+{span.first_frame}"
