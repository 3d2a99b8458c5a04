"""Measures the encoder against three separate ffmpeg runs.

    .venv/bin/python bench/transcode.py [--rounds 1] [VIDEO …]

It compares with the older system's recipe: a separate run for each rendition, `libx264 -preset medium -crf 23`, in
10-second segments. Prints CPU seconds and the most memory of ffmpeg, bytes, and how each rendition scores, scaled up to
the source's size, by both of VMAF's models and by XPSNR. Without videos as arguments it generates three scenes with
grain (a pan, a zoom, and flat areas), and the zoom once more as H.264 that can be copied.

The same work takes half as much CPU time again in another minute of a shared machine. With several rounds the recipes
take turns, the CPU seconds are medians, and their ratio is the median of the rounds' ratios.
"""

import argparse
import resource
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import imageio_ffmpeg  # noqa: E402 — the checkout has to be on the path first
from quality import Scores, scores  # noqa: E402

from hls.core.encoding.encode import Encoder, encode_chunk  # noqa: E402
from hls.core.plan import Plan, make_plan  # noqa: E402
from hls.core.probe import Limits, probe  # noqa: E402
from hls.core.process import Bounds, run  # noqa: E402

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())
LIMITS = Limits(max_duration_s=7200, max_pixels=8192 * 4320)
SCENE_S = 6
STILL = "mandelbrot=s=2880x1620:r=24:start_scale=0.3,trim=end_frame=1,loop=-1:1,setpts=N/24/TB"
SCENES = {
    "pan": f"{STILL},crop=1920:1080:x='t*70':y='t*40',noise=alls=5:allf=t",
    "zoom": "mandelbrot=s=1920x1080:r=24:start_scale=2:end_scale=0.3:end_pts=144,noise=alls=3:allf=t",
    "flat areas": "gradients=s=480x270:r=24:n=4:speed=0.05:seed=3,scale=1920:1080:flags=bicubic,noise=alls=2:allf=t",
}
MASTER = ("-preset", "veryfast", "-crf", "14")  # as an editor would upload it
FIT = ("-preset", "medium", "-profile:v", "high", "-b:v", "7M", "-maxrate", "9M", "-bufsize", "9M", "-g", "48")
MOST_CPU = {"of a video that is given": 0.42, "of the generated scenes": 0.38, "where the top is copied": 0.22}
MOST_BYTES = 1.10
LEAST_GAIN = -0.3  # of VMAF, by either model, in any rendition
MOST_MEMORY_MB = 700


@dataclass(frozen=True)
class Encoding:
    cpu_s: tuple[float, ...]  # of each round
    memory_mb: float
    size_bytes: int
    scores: tuple[Scores, ...]  # smallest rendition first


@dataclass(frozen=True)
class Use:
    """What ffmpeg used: CPU time of all runs together, and memory of the largest one."""

    cpu_s: float
    memory_mb: float


def ffmpeg(*arguments: str) -> str:
    ended = run([str(FFMPEG), "-hide_banner", "-nostdin", "-y", *arguments], bounds=Bounds(timeout_s=3600))
    if ended.returncode:
        sys.exit(ended.stderr[-2000:])
    return ended.stderr


def scene(source: str, target: Path, quality: tuple[str, ...]) -> Path:
    sound = f"anoisesrc=a=0.05:c=pink:d={SCENE_S}"
    inputs = ["-f", "lavfi", "-i", f"{source},format=yuv420p", "-f", "lavfi", "-i", sound]
    ffmpeg(*inputs, "-t", str(SCENE_S), "-c:v", "libx264", *quality, "-c:a", "aac", str(target))
    return target


def scenes(folder: Path) -> dict[str, Path]:
    made = {name: scene(text, folder / f"{name}.mkv", MASTER) for name, text in SCENES.items()}
    return made | {"zoom, copied": scene(SCENES["zoom"], folder / "fit.mp4", FIT)}


def separate_runs(plan: Plan, source: Path, folder: Path) -> dict[str, Path]:
    """Encode with the older system's recipe."""
    for rendition in plan.renditions:
        name = rendition.name
        (folder / name).mkdir(parents=True)
        codecs = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "-c:a", "aac"]
        segments = [
            "-hls_time",
            "10",
            "-hls_playlist_type",
            "vod",
            "-hls_segment_filename",
            str(folder / name / "%03d.ts"),
        ]
        scale = ["-vf", f"scale={rendition.width}:{rendition.height}"]
        ffmpeg("-i", str(source), *scale, *codecs, *segments, str(folder / name / "index.m3u8"))
    return joined(plan, folder)


def chunks(plan: Plan, source: Path, folder: Path) -> dict[str, Path]:
    for span in plan.timeline.chunks:
        private = folder / f"{span.index:03d}"
        private.mkdir(parents=True)
        encode_chunk(
            plan,
            span.index,
            source=source,
            folder=private,
            encoder=Encoder(FFMPEG, nice=0),
            on_progress=lambda frames: None,
            should_stop=lambda: False,
        )
    return joined(plan, folder)


def joined(plan: Plan, folder: Path) -> dict[str, Path]:
    whole = {}
    for rendition in plan.kept:
        segments = sorted(folder.rglob(f"{rendition.name}/*.ts"), key=lambda path: (path.parent.parent.name, path.name))
        whole[rendition.name] = folder / f"{rendition.name}.ts"
        whole[rendition.name].write_bytes(b"".join(segment.read_bytes() for segment in segments))
    return whole


