"""A version's playlists with its tracks as they are now.

The version's own files never change; what its tracks add is put into their texts when they are asked for. A text track
is cut where the pictures are cut: its playlist is the pictures' one with other names.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate

from hls.core import names
from hls.core.alternates import CAPTIONS, DESCRIBED, Alternate, MediaType, with_alternates
from hls.core.subtitles.languages import UNKNOWN
from hls.tracks.models import TrackKind
from hls.tracks.shown import ShownTrack

_SEGMENT = re.compile(r"^segment_(\d+)\.ts.*$", re.MULTILINE)
_DURATION = re.compile(r"^#EXTINF:([\d.]+),", re.MULTILINE)


def is_multivariant(name: str, resolution: str | None, *, sounds: int) -> bool:
    """Whether a playlist names others: the video's does, and a resolution's where the sounds are apart."""
    if resolution is None:
        return name == names.MASTER
    return sounds > 0 and name == names.INDEX and names.is_rendition_name(resolution)


def multivariant(text: str, tracks: Sequence[ShownTrack], version: int, *, folder: str = "") -> str:
    """A multivariant playlist with these tracks; `folder` leads from it to the video's folder: "" or "../"."""
    alternates = [*_sounds(tracks, version, folder), *_texts(tracks, version, folder)]
    return with_alternates(text, alternates) if alternates else text


def media(pictures: str, version: int, revision: int) -> str:
    """A text track's media playlist, made of the pictures' one."""
    text = _SEGMENT.sub(
        lambda found: f"{names.text_segment_name(int(found[1]))}?v={version}&r={revision}",
        pictures,
    )
    return text.replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "")


def cuts(pictures: str) -> tuple[Fraction, ...]:
    """Where the segments of a media playlist begin, and where the last one ends, in seconds."""
    return tuple(accumulate((Fraction(found) for found in _DURATION.findall(pictures)), initial=Fraction(0)))


def _sounds(tracks: Sequence[ShownTrack], version: int, folder: str) -> Iterator[Alternate]:
    sounds = sorted((track for track in tracks if track.kind == TrackKind.AUDIO), key=lambda track: track.sound or 0)
    default = next((track for track in sounds if track.is_default), next(iter(sounds), None))
    for track in sounds:
        yield Alternate(
            type=MediaType.SOUND,
            uri=f"{folder}{names.sound_name(track.sound or 0)}/{names.INDEX}?v={version}",
            name=track.label,
            language=_told(track.language),
            is_default=track is default,
            is_autoselected=not track.is_commentary,
            characteristics=DESCRIBED if track.is_described else (),
        )


def _texts(tracks: Sequence[ShownTrack], version: int, folder: str) -> Iterator[Alternate]:
    for track in tracks:
        if track.is_text:
            yield Alternate(
                type=MediaType.TEXT,
                uri=f"{folder}{names.TRACKS}/{track.id}/{names.INDEX}?v={version}&r={track.revision}",
                name=track.label,
                language=_told(track.language),
                is_default=track.is_default,
                is_forced=track.is_forced,
                characteristics=CAPTIONS if track.kind == TrackKind.CAPTIONS else (),
            )


def _told(language: str) -> str:
    return "" if language == UNKNOWN else language
