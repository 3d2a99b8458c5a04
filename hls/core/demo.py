"""Makes a demo video with ffmpeg's test sources, so that a new installation has something to play."""

from pathlib import Path

from hls.core.errors import Code, TranscodeError
from hls.core.process import Bounds, run

DURATION_S = 30
RATE = 24
TIMEOUT_S = 180

COLOURS = "c0=0x0b1f3a:c1=0x1fb2a6:c2=0xf2a65a:c3=0x7d2e68"
SOURCES = (
    f"gradients=s=320x180:r={RATE}:n=4:{COLOURS}:x0=60:y0=40:x1=260:y1=140:speed=0.03:seed=7:d={DURATION_S}",
    f"life=s=240x136:r={RATE}:mold=20:ratio=0.08:seed=7:death_color=0x303030:life_color=white",
    f"testsrc2=s=320x180:r={RATE}:d={DURATION_S}",
    f"sine=f=330:b=2:r=48000:d={DURATION_S}",
)
# Small pictures are scaled up: that is quick and still looks smooth. The clock is cut out of the test picture, because
# drawing text needs a font, and a machine may have none.
GRAPH = ";".join(
    (
        "[0]format=gbrp[colours]",
        f"[1]trim=duration={DURATION_S},scale=320:180:flags=bilinear,format=gbrp[life]",
        "[colours][life]blend=all_mode=screen:all_opacity=0.35,scale=1920:1080:flags=bilinear,format=yuv420p[back]",
        "[2]crop=100:16:2:3,format=gray,lut=y='if(gt(val,100),235,16)',scale=1000:160:flags=neighbor[clock]",
        "[back][clock]overlay=x='460+300*sin(t/2)':y=800,format=yuv420p,setsar=1[video]",
        "[3]volume=0.4,aformat=channel_layouts=stereo[sound]",
    )
)


def make_demo(ffmpeg: Path, target: Path) -> None:
    """Write 30 seconds of 1080p with a burnt-in clock and a tone to `target`, which appears only when it is complete.

    Raises TranscodeError (ENCODER_FAILED, DISK_FULL, TIMEOUT).
    """
    draft = target.with_name(f".{target.name}.part")
    try:
        ended = run(_command(ffmpeg, draft), bounds=Bounds(timeout_s=TIMEOUT_S))
        if ended.returncode != 0:
            raise TranscodeError(Code.DISK_FULL if ended.has_no_space else Code.ENCODER_FAILED, ended.stderr[-500:])
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _command(ffmpeg: Path, draft: Path) -> list[str]:
    command = [str(ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
    for source in SOURCES:
        command += ["-f", "lavfi", "-i", source]
    command += ["-filter_complex", GRAPH, "-map", "[video]", "-map", "[sound]", "-t", str(DURATION_S)]
    # Half the time of "superfast" for a tenth fewer bytes: a first start waits for it.
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "cabac=1:deblock=0,0", "-crf", "27"]
    command += ["-g", str(RATE * 2)]
    command += ["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart"]
    return [*command, "-f", "mp4", f"file:{draft.absolute()}"]
