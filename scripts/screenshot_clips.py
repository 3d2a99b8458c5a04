"""The videos that are seen on screenshots, made with ffmpeg's own sources."""

from dataclasses import dataclass
from pathlib import Path

from hls.binary import ffmpeg_path
from hls.core.process import Bounds, run


@dataclass(frozen=True)
class Clip:
    """A video to be made with ffmpeg's own sources."""

    title: str
    category: str
    picture: str
    seconds: int
    size: str = "640x360"

    @property
    def source(self) -> str:
        """Drawn small, which is quick, and scaled up."""
        return f"{self.picture.format(size='480x270')},scale={self.size.replace('x', ':')}"


SHORT = (
    Clip("Deep Zoom", "documentary", "mandelbrot=r=24:s={size}:start_scale=0.5:end_scale=0.02:end_pts=240", 10),
    Clip("Northern Lights", "drama", "gradients=r=24:s={size}:n=5:seed=7:speed=0.04", 12),
    Clip("Tides", "romance", "gradients=r=24:s={size}:n=3:seed=21:speed=0.02:type=radial", 12),
)
LONG = Clip("Voyage to the Valley", "documentary", "gradients=r=24:s={size}:n=6:seed=5:speed=0.02", 60, "1920x1080")
LATER = (
    Clip("Harbour at Dawn", "vlog", "gradients=r=24:s={size}:n=4:seed=3:speed=0.03:type=spiral", 40, "1280x720"),
    Clip("A Short History of Noise", "tutorial", "testsrc2=r=24:s={size}", 40, "1280x720"),
)


def made(clip: Clip, folder: Path) -> Path:
    path = folder / f"{clip.title}.mp4"
    pictures, sound = ("-f", "lavfi", "-i", clip.source), ("-f", "lavfi", "-i", "sine")
    encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    command = [str(ffmpeg_path()), "-v", "error", "-y", *pictures, *sound, "-t", str(clip.seconds), *encoded, str(path)]
    if run(command, bounds=Bounds(timeout_s=300)).returncode:
        raise SystemExit(f"ffmpeg could not make {clip.title}.")
    return path
