"""Lists whether the outputs of thirty usual encoders are copied as the top rendition, and why not.

    .venv/bin/python bench/copies.py [FOLDER]

Each is a short clip in 1080p, made by libx264 with that encoder's settings and muxed as it does; pictures are cut to
another one every few seconds, unless it is "one shot". Clips stay in FOLDER, if it is given. The column "before" is
what the same clips gave when a GOP of two seconds at most, High profile and an MP4 or Matroska file were asked for.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import imageio_ffmpeg  # noqa: E402 — the checkout has to be on the path first

from hls.core.plan import make_plan  # noqa: E402
from hls.core.probe import Limits, probe  # noqa: E402
from hls.core.process import Bounds, run  # noqa: E402

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())
LIMITS = Limits(max_duration_s=7200, max_pixels=8192 * 4320)
LASTS_S = 12
CUTS = "+".join(f"gt(t,{at_s})" for at_s in (2.7, 6.1, 8.4))
OTHER_PICTURE = f"negate=enable='mod({CUTS},2)'"
LARGE = "scale=1920:1080:flags=neighbor,format=yuv420p"
USUAL = "cabac=1:8x8dct=1:bframes=3:ref=3:scenecut=40"  # x264's own, which "ultrafast" leaves out
UNEVEN = "select='gt(mod(n*7,11),1)'"


@dataclass(frozen=True)
class Case:
    """Options of libx264 and of the container. `x264` are the encoder's own parameters."""

    name: str
    file: str
    rate: str
    x264: str
    kbps: int = 6000
    words: tuple[str, ...] = ()
    filters: str = ""
    is_one_shot: bool = False
    was_copied: bool = False


VFR = ("-fps_mode", "vfr")
SDR = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
MAIN = "8x8dct=0"
BASELINE = "8x8dct=0:cabac=0:bframes=0:weightp=0"
INTERLACED = ("-flags", "+ilme+ildct")
CASES = (
    Case("ffmpeg, defaults", "mp4", "25", ""),
    Case("ffmpeg, defaults, one shot", "mp4", "25", "", is_one_shot=True),
    Case("ffmpeg, defaults, 60 fps, one shot", "mp4", "60", "", is_one_shot=True),
    Case("ffmpeg -g 48", "mp4", "24", "keyint=48"),
    Case("ffmpeg -g 60 -sc_threshold 0", "mp4", "30", "keyint=60:scenecut=0", is_one_shot=True, was_copied=True),
    Case("ffmpeg -g 120", "mkv", "30000/1001", "keyint=120"),
    Case("ffmpeg -g 240 -sc_threshold 0", "mp4", "30", "keyint=240:scenecut=0", is_one_shot=True),
    Case("ffmpeg, keyint=infinite, one shot", "mp4", "24", "keyint=infinite", is_one_shot=True),
    Case("HandBrake Fast 1080p30", "mp4", "30", "keyint=300:min-keyint=30", words=SDR),
    Case("HandBrake HQ 1080p30, Matroska", "mkv", "24000/1001", "keyint=240:min-keyint=24:ref=4", words=SDR),
    Case("OBS, x264 CBR, 2 s", "mkv", "30", "keyint=60:nal-hrd=cbr:filler=1", words=SDR, was_copied=True),
    Case("OBS, x264 CBR, 2 s, 60 fps", "flv", "60", "keyint=120:nal-hrd=cbr:filler=1", words=SDR, was_copied=True),
    Case("OBS, hardware, 250 frames, 60 fps", "frag.mp4", "60", "keyint=250:scenecut=0:bframes=2", words=SDR),
    Case("Premiere, Main, GOP 15", "mp4", "25", f"keyint=15:scenecut=0:bframes=2:{MAIN}"),
    Case("Premiere, High, GOP 30", "mp4", "30000/1001", "keyint=30:scenecut=0:bframes=2", was_copied=True),
    Case("Premiere, preset YouTube 1080p, 16 Mbit/s", "mp4", "25", "keyint=72:scenecut=0", kbps=16_000),
    Case(
        "DaVinci Resolve",
        "mov",
        "24",
        "keyint=24:scenecut=0:bframes=2",
        words=("-video_track_timescale", "24000"),
        was_copied=True,
    ),
    Case("Final Cut, Compressor", "mov", "25", "keyint=75:scenecut=0:bframes=1:ref=2", words=SDR),
    Case("Shotcut", "mp4", "25", "keyint=125:scenecut=0:bframes=3", words=SDR),
    Case("YouTube's own, 24 fps", "mp4", "24000/1001", "keyint=128:scenecut=0:bframes=2", kbps=2500, words=SDR),
    Case("YouTube's own, 30 fps", "mp4", "30", f"keyint=160:scenecut=0:bframes=2:{MAIN}", kbps=3000),
    Case(
        "iPhone, shared at 8 Mbit/s",
        "mov",
        "30",
        "keyint=30:bframes=0",
        8000,
        ("-video_track_timescale", "600"),
        was_copied=True,
    ),
    Case("iPhone, 17 Mbit/s", "mov", "30", "keyint=30:bframes=0", 17_000, ("-video_track_timescale", "600")),
    Case("Android camera, uneven times", "mp4", "30", f"keyint=30:{BASELINE}", 8000, VFR, UNEVEN),
    Case("conference recorder, Baseline", "mp4", "25", f"keyint=150:{BASELINE}", 1500, is_one_shot=True),
    Case(
        "streaming, zerolatency",
        "flv",
        "30",
        "keyint=60:bframes=0:sliced-threads=1",
        words=("-tune", "zerolatency"),
        was_copied=True,
    ),
    Case("MPEG-TS, 1 s", "ts", "25", "keyint=25:scenecut=0:aud=1"),
    Case("MPEG-TS, HLS downloaded, 6 s", "ts", "30000/1001", "keyint=180:min-keyint=180:scenecut=0"),
    Case("x264 --open-gop --bluray-compat", "mkv", "24", "keyint=24:open-gop=1:bluray-compat=1:slices=4"),
    Case("camcorder, 1080i", "ts", "25", "keyint=12:slices=4", words=INTERLACED),
)


