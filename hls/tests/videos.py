"""Small videos that take a fraction of a second to make and to encode."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from hls.binary import ffmpeg_path

ULTRAFAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def small_video(
    path: Path,
    *,
    seconds: float = 20,
    rate: int = 10,
    size: str = "160x120",
    tone: bool = True,
    video: Sequence[str] = ULTRAFAST,
) -> Path:
    """A moving test picture with a tone, as H.264 in the container that the name asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sources = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    if tone:
        sources += ["-f", "lavfi", "-i", f"sine=f=440:d={seconds}"]
    subprocess.run([str(ffmpeg_path()), "-v", "error", "-y", *sources, *video, "-c:a", "aac", str(path)], check=True)
    return path


def only_sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = ["-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac"]
    subprocess.run([str(ffmpeg_path()), "-v", "error", "-y", *sound, str(path)], check=True)
    return path


def paced_ffmpeg(folder: Path, speed: float) -> Path:
    """A program that is ffmpeg, but encodes no more than this many seconds of video a second."""
    path = folder / "ffmpeg"
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *-progress*) set -- -readrate {speed} "$@";; esac\nexec {ffmpeg_path()} "$@"\n'
    )
    path.chmod(0o755)
    return path
