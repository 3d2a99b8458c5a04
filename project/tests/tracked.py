"""A video with several sounds, two languages of subtitles and chapters, whose tracks can be told apart when played.

The picture is white in each even second of the video and black in each odd one; every sound is a tone of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hls.tests.clips import ffmpeg

SECONDS = 30
SEGMENT_S = 6
SIZE, RATE = "960x720", 24
CHAPTERS = ("Harbour", "Sea", "Island")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")


@dataclass(frozen=True)
class Tone:
    """One sound of the video."""

    hz: int
    language: str
    label: str  # as viewers read it
    title: str = ""
    disposition: str = "0"
    duration_s: int = SECONDS


@dataclass(frozen=True)
class Line:
    """One cue, in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


TONES = (
    Tone(440, "en", "English", disposition="default"),
    Tone(880, "de", "German"),
    Tone(220, "en", "English, described", disposition="visual_impaired", duration_s=20),
)
TIMES_MS = ((1_500, 4_250), (5_400, 7_300), (12_000, 13_500), (17_250, 18_010), (20_900, 21_200), (24_010, 28_900))
ENGLISH, GERMAN, FRENCH = (
    [Line(start, end, f"{word} {number}") for number, (start, end) in enumerate(TIMES_MS, start=1)]
    for word in ("Line", "Zeile", "Ligne")
)


def subrip(lines: Sequence[Line]) -> str:
    blocks = (f"{time(line.start_ms)} --> {time(line.end_ms)}\n{line.text}\n" for line in lines)
    return "\n".join(f"{number}\n{block}" for number, block in enumerate(blocks, start=1))


def time(ms: int) -> str:
    """As SubRip writes it: "00:00:05,400"."""
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1_000 % 60:02},{ms % 1_000:03}"


def picture() -> str:
    """A lavfi source."""
    white = f"drawbox=x=0:y=0:w=iw:h=ih:color=white:t=fill:enable='lt(mod(n,2*{RATE}),{RATE})'"
    return f"color=c=black:s={SIZE}:r={RATE}:d={SECONDS},{white}"


def tracked_video(path: Path) -> Path:
    """With all tones, English and German subtitles, and a chapter of ten seconds for each name, as Matroska."""
    folder = path.parent
    (folder / "en.srt").write_text(subrip(ENGLISH))
    (folder / "de.srt").write_text(subrip(GERMAN))
    (folder / "chapters.txt").write_text(chapters())
    inputs, maps = ["-f", "lavfi", "-i", picture()], ["-map", "0"]
    for number, tone in enumerate(TONES):
        inputs += ["-f", "lavfi", "-i", f"sine=f={tone.hz}:r=48000:d={tone.duration_s}"]
        maps += ["-map", str(number + 1), f"-disposition:a:{number}", tone.disposition]
        maps += [f"-metadata:s:a:{number}", f"language={three_letters(tone.language)}"]
    for number, language in enumerate(("en", "de")):
        inputs += ["-i", str(folder / f"{language}.srt")]
        maps += ["-map", str(len(TONES) + 1 + number), f"-metadata:s:s:{number}", f"language={three_letters(language)}"]
    inputs += ["-i", str(folder / "chapters.txt")]
    maps += ["-map_chapters", str(len(TONES) + 3), "-c:s", "srt"]
    ffmpeg(*inputs, *maps, *H264, *AAC, str(path))
    return path


def plain_video(tracked: Path, path: Path) -> Path:
    """The same picture, smaller, with the first tone alone."""
    ffmpeg(
        "-i",
        str(tracked),
        "-map",
        "0:v",
        "-map",
        "0:a:0",
        "-map_chapters",
        "-1",
        "-s",
        "640x480",
        *H264,
        *AAC,
        str(path),
    )
    return path


def three_letters(language: str) -> str:
    return {"en": "eng", "de": "ger"}[language]


def chapters() -> str:
    """What ffmpeg reads chapters from."""
    length = SECONDS * 1_000 // len(CHAPTERS)
    parts = (
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={number * length}\nEND={(number + 1) * length}\ntitle={title}\n"
        for number, title in enumerate(CHAPTERS)
    )
    return ";FFMETADATA1\n" + "".join(parts)
