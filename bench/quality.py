"""Scores an encoded video against its source, as on a large screen: scaled up to the source's size."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# VMAF looks at every fifth picture. Every fourth could be a P picture, with the better quality that those have.
SUBSAMPLE = 5
NEWER_MODEL = "version=vmaf_v1.0.16_3d0h"  # for 10 bits
# Compare picture by picture, whatever the files' clocks are. Both get the same tags, or ffmpeg would convert one.
COUNTED = "settb=1/1000,setpts=40*N,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
VMAF_SCORE = re.compile(r"Parsed_libvmaf_(\d+) .*VMAF score: ([\d.]+)")
XPSNR_SCORE = re.compile(r"XPSNR +y: ([\d.]+|inf)")


@dataclass(frozen=True)
class Scores:
    vmaf: float  # model v0.6.1
    newer_vmaf: float  # model v1.0.16, for a screen seen from three times its height
    xpsnr_db: float  # of the brightness


def scores(ffmpeg: Path, made: Path, source: Path, *, width: int, height: int) -> Scores:
    graph = (
        f"[0:v]{COUNTED},scale={width}:{height}:flags=bicubic,format=yuv420p,split=3[made][made10][madex];"
        f"[1:v]{COUNTED},format=yuv420p,split=3[source][source10][sourcex];"
        f"[made][source]libvmaf=n_threads=2:n_subsample={SUBSAMPLE}[older];"
        "[made10]format=yuv420p10le[m10];[source10]format=yuv420p10le[s10];"
        f"[m10][s10]libvmaf=model={NEWER_MODEL}:n_threads=2:n_subsample={SUBSAMPLE}[newer];"
        "[madex][sourcex]xpsnr[xpsnr]"
    )
    command = [str(ffmpeg), "-hide_banner", "-nostdin", "-i", str(made), "-i", str(source), "-lavfi", graph]
    for name in ("older", "newer", "xpsnr"):
        command += ["-map", f"[{name}]", "-f", "null", "-"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr[-2000:])
    by_place = {int(place): float(score) for place, score in VMAF_SCORE.findall(ended.stderr)}
    older, newer = (by_place[place] for place in sorted(by_place))
    found = XPSNR_SCORE.search(ended.stderr)
    assert found, ended.stderr[-2000:]
    return Scores(older, newer, float(found[1]))
