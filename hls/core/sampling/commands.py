"""ffmpeg's command lines for a sample (hls.core.sampling.samples), to be run in the sample's own folder.

They have the filters and the settings of any chunk. Each ffmpeg encodes with one CRF only: so none takes more memory
than a chunk's does.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from pathlib import Path

from hls.core.encoding.colour import BT709
from hls.core.encoding.command import GLOBAL, Encoder, source_input, video_codec
from hls.core.encoding.filters import graph, scaled, sized
from hls.core.ladder import Rendition
from hls.core.plan import Plan
from hls.core.probe import EXACT_FORMAT
from hls.core.timeline import ChunkSpan

MODEL = "version=vmaf_v1.0.16_3d0h"  # hls.core.sampling.samples says why
MEASURING_THREADS = 4  # at most, of each measurement: three run side by side, in 1.0 GB instead of 2.2 with 16 (1080p)
# VMAF looks at every third picture. Every fourth would be in step with the B pictures: up to 1.5 points off (measured).
SUBSAMPLE = 3
# The last pictures of a sample are not measured: x264 doesn't know that more would follow, and makes them two or three
# points worse than the same ones in a chunk. Without them, a sample is as good as the chunk, to a tenth of a point.
MEASURED = Fraction(5, 6)
LUMA = "lavfi.signalstats.YAVG"
DETAIL = "lavfi.psnr.psnr.y"
EVERY_NTH = 12  # of the pictures: so many are enough to tell what is lost with the detail
PREPARED = f"source.{EXACT_FORMAT}"
LUMA_FILE = "luma.txt"

type Step = tuple[Rendition, Rendition]  # two neighbours of the ladder, the smaller one first


def made_file(rendition: Rendition) -> str:
    return f"{rendition.name}.{EXACT_FORMAT}"


def vmaf_file(rendition: Rendition) -> str:
    """Of libvmaf's log, in JSON."""
    return f"{rendition.name}.json"


def enlarged_file(larger: Rendition) -> str:
    """Of libvmaf's log for the next smaller rendition, enlarged to the size of this one."""
    return f"{larger.name}-enlarged.json"


def detail_file(larger: Rendition) -> str:
    return f"{larger.name}-detail.txt"


def preparing(plan: Plan, span: ChunkSpan, *, source: Path, encoder: Encoder, has_zscale: bool) -> list[str]:
    """Writes the pictures of `span` as they are before they get the renditions' sizes, and their mean luma.

    `plan` has one rendition, of the largest one's size.
    """
    luma = f"[v0]signalstats,metadata=print:key={LUMA}:file={LUMA_FILE}[prepared]"
    return [
        *(str(encoder.ffmpeg), *GLOBAL, *source_input(plan, plan.landing(span), source, encoder)),
        *("-filter_complex", f"{graph(plan, span, has_zscale=has_zscale)};{luma}"),
        *("-map", "[prepared]", "-c:v", "rawvideo", "-fps_mode", "passthrough", "-f", EXACT_FORMAT, f"file:{PREPARED}"),
    ]


def encoding(plan: Plan, span: ChunkSpan, encoder: Encoder, *, has_zscale: bool) -> list[str]:
    """Encodes the prepared pictures in each rendition of `plan` that isn't copied."""
    command = [str(encoder.ffmpeg), *GLOBAL, *_input(PREPARED)]
    command += ["-filter_complex", ";".join(_sized(plan, span, has_zscale=has_zscale))]
    for number, rendition in enumerate(_encoded(plan)):
        command += ["-map", f"[v{number}]", *video_codec(plan, span, rendition, encoder)]
        command += ["-f", EXACT_FORMAT, f"file:{made_file(rendition)}"]
    return command