def encode(recipe: str, plan: Plan, source: Path, folder: Path) -> tuple[Use, dict[str, Path]]:
    """To be called once in a process of its own, whose only children are the recipe's."""
    whole = {"separate": separate_runs, "chunks": chunks}[recipe](plan, source, folder)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Use(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), whole


def measure(plan: Plan, source: Path, folder: Path, rounds: int) -> tuple[Encoding, Encoding]:
    """Of both recipes, which take turns. What they make is the same in each round, so it is scored once."""
    used: dict[str, list[Use]] = {"separate": [], "chunks": []}
    made: dict[str, dict[str, Path]] = {}
    for _ in range(rounds):
        for recipe, uses in used.items():
            shutil.rmtree(folder / recipe, ignore_errors=True)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                use, made[recipe] = process.submit(encode, recipe, plan, source, folder / recipe).result()
            uses.append(use)
    separate, chunked = (encoding(plan, source, made[recipe], uses) for recipe, uses in used.items())
    return separate, chunked


def encoding(plan: Plan, source: Path, made: dict[str, Path], uses: list[Use]) -> Encoding:
    video = plan.source.video
    scored = tuple(scores(FFMPEG, clip, source, width=video.width, height=video.height) for clip in made.values())
    return Encoding(
        tuple(use.cpu_s for use in uses),
        max(use.memory_mb for use in uses),
        sum(clip.stat().st_size for clip in made.values()),
        scored,
    )


def cpu_ratio(separate: Encoding, chunked: Encoding) -> float:
    return median(new / old for old, new in zip(separate.cpu_s, chunked.cpu_s, strict=True))


def gains(separate: Encoding, chunked: Encoding) -> list[Scores]:
    return [
        Scores(new.vmaf - old.vmaf, new.newer_vmaf - old.newer_vmaf, new.xpsnr_db - old.xpsnr_db)
        for old, new in zip(separate.scores, chunked.scores, strict=True)
    ]


def row(clip: str, separate: Encoding, chunked: Encoding) -> str:
    more = gains(separate, chunked)
    cells = [
        clip,
        f"{median(separate.cpu_s):.1f}",
        f"{median(chunked.cpu_s):.1f}",
        f"**{cpu_ratio(separate, chunked):.2f}**",
        f"{separate.size_bytes / 1e6:.1f}",
        f"{chunked.size_bytes / 1e6:.1f}",
        f"**{chunked.size_bytes / separate.size_bytes:.2f}**",
        " / ".join(f"{score.vmaf:.1f}" for score in chunked.scores),
        f"**{' / '.join(f'{gain.vmaf:+.2f}' for gain in more)}**",
        f"**{' / '.join(f'{gain.newer_vmaf:+.2f}' for gain in more)}**",
        " / ".join(f"{gain.xpsnr_db:+.2f}" for gain in more),
        f"{chunked.memory_mb:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def missed(clip: str, separate: Encoding, chunked: Encoding, *, most_cpu: float) -> list[str]:
    """The goals that are not reached."""
    found = {
        f"CPU at most {most_cpu}": cpu_ratio(separate, chunked) > most_cpu,
        f"bytes at most {MOST_BYTES}": chunked.size_bytes > MOST_BYTES * separate.size_bytes,
        f"VMAF at least {LEAST_GAIN}": any(
            min(gain.vmaf, gain.newer_vmaf) < LEAST_GAIN for gain in gains(separate, chunked)
        ),
        f"memory at most {MOST_MEMORY_MB} MB": chunked.memory_mb > MOST_MEMORY_MB,
    }
    return [f"{clip}: {goal}" for goal, is_missed in found.items() if is_missed]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("videos", nargs="*", metavar="VIDEO", type=Path)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: give a number from 1 on")
    given = {video.name: video for video in options.videos}
    kind = "of a video that is given" if given else "of the generated scenes"
    print("| video | CPU s, separate | CPU s, chunks | ratio | MB, separate | MB, chunks | ratio ", end="")
    print("| VMAF v0.6.1 | gain | gain by v1 | gain of XPSNR, dB | memory, MB |")
    print(f"|{'---|' * 12}")
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-transcode-") as scratch:
        folder = Path(scratch)
        results: list[tuple[Encoding, Encoding]] = []
        for number, (name, clip) in enumerate((given or scenes(folder)).items()):
            plan = make_plan(probe(clip, limits=LIMITS))
            separate, chunked = measure(plan, clip, folder / str(number), options.rounds)
            print(row(name, separate, chunked), flush=True)
            if plan.is_copying:
                failed += missed(name, separate, chunked, most_cpu=MOST_CPU["where the top is copied"])
            else:
                results.append((separate, chunked))
        if results:
            all_of_them = total([one for one, _ in results]), total([other for _, other in results])
            print(row("all that are encoded", *all_of_them))
            failed += missed("all that are encoded", *all_of_them, most_cpu=MOST_CPU[kind])
    print("\nGoals missed: " + ("; ".join(failed) or "none"))


def total(results: list[Encoding]) -> Encoding:
    count = len(results)
    by_rendition = zip(*(result.scores for result in results), strict=True)
    means = (
        Scores(*(sum(getattr(score, field) for score in of_one) / count for field in Scores.__annotations__))
        for of_one in by_rendition
    )
    return Encoding(
        tuple(map(sum, zip(*(result.cpu_s for result in results), strict=True))),
        max(result.memory_mb for result in results),
        sum(result.size_bytes for result in results),
        tuple(means),
    )


if __name__ == "__main__":
    main()
