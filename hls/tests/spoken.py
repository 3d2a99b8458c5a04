"""Makes small videos with several sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hls.tests.clips import Look, ffmpeg, picture, sound

SMALL = Look(width=160, height=120, duration_s=2)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")


@dataclass(frozen=True)
class Spoken:
    """A sound of a clip; it beeps at each full second after its own beginning."""

    duration_s: float = 2
    after_s: float = 0
    language: str = ""
    title: str = ""
    disposition: str = "0"
    layout: str = "stereo"


def clip(
    target: Path,
    sounds: Sequence[Spoken],
    *,
    look: Look = SMALL,
    video: Sequence[str] = H264,
    audio: Sequence[str] = AAC,
    after: Sequence[str] = (),
) -> Path:
    """A video with these sounds."""
    inputs = ["-f", "lavfi", "-i", picture(look)]
    maps, told = ["-map", "0"], []
    for number, each in enumerate(sounds):
        inputs += ["-itsoffset", str(each.after_s), "-f", "lavfi", "-i", sound(each.duration_s, layout=each.layout)]
        maps += ["-map", str(number + 1)]
        told += [f"-disposition:a:{number}", each.disposition]
        for name, value in (("language", each.language), ("title", each.title)):
            told += [f"-metadata:s:a:{number}", f"{name}={value}"] if value else []
    ffmpeg(*inputs, *maps, *video, *audio, *told, *after, str(target))
    return target