def losing_detail(
    plan: Plan, span: ChunkSpan, encoder: Encoder, steps: Sequence[Step], *, has_zscale: bool
) -> list[str]:
    """Measures the PSNR of some of the prepared pictures after they were made smaller and enlarged again."""
    command = [str(encoder.ffmpeg), *GLOBAL, *_input(PREPARED)]
    parts = _sized(plan, span, has_zscale=has_zscale, thinned=f"select='not(mod(n,{EVERY_NTH}))',")
    outputs: list[str] = []
    larger_ones = {larger.name: smaller for smaller, larger in steps}
    for number, rendition in enumerate(_encoded(plan)):
        if smaller := larger_ones.get(rendition.name):
            there_and_back = f"{scaled(smaller, has_zscale=has_zscale)},{scaled(rendition, has_zscale=has_zscale)}"
            told = f"metadata=print:key={DETAIL}:file={detail_file(rendition)}"
            parts.append(f"[v{number}]split[all{number}][less{number}];[less{number}]{there_and_back}[back{number}]")
            parts.append(f"[back{number}][all{number}]psnr,{told}[detail{number}]")
            outputs += ["-map", f"[detail{number}]"]
        else:
            parts.append(f"[v{number}]nullsink")
    return [*command, "-filter_complex", ";".join(parts), *outputs, "-f", "null", "-"]


def comparing(
    plan: Plan, span: ChunkSpan, encoder: Encoder, *, has_zscale: bool, enlarged: Sequence[Step] = ()
) -> list[str]:
    """Measures the VMAF of what was encoded, against the prepared pictures in the same size.

    Of each of the steps `enlarged`, what was encoded in the smaller size is measured in the larger one, too.
    """
    made = {rendition.name: number for number, rendition in enumerate(_encoded(plan))}
    command = [str(encoder.ffmpeg), *GLOBAL, *_input(PREPARED)]
    parts = _sized(plan, span, has_zscale=has_zscale)
    count = max(1, floor(span.frame_count * MEASURED))
    threads = min(int(encoder.codec_threads), MEASURING_THREADS)
    alike = f"trim=end_frame={count},{_numbered(plan, span)},{BT709},format=yuv420p10le"
    outputs: list[str] = []
    for number, rendition in enumerate(_encoded(plan)):
        command += _input(made_file(rendition))
        looks = [(number, "", vmaf_file(rendition))]
        for smaller, larger in enlarged:
            if larger == rendition:
                scale = f"{scaled(larger, has_zscale=has_zscale)},"
                looks.append((made[smaller.name], scale, enlarged_file(larger)))
        sources = [f"source{number}x{place}" for place in range(len(looks))]
        parts.append(f"[v{number}]{alike},split={len(looks)}" + "".join(f"[{source}]" for source in sources))
        for (which, scale, log), source in zip(looks, sources, strict=True):
            options = f"model={MODEL}:n_threads={threads}:n_subsample={SUBSAMPLE}"
            parts.append(f"[{which + 1}:v]{scale}{alike}[made-{source}]")
            parts.append(f"[made-{source}][{source}]libvmaf={options}:log_fmt=json:log_path={log}[score-{source}]")
            outputs += ["-map", f"[score-{source}]", "-f", "null", "-"]
    return [*command, "-filter_complex", ";".join(parts), *outputs]


def _encoded(plan: Plan) -> list[Rendition]:
    return [rendition for rendition in plan.renditions if not rendition.is_copied]


def _input(name: str) -> list[str]:
    return ["-f", EXACT_FORMAT, "-protocol_whitelist", "file", "-i", f"file:{name}"]


def _sized(plan: Plan, span: ChunkSpan, *, has_zscale: bool, thinned: str = "") -> list[str]:
    prepared = f"[0:v]{thinned}{_numbered(plan, span)},{BT709}[r]"
    return [prepared, *sized(plan.renditions, plan.renditions[-1], has_zscale=has_zscale)]


def _numbered(plan: Plan, span: ChunkSpan) -> str:
    rate = plan.timeline.rate
    return f"settb={rate.denominator}/{rate.numerator},setpts=N+{span.first_frame}"
