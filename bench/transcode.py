"""Measures the encoder against three separate ffmpeg runs.

    .venv/bin/python bench/transcode.py [VIDEO …]

It compares with the older system's recipe: a separate run for each rendition, `libx264 -preset medium -crf 23`, in
10-second segments. Prints CPU seconds (of all children), bytes, and the VMAF of each rendition scaled up to the
source's size. Without videos as arguments it generates three scenes with grain (a pan, a zoom, and flat areas), and the
zoom once more as H.264 that can be copied.
"""

import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import imageio_ffmpeg  # noqa: E402 — the checkout has to be on the path first

from hls.core.encode import Encoder, encode_chunk  # noqa: E402
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
GOALS = {"CPU ratio at most": 0.6, "where copied": 0.3, "bytes ratio at most": 1.15, "VMAF gain at least": -0.3}


@dataclass(frozen=True)
class Encoding:
    cpu_s: float
    size_bytes: int
    vmaf: dict[str, float]


def ffmpeg(*arguments: str) -> str:
    ended = run([str(FFMPEG), "-hide_banner", "-nostdin", "-y", *arguments], bounds=Bounds(timeout_s=3600))
    if ended.returncode:
        sys.exit(ended.stderr[-2000:])
    return ended.stderr


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
    for rendition in plan.renditions:
        segments = sorted(folder.rglob(f"{rendition.name}/*.ts"), key=lambda path: (path.parent.parent.name, path.name))
        whole[rendition.name] = folder / f"{rendition.name}.ts"
        whole[rendition.name].write_bytes(b"".join(segment.read_bytes() for segment in segments))
    return whole


def vmaf(plan: Plan, made: Path, source: Path) -> float:
    """The VMAF after scaling up to the source's size, as a player does on a large screen."""
    video = plan.source.video
    # Compare frame by frame, whatever the files' clocks are. Both get the same tags, or ffmpeg would convert one.
    count = "settb=1/1000,setpts=40*N,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    graph = (
        f"[0:v]{count},scale={video.width}:{video.height}:flags=bicubic[video];"
        f"[1:v]{count}[source];[video][source]libvmaf=n_threads=2:n_subsample=4"
    )
    words = ffmpeg("-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-")
    return float(words.rpartition("VMAF score: ")[2].split()[0])


def measure(recipe: str, plan: Plan, source: Path, folder: Path) -> Encoding:
    before = cpu_s()
    whole = {"separate": separate_runs, "chunks": chunks}[recipe](plan, source, folder)
    used = cpu_s() - before
    scores = {name: vmaf(plan, clip, source) for name, clip in whole.items()}
    return Encoding(used, sum(clip.stat().st_size for clip in whole.values()), scores)


def row(clip: str, separate: Encoding, chunked: Encoding) -> str:
    gains = [f"{chunked.vmaf[name] - separate.vmaf[name]:+.2f}" for name in separate.vmaf]
    cells = [
        clip,
        f"{separate.cpu_s:.1f}",
        f"{chunked.cpu_s:.1f}",
        f"**{chunked.cpu_s / separate.cpu_s:.2f}**",
        f"{separate.size_bytes / 1e6:.1f}",
        f"{chunked.size_bytes / 1e6:.1f}",
        f"**{chunked.size_bytes / separate.size_bytes:.2f}**",
        " / ".join(f"{score:.1f}" for score in chunked.vmaf.values()),
        f"**{' / '.join(gains)}**",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    print("| video | CPU s, separate | CPU s, chunks | ratio | MB, separate | MB, chunks | ratio | VMAF | gain |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bench-transcode-") as scratch:
        folder = Path(scratch)
        given = {Path(name).name: Path(name) for name in sys.argv[1:]}
        made = {} if given else scenes(folder)
        results: list[tuple[Encoding, Encoding]] = []
        for number, (name, clip) in enumerate((given | made).items()):
            plan = make_plan(probe(clip, limits=LIMITS))
            pair = tuple(
                measure(recipe, plan, clip, folder / str(number) / recipe) for recipe in ("separate", "chunks")
            )
            result = cast(tuple[Encoding, Encoding], pair)
            print(row(name, *result), flush=True)
            if not plan.is_copying:
                results.append(result)
        print(row("all that are encoded", total([one for one, _ in results]), total([other for _, other in results])))
    print("\nGoals: " + ", ".join(f"{name} {goal}" for name, goal in GOALS.items()))


def total(results: list[Encoding]) -> Encoding:
    names = results[0].vmaf
    return Encoding(
        sum(result.cpu_s for result in results),
        sum(result.size_bytes for result in results),
        {name: sum(result.vmaf[name] for result in results) / len(results) for name in names},
    )


if __name__ == "__main__":
    main()
