"""The one form in which text tracks are stored: WebVTT, sorted, without anything but cues."""

import re
from collections.abc import Iterable

from hls.core.subtitles.cues import Cue

HEADER = "WEBVTT\n"
_TIME = r"([0-9]{2,}):([0-9]{2}):([0-9]{2})\.([0-9]{3})"
_HEAD = re.compile(rf"{_TIME} --> {_TIME}(?: (.+))?")


def webvtt(cues: Iterable[Cue]) -> str:
    """The track as a file. Cues that begin together stay in their order."""
    return HEADER + "".join(map(block, sorted(cues, key=lambda cue: cue.start_ms)))


def block(cue: Cue) -> str:
    """A cue as it stands in a file: an empty line, its times and settings, its text."""
    times = f"{timestamp(cue.start_ms)} --> {timestamp(cue.end_ms)}"
    return f"\n{times} {cue.settings}\n{cue.text}\n" if cue.settings else f"\n{times}\n{cue.text}\n"


def timestamp(ms: int) -> str:
    """WebVTT's time, always with hours: `00:00:01.500`."""
    seconds, ms = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"


def parse(vtt: str) -> tuple[Cue, ...]:
    """The cues of what `webvtt` wrote. Raises ValueError for anything else."""
    if not vtt.startswith(HEADER):
        raise ValueError("this is no stored text track")
    blocks = vtt[len(HEADER) :].removesuffix("\n")
    return tuple(map(_cue, blocks.removeprefix("\n").split("\n\n"))) if blocks else ()


def _cue(written: str) -> Cue:
    head, _, text = written.partition("\n")
    found = _HEAD.fullmatch(head)
    if found is None or not text:
        raise ValueError("this is no cue of a stored text track")
    fields = found.groups()
    return Cue(_ms(*fields[:4]), _ms(*fields[4:8]), text, fields[8] or "")


def _ms(hours: str, minutes: str, seconds: str, ms: str) -> int:
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000 + int(ms)