def clip(case: Case, folder: Path) -> Path:
    target = folder / f"{case.name.replace('/', ' ')}.{case.file}"
    if target.exists():
        return target
    changes = ",".join(filter(None, ("" if case.is_one_shot else OTHER_PICTURE, case.filters)))
    picture = f"testsrc2=s=480x270:r={case.rate}:d={LASTS_S},noise=alls=4:allf=t,{changes or 'null'},{LARGE}"
    rate = ("-b:v", f"{case.kbps}k", "-maxrate", f"{case.kbps * 5 // 4}k", "-bufsize", f"{case.kbps * 2}k")
    if "cbr" in case.x264:
        rate = ("-b:v", f"{case.kbps}k", "-maxrate", f"{case.kbps}k", "-bufsize", f"{case.kbps}k")
    own = ":".join(filter(None, (USUAL, case.x264)))
    fragments = ("-movflags", "+frag_keyframe") if "frag" in case.file else ()
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"anoisesrc=a=0.05:c=pink:r=48000:d={LASTS_S}")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", *rate, "-x264-params", own)
    ended = run(
        [str(FFMPEG), "-v", "error", "-y", *inputs, *codec, *case.words, "-c:a", "aac", *fragments, str(target)],
        bounds=Bounds(timeout_s=600),
    )
    if ended.returncode:
        sys.exit(f"{case.name}: {ended.stderr}")
    return target


def main(names: list[str]) -> None:
    print("| encoder | before | now | longest segment | why not |")
    print("|---|---|---|---|---|")
    before = now = 0
    with tempfile.TemporaryDirectory(prefix="bench-copies-") as scratch:
        folder = Path(names[0]) if names else Path(scratch)
        for case in CASES:
            plan = make_plan(probe(clip(case, folder), limits=LIMITS))
            lasts_s = max(segment.frame_count for segment in plan.timeline.segments) / plan.timeline.rate
            before, now = before + case.was_copied, now + plan.is_copying
            told = [case.name, *("yes" if copied else "no" for copied in (case.was_copied, plan.is_copying))]
            print(f"| {' | '.join([*told, f'{float(lasts_s):.2f} s', plan.obstacle])} |", flush=True)
    print(f"\n{before} of {len(CASES)} before, {now} now")


if __name__ == "__main__":
    main(sys.argv[1:])
