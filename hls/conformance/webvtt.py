"""Parses WebVTT segments (W3C's WebVTT, and RFC 8216 3.5 for the header X-TIMESTAMP-MAP)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")
_HEADER = re.compile(r"\ufeff?WEBVTT(?:[ \t].*)?")
_TIME = r"(?:(\d{2,6}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"[ \t]*{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?", re.ASCII)
_LOCAL = re.compile(_TIME, re.ASCII)
_TICKS = re.compile(r"\d{1,20}", re.ASCII)
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t].*)?")
MAP = "X-TIMESTAMP-MAP"
TICKS_PER_MS = 90


@dataclass(frozen=True, order=True)
class ShownCue:
    begin_ms: int
    end_ms: int
    text: str  # its payload, as it is written


@dataclass(frozen=True)
class ParsedText:
    """A segment's cues with the times that are written there."""

    zero_pts: int | None  # the PTS of cue time 0; None without an X-TIMESTAMP-MAP
    cues: tuple[ShownCue, ...]


def parse(body: bytes) -> ParsedText:
    """Raises ValueError, with a sentence about what is wrong, for anything but WebVTT."""
    try:
        lines = _LINE_END.split(body.decode())
    except UnicodeDecodeError as error:
        raise ValueError("it is no UTF-8") from error
    if not _HEADER.fullmatch(lines[0]):
        raise ValueError("its first line is not WEBVTT")
    header, *blocks = _blocks(lines)
    cues = tuple(_cue(block) for block in blocks if not _NO_CUE.fullmatch(block[0]))
    if [cue.begin_ms for cue in cues] != sorted(cue.begin_ms for cue in cues):
        raise ValueError("a cue begins before the one above it")
    return ParsedText(_zero_pts(header[1:]), cues)


def _blocks(lines: Sequence[str]) -> list[list[str]]:
    """The lines between empty lines."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _cue(block: Sequence[str]) -> ShownCue:
    at = next((number for number, line in enumerate(block[:2]) if "-->" in line), None)
    if at is None:
        raise ValueError(f"neither a cue nor a comment: {block[0][:40]}")
    timing = _TIMING.fullmatch(block[at])
    if timing is None:
        raise ValueError(f"no cue times: {block[at][:40]}")
    if any("-->" in line for line in block[at + 1 :]):
        raise ValueError(f"an arrow in a cue's text: {block[at][:40]}")
    begin_ms, end_ms = _ms(timing.groups()[:4]), _ms(timing.groups()[4:])
    if end_ms <= begin_ms:
        raise ValueError(f"a cue ends before it begins: {block[at][:40]}")
    return ShownCue(begin_ms, end_ms, "\n".join(block[at + 1 :]))


def _zero_pts(header: Sequence[str]) -> int | None:
    maps = [line.partition("=")[2] for line in header if line.startswith(MAP)]
    if not maps:
        return None
    found = dict(_settings(maps[0]))
    local, ticks = _LOCAL.fullmatch(found.get("LOCAL", "")), found.get("MPEGTS", "")
    if len(maps) > 1 or found.keys() != {"LOCAL", "MPEGTS"} or local is None or not _TICKS.fullmatch(ticks):
        raise ValueError(f"no {MAP}: {maps[0][:60]}")
    return int(ticks) - _ms(local.groups()) * TICKS_PER_MS


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for setting in text.split(","):
        name, _, value = setting.partition(":")
        yield name.strip(), value.strip()


def _ms(parts: Sequence[str | None]) -> int:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
