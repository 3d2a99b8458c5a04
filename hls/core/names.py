"""The names of all published files; no other module spells them.

A published folder:

    480p/segment_000.ts  480p/segment_001.ts  480p/index.m3u8  480p/iframes.m3u8  720p/…  1080p/…
    master.m3u8  poster.jpg  storyboard.vtt  storyboard_00.jpg

Where there are several sounds, each has a folder of its own, a rendition's segments have pictures only, and its
index.m3u8 is a multivariant playlist, which names its video.m3u8 and all sounds:

    audio_0/segment_000.ts  audio_0/index.m3u8  audio_1/…  480p/video.m3u8
"""

import re

MASTER = "master.m3u8"
INDEX = "index.m3u8"
IFRAMES = "iframes.m3u8"
PICTURES = "video.m3u8"  # a rendition's pictures, where the sounds are apart
POSTER = "poster.jpg"
STORYBOARD = "storyboard.vtt"
TRACKS = "tracks"  # what the addresses of text tracks begin with, below the video's
CHAPTERS = "chapters.vtt"
TILES = "tiles"
WORK = ".work"
SOUND_APART = "sound.nut"  # in a chunk's folder, while the chunk is made

RENDITIONS = ("480p", "720p", "1080p")

_SEGMENT = re.compile(r"segment_(\d{3}|[1-9]\d{3,5})\.ts", re.ASCII)
_SOUND = re.compile(r"audio_(\d|1[0-5])", re.ASCII)
_TEXT_SEGMENT = re.compile(r"segment_(\d{3}|[1-9]\d{3,5})\.vtt", re.ASCII)
_SHEET = re.compile(r"storyboard_(\d{2}|[1-9]\d{2,3})\.jpg", re.ASCII)


def segment_name(number: int) -> str:
    """A segment's name, with at least three digits: "segment_007.ts", "segment_1200.ts"."""
    return f"segment_{number:03d}.ts"


def segment_number(name: str) -> int | None:
    """The number in a segment's name; None for any other name."""
    match = _SEGMENT.fullmatch(name)
    return int(match[1]) if match else None


def sheet_name(number: int) -> str:
    return f"storyboard_{number:02d}.jpg"


def is_sheet_name(name: str) -> bool:
    return _SHEET.fullmatch(name) is not None


def tile_name(number: int) -> str:
    """A storyboard picture within a chunk's folder, numbered over the whole video: "tiles/00012.jpg"."""
    return f"{TILES}/{number:05d}.jpg"


def is_rendition_name(name: str) -> bool:
    return name in RENDITIONS


def sound_name(number: int) -> str:
    """The folder of one of several sounds, in the file's order: "audio_0"."""
    return f"audio_{number}"


def is_sound_name(name: str) -> bool:
    return _SOUND.fullmatch(name) is not None


def sound_apart(name: str) -> str:
    """The file of one of several sounds in a chunk's folder, while the chunk is made."""
    return f"{name}.nut"


def text_segment_name(number: int) -> str:
    """A segment of a text track: "segment_007.vtt"."""
    return f"segment_{number:03d}.vtt"


def text_segment_number(name: str) -> int | None:
    """The number in the name of a text track's segment; None for any other name."""
    match = _TEXT_SEGMENT.fullmatch(name)
    return int(match[1]) if match else None
